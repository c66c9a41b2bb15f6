"""Two indexes while the embedder changes: the old one serves until a new one takes its place in one step.

The new one is HOME/next/index.db with a cache of its own, so that vectors of two embedders are never in one
file. What is taken out of the library is taken out of both. Nothing is renamed that somebody has open: then
the old one serves on, and the next run tries again. A kill at any moment leaves one of the two in place.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.contracts import Coverage, Event, Notice
from engine.errors import EngineError
from engine.library import index, ledger, schema, vector_cache
from engine.models.embedder import Embedder
from engine.store.database import Database, from_os_error

# Readers have the index open for one search. What reads longer (a night copies it) is not waited for.
_TRIES, _PAUSE = 50, 0.1


@dataclass(frozen=True, slots=True)
class Indexes:
    """`written` holds the embedder's vectors; `serving`, if there is one, is read until that is complete."""

    path: Path
    written: Database
    serving: Database | None

    @property
    def both(self) -> list[Database]:
        return [self.written] if self.serving is None else [self.written, self.serving]

    def remove(self, root: Path, keep: Sequence[Path], look: Callable[[], None] = lambda: None) -> int:
        """As `index.remove`, from both; how many files the one that held more of them has lost."""
        return max(index.remove(database, root, keep, look) for database in self.both)

    def keep_only(self, roots: Sequence[Path], look: Callable[[], None] = lambda: None) -> None:
        """As `index.keep_only`, in both."""
        for database in self.both:
            index.keep_only(database, roots, look)

    @property
    def is_complete(self) -> bool:
        """After a run over all folders: whether the new index has everything by meaning, too."""
        pending = self.written.one("SELECT 1 FROM passages WHERE embedded = 0 LIMIT 1")
        return self.serving is not None and pending is None

    def close(self) -> None:
        for database in self.both:
            database.close()


def path_of_next(path: Path) -> Path:
    """Where an index is made that is to replace the one at `path`."""
    return path.parent / "next" / path.name


@contextmanager
def opened(path: Path, embedder: Embedder, emit: Callable[[Event], None]) -> Iterator[Indexes]:
    """The indexes to be written: the one at `path`, or, where another embedder made it, that and a new one.

    A new one that was begun is gone on with, unless it is of yet another embedder. Emits Notice(index_beside)
    when one is begun. Raises what `schema.open_for_writing` does.
    """
    serving = schema.open_of_another(path, embedder, emit)
    beside = path_of_next(path)
    if serving is None:
        # Alone: it takes its place at once, however far it is. Of no use: the embedder is the old one again.
        if not path.exists() and beside.exists():
            with suppress(EngineError):
                _take_place(beside, path)
        discard(beside)
        indexes = Indexes(path, schema.open_for_writing(path, embedder, emit), None)
    else:
        try:
            if not beside.exists():
                emit(Notice("index_beside"))
            written = schema.open_for_writing(beside, embedder, emit)
            _remember_roots(serving, written)
        except BaseException:
            serving.close()
            raise
        indexes = Indexes(path, written, serving)
    try:
        yield indexes
    finally:
        indexes.close()


def switch(indexes: Indexes, look: Callable[[], None]) -> bool:
    """Put the new index in the old one's place and delete that; False while somebody reads one of them.

    Both connections are closed. `look` is called while readers are waited for, and may raise.
    """
    indexes.close()
    beside = path_of_next(indexes.path)
    for _ in range(_TRIES):
        look()
        if schema.fold(beside) and schema.fold(indexes.path):
            return _take_place(beside, indexes.path)
        time.sleep(_PAUSE)
    return False


def remaking(path: Path) -> Coverage | None:
    """Of the index that is to replace the one at `path`; None if none is being made."""
    beside = path_of_next(path)
    if not path.exists() or not beside.exists():
        return None
    try:
        database = schema.open_for_reading(beside)
        if database is None:
            return Coverage()
        try:
            return ledger.coverage(database)
        finally:
            database.close()
    except EngineError:  # it serves nobody yet: neither its damage nor its end just now is a problem
        return Coverage() if beside.exists() else None


def discard(beside: Path) -> None:
    """Delete an index that is not wanted any more. Where a reader's hold keeps a file, the next call does."""
    shutil.rmtree(beside.parent, ignore_errors=True)


def _take_place(beside: Path, path: Path) -> bool:
    """Rename a folded index into place, with its cache, and delete what was there."""
    if not schema.fold(beside):
        return False
    old = vector_cache.generations(path)
    try:
        # First, for without it the new one would be searched slowly; a kill after it costs making it anew.
        for folder in vector_cache.generations(beside):
            folder.rename(_made(path.with_name(folder.parent.name)) / folder.name)
        beside.replace(path)
    except PermissionError:  # where open files cannot be renamed, and somebody has just opened one
        return False
    except OSError as error:
        raise from_os_error(error, path) from error
    for folder in old:
        shutil.rmtree(folder, ignore_errors=True)
    discard(beside)
    return True


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _remember_roots(serving: Database, written: Database) -> None:
    """Which roots are mount points: an empty one is a disk that is away, not an empty folder."""
    with written.transaction():
        written.many(
            "INSERT INTO roots VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            serving.execute("SELECT path, mounted, device FROM roots"),
        )
