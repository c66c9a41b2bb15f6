"""The one connection type: errors in words, transactions, deletion from the file itself."""

from __future__ import annotations

import threading
from pathlib import Path

import apsw
import pytest

from engine.errors import EngineError
from engine.store.database import Corrupt, Database, memory_database, open_database, storable, translate


def _all_exceptions() -> list[type[apsw.Error]]:
    return [
        kind
        for kind in vars(apsw).values()
        if isinstance(kind, type) and issubclass(kind, BaseException) and kind.__module__ == "apsw"
    ]


@pytest.mark.parametrize("kind", _all_exceptions(), ids=lambda kind: kind.__name__)
def test_every_exception_of_apsw_is_mapped(kind: type[apsw.Error], tmp_path: Path) -> None:
    assert issubclass(kind, apsw.Error)
    failure = translate(kind("told so"), tmp_path / "a.db")
    assert isinstance(failure, Corrupt) or failure.code != "bug"
    assert "told so" in str(failure) or (
        isinstance(failure, EngineError) and failure.code != "database_failed"
    )


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = open_database(tmp_path / "a.db", write=True)
    database.execute("CREATE TABLE t (x)")
    return database


def test_a_full_disk_is_told_and_keeps_what_was_there(database: Database) -> None:
    database.execute("INSERT INTO t VALUES ('kept')")
    database.execute("PRAGMA max_page_count = 3")
    with pytest.raises(EngineError) as caught, database.transaction():
        for _ in range(100):
            database.execute("INSERT INTO t VALUES (?)", ("x" * 4000,))
    assert caught.value.code == "disk_full"
    assert database.execute("SELECT x FROM t") == [("kept",)]


def test_a_busy_database_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.database._BUSY_MS", 10)
    other = open_database(database.path, write=True)
    with database.transaction(), pytest.raises(EngineError) as caught, other.transaction():
        pass
    assert caught.value.code == "database_busy"
    other.close()


def test_a_reader_cannot_write(database: Database) -> None:
    reader = open_database(database.path, write=False)
    assert reader.execute("SELECT * FROM t") == []
    with pytest.raises(EngineError) as caught:
        reader.execute("INSERT INTO t VALUES (1)")
    assert caught.value.code == "home_read_only"
    reader.close()


def test_reading_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        open_database(tmp_path / "none.db", write=False)
    assert caught.value.code == "database_failed"
    assert not (tmp_path / "none.db").exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(EngineError) as caught:
        open_database(tmp_path / "file" / "a.db", write=True)
    assert caught.value.code == "home_read_only"


def test_garbage_is_corrupt_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"no database at all" * 1000)
    for write in (True, False):
        with pytest.raises(Corrupt):
            open_database(path, write=write)
    assert path.read_bytes() == b"no database at all" * 1000


def test_the_owner_says_what_corruption_means(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all" * 1000)
    for write in (True, False):
        with pytest.raises(LookupError):
            open_database(
                tmp_path / "a.db", write=write, on_corrupt=lambda corrupt: LookupError(corrupt.detail)
            )


def test_quick_check_finds_a_damaged_page(database: Database) -> None:
    database.many("INSERT INTO t VALUES (?)", [("x" * 500,) for _ in range(200)])
    database.execute("CREATE INDEX i ON t (x)")
    database.close()
    content = bytearray(database.path.read_bytes())
    content[5 * 4096 : 6 * 4096] = b"\xff" * 4096
    database.path.write_bytes(content)
    damaged = open_database(database.path, write=True)
    with pytest.raises(Corrupt):
        damaged.quick_check()


def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    with pytest.raises(KeyboardInterrupt), database.transaction():
        database.execute("INSERT INTO t VALUES (1)")
        with database.transaction():
            database.execute("INSERT INTO t VALUES (2)")
        raise KeyboardInterrupt
    assert database.execute("SELECT * FROM t") == []


def test_deleted_text_leaves_the_file(database: Database) -> None:
    def on_disk() -> bool:
        return any(b"peculiarword" in path.read_bytes() for path in database.path.parent.glob("a.db*"))

    database.execute("INSERT INTO t VALUES (?)", ("peculiarword" * 1000,))
    assert database.checkpoint()
    assert on_disk()
    database.execute("DELETE FROM t")
    assert database.checkpoint()
    assert not on_disk()


def test_checkpoint_says_when_a_reader_holds_it_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = open_database(database.path, write=False)
    with reader.snapshot():
        reader.execute("SELECT * FROM t")
        database.execute("PRAGMA busy_timeout = 10")
        database.execute("INSERT INTO t VALUES (1)")
        assert not database.checkpoint()
    assert database.checkpoint()
    reader.close()


def test_threads_take_turns(database: Database) -> None:
    def add() -> None:
        for _ in range(50):
            with database.transaction():
                row = database.one("SELECT coalesce(max(x), 0) FROM t")
                assert row is not None
                database.execute("INSERT INTO t VALUES (?)", (row[0] + 1,))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.one("SELECT count(DISTINCT x), max(x) FROM t") == (200, 200)


def test_a_copy_is_whole_and_separate(database: Database, tmp_path: Path) -> None:
    database.execute("INSERT INTO t VALUES (1)")
    database.backup_into(tmp_path / "copy.db")
    copy = database.copy_to_memory()
    database.execute("DELETE FROM t")
    assert copy.execute("SELECT * FROM t") == [(1,)]
    assert open_database(tmp_path / "copy.db", write=False).execute("SELECT * FROM t") == [(1,)]


def test_text_that_utf8_cannot_hold_keeps_its_length() -> None:
    text = "na\u00efve \udcff\ud800 \U0001f600"
    kept = storable(text)
    assert len(kept) == len(text) and kept == "na\u00efve \ufffd\ufffd \U0001f600"
    assert memory_database().one("SELECT ?", (kept,)) == (kept,)
