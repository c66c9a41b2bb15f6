"""The self-check: tables that disagree are found, mended, and read again where they must be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine.library import check, ledger

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library

_FIRST = "(SELECT min(id) FROM passages)"
DAMAGE = {
    "words of no passage": "INSERT INTO words (rowid, name, body) VALUES (9999, 'x', 'x')",
    "a passage without words": f"DELETE FROM words WHERE rowid = {_FIRST}",
    "a passage too few": "UPDATE documents SET passages = passages + 1 WHERE name = 'a.md'",
    "a file without its text": "DELETE FROM texts WHERE document = 1",
    "a text of a file that has none": "INSERT INTO texts SELECT id, 'x' FROM documents"
    " WHERE name = 'empty.txt'",
    "a lost vector": f"DELETE FROM vectors WHERE rowid = {_FIRST}",
    "a vector of no passage": "INSERT INTO vectors (rowid, vector) SELECT 9999, vector FROM vectors LIMIT 1",
    "a state that says too little": "UPDATE documents SET state = 'words' WHERE name = 'a.md'",
    "a member without its file": "PRAGMA foreign_keys = OFF; UPDATE documents SET parent = 9999"
    " WHERE name = 'child'; PRAGMA foreign_keys = ON",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_found_and_mended_in_the_same_run(library: Library, damage: str) -> None:
    path = library.put("a.md", "the peculiarword")
    library.put("b.md", "other")
    library.put("empty.txt", "")
    library.index()
    library.database.execute(
        "INSERT INTO documents (path, name, size, mtime_ns, inode, state, parent)"
        " SELECT path || '!/child', 'child', 0, 0, 0, 'skipped', id FROM documents WHERE name = 'b.md'"
    )
    whole = check.count(library.database)
    library.database.execute(damage)
    library.put("c.md", "news")
    summary = library.index()
    assert summary.mended >= 1 and "index_mended" in library.notices()
    assert (summary.files, summary.indexed, summary.skipped) == (4, 3, 1)
    rows = check.count(library.database)
    assert rows["passages"] == rows["words"] == rows["vectors"] == whole["passages"] + 1 == rows["texts"]
    assert rows["pending"] == 0 and summary.rows == rows
    assert library.found("peculiarword") == [path.name]
    assert ledger.coverage(library.database).meaning == 3
    again = library.index()
    assert again.mended == 0 and library.notices() == []


def test_a_sound_index_is_left_alone(library: Library) -> None:
    library.put("a.md", "word " * 900)
    summary = library.index()
    assert summary.mended == 0 and library.notices() == []
    assert summary.rows["passages"] == summary.rows["words"] == summary.rows["vectors"] > 1
    before = library.database.execute("SELECT * FROM documents")
    assert check.check(library.database).mended == 0
    assert library.database.execute("SELECT * FROM documents") == before


def test_counts_that_disagree_are_looked_into_though_nothing_changed(library: Library) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    library.database.execute(DAMAGE["a passage without words"])
    assert library.index().mended == 1
    assert library.found("peculiarword") == ["a.md"]
