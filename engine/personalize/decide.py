"""The gate: is tonight's adapter switched on? Decided on held-out answers, with their uncertainty.

Differences are paired (the same question in both arms) and resampled by document, because questions about
one document stand or fall together (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.personalize.evaluate import Arm, Outcome, ProbeKind

RESAMPLES = 10_000
LEVEL = 0.95
GENERAL_LOSS = 0.03  # of the general set, at most
READING_LOSS = 0.0  # with files the adapter may not be worse than the base


@dataclass(frozen=True)
class Difference:
    """Mean of (second arm - first arm), in shares of right answers, with a 95 % interval."""

    kind: ProbeKind
    first: Arm
    second: Arm
    mean: float
    low: float
    high: float
    questions: int


@dataclass(frozen=True)
class Verdict:
    """`reason` is one sentence for the person."""

    promoted: bool
    reason: str
    differences: tuple[Difference, ...]


def difference(
    outcomes: Sequence[Outcome], kind: ProbeKind, first: Arm, second: Arm, seed: int = 1
) -> Difference:
    """Paired bootstrap over documents of one kind of question."""
    import numpy as np

    right = {(o.arm, o.probe): o.right for o in outcomes if o.kind == kind}
    pairs = [
        (o.document or o.probe, int(right[second, o.probe]) - int(o.right))
        for o in outcomes
        if o.kind == kind and o.arm == first and (second, o.probe) in right
    ]
    if not pairs:
        return Difference(kind, first, second, 0.0, 0.0, 0.0, 0)
    documents = sorted({document for document, _delta in pairs})
    sums = np.array([sum(delta for name, delta in pairs if name == document) for document in documents])
    sizes = np.array([sum(name == document for name, _delta in pairs) for document in documents])
    drawn = np.random.default_rng(seed).integers(len(documents), size=(RESAMPLES, len(documents)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    mean = float(sums.sum() / sizes.sum())
    return Difference(kind, first, second, mean, float(low), float(high), len(pairs))


def decide(outcomes: Sequence[Outcome], parity: bool) -> Verdict:
    """Promote an adapter that surely knows more, reads no worse, and forgot next to nothing."""
    facts = difference(outcomes, "fact", "base", "adapter")
    reading = difference(outcomes, "fact", "base+files", "adapter+files")
    general = difference(outcomes, "general", "base", "adapter")
    absent = difference(outcomes, "absent", "base", "adapter")
    differences = (facts, reading, general, absent)
    if not parity:
        return Verdict(
            False, "The adapter does not compute the same here as where it was trained.", differences
        )
    if not facts.questions:
        return Verdict(False, "There was nothing to measure the adapter by, so it stays off.", differences)
    if facts.low <= 0:
        return Verdict(
            False,
            f"It did not surely learn your files ({_points(facts)}), so the model stays as it was.",
            differences,
        )
    if reading.mean < -READING_LOSS:
        return Verdict(
            False,
            f"With the files at hand it answers worse ({_points(reading)}), so it stays off.",
            differences,
        )
    if general.mean < -GENERAL_LOSS:
        return Verdict(
            False, f"It forgot general knowledge ({_points(general)}), so it stays off.", differences
        )
    return Verdict(
        True,
        f"It answers more questions about your files without looking them up ({_points(facts)}) "
        f"and lost nothing that counts in general knowledge ({_points(general)}).",
        differences,
    )


def _points(found: Difference) -> str:
    """As points of 100 with the interval."""
    return (
        f"{100 * found.mean:+.0f} points of 100, between {100 * found.low:+.0f} and {100 * found.high:+.0f}"
    )
