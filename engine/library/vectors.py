"""Vectors of passages in SQLite: the only user of sqlite-vec.

A vector's rowid is its passage's id. Ids are never used twice, so a vector left behind can at worst be found
for no passage, never for another one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.store.database import Database, Row, memory_database

if TYPE_CHECKING:
    from engine.library.vector_files import Ids
    from engine.models.embedder import Vectors

# Vectors in one row of the table behind. By default 1,024, and to read or delete one the extension then has
# to walk a chain of 375 pages. Its search takes hardly longer with few.
_CHUNK = 32
_TOGETHER = 64  # of these rows read at once
_BEHIND = "vectors_vector_chunks00"  # the vectors of a chunk in a blob, in the order of their offsets
_MOST = 4096  # the extension finds no more at once


def extension() -> str:
    """The path of the loadable extension.

    Its package is found, not imported: importing it loads numpy, also in the window.
    """
    from importlib.util import find_spec

    spec = find_spec("sqlite_vec")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("sqlite_vec")
    return str(Path(spec.submodule_search_locations[0]) / "vec0")


def version() -> str:
    """The version the loaded extension itself reports: importing its package proves nothing."""
    database = memory_database(extensions=[extension()])
    row = database.one("SELECT vec_version()")
    database.close()
    return str(row[0]) if row else ""


def create(database: Database, dimensions: int) -> None:
    """The tables of vectors: `vectors`, and `vectors_gone`, which names what the search cache still holds."""
    database.execute(
        f"CREATE VIRTUAL TABLE vectors USING vec0"
        f"(vector float[{dimensions}] distance_metric=cosine, chunk_size={_CHUNK});"
        "CREATE TABLE vectors_gone (passage INTEGER PRIMARY KEY) STRICT"
    )


def add(database: Database, passages: Sequence[int], vectors: Vectors) -> None:
    """Store row i of `vectors`, float32 (n, dimensions), for passages[i], and mark these as embedded.

    Call it inside a transaction. A passage that has a vector is a bug: the table refuses it.
    """
    rows = zip(passages, vectors, strict=True)
    database.many(
        "INSERT INTO vectors (rowid, vector) VALUES (?, ?)",
        [(passage, vector.tobytes()) for passage, vector in rows],
    )
    database.many("UPDATE passages SET embedded = 1 WHERE id = ?", [(passage,) for passage in passages])


def delete(database: Database, document: int, keep: Collection[int] = ()) -> None:
    """Remove the vectors of a document's passages, which must still be there, but those of `keep`."""
    # One by one: the extension answers `rowid IN (subquery)` outside a search by reading every vector.
    rows = database.execute("SELECT id FROM passages WHERE document = ? AND embedded = 1", (document,))
    _remove(database, [row for row in rows if row[0] not in keep])


def nearest(
    database: Database,
    query: Vectors,
    k: int,
    allowed: tuple[str, Sequence[object]] | None = None,
) -> list[Row]:
    """(passage, cosine distance) of the `k` nearest to `query`, float32 (dimensions,), nearest first.

    `allowed` is a subquery for passage ids and its parameters. It works inside the search: a condition
    applied to its result would lose rows.
    """
    sql, params = allowed or ("", ())
    within = f"AND rowid IN ({sql})" if allowed else ""
    return database.execute(
        f"SELECT rowid, distance FROM vectors WHERE vector MATCH ? AND k = ? {within} ORDER BY distance",
        (query.tobytes(), min(k, _MOST), *params),
    )


def mend(database: Database) -> int:
    """Bring vectors and passages in step: orphans go, passages without one wait again; how many."""
    # The shadow table lists the ids without reading the vectors.
    with database.transaction():
        orphans = database.execute(
            "SELECT rowid FROM vectors_rowids AS v"
            " WHERE NOT EXISTS (SELECT 1 FROM passages WHERE id = v.rowid AND embedded = 1)"
        )
        _remove(database, orphans)
        missing = database.execute(
            "SELECT id, document FROM passages WHERE embedded = 1"
            " AND NOT EXISTS (SELECT 1 FROM vectors_rowids AS v WHERE v.rowid = passages.id)"
        )
        database.many("UPDATE passages SET embedded = 0 WHERE id = ?", [(row[0],) for row in missing])
        database.many(
            "UPDATE documents SET state = 'words' WHERE id = ? AND state = 'meaning'",
            {(row[1],) for row in missing},
        )
    return len(orphans) + len(missing)


