"""Ranked passages for any text: by words and by meaning, exact matches first."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from engine.contracts import SearchReply
from engine.library import exact, fusion, schema, vector_cache, words
from engine.library.query import Wanted, understand
from engine.library.results import results, sections
from engine.library.within import Subquery, Within
from engine.models.embedder import Embedder
from engine.store.database import Database, storable

CANDIDATES = 200  # of each list


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
    yet (failed, waiting), and leaves out what was skipped. `unread` are up to `k` files of the name that was
    looked for whose text is not here, for instance because they are in the cloud only. Text without a word
    finds nothing.
    """
    began = time.perf_counter()
    query = storable(query)
    wanted, within = understand(query), Within(folder, kind, since)
    with schema.diagnosed(database), database.snapshot():
        scores: dict[int, float] = {}
        similar: dict[int, float] = {}
        if not wanted.is_empty and k > 0:
            documents = within.documents()
            by_words, similar = candidates(database, embedder, query, wanted, max(CANDIDATES, k), documents)
            fused = fusion.fuse(by_words, list(similar.items()))
            scores = exact.promoted(database, wanted, documents, fused)
        found = results(database, scores, similar, k, within)
        if section:
            found = sections(database, found, section)
        named = exact.unread(database, wanted, within, k) if k > 0 else []
        searched, total = counts(database, within)
    ms = round((time.perf_counter() - began) * 1000, 3)
    return SearchReply(tuple(found), searched, total, ms, tuple(named))


def candidates(
    database: Database,
    embedder: Embedder,
    query: str,
    wanted: Wanted,
    limit: int,
    documents: Subquery | None = None,
) -> tuple[list[tuple[int, float]], dict[int, float]]:
    """The best passages by words with their scores, and by meaning with their cosines, best first."""
    if not schema.speaks(database, embedder):
        return _by_words(database, wanted, limit, documents), {}
    lookup = vector_cache.Lookup(database, limit, documents)
    # Beside each other: one waits for SQLite, one computes, and neither holds the lock of the interpreter.
    with ThreadPoolExecutor(1) as beside:
        scan = beside.submit(lambda: lookup.scan(embedder.embed([query])[0]))
        by_words = _by_words(database, wanted, limit, documents)
        scan.result()
    return by_words, lookup.found()


def _by_words(
    database: Database, wanted: Wanted, limit: int, documents: Subquery | None
) -> list[tuple[int, float]]:
    """By the words, and by the pairs of characters where a script has no spaces between words."""
    found = words.best(database, wanted.words, limit, documents) if wanted.words else []
    if wanted.pairs is None:
        return found
    both = dict(found)
    for passage, score in words.best(database, wanted.pairs, limit, documents, table="segments"):
        both[passage] = both.get(passage, 0.0) + score
    return sorted(both.items(), key=lambda pair: -pair[1])[:limit]


def counts(database: Database, within: Within) -> tuple[int, int]:
    """Files whose text can be found, and these with those that may hold text but have none here."""
    condition, params = within.condition()
    counts: dict[str, int] = dict(
        database.execute(
            f"SELECT state, count(*) FROM documents WHERE parent IS NULL AND {condition} GROUP BY state",
            params,
        )
    )
    searched = counts.get("words", 0) + counts.get("meaning", 0)
    return searched, searched + counts.get("waiting", 0) + counts.get("failed", 0)
