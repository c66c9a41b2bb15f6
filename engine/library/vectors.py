"""Vectors of passages in SQLite: the only user of sqlite-vec.

A vector's rowid is its passage's id. Ids are never used twice, so a vector left behind can at worst be found
for no passage, never for another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.store.database import Database, Row, memory_database

if TYPE_CHECKING:
    from engine.models.embedder import Vectors


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
    database.execute(
        f"CREATE VIRTUAL TABLE vectors USING vec0(vector float[{dimensions}] distance_metric=cosine)"
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


def delete(database: Database, document: int) -> None:
    """Remove the vectors of a document's passages, which must still be there."""
    # One by one: the extension answers `rowid IN (subquery)` outside a search by reading every vector.
    rows = database.execute("SELECT id FROM passages WHERE document = ? AND embedded = 1", (document,))
    database.many("DELETE FROM vectors WHERE rowid = ?", rows)


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
        (query.tobytes(), k, *params),
    )


def mend(database: Database) -> int:
    """Bring vectors and passages in step: orphans go, passages without one wait again; how many."""
    # The shadow table lists the ids without reading the vectors.
    with database.transaction():
        orphans = database.execute(
            "SELECT rowid FROM vectors_rowids AS v"
            " WHERE NOT EXISTS (SELECT 1 FROM passages WHERE id = v.rowid AND embedded = 1)"
        )
        database.many("DELETE FROM vectors WHERE rowid = ?", orphans)
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
