"""index.db: what it holds, and how it is opened. Everything in it can be made again from the files.

A damaged file is renamed aside and a new one begun. One written by another version is begun anew as well;
nothing of it is worth keeping. One of another embedder serves until a new one is made (`beside.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from engine.contracts import Event, Notice
from engine.errors import EngineError
from engine.library import vectors
from engine.models.embedder import Embedder
from engine.store.database import Corrupt, Database, open_database

VERSION = "4"

_BROKEN = "-broken"
# Bytes; reading a whole index takes about a second for 60 MB. Damage in a larger one shows when it is met.
_CHECKED = 64_000_000

# `name, title, heading, body` of a passage stand in `words` alone: its rowid is the id of the passage, and
# `body` is the document's text at [start, end). A document's path is a folder's where the whole folder was
# left out. What lies in a file is a document of its own: `parent` is the file's, `path` is FILE!/MEMBER.
# `dated` is when a document says it was written (`dates.of_document`), empty where it does not.
# `scans` counts its pages that are pictures of text and wait to be recognised, `recognised` those whose text
# was; `recognised_pages` has the pages (`ocr.Page`) of a file until it is whole. `hidden` counts
# characters of the file that nobody sees in it; they are not stored.
# `missing` has directories that were not found, and since when (Unix time). `embedded` is 1 exactly when
# `vectors` holds a row of that id. The tokenizer was chosen on three collections: nDCG@10 with porter .369
# .376 .431, without .346 .364 .358. A table without content of its own would be smaller, but leaves deleted
# words in the file whatever `secure-delete` says.
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE roots (
    path TEXT PRIMARY KEY, mounted INTEGER NOT NULL, device INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE missing (path TEXT PRIMARY KEY, since REAL NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'words', 'meaning', 'skipped', 'failed')),
    reason TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '',
    sha256 TEXT NOT NULL DEFAULT '',
    kind TEXT NOT NULL DEFAULT '',
    title TEXT NOT NULL DEFAULT '',
    reader TEXT NOT NULL DEFAULT '',
    dated TEXT NOT NULL DEFAULT '',
    pages INTEGER,
    passages INTEGER NOT NULL DEFAULT 0,
    redacted INTEGER NOT NULL DEFAULT 0,
    scans INTEGER NOT NULL DEFAULT 0,
    recognised INTEGER NOT NULL DEFAULT 0,
    hidden INTEGER NOT NULL DEFAULT 0,
    indexed_at TEXT NOT NULL DEFAULT '',
    parent INTEGER REFERENCES documents (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX documents_state ON documents (state, parent);
CREATE INDEX documents_name ON documents (name COLLATE NOCASE);
CREATE INDEX documents_parent ON documents (parent) WHERE parent IS NOT NULL;
-- By which readers members were read, found without a look at each of them.
CREATE INDEX documents_members ON documents (reader, parent)
    WHERE parent IS NOT NULL AND state IN ('words', 'meaning');
CREATE INDEX documents_problems ON documents (indexed_at, id) WHERE state IN ('skipped', 'failed');
CREATE INDEX documents_scans ON documents (scans) WHERE scans > 0;
CREATE INDEX documents_recognised ON documents (recognised) WHERE recognised > 0;
CREATE INDEX documents_hidden ON documents (hidden) WHERE hidden > 0;

CREATE TABLE recognised_pages (
    file INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    member INTEGER NOT NULL,
    number INTEGER NOT NULL,
    text TEXT NOT NULL,
    reason TEXT NOT NULL,
    redacted INTEGER NOT NULL,
    PRIMARY KEY (file, member, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE texts (
    document INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX texts_document ON texts (document);  -- to count them without walking over the texts

CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    page INTEGER,
    heading TEXT NOT NULL,
    header TEXT NOT NULL,
    text_hash BLOB NOT NULL,
    embedded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX passages_document ON passages (document, ordinal);
CREATE INDEX passages_text ON passages (text_hash);
CREATE INDEX passages_pending ON passages (document) WHERE embedded = 0;

CREATE VIRTUAL TABLE words USING fts5(
    name, title, heading, body, tokenize = 'porter unicode61 remove_diacritics 2'
);
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);

-- Name and title of each document, found by any part of them; also of some that have no text.
CREATE VIRTUAL TABLE names USING fts5(name, title, tokenize = 'trigram remove_diacritics 1');
INSERT INTO names (names, rank) VALUES ('secure-delete', 1);

-- Passages in scripts without spaces, as pairs of characters (`segments.py`); no others have a row.
CREATE VIRTUAL TABLE segments USING fts5(
    body, tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* Co'"
);
INSERT INTO segments (segments, rank) VALUES ('secure-delete', 1);
"""


