"""How good a ranking is, by judged queries: the measures of `trec_eval`, for one query and as means.

A judgement is query -> document -> grade; grade 0 or no grade means not relevant.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

Judged = Mapping[str, int]


def ndcg(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """Normalised discounted cumulative gain of the first `k` (Järvelin & Kekäläinen 2002), gain = grade."""
    gains = [judged.get(document, 0) for document in ranked[:k]]
    best = sorted(judged.values(), reverse=True)[:k]
    ideal = _discounted(best)
    return _discounted(gains) / ideal if ideal else 0.0


def recall(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """The share of relevant documents among the first `k`."""
    relevant = {document for document, grade in judged.items() if grade > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def average_precision(ranked: Sequence[str], judged: Judged) -> float:
    """The mean precision at the rank of each relevant document; those not ranked count 0."""
    relevant = {document for document, grade in judged.items() if grade > 0}
    found, total = 0, 0.0
    for rank, document in enumerate(ranked, 1):
        if document in relevant:
            found += 1
            total += found / rank
    return total / len(relevant) if relevant else 0.0


def measures(rankings: Mapping[str, Sequence[str]], judgements: Mapping[str, Judged]) -> dict[str, float]:
    """Means over all judged queries with a relevant document; a query without a ranking counts 0."""
    judged = {query: grades for query, grades in judgements.items() if any(grades.values())}
    pairs = [(rankings.get(query, ()), grades) for query, grades in judged.items()]
    if not pairs:
        return {"ndcg@10": 0.0, "recall@10": 0.0, "recall@100": 0.0, "map": 0.0}
    return {
        "ndcg@10": statistics.mean(ndcg(ranked, grades, 10) for ranked, grades in pairs),
        "recall@10": statistics.mean(recall(ranked, grades, 10) for ranked, grades in pairs),
        "recall@100": statistics.mean(recall(ranked, grades, 100) for ranked, grades in pairs),
        "map": statistics.mean(average_precision(ranked, grades) for ranked, grades in pairs),
    }


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