# -- all of them, for the search cache -------------------------------------------------------------
#
# Read from the tables behind the virtual one, which copies each vector several times. Their layout belongs to
# the version of sqlite-vec that pyproject pins, and to a test.


def count(database: Database) -> int:
    row = database.one("SELECT count(*) FROM vectors_rowids")
    return int(row[0]) if row else 0


def ids(database: Database) -> Ids:
    """The passages that have a vector, in order."""
    import numpy as np

    rows = database.execute("SELECT rowid FROM vectors_rowids ORDER BY rowid")
    return np.array([row[0] for row in rows], np.int64)


def of(database: Database, passages: Sequence[int]) -> tuple[list[int], Vectors]:
    """Those of `passages` that have a vector, and their vectors, float32 (n, dimensions)."""
    import numpy as np

    # Where each stands in its chunk; the extension would read them one by one, and each chunk from its start.
    places = database.execute(
        "SELECT v.rowid, v.chunk_id, v.chunk_offset FROM json_each(?) AS wanted"
        " CROSS JOIN vectors_rowids AS v ON v.rowid = wanted.value ORDER BY wanted.key",
        (json.dumps(list(passages)),),
    )
    width = dimensions(database)
    length = 4 * width
    by_chunk = sorted((chunk, offset * length, length) for _, chunk, offset in places)
    found = dict(zip(by_chunk, database.parts(_BEHIND, "vectors", by_chunk), strict=True))
    joined = b"".join(found[chunk, offset * length, length] for _, chunk, offset in places)
    rows = np.frombuffer(joined, "<f4")
    return [passage for passage, _, _ in places], rows.reshape(len(places), width)


def every(database: Database, chunks: Sequence[int] | None = None) -> Iterator[tuple[Ids, Vectors]]:
    """All vectors, or those of `chunks`, in parts: passages (n,) and their float32 (n, dimensions)."""
    import numpy as np

    wanted = _chunks(database) if chunks is None else chunks
    for start in range(0, len(wanted), _TOGETHER):
        passages, rows = [], []
        for size, valid, rowids, blob in database.execute(
            "SELECT size, validity, rowids, vectors FROM vectors_chunks AS c"
            f" JOIN {_BEHIND} AS v ON v.rowid = c.chunk_id"
            " WHERE c.chunk_id IN (SELECT value FROM json_each(?))",
            (json.dumps(wanted[start : start + _TOGETHER]),),
        ):
            used = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")[:size].astype(np.bool_)
            passages.append(np.frombuffer(rowids, "<i8")[used])
            rows.append(np.frombuffer(blob, "<f4").reshape(size, -1)[used])
        yield np.concatenate(passages), np.concatenate(rows)


def mean(database: Database, sample: int) -> Vectors:
    """float32 (dimensions,): the mean of about `sample` vectors from all over the table."""
    import numpy as np

    chunks = _chunks(database)
    step = max(1, len(chunks) * _CHUNK // sample)
    total, count = np.zeros(dimensions(database), np.float64), 0
    for _, rows in every(database, chunks[::step]):
        total += rows.sum(axis=0, dtype=np.float64)
        count += len(rows)
    return (total / max(1, count)).astype(np.float32)


def dimensions(database: Database) -> int:
    row = database.one("SELECT value FROM meta WHERE key = 'dimensions'")
    return int(row[0]) if row else 0


def _chunks(database: Database) -> list[int]:
    return [row[0] for row in database.execute("SELECT chunk_id FROM vectors_chunks ORDER BY chunk_id")]


def _remove(database: Database, rows: Sequence[Row]) -> None:
    database.many("DELETE FROM vectors WHERE rowid = ?", rows)
    database.many("INSERT OR IGNORE INTO vectors_gone VALUES (?)", rows)
