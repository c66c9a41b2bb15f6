"""Fits the weights of `answer/calibration.py`: which line answers (listwise), is there one (logistic)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

Features = Mapping[str, float]
Floats = npt.NDArray[np.float64]

_STEPS, _RATE, _DECAY = 1000, 0.1, 1e-3  # of gradient ascent, Adam's


def listwise(questions: Sequence[Sequence[tuple[Features, bool]]], names: Sequence[str]) -> dict[str, float]:
    """Weights under which the right lines of each question win: the likelihood of a softmax over its lines.

    Questions without a right line, or with right ones alone, say nothing. It is the top-one likelihood of
    ListNet (Cao et al., ICML 2007).
    """
    tables = [
        (
            _table([features for features, _right in lines], names),
            np.array([right for _features, right in lines]),
        )
        for lines in questions
        if len({right for _features, right in lines}) == 2
    ]

    if not tables:
        return dict.fromkeys(names, 0.0)

    def gradient(weights: Floats) -> Floats:
        total = np.zeros_like(weights)
        for table, right in tables:
            scores = table @ weights
            among = _softmax(np.where(right, scores, -np.inf))
            total += (among - _softmax(scores)) @ table
        return total / len(tables) - _DECAY * weights

    return dict(zip(names, _ascended(gradient, len(names)).tolist(), strict=True))


def logistic(
    seen: Sequence[tuple[Features, bool, float]], names: Sequence[str]
) -> tuple[dict[str, float], float]:
    """Weights and bias of the log-odds of True; each example counts with its weight."""
    table = np.hstack(
        [_table([features for features, _right, _weight in seen], names), np.ones((len(seen), 1))]
    )
    right = np.array([right for _features, right, _weight in seen], dtype=float)
    worth = np.array([weight for _features, _right, weight in seen])
    worth /= worth.sum()

    def gradient(weights: Floats) -> Floats:
        likely = 1 / (1 + np.exp(-(table @ weights)))
        return (worth * (right - likely)) @ table - _DECAY * np.append(weights[:-1], 0)

    *weights, bias = _ascended(gradient, len(names) + 1).tolist()
    return dict(zip(names, weights, strict=True)), bias


def _table(rows: Sequence[Features], names: Sequence[str]) -> Floats:
    return np.array([[features[name] for name in names] for features in rows])


def _softmax(scores: Floats) -> Floats:
    raised = np.exp(scores - scores.max())
    shares: Floats = raised / raised.sum()
    return shares


def _ascended(gradient: Callable[[Floats], Floats], size: int) -> Floats:
    """Where the gradient leads from 0, by Adam (Kingma and Ba, ICLR 2015)."""
    weights, mean, square = (np.zeros(size) for _ in range(3))
    for step in range(1, _STEPS + 1):
        slope = gradient(weights)
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        weights = weights + _RATE * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
    return weights
