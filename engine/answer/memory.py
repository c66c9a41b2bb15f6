"""What an adapter remembers: an answer from the weights alone, and whether it is known or only guessed.

Two likelihoods of the same words tell. How sure the model is of them with the adapter on: an adapter that was
taught a fact repeats it almost certainly. And how much surer it is than the base: where the two are alike the
adapter has no part in the answer, which is the base's general knowledge. Both thresholds are measured every
night on questions it held out (`personalize/calibrate.py`) and travel with its adapter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.models.chat import ChatModel

Knowledge = Literal["known", "guessed", "general"]


@dataclass(frozen=True)
class Recalled:
    """An answer from the weights. `sure` and `base`: mean natural log-probability of its tokens with the
    adapter and without it; `finished`: it came to its end.
    """

    text: str
    sure: float
    base: float
    finished: bool = True

    @property
    def learned(self) -> float:
        """How much likelier the adapter made it, nats a token."""
        return self.sure - self.base


@dataclass(frozen=True)
class Sureness:
    """From where on an answer counts: `sure` as a mean log-probability, `learned` as a gain over the base."""

    sure: float
    learned: float

    def judge(self, recalled: Recalled) -> Knowledge:
        """What an answer is: learned and sure, learned and unsure, or the base's own."""
        if recalled.learned < self.learned:
            return "general"
        return "known" if recalled.finished and recalled.sure >= self.sure else "guessed"


def weigh(
    model: ChatModel, prompt: Sequence[int], tokens: Sequence[int], text: str, sure: float, finished: bool
) -> Recalled:
    """`tokens`, written after `prompt` with a mean log-probability of `sure`, as the base finds them.

    Costs one pass over prompt and answer. Raises Cancelled.
    """
    with model.as_base():
        scored = model.score(prompt, tokens)
    return Recalled(text, sure, sum(scored) / max(1, len(scored)), finished)
