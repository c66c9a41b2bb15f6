"""The schema of user.db: numbered, forward only, each step in one transaction and recorded by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.store.database import Database


@dataclass(frozen=True)
class Migration:
    """One step; its number is its place in `MIGRATIONS`, counted from 1."""

    name: str
    apply: Callable[[Database], object]


def version(database: Database) -> int:
    """Steps already taken; 0 for an empty database."""
    row = database.one("PRAGMA user_version")
    return int(row[0]) if row else 0


def migrate(database: Database, steps: Sequence[Migration]) -> None:
    """Take the missing steps. A step that fails leaves the database as the one before it left it."""
    for number, step in enumerate(steps, start=1):
        with database.transaction():
            if number <= version(database):
                continue
            step.apply(database)
            database.execute(
                "INSERT INTO migrations (number, name, applied) VALUES (?, ?, ?)",
                (number, step.name, datetime.now(UTC).isoformat(timespec="seconds")),
            )
            database.execute(f"PRAGMA user_version = {number}")


def _first(database: Database) -> None:
    database.execute(_FIRST)


# Times are UTC ISO 8601. `seq` orders messages: ULIDs of one millisecond do not. `row_edits`, `nights` and
# `active_adapter` are read and written by the night; their owner is this file because they are precious.
_FIRST = """
CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL) STRICT;

CREATE TABLE folders (
    path TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('folder', 'file')),
    learn INTEGER NOT NULL DEFAULT 0 CHECK (learn IN (0, 1)),
    added TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE folder_rules (
    folder TEXT NOT NULL REFERENCES folders (path) ON DELETE CASCADE,
    pattern TEXT NOT NULL,
    effect TEXT NOT NULL CHECK (effect IN ('exclude', 'include')),
    PRIMARY KEY (folder, pattern)
) STRICT, WITHOUT ROWID;

CREATE TABLE chats (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    created TEXT NOT NULL,
    updated TEXT NOT NULL,
    messages INTEGER NOT NULL DEFAULT 0,
    deleted TEXT
) STRICT;
CREATE INDEX chats_listed ON chats (updated DESC, seq DESC) WHERE deleted IS NULL;

CREATE TABLE messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    chat TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    parent TEXT REFERENCES messages (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    text TEXT NOT NULL,
    created TEXT NOT NULL,
    source TEXT CHECK (source IN ('files', 'memory', 'general', 'none')),
    model TEXT,
    adapter TEXT,
    stopped INTEGER NOT NULL DEFAULT 0,
    details TEXT
) STRICT;
CREATE INDEX messages_paged ON messages (chat, seq);
CREATE INDEX messages_parent ON messages (parent);

CREATE TABLE citations (
    message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    n INTEGER NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    reader TEXT NOT NULL,
    page INTEGER,
    heading TEXT NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    quote TEXT NOT NULL,
    verified INTEGER NOT NULL,
    PRIMARY KEY (message, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX citations_path ON citations (path);

CREATE TABLE nearest (
    message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    path TEXT NOT NULL,
    page INTEGER,
    heading TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (message, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX nearest_path ON nearest (path);

CREATE TABLE votes (
    message TEXT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    vote TEXT NOT NULL CHECK (vote IN ('up', 'down')),
    better TEXT NOT NULL,
    time TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('opened_citation', 'opened_file', 'asked_about', 'vote')),
    message TEXT REFERENCES messages (id) ON DELETE SET NULL,
    path TEXT,
    time TEXT NOT NULL
) STRICT;
CREATE INDEX events_message ON events (message);
CREATE INDEX events_path ON events (path, time);

CREATE TABLE row_edits (
    row TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    excluded INTEGER NOT NULL DEFAULT 0 CHECK (excluded IN (0, 1)),
    answer TEXT,
    edited TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX row_edits_path ON row_edits (path);
CREATE TABLE nights (
    id TEXT PRIMARY KEY,
    started TEXT NOT NULL,
    finished TEXT,
    base TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('running', 'paused', 'cancelled', 'failed', 'kept', 'promoted', 'discarded')
    ),
    stale INTEGER NOT NULL DEFAULT 0,
    sentence TEXT NOT NULL DEFAULT '',
    scorecard TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE active_adapter (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    night TEXT NOT NULL REFERENCES nights (id),
    since TEXT NOT NULL
) STRICT;
"""


# What is forgotten must leave its name nowhere: paths are known by their hash.
_LEAVING_OUT = """
ALTER TABLE folders ADD COLUMN gitignore INTEGER NOT NULL DEFAULT 1 CHECK (gitignore IN (0, 1));
CREATE TABLE forgotten (hash TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
"""


def _leaving_out(database: Database) -> None:
    database.execute(_LEAVING_OUT)


MIGRATIONS: tuple[Migration, ...] = (
    Migration("chats, folders, events and nights", _first),
    Migration("a switch for .gitignore on each folder, and what is forgotten", _leaving_out),
)
