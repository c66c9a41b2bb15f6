"""Packs: every row once, as if it stood alone."""

from __future__ import annotations

from collections import Counter

import numpy as np

from engine.personalize.rows import TokenRow
from engine.personalize.torch_backend.packs import Pack, batch, epoch

END = 2
SYSTEM, OTHER = (7, 8, 9, END), (7, 5, END)


def row(name: int, length: int = 6, system: tuple[int, ...] = SYSTEM) -> TokenRow:
    asked = tuple(1000 * name + index for index in range(length))
    return TokenRow(str(name), (*system, 3, *asked, 4), (50 + name, 60 + name, END))


def test_an_epoch_holds_every_row_once_within_the_limit() -> None:
    rows = [row(name, length=3 + name % 7) for name in range(1, 60)]
    packs = epoch(rows, 100, seed=1, number=0)
    assert Counter(item.row for pack in packs for item in pack.rows) == Counter(item.row for item in rows)
    assert max(pack.tokens for pack in packs) <= 100
    assert sum(pack.tokens for pack in packs) < 0.8 * sum(pack.row_tokens for pack in packs)


def test_the_order_depends_on_seed_and_epoch_alone() -> None:
    rows = [row(name) for name in range(1, 60)]
    assert epoch(rows, 100, seed=1, number=0) == epoch(rows, 100, seed=1, number=0)
    assert epoch(rows, 100, seed=1, number=0) != epoch(rows, 100, seed=1, number=1)
    assert epoch(rows, 100, seed=1, number=0) != epoch(rows, 100, seed=2, number=0)


def test_rows_with_other_instructions_are_packed_apart() -> None:
    rows = [row(name, system=OTHER if name % 2 else SYSTEM) for name in range(1, 20)]
    for pack in epoch(rows, 100, seed=1, number=0):
        assert len({item.prompt[: len(OTHER)] for item in pack.rows}) == 1


def test_a_row_longer_than_the_limit_stands_alone() -> None:
    packs = epoch([row(1, length=90), row(2), row(3)], 40, seed=1, number=0)
    assert sorted(len(pack.rows) for pack in packs) == [1, 2]


def test_each_row_sees_the_head_and_itself_and_is_asked_for_its_whole_answer() -> None:
    first, second = row(1, length=2), row(2, length=4)
    head = len(SYSTEM) + 1
    made = batch(Pack(head, (first, second)))
    starts = {1: head, 2: head + len(first.prompt) + 2 - head}
    for number, item in ((1, first), (2, second)):
        length = len(item.prompt) + 2 - head
        mine = [*range(head), *range(starts[number], starts[number] + length)]
        assert made.tokens[mine].tolist() == [*item.prompt, *item.answer[:-1]]
        assert made.positions[mine].tolist() == list(range(len(mine)))
        alone = np.tril(np.ones((len(mine), len(mine)), dtype=bool))
        assert (made.visible[np.ix_(mine, mine)] == alone)[head:].all()
        others = [place for place in range(len(made.tokens)) if place not in mine]
        assert not made.visible[np.ix_(mine[head:], others)].any()
    assert made.targets.tolist() == [*first.answer, *second.answer]
    assert made.tokens[made.predicting].tolist() == [4, 51, 61, 4, 52, 62]
