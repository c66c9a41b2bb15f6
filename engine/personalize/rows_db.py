"""rows.db: what composing asked of the model and what came of it, so that no night asks twice.

Kept is the question found for a place of a passage ("" where none was), and the base's answer to a general
question. All of it can be made again; a damaged file is deleted and begun anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.answer import prompt as prompts
from engine.store.database import Corrupt, Database, open_database

VERSION = 2  # of the composer's prompts and filters; what another version found is asked anew

_SCHEMA = """
CREATE TABLE IF NOT EXISTS asked (
    passage TEXT NOT NULL,
    place TEXT NOT NULL,
    composer TEXT NOT NULL,
    path TEXT NOT NULL,
    found TEXT NOT NULL,
    PRIMARY KEY (passage, place, composer)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS asked_path ON asked (path);
"""


class RowStore:
    """The one writing connection to rows.db, for one model. Methods raise what `Database` raises."""

    def __init__(self, path: Path, model: str) -> None:
        self._composer = f"{VERSION}/{prompts.version()}/{model}"
        try:
            self._database = _open(path)
        except Corrupt:
            _delete(path)
            self._database = _open(path)

    def found(self, passage: str, place: str) -> str | None:
        """What came of asking about `place` of the passage with this digest; None if it was never asked."""
        row = self._database.one(
            "SELECT found FROM asked WHERE passage = ? AND place = ? AND composer = ?",
            (passage, place, self._composer),
        )
        return None if row is None else str(row[0])

    def keep(self, passage: str, place: str, path: str, found: str) -> None:
        """Remember it. `path` is the passage's file, empty for a general question."""
        self._database.execute(
            "INSERT OR REPLACE INTO asked VALUES (?, ?, ?, ?, ?)",
            (passage, place, self._composer, path, found),
        )

    def close(self) -> None:
        self._database.close()


def forget(path: Path, gone: Callable[[str], bool]) -> int:
    """Delete what came of files that are `gone`, from the database file too; how many places."""
    if not path.exists():
        return 0
    try:
        database = _open(path)
    except Corrupt:
        _delete(path)
        return 0
    try:
        doomed = [(name,) for (name,) in database.execute("SELECT DISTINCT path FROM asked") if gone(name)]
        before = _count(database)
        with database.transaction():
            database.many("DELETE FROM asked WHERE path = ?", doomed)
        database.checkpoint()
        return before - _count(database)
    finally:
        database.close()


def _count(database: Database) -> int:
    row = database.one("SELECT count(*) FROM asked")
    return int(row[0]) if row else 0


def _delete(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _open(path: Path) -> Database:
    database = open_database(path, write=True)
    try:
        database.quick_check()
        database.execute(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database
