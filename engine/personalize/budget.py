"""What a night may spend: planned once, from the minutes given and the speed measured, kept in run.json."""

from __future__ import annotations

from dataclasses import dataclass

# Of the minutes. Loading models and what a stage runs over come out of what is left.
COMPOSE_SHARE, TRAIN_SHARE, EXPORT_SHARE, EVALUATE_SHARE = 0.13, 0.58, 0.05, 0.20
START_SHARE = 0.01  # of the minutes: a stage's process starts, and writes down what it found
# A row of a note with its part of the head it shares, and how often it is seen at least. Once is enough: a
# fact is in many rows, and new wordings teach more than old ones again.
ROW_TOKENS, LEAST_EPOCHS = 55, 1
# Reading more than this would leave most sentences with a few wordings each, and those are not learned.
PASSAGE_TOKENS_A_ROW = 1.0


@dataclass(frozen=True)
class Budget:
    """`tokens_per_s` as measured; seconds for three stages; the most rows trained, and the most tokens of
    passages read for them.
    """

    tokens_per_s: float
    compose_seconds: float
    train_seconds: float
    evaluate_seconds: float
    rows: int
    passage_tokens: int

    @classmethod
    def planned(cls, minutes: float, tokens_per_s: float) -> Budget:
        seconds = minutes * 60
        rows = max(1, int(seconds * TRAIN_SHARE * tokens_per_s / LEAST_EPOCHS / ROW_TOKENS))
        return cls(
            round(tokens_per_s, 1),
            seconds * COMPOSE_SHARE,
            seconds * TRAIN_SHARE,
            seconds * EVALUATE_SHARE,
            rows,
            int(rows * PASSAGE_TOKENS_A_ROW),
        )
