"""Two rankings into one: a weighted sum of scores, each list scaled by its best (Bruch et al. 2023).

Scores say more than ranks: a passage far ahead of the next stays ahead. The weight was chosen by
`nocturne bench retrieval`, which also shows what it would be on other collections.
"""

from __future__ import annotations

from collections.abc import Sequence

Scored = Sequence[tuple[int, float]]  # passages, best first

WEIGHT = 0.7  # of meaning; the rest is words


def fuse(words: Scored, meaning: Scored, weight: float = WEIGHT) -> dict[int, float]:
    """Passage -> score from 0 to 1, best first. `words` by BM25, larger is better; `meaning` by cosine."""
    scores: dict[int, float] = {}
    for ranked, share in ((words, 1.0 - weight), (meaning, weight)):
        best = max((score for _passage, score in ranked), default=0.0)
        for passage, score in ranked:
            scaled = max(0.0, score) / best if best > 0 else 0.0
            scores[passage] = scores.get(passage, 0.0) + share * scaled
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))
