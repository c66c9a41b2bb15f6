"""A damaged or outdated index is replaced, said so, and nothing of it lingers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts import Notice
from engine.errors import EngineError
from engine.library import index, schema, search, vectors
from engine.models.fake import FakeEmbedder
from engine.notices import NOTICES
from engine.store.database import Database

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


def _damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "head":
        content[:100] = b"\xff" * 100
    elif how == "middle":
        content[4096 * 3 : 4096 * 20] = b"\xff" * 4096 * 17
    else:
        del content[len(content) // 2 :]
    path.write_bytes(content)


def _reopen(library: Library) -> Database:
    library.events.clear()
    library.database = library.open()
    return library.database


@pytest.mark.parametrize("how", ["head", "middle", "truncated"])
def test_a_damaged_index_is_set_aside_and_made_anew(library: Library, how: str) -> None:
    library.put("a.md", "The deposit is 900 euros. " * 200)
    library.index()
    library.database.close()
    _damage(library.home.index_db, how)
    content = library.home.index_db.read_bytes()
    _reopen(library)
    (notice,) = library.events
    assert isinstance(notice, Notice) and notice.code == "index_rebuilt"
    aside = Path(notice.params["path"])
    assert aside.read_bytes() == content and str(aside) in NOTICES[notice.code].format(**notice.params)
    library.index()
    assert library.found("deposit") == ["a.md"]


def test_the_log_of_a_damaged_index_is_not_replayed_into_the_new_one(library: Library) -> None:
    library.put("a.md")
    library.index()
    log = library.home.index_db.with_name("index.db-wal")
    assert log.stat().st_size > 0
    kept = log.read_bytes()
    library.database.close()
    library.home.index_db.write_bytes(b"garbage" * 1000)
    log.write_bytes(kept)
    _reopen(library)
    assert library.index().indexed == 1
    library.database.quick_check()


def test_damaged_copies_do_not_keep_deleted_text(library: Library) -> None:
    path = library.put("a.md", "the peculiarword")
    library.index()
    library.database.checkpoint()
    (library.home.root / "index.db.damaged-20200101-000000").write_bytes(b"the peculiarword of old")
    path.unlink()
    library.index()
    assert not library.on_disk("peculiarword")


def test_a_new_damaged_copy_replaces_the_old_one(library: Library) -> None:
    old = library.home.root / "index.db.damaged-20200101-000000"
    old.write_bytes(b"old")
    library.database.close()
    library.home.index_db.write_bytes(b"garbage" * 1000)
    _reopen(library)
    assert len(list(library.home.root.glob("index.db.damaged-*"))) == 1 and not old.exists()


def test_another_embedder_begins_anew(library: Library) -> None:
    library.put("a.md", "the deposit")
    library.index()
    other = FakeEmbedder(dimensions=32)
    reader = schema.open_for_search(library.home.index_db)
    assert reader is not None
    assert not schema.speaks(reader, other) and schema.speaks(reader, library.embedder)
    # Until then, words still find what they found.
    assert len(search.search(reader, other, "deposit").results) == 1
    reader.close()
    library.database.close()
    library.embedder = other
    _reopen(library)
    assert library.notices() == ["index_outdated"]
    assert not list(library.home.root.glob("index.db.damaged-*"))
    assert library.index().indexed == 1 and library.found("deposit") == ["a.md"]


def test_another_version_begins_anew_and_is_not_read(library: Library) -> None:
    library.database.execute("UPDATE meta SET value = '999' WHERE key = 'schema'")
    assert schema.open_for_reading(library.home.index_db) is None
    library.database.close()
    _reopen(library)
    assert library.notices() == ["index_outdated"]


def test_an_index_that_was_never_finished_being_made_is_made(library: Library) -> None:
    library.database.close()
    schema.discard(library.home.index_db)
    library.home.index_db.write_bytes(b"")
    assert schema.open_for_reading(library.home.index_db) is None
    _reopen(library)
    assert library.events == []


def test_no_index_is_not_an_error(tmp_path: Path) -> None:
    assert schema.open_for_search(tmp_path / "index.db", FakeEmbedder()) is None
    assert not (tmp_path / "index.db").exists()


@pytest.mark.parametrize("how", ["head", "middle"])
def test_a_reader_is_told_of_damage(library: Library, how: str) -> None:
    library.put("a.md", "deposit " * 3000)
    library.index()
    library.database.close()
    _damage(library.home.index_db, how)
    with pytest.raises(EngineError) as caught:
        reader = schema.open_for_search(library.home.index_db, library.embedder)
        assert reader is not None
        for table in ("passages", "documents", "texts", "words_content", "vectors"):
            reader.execute(f"SELECT * FROM {table}")
    assert caught.value.code == "index_damaged"
    _reopen(library)


def test_a_sound_index_needs_no_mending(library: Library) -> None:
    library.put("a.md")
    library.index()
    assert vectors.mend(library.database) == 0


def test_ids_are_never_used_twice(library: Library) -> None:
    library.put("a.md", "old text")
    library.index()
    index.remove(library.database, library.folder)
    library.index()
    ((passage, document),) = library.database.execute("SELECT id, document FROM passages")
    assert passage == 2 and document > 1


def test_damage_met_while_working_begins_anew_at_the_next_opening(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_CHECKED", 0)
    library.put("a.md", "deposit " * 3000)
    library.index()
    library.database.close()
    content = bytearray(library.home.index_db.read_bytes())
    # In the middle of the text, which no opening reads.
    last = content.rindex(b"deposit deposit")
    content[last - 20_000 : last] = b"\xff" * 20_000
    library.home.index_db.write_bytes(content)
    _reopen(library)
    assert library.notices() == [], "not seen yet"
    library.put("a.md", "changed")
    with pytest.raises(EngineError) as caught:
        library.index()
    assert caught.value.code == "index_damaged"
    library.database.close()
    _reopen(library)
    assert library.notices() == ["index_rebuilt"]
    assert library.index().indexed == 1
