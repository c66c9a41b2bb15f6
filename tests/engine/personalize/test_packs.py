"""Packs: every row once, as if it stood alone."""

from __future__ import annotations

from collections import Counter

from engine.personalize.rows import TokenRow
from engine.personalize.torch_backend.packs import WHOLE, Pack, batch, epoch

END = 2
SYSTEM, OTHER = (7, 8, 9, END), (7, 5, END)


def row(name: int, length: int = 6, system: tuple[int, ...] = SYSTEM) -> TokenRow:
    asked = tuple(1000 * name + index for index in range(length))
    return TokenRow(str(name), (*system, 3, *asked, 4), (50 + name, 60 + name, END))


def test_an_epoch_holds_every_row_once_within_the_limit() -> None:
    rows = [row(name, length=3 + name % 7) for name in range(1, 60)]
    packs = epoch(rows, 100, seed=1, number=0)
    assert Counter(item.row for pack in packs for item in pack.rows) == Counter(item.row for item in rows)
    assert max(pack.computed for pack in packs) <= 100
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


def test_rows_of_like_length_share_a_pack() -> None:
    rows = [row(name, length=3 + name % 40) for name in range(1, 200)]
    packs = epoch(rows, 200, seed=1, number=0)
    assert max(pack.computed for pack in packs) <= 200
    assert sum(pack.computed for pack in packs) < 1.1 * sum(pack.tokens for pack in packs)


def test_each_row_goes_on_after_the_head_and_is_asked_for_its_whole_answer() -> None:
    first, second = row(1, length=2), row(2, length=4)
    head = len(SYSTEM) + 1
    made = batch(Pack(head, (first, second)))
    assert (made.head, made.rows) == (head, 2)
    assert made.tokens[:head].tolist() == list(first.prompt[:head])
    for number, item in enumerate((first, second)):
        rest = [*item.prompt[head:], *item.answer[:-1]]
        start = head + number * made.length
        assert made.tokens[start : start + len(rest)].tolist() == rest
        assert made.positions[start : start + len(rest)].tolist() == [*range(head, head + len(rest))]
    assert head + 2 * made.length == len(made.positions) == Pack(head, (first, second)).computed
    assert len(made.tokens) == WHOLE
    assert made.targets.tolist() == [*first.answer, *second.answer]
    assert made.tokens[made.predicting].tolist() == [4, 51, 61, 4, 52, 62]
