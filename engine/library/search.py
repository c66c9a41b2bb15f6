"""Ranked passages for any text: by words and by meaning, fused by rank."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.contracts import Passage, SearchReply
from engine.library import schema, vector_cache, words
from engine.library.query import match_expression
from engine.library.writer import below
from engine.models.embedder import Embedder
from engine.store.database import Database, storable

CANDIDATES = 100  # of each list
_FUSION = 60  # reciprocal rank fusion: what a first place is worth over a second one
_COPIES = 50  # other files named for one passage

# A subquery for the documents of a folder: its parameters are those of `below`.
_IN_FOLDER = "SELECT id FROM documents WHERE {}"


def search(
    database: Database, embedder: Embedder, query: str, k: int = 10, folder: Path | None = None
) -> SearchReply:
    """The `k` best passages for `query`, below `folder` if given (a folder or a file).

    Passages that read the same are one result that names the other files in `also`. `searched_files` are the
    files whose text can be found; `total_files` adds those that may hold text but could not be read, or not
    yet (failed, waiting), and leaves out what was skipped. Text without a word finds nothing.
    """
    began = time.perf_counter()
    query = storable(query)
    with schema.diagnosed(database), database.snapshot():
        expression = match_expression(query)
        fused: dict[int, float] = {}
        similar: dict[int, float] = {}
        if expression is not None and k > 0:
            limit = max(CANDIDATES, k)
            allowed = _allowed(folder)
            if schema.speaks(database, embedder):
                lists, similar = _by_both(database, embedder, query, expression, limit, allowed)
            else:
                lists = [words.best(database, expression, limit, allowed)]
            fused = fuse(lists)
        results = _results(database, fused, similar, k, folder)
        searched, total = _counts(database, folder)
    return SearchReply(tuple(results), searched, total, round((time.perf_counter() - began) * 1000, 3))


def fuse(lists: Sequence[Sequence[int]]) -> dict[int, float]:
    """Reciprocal rank fusion: each id with its score, best first; ties go to the earlier list."""
    scores: dict[int, float] = {}
    for ranked in lists:
        for rank, item in enumerate(ranked, start=1):
            scores[item] = scores.get(item, 0.0) + 1 / (_FUSION + rank)
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))


def _allowed(folder: Path | None) -> tuple[str, tuple[str, ...]] | None:
    if folder is None:
        return None
    condition, params = below(str(folder))
    return _IN_FOLDER.format(condition), params


def _by_both(
    database: Database,
    embedder: Embedder,
    query: str,
    expression: str,
    limit: int,
    allowed: tuple[str, tuple[str, ...]] | None,
) -> tuple[list[list[int]], dict[int, float]]:
    """Passages by words and by meaning, best first, and the cosines of the latter to the query."""
    lookup = vector_cache.Lookup(database, limit, allowed)
    # Beside each other: one waits for SQLite, one computes, and neither holds the lock of the interpreter.
    with ThreadPoolExecutor(1) as beside:
        scan = beside.submit(lambda: lookup.scan(embedder.embed([query])[0]))
        by_words = words.best(database, expression, limit, allowed)
        scan.result()
    similar = lookup.found()
    return [by_words, list(similar)], similar


def _results(
    database: Database, fused: dict[int, float], similar: dict[int, float], k: int, folder: Path | None
) -> list[Passage]:
    rows = database.execute(
        'SELECT p.id, p.text_hash, d.path, p.page, p.heading, w.body, p.start, p."end", d.title, d.sha256,'
        " d.reader FROM json_each(?) AS wanted JOIN passages AS p ON p.id = wanted.value"
        " JOIN documents AS d ON d.id = p.document JOIN words AS w ON w.rowid = p.id ORDER BY wanted.key",
        (json.dumps(list(fused)),),
    )
    results: dict[bytes, Passage] = {}
    for passage, same, path, page, heading, text, start, end, title, sha256, reader in rows:
        if len(results) == k:
            break
        if same not in results:
            results[same] = Passage(
                rank=len(results) + 1,
                path=path,
                page=page,
                heading=heading,
                text=text,
                start=start,
                end=end,
                score=round(fused[passage], 6),
                also=_copies(database, same, path, folder),
                title=title,
                sha256=sha256,
                reader=reader,
                similarity=round(similar.get(passage, 0.0), 4),
            )
    return list(results.values())


def _copies(database: Database, same: bytes, path: str, folder: Path | None) -> tuple[str, ...]:
    condition, params = below(str(folder), "d.path") if folder is not None else ("1", ())
    rows = database.execute(
        "SELECT DISTINCT d.path FROM passages AS p JOIN documents AS d ON d.id = p.document"
        f" WHERE p.text_hash = ? AND d.path <> ? AND {condition} ORDER BY d.path LIMIT ?",
        (same, path, *params, _COPIES),
    )
    return tuple(row[0] for row in rows)


def _counts(database: Database, folder: Path | None) -> tuple[int, int]:
    condition, params = below(str(folder)) if folder is not None else ("1", ())
    counts: dict[str, int] = dict(
        database.execute(
            f"SELECT state, count(*) FROM documents WHERE parent IS NULL AND {condition} GROUP BY state",
            params,
        )
    )
    searched = counts.get("words", 0) + counts.get("meaning", 0)
    return searched, searched + counts.get("waiting", 0) + counts.get("failed", 0)
