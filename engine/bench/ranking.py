"""How good a ranking is, by judged queries: measures for one query and as means.

A judgement is query -> document -> grade; grade 0 or less, or no grade, means not relevant.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

Judged = Mapping[str, int]


def ndcg(ranked: Sequence[str], judged: Judged, k: int) -> float:
    """Normalised discounted cumulative gain of the first `k`, gain = 2^grade - 1 (Burges et al. 2005).

    With gain = grade, as `trec_eval` has it, the plain arms stand .011 higher on graded Cranfield than the
    figures they are compared with. Where grades are 0 and 1 both are the same.
    """
    gains = {document: 2.0**grade - 1 for document, grade in judged.items() if grade > 0}
    ideal = _discounted(sorted(gains.values(), reverse=True)[:k])
    return _discounted([gains.get(document, 0.0) for document in ranked[:k]]) / ideal if ideal else 0.0


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
    judged = {
        query: grades for query, grades in judgements.items() if any(grade > 0 for grade in grades.values())
    }
    pairs = [(rankings.get(query, ()), grades) for query, grades in judged.items()]
    if not pairs:
        return {"ndcg@10": 0.0, "recall@10": 0.0, "recall@100": 0.0, "map": 0.0}
    return {
        "ndcg@10": statistics.mean(ndcg(ranked, grades, 10) for ranked, grades in pairs),
        "recall@10": statistics.mean(recall(ranked, grades, 10) for ranked, grades in pairs),
        "recall@100": statistics.mean(recall(ranked, grades, 100) for ranked, grades in pairs),
        "map": statistics.mean(average_precision(ranked, grades) for ranked, grades in pairs),
    }


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))
