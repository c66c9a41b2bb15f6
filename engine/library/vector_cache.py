"""The search cache: vectors laid out to be searched fast, in a folder that may be deleted at any time.

A row of `meta` says which generation in cache/ counts, and how many of its rows. It changes in the
transactions that change the vectors of record, so a reader searches what its snapshot of index.db holds: rows
written beyond the count are not there yet, however the writer ended. Erasing goes the other way round. What a
transaction deletes it also names in `vectors_gone`; readers leave that out from then on, the writer
overwrites it in the files, and only then it is named no more.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.library import vectors
from engine.library.vector_files import BLOCK, EXACT, Generation, Shape
from engine.store.database import Database

if TYPE_CHECKING:
    from engine.library.vector_files import Ids, Mask
    from engine.models.embedder import Vectors

VERSION = 1

_CACHE, _PREFIX = "cache", "vectors-"
# The mean was taken of the rows there were; when they are so many times more, it is taken again.
_OUTGROWN = 4
_HOLLOW = 0.2  # of the rows erased: made anew, without them
_SPARE = 10  # more than `k` are compared exactly, and a quarter of it: a byte a dimension swaps neighbours
_TINY = 1e-12  # a length that is none
_SAMPLE = 16_384  # vectors the mean is taken of


@dataclass(frozen=True, slots=True)
class _State:
    """The row of `meta`. `synced` rows outlast a power cut; `built` are those the mean was taken of."""

    generation: str
    dimensions: int
    signs: bool
    rows: int
    synced: int
    built: int
    erased: int
    version: int = VERSION

    @property
    def shape(self) -> Shape:
        return Shape(self.dimensions, self.signs)


# -- reading -------------------------------------------------------------------------------------


def nearest(
    database: Database, query: Vectors, k: int, documents: tuple[str, Sequence[object]] | None = None
) -> dict[int, float]:
    """The `k` passages nearest to `query`, float32 (dimensions,), with their cosines, nearest first.

    `documents` is a subquery for ids of the documents to search, and its parameters. Call it in a snapshot.
    Without a cache that can be used the vectors of record answer, which takes longer.
    """
    lookup = Lookup(database, k, documents)
    lookup.scan(query)
    return lookup.found()


class Lookup:
    """`nearest` in three steps, of which the second, by far the longest, leaves the database to others."""

    def __init__(
        self, database: Database, k: int, documents: tuple[str, Sequence[object]] | None = None
    ) -> None:
        self._database = database
        self._k = k
        self._documents = documents
        self._state = _state(database)
        self._generation = _open(database, self._state)
        self._allowed: Mask | None = None
        self._query: Vectors | None = None
        self._scanned: list[int] | None = None
        if self._generation is None or self._state is None:
            return
        self._gone = _numbers(database, "SELECT passage FROM vectors_gone")
        if documents is not None:
            wanted = _numbers(database, *documents)
            self._allowed = _mask(self._generation.documents[: self._state.rows], wanted)

    def scan(self, query: Vectors) -> None:
        """Any thread may do this."""
        self._query = query
        state, generation = self._state, self._generation
        if state is None or generation is None:
            return
        count = self._k + self._k // 4 + _SPARE
        found = generation.nearest(query, count, state.rows, self._allowed, self._gone)
        # Where more is missing, it was erased since the snapshot was taken, which still has it.
        if generation.erased(state.rows) <= state.erased + len(self._gone):
            self._scanned = found.tolist()

    def found(self) -> dict[int, float]:
        """In the snapshot in which it began."""
        assert self._query is not None
        if self._scanned is None:
            return _nearest_of_record(self._database, self._query, self._k, self._documents)
        return _exact(self._database, self._query, self._scanned, self._k)


def _exact(database: Database, query: Vectors, found: Sequence[int], k: int) -> dict[int, float]:
    """The best `k` of `found` by the vectors of record, so that no cosine depends on the cache."""
    import numpy as np

    ids, rows = vectors.of(database, found)
    cosines = rows @ query / np.maximum(np.linalg.norm(rows, axis=1) * np.linalg.norm(query), _TINY)
    best = np.argsort(-cosines, kind="stable")[:k]
    return {ids[row]: float(cosines[row]) for row in best}


def _nearest_of_record(
    database: Database, query: Vectors, k: int, documents: tuple[str, Sequence[object]] | None
) -> dict[int, float]:
    allowed = None
    if documents is not None:
        sql, params = documents
        allowed = f"SELECT id FROM passages WHERE document IN ({sql})", params
    found = vectors.nearest(database, query, k, allowed)
    return {passage: 1.0 - distance for passage, distance in found}


def _mask(documents: Ids, wanted: Ids) -> Mask:
    import numpy as np

    table = np.zeros(documents.max(initial=0) + 1, np.bool_)
    table[wanted[wanted < len(table)]] = True
    return table[documents]


def _numbers(database: Database, sql: str, params: Sequence[object] = ()) -> Ids:
    """The one column of a query. As text, because a hundred thousand rows one by one take too long."""
    import numpy as np

    row = database.one(f"WITH found (number) AS ({sql}) SELECT group_concat(number) FROM found", params)
    return np.fromstring(row[0] if row and row[0] else "", np.int64, sep=",")


# -- writing: the index worker alone ---------------------------------------------------------------


def append(database: Database, passages: Sequence[int], found: Vectors) -> None:
    """Add row i of `found`, float32 (n, dimensions), for passages[i], in the transaction that stores it."""
    import numpy as np

    state = _state(database)
    if state is None:
        return
    generation = _open(database, state, write=True)
    if generation is None:
        forget(database)
        return
    ids = np.array(passages, np.int64)
    generation.put(state.rows, ids, _documents(database, ids), found)
    _remember(database, replace(state, rows=state.rows + len(ids)))


def erase(database: Database) -> None:
    """Overwrite in the files what committed transactions deleted."""
    import numpy as np

    gone = _numbers(database, "SELECT passage FROM vectors_gone")
    if not len(gone):
        return
    state = _state(database)
    generation = _open(database, state, write=True)
    with database.transaction():
        if state is not None and generation is not None:
            # Beyond the count, too: a batch that was never committed may lie there.
            where = np.flatnonzero(np.isin(generation.ids, gone))
            generation.erase(where)
            _remember(database, replace(state, erased=state.erased + int((where < state.rows).sum())))
        else:
            forget(database)
        # What cannot be used, or was left half made, may hold it as well.
        _sweep(database, _state(database))
        database.execute("DELETE FROM vectors_gone")


def mend(database: Database) -> None:
    """At the start of a job: forget a cache that is not what it should be, catch up with what it lacks."""
    import numpy as np

    state = _state(database)
    _sweep(database, state)
    generation = _open(database, state, write=True)
    if state is None or generation is None:
        forget(database)
        return
    erase(database)
    state = _state(database) or state
    is_synced = state.synced == state.rows
    # What was not synced a power cut may have taken, whatever the log of index.db kept.
    state = replace(state, rows=state.synced)
    generation.erase(state.rows + np.flatnonzero(generation.ids[state.rows :]))
    if is_synced and state.rows - state.erased == vectors.count(database):
        return
    held, stored = generation.ids[: state.rows], vectors.ids(database)
    missing = np.setdiff1d(stored, held)
    if len(missing) > _HOLLOW * len(stored):
        forget(database)
        return
    generation.erase(np.flatnonzero((held != 0) & ~np.isin(held, stored)))
    with database.transaction():
        _remember(database, replace(state, erased=int((held == 0).sum())))
        for start in range(0, len(missing), BLOCK):
            part = missing[start : start + BLOCK].tolist()
            append(database, *vectors.of(database, part))


def follow(database: Database, check: Callable[[], None]) -> None:
    """Now and then in a job: make the cache if there is none, or anew if it outgrew itself; else sync it.

    `check` is called often and may raise; what is there stays as it is then.
    """
    erase(database)
    state = _state(database)
    generation = _open(database, state, write=True)
    if state is None or generation is None or _is_worn(state):
        _rebuild(database, check)
    elif state.synced < state.rows:
        generation.sync()
        with database.transaction():
            _remember(database, replace(state, synced=state.rows))


def forget(database: Database) -> None:
    """Go on without a cache; the next `follow` makes one."""
    database.execute("DELETE FROM meta WHERE key = 'cache'")


def generations(path: Path) -> list[Path]:
    """The folders of the cache beside the index at `path`."""
    return list(path.with_name(_CACHE).glob(f"{_PREFIX}*"))


def _is_worn(state: _State) -> bool:
    outgrown = state.rows > EXACT and (not state.signs or state.rows > _OUTGROWN * state.built)
    return outgrown or state.erased > max(BLOCK, _HOLLOW * state.rows)


def _rebuild(database: Database, check: Callable[[], None]) -> None:
    """Write a new generation from the vectors of record, then switch to it."""
    _sweep(database, _state(database))
    count = vectors.count(database)
    dimensions = vectors.dimensions(database)
    state = _State(secrets.token_hex(8), dimensions, count > EXACT, 0, 0, count, 0)
    mean = vectors.mean(database, _SAMPLE)
    generation = Generation.create(_folder(database, state), state.shape, mean)
    rows = 0
    for ids, found in vectors.every(database):
        check()
        generation.put(rows, ids, _documents(database, ids), found)
        rows += len(ids)
    generation.sync()
    with database.transaction():
        _remember(database, replace(state, rows=rows, synced=rows))
        database.execute("DELETE FROM vectors_gone")
    _sweep(database, _state(database))


def _documents(database: Database, ids: Ids) -> Ids:
    """The document of each passage; 0, which is none, for one that is not there."""
    import numpy as np

    rows: dict[int, int] = dict(
        database.execute(
            "SELECT id, document FROM passages WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(ids.tolist()),),
        )
    )
    return np.array([rows.get(passage, 0) for passage in ids.tolist()], np.int64)


# -- which generation ------------------------------------------------------------------------------


def _state(database: Database) -> _State | None:
    import msgspec

    row = database.one("SELECT value FROM meta WHERE key = 'cache'")
    if row is None:
        return None
    try:
        state = msgspec.json.decode(row[0], type=_State)
    except msgspec.DecodeError:
        return None
    return state if state.version == VERSION else None


def _remember(database: Database, state: _State) -> None:
    database.execute(
        "INSERT INTO meta VALUES ('cache', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (json.dumps(asdict(state)),),
    )


def _open(database: Database, state: _State | None, *, write: bool = False) -> Generation | None:
    """The files of `state`; None if they are not there, or hold less than it says."""
    if state is None:
        return None
    folder = _folder(database, state)
    try:
        if write:
            generation = Generation(folder, state.shape, write=True)
        else:
            generation = _mapped(folder, state.shape, -(-state.rows // BLOCK))
    except (OSError, ValueError):
        return None
    return generation if generation.capacity >= state.rows else None


@lru_cache(maxsize=1)
def _mapped(folder: Path, shape: Shape, blocks: int) -> Generation:
    """Mapped once for many searches, until it has more `blocks`: touching each page anew takes long."""
    return Generation(folder, shape)


def _folder(database: Database, state: _State) -> Path:
    return database.path.with_name(_CACHE) / f"{_PREFIX}{state.generation}"


def _sweep(database: Database, state: _State | None) -> None:
    """Delete other generations. Where a reader's hold keeps a file, the next time does it."""
    for folder in generations(database.path):
        if state is None or folder != _folder(database, state):
            shutil.rmtree(folder, ignore_errors=True)