def open_for_writing(path: Path, embedder: Embedder, emit: Callable[[Event], None]) -> Database:
    """The one writing connection, to a sound file of this version and embedder.

    Emits Notice(index_rebuilt | index_outdated) where that meant to begin anew. Raises what `Database` does,
    and index_damaged, later too; then the next opening begins anew.
    """
    if _marker(path).exists():
        set_aside(path, emit)
    try:
        database = _open(path, write=True)
        try:
            if _is_current(database, embedder):
                if path.stat().st_size <= _CHECKED:
                    database.quick_check()
                return database
            is_fresh = not _has_tables(database)
        except BaseException:
            database.close()
            raise
        database.close()
        if not is_fresh:
            discard(path)
            emit(Notice("index_outdated", {"path": str(path)}))
    except EngineError as error:
        if error.code != "index_damaged":
            raise
        set_aside(path, emit)
    database = _open(path, write=True)
    _create(database, embedder)
    return database


def open_of_another(path: Path, embedder: Embedder, emit: Callable[[Event], None]) -> Database | None:
    """A writing connection to an index of this version that another embedder made; None for any other file.

    A damaged one is set aside.
    """
    if _marker(path).exists():
        set_aside(path, emit)
    if not path.exists():
        return None
    try:
        database = _open(path, write=True)
        try:
            is_another = _is_of_this_version(database) and not speaks(database, embedder)
        except BaseException:
            database.close()
            raise
    except EngineError as error:
        if error.code != "index_damaged":
            raise
        set_aside(path, emit)
        return None
    if is_another:
        return database
    database.close()
    return None


def fold(path: Path) -> bool:
    """Leave nothing of an index outside its file, so that it can be renamed; False while somebody reads it.

    Out of WAL mode it has no companions that the next file of its name could be taken to belong to. The next
    writer puts it back.
    """
    database = _open(path, write=True)
    try:
        database.execute("PRAGMA journal_mode = DELETE")
    except EngineError as error:
        if error.code != "database_busy":
            raise
        return False
    finally:
        database.close()
    return True


def open_for_search(path: Path, embedder: Embedder | None = None) -> Database | None:
    """A reading connection with vectors; None if there is no index of this version yet.

    Raises EngineError(index_damaged), later too, at any query.
    """
    if not path.exists():
        return None
    database = _open(path, write=False)
    if _is_of_this_version(database):
        return database
    database.close()
    return None


def open_for_reading(path: Path) -> Database | None:
    """As `open_for_search`, for the ledger."""
    return open_for_search(path)


def open_copy(path: Path) -> Database:
    """A writing connection to a copy of an index, taken as it is."""
    return _open(path, write=True)


def embedder_id(database: Database) -> str:
    """Of the embedder that made its vectors."""
    return _meta(database).get("embedder", "")


def speaks(database: Database, embedder: Embedder) -> bool:
    """Whether the vectors in it are the embedder's own."""
    meta = _meta(database)
    return (meta.get("embedder"), meta.get("dimensions")) == (embedder.id, str(embedder.dimensions))


@contextmanager
def diagnosed(database: Database) -> Iterator[None]:
    """Virtual tables say "logic error" of their own damaged parts: look whether that is the cause."""
    try:
        yield
    except EngineError as error:
        if error.code == "database_failed":
            database.quick_check()
        raise


def set_aside(path: Path, emit: Callable[[Event], None]) -> Path:
    """Rename a damaged index; an earlier damaged one is deleted, so that at most one holds old text."""
    forget_damaged(path)
    aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%d-%H%M%S}")
    for suffix in ("", "-wal"):
        if (part := path.with_name(path.name + suffix)).exists():
            part.replace(aside.with_name(aside.name + suffix))
    discard(path)
    emit(Notice("index_rebuilt", {"path": str(aside)}))
    return aside


def forget_damaged(path: Path) -> None:
    """Delete indexes set aside earlier: they hold text of files that may have been deleted since."""
    for aside in path.parent.glob(f"{path.name}.damaged-*"):
        aside.unlink(missing_ok=True)


def discard(path: Path) -> None:
    """Delete an index nobody has open. A log left behind would be replayed into the next one."""
    for suffix in ("", "-wal", "-shm", _BROKEN):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _open(path: Path, *, write: bool) -> Database:
    return open_database(path, write=write, extensions=[vectors.extension()], on_corrupt=_damaged)


def _create(database: Database, embedder: Embedder) -> None:
    with database.transaction():
        database.execute(_SCHEMA)
        vectors.create(database, embedder.dimensions)
        database.many(
            "INSERT INTO meta VALUES (?, ?)",
            [("schema", VERSION), ("embedder", embedder.id), ("dimensions", str(embedder.dimensions))],
        )


def _is_current(database: Database, embedder: Embedder) -> bool:
    return _is_of_this_version(database) and speaks(database, embedder)


def _is_of_this_version(database: Database) -> bool:
    return _has_tables(database) and _meta(database).get("schema") == VERSION


def _has_tables(database: Database) -> bool:
    return database.one("SELECT 1 FROM sqlite_schema WHERE name = 'meta'") is not None


def _meta(database: Database) -> dict[str, str]:
    return dict(database.execute("SELECT key, value FROM meta"))


def _damaged(corrupt: Corrupt) -> EngineError:
    # Damage may show at any query, also in a process that only reads: the next writer is told by this file.
    with suppress(OSError):
        _marker(corrupt.path).touch()
    return EngineError("index_damaged", path=str(corrupt.path))


def _marker(path: Path) -> Path:
    return path.with_name(path.name + _BROKEN)
