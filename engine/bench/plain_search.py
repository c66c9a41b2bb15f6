"""The plain arms of `bench retrieval`: what everybody would build first, over whole documents.

Words: FTS5 with `porter unicode61` over title and text, any word of the query. Meaning: the embedder over
title and text, cut at its window. Both: reciprocal rank fusion of the first hundred (Cormack et al. 2009).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from engine.bench.collection import Collection
from engine.models.embedder import Embedder
from engine.store.database import memory_database

DEPTH = 100
_RRF = 60
_BATCH = 32

Search = Callable[[str], list[str]]


def by_words(collection: Collection) -> Search:
    """Documents by BM25, best first."""
    database = memory_database()
    database.execute(
        "CREATE VIRTUAL TABLE documents USING fts5(id UNINDEXED, body, tokenize='porter unicode61')"
    )
    database.many(
        "INSERT INTO documents VALUES (?, ?)",
        [(id, f"{title} {text}") for id, (title, text) in collection.documents.items()],
    )

    def search(query: str) -> list[str]:
        words = dict.fromkeys(re.findall(r"\w+", query))
        if not words:
            return []
        rows = database.execute(
            "SELECT id FROM documents WHERE documents MATCH ? ORDER BY rank LIMIT ?",
            (" OR ".join(f'"{word}"' for word in words), DEPTH),
        )
        return [row[0] for row in rows]

    return search


def by_meaning(collection: Collection, embedder: Embedder) -> Search:
    """Documents by cosine, nearest first."""
    import numpy as np

    ids = list(collection.documents)
    texts = [f"{title} {text}" for title, text in collection.documents.values()]
    # Texts of like length together need little padding.
    order = sorted(range(len(ids)), key=lambda number: len(texts[number]))
    vectors = np.empty((len(ids), embedder.dimensions), np.float32)
    for start in range(0, len(order), _BATCH):
        some = order[start : start + _BATCH]
        vectors[some] = embedder.embed([texts[number] for number in some])

    def search(query: str) -> list[str]:
        likeness = vectors @ embedder.embed([query])[0]
        return [ids[number] for number in np.argsort(-likeness, kind="stable")[:DEPTH]]

    return search


def fused(*searches: Search) -> Search:
    """Documents by the sum of 1 / (60 + rank) over all `searches`."""

    def search(query: str) -> list[str]:
        scores: dict[str, float] = {}
        for one in searches:
            for rank, document in enumerate(one(query), 1):
                scores[document] = scores.get(document, 0.0) + 1 / (_RRF + rank)
        return sorted(scores, key=lambda document: -scores[document])[:DEPTH]

    return search


def rankings(search: Search, queries: dict[str, str]) -> dict[str, Sequence[str]]:
    return {id: search(text) for id, text in queries.items()}
