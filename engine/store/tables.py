"""What the groups of tables in user.db share: the connection, the right to write, and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from engine.errors import EngineError
from engine.store.database import Database


class Tables:
    """A part of user.db. `refusal` is what a writing verb raises, or None if it may write."""

    def __init__(self, database: Database, refusal: EngineError | None) -> None:
        self._database = database
        self._refusal = refusal

    @property
    def writable(self) -> bool:
        return self._refusal is None

    @contextmanager
    def _writing(self) -> Iterator[Database]:
        if self._refusal is not None:
            raise self._refusal
        with self._database.transaction():
            yield self._database


def now() -> str:
    """UTC, ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
