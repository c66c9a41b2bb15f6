"""The self-check: tables that disagree are found, mended, and read again where they must be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from engine.errors import Cancelled
from engine.library import check, ledger

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library

DAY = 24 * 3600.0
_FIRST = "(SELECT min(id) FROM passages)"
# What the counts alone do not tell.
HIDDEN = {
    "a passage too few": "UPDATE documents SET passages = passages + 1 WHERE name = 'a.md'",
    "a file without its text": "DELETE FROM texts WHERE document = 1",
    "a text of a file that has none": "INSERT INTO texts SELECT id, 'x' FROM documents"
    " WHERE name = 'empty.txt'",
    "a state that says too little": "UPDATE documents SET state = 'words' WHERE name = 'a.md'",
    "a member without its file": "PRAGMA foreign_keys = OFF; UPDATE documents SET parent = 9999"
    " WHERE name = 'child'; PRAGMA foreign_keys = ON",
}
COUNTED = {
    "words of no passage": "INSERT INTO words (rowid, name, body) VALUES (9999, 'x', 'x')",
    "a passage without words": f"DELETE FROM words WHERE rowid = {_FIRST}",
    "a lost vector": f"DELETE FROM vectors WHERE rowid = {_FIRST}",
    "a vector of no passage": "INSERT INTO vectors (rowid, vector) SELECT 9999, vector FROM vectors LIMIT 1",
    "a vector that is not known of": f"UPDATE passages SET embedded = 0 WHERE id = {_FIRST}",
}


def later(seconds: float) -> Callable[[], float]:
    return lambda: time.time() + seconds


@pytest.mark.parametrize("damage", [*HIDDEN.values(), *COUNTED.values()], ids=[*HIDDEN, *COUNTED])
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
    summary = library.index(now=later(0 if damage in COUNTED.values() else DAY))
    assert summary.mended >= 1 and "index_mended" in library.notices()
    assert (summary.files, summary.indexed, summary.skipped) == (4, 3, 1)
    rows = check.count(library.database)
    assert rows["passages"] == rows["words"] == rows["vectors"] == whole["passages"] + 1 == rows["texts"]
    assert rows["pending"] == 0 and summary.rows == rows
    assert library.found("peculiarword") == [path.name]
    assert ledger.coverage(library.database).meaning == 3
    again = library.index()
    assert again.mended == 0 and library.notices() == []


def test_vectors_without_passage_and_passages_without_vector_may_be_as_many(library: Library) -> None:
    library.put("a.md", "the deposit")
    library.put("b.md", "the bread")
    library.index()
    library.database.execute("PRAGMA foreign_keys = OFF")
    library.database.execute("DELETE FROM passages WHERE document = 1; DELETE FROM words WHERE rowid = 1")
    library.database.execute("DELETE FROM vectors WHERE rowid = 2; PRAGMA foreign_keys = ON")
    library.index(now=later(DAY))
    assert library.database.execute("SELECT rowid FROM vectors ORDER BY rowid") == [(2,), (3,)]
    assert library.found("deposit") == ["a.md"] and ledger.coverage(library.database).meaning == 2


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
    library.database.execute(COUNTED["a passage without words"])
    assert library.index().mended == 1
    assert library.found("peculiarword") == ["a.md"]


class StopsInWords:
    """A control under which a run is cancelled once it has begun to read."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def check(self) -> None:
        if self._library.progress("words"):
            raise Cancelled


def test_all_rows_are_compared_once_a_day(library: Library) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    library.database.execute(HIDDEN["a file without its text"])
    library.put("b.md", "news")
    assert library.index(now=later(0.9 * DAY)).mended == 0
    assert library.index(now=later(DAY)).mended == 1
    library.database.execute(HIDDEN["a file without its text"])
    assert library.index(now=later(1.9 * DAY)).mended == 0
    assert library.index(now=later(-DAY)).mended == 1, "the clock was set back"


def test_all_rows_are_compared_after_a_run_that_was_cut_short(library: Library) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    library.database.execute(HIDDEN["a file without its text"])
    library.put("b.md", "news")
    with pytest.raises(Cancelled):
        library.index(control=StopsInWords(library))
    assert library.index().mended == 1
    assert library.index().mended == 0 and library.found("peculiarword") == ["a.md"]
    library.database.execute(HIDDEN["a file without its text"])
    assert library.index().mended == 0, "that run ended well"


def test_texts_are_counted_without_a_walk_over_them(library: Library) -> None:
    ((*_, plan),) = library.database.execute(f"EXPLAIN QUERY PLAN {check._COUNTS['texts']}")
    assert "texts_document" in plan
