"""Ranked passages for any text: by words and by meaning, exact matches first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from engine.contracts import SearchReply
from engine.library import exact, fusion, schema, vectors
from engine.library.query import Wanted, understand
from engine.library.results import results, sections
from engine.library.within import Within
from engine.models.embedder import Embedder
from engine.store.database import Database, storable

_CANDIDATES = 200  # of each list
_COLUMNS = "5.0, 3.0, 2.0, 1.0"  # what a word in name, title, heading and body weighs


def search(
    database: Database,
    embedder: Embedder,
    query: str,
    k: int = 10,
    folder: Path | None = None,
    *,
    kind: str | None = None,
    since: datetime | None = None,
    section: int = 0,
) -> SearchReply:
    """The `k` best passages for `query`, of files below `folder`, of this kind, changed since then.

    With `section` each result is what stands around its passage under the same heading, up to so many code
    points: what is matched is small, what is read is whole. Passages of one section are then one result.
    Passages that read the same are one result that names the other files in `also`. `searched_files` are the
    files whose text can be found; `total_files` adds those that may hold text but could not be read, or not
    yet (failed, waiting), and leaves out what was skipped. Text without a word finds nothing.
    """
    began = time.perf_counter()
    query = storable(query)
    wanted, within = understand(query), Within(folder, kind, since)
    with schema.diagnosed(database), database.snapshot():
        scores: dict[int, float] = {}
        similar: dict[int, float] = {}
        if not wanted.is_empty and k > 0:
            allowed = within.passages()
            words, similar = candidates(database, embedder, query, wanted, max(_CANDIDATES, k), allowed)
            scores = exact.promoted(database, wanted, allowed, fusion.fuse(words, list(similar.items())))
        found = results(database, scores, similar, k, within)
        if section:
            found = sections(database, found, section)
        searched, total = _counts(database, within)
    return SearchReply(tuple(found), searched, total, round((time.perf_counter() - began) * 1000, 3))


def candidates(
    database: Database,
    embedder: Embedder,
    query: str,
    wanted: Wanted,
    limit: int,
    allowed: tuple[str, Sequence[object]] | None = None,
) -> tuple[list[tuple[int, float]], dict[int, float]]:
    """The best passages by words with their BM25 scores, and by meaning with their cosines, best first."""
    words = _by_words(database, wanted, limit, allowed)
    if not schema.speaks(database, embedder):
        return words, {}
    return words, _by_meaning(database, embedder, query, limit, allowed)


def _by_words(
    database: Database, wanted: Wanted, limit: int, allowed: tuple[str, Sequence[object]] | None
) -> list[tuple[int, float]]:
    sql, params = allowed or ("", ())
    # The plus keeps SQLite from looking each allowed row up in the word index, one by one.
    within = f"AND +rowid IN ({sql})" if allowed else ""
    found: list[tuple[int, float]] = database.execute(
        f"SELECT rowid, -rank FROM words WHERE words MATCH ? AND rank MATCH 'bm25({_COLUMNS})' {within}"
        " ORDER BY rank LIMIT ?",
        (wanted.words, *params, limit),
    )
    if wanted.pairs is None:
        return found
    pairs = database.execute(
        f"SELECT rowid, -rank FROM segments WHERE segments MATCH ? {within} ORDER BY rank LIMIT ?",
        (wanted.pairs, *params, limit),
    )
    both = dict(found)
    for passage, score in pairs:
        both[passage] = both.get(passage, 0.0) + score
    return sorted(both.items(), key=lambda pair: -pair[1])[:limit]


def _by_meaning(
    database: Database,
    embedder: Embedder,
    query: str,
    limit: int,
    allowed: tuple[str, Sequence[object]] | None,
) -> dict[int, float]:
    """Passages with their cosine to the query, nearest first."""
    found = vectors.nearest(database, embedder.embed([query])[0], limit, allowed)
    return {passage: 1.0 - distance for passage, distance in found}


def _counts(database: Database, within: Within) -> tuple[int, int]:
    condition, params = within.documents()
    counts: dict[str, int] = dict(
        database.execute(
            f"SELECT state, count(*) FROM documents WHERE parent IS NULL AND {condition} GROUP BY state",
            params,
        )
    )
    searched = counts.get("words", 0) + counts.get("meaning", 0)
    return searched, searched + counts.get("waiting", 0) + counts.get("failed", 0)
