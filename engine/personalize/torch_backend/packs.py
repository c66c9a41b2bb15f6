"""Rows -> packs: one sequence that holds many rows, the head they share computed once.

A pack is [head][rest of row 1][rest of row 2]...: each rest sees the head and itself, and its positions go
on where the head ends, so every row is computed exactly as if it stood alone. Rows of like length share a
pack, and are padded to the longest.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.personalize.rows import TokenRow

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


_CHUNK = 256  # rows drawn together before they are sorted by length: what stands together stays mixed
_PAD = 0
# Sequences are filled up to a multiple of this: oneDNN makes and keeps code for every shape it meets, some 2
# MB each, and packs as they come have a hundred different sizes.
WHOLE = 32


@dataclass(frozen=True)
class Pack:
    """Rows whose prompts begin with the same `head` tokens."""

    head: int
    rows: tuple[TokenRow, ...]

    @property
    def tokens(self) -> int:
        """Tokens of head and rests, padding not counted."""
        return self.head + sum(_length(row) - self.head for row in self.rows)

    @property
    def computed(self) -> int:
        """Tokens of head and rests, padding included."""
        return self.head + len(self.rows) * (max(map(_length, self.rows)) - self.head)

    @property
    def row_tokens(self) -> int:
        """Tokens of all rows, each with its own head."""
        return sum(map(_length, self.rows))


@dataclass(frozen=True)
class Batch:
    """A pack as arrays: `head` tokens, then `rows` times `length` tokens, filled up to T, A of which predict.

    `tokens`: int64 (T,). `positions`: int64, of all tokens but the last that only fill up. `predicting`:
    int64 (A,), indices into the sequence. `targets`: int64 (A,), the token each should predict. `kept`: bool
    (A,), where the base's own distribution is to stay.
    """

    head: int
    rows: int
    length: int
    tokens: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    predicting: npt.NDArray[np.int64]
    targets: npt.NDArray[np.int64]
    kept: npt.NDArray[np.bool_]


def epoch(rows: Sequence[TokenRow], most_tokens: int, seed: int, number: int) -> list[Pack]:
    """All rows once, in packs of at most `most_tokens`, in an order that `seed` and `number` fix.

    A single row that is longer is a pack by itself.
    """
    families: dict[tuple[int, ...], list[TokenRow]] = defaultdict(list)
    for row in rows:
        families[_system_turn(row)].append(row)
    chance = random.Random(f"{seed} {number}")
    packs: list[Pack] = []
    for family in families.values():
        chance.shuffle(family)
        for first in range(0, len(family), _CHUNK):
            packs += _packed(sorted(family[first : first + _CHUNK], key=_length), most_tokens)
    chance.shuffle(packs)
    return packs


def batch(pack: Pack) -> Batch:
    """The arrays of a pack."""
    import numpy as np

    head = pack.head
    length = max(map(_length, pack.rows)) - head
    tokens = list(pack.rows[0].prompt[:head])
    predicting: list[int] = []
    targets: list[int] = []
    kept: list[bool] = []
    for row in pack.rows:
        # The end-of-turn token is predicted, and nothing after it.
        rest = [*row.prompt[head:], *row.answer[:-1]]
        first = len(tokens) + len(row.prompt) - head - 1
        predicting += range(first, first + len(row.answer))
        targets += row.answer
        kept += [row.keep] * len(row.answer)
        tokens += [*rest, *[_PAD] * (length - len(rest))]
    positions = [*range(head), *list(range(head, head + length)) * len(pack.rows)]
    tokens += [_PAD] * (-len(tokens) % WHOLE)
    return Batch(
        head,
        len(pack.rows),
        length,
        np.array(tokens),
        np.array(positions),
        np.array(predicting),
        np.array(targets),
        np.array(kept),
    )


def _packed(rows: Sequence[TokenRow], most_tokens: int) -> list[Pack]:
    packs: list[Pack] = []
    taken: list[TokenRow] = []
    for row in rows:
        if taken and _pack([*taken, row]).computed > most_tokens:
            packs.append(_pack(taken))
            taken = []
        taken.append(row)
    if taken:
        packs.append(_pack(taken))
    return packs


def _pack(rows: Sequence[TokenRow]) -> Pack:
    first, last = min(row.prompt for row in rows), max(row.prompt for row in rows)
    # The last token of a prompt predicts the answer, so it belongs to the row.
    head = min(len(row.prompt) for row in rows) - 1
    for index, (one, other) in enumerate(zip(first[:head], last[:head], strict=False)):
        if one != other:
            head = index
            break
    return Pack(head if len(rows) > 1 else 0, tuple(rows))


def _system_turn(row: TokenRow) -> tuple[int, ...]:
    """The prompt up to its first end of turn, the token that also ends the answer."""
    end: Any = row.answer[-1]
    return row.prompt[: row.prompt.index(end) + 1] if end in row.prompt else ()


def _length(row: TokenRow) -> int:
    """Tokens to compute for a row: all but the last, which is only predicted."""
    return len(row.prompt) + len(row.answer) - 1
