"""How the weights of lines are fitted, and what counts as right and refused."""

from __future__ import annotations

import random

import pytest

from engine.answer.calibration import Weights
from engine.answer.lookup import FEATURES, SURENESS
from engine.bench import fitting, lines
from engine.bench.lines import Case


def features(**known: float) -> dict[str, float]:
    return {name: known.get(name, 0.5) for name in SURENESS}


def drawn(dice: random.Random, answered: bool) -> Case:
    """`telling` says which line is right, `named` whether there is one; the rest is noise."""
    right = dice.randrange(6) if answered else -1
    named = dice.uniform(0.6, 1.0) if answered else dice.uniform(0.0, 0.4)
    noise = [name for name in FEATURES if name not in ("telling", "named")]
    seen = []
    for at in range(6):
        telling = dice.uniform(0.5, 1.0) if at == right else dice.uniform(0.0, 0.6)
        random_ones = {name: dice.random() for name in noise}
        seen.append((features(telling=telling, named=named, **random_ones), at == right))
    return Case(answered, seen)


def test_what_tells_the_right_line_gets_the_weight() -> None:
    dice = random.Random(3)
    cases = [drawn(dice, True) for _ in range(150)]
    weights = fitting.listwise([case.lines for case in cases], FEATURES)
    assert max(weights, key=lambda name: abs(weights[name])) == "telling" and weights["telling"] > 3
    fresh = [drawn(dice, True) for _ in range(150)]
    best = [case.best(Weights(line=weights)) for case in fresh]
    assert sum(line is not None and line[1] for line in best) > 0.85 * len(fresh)


def test_questions_that_say_nothing_are_left_out_of_the_fit() -> None:
    dice = random.Random(4)
    cases = [drawn(dice, True) for _ in range(40)]
    none = [[(features(telling=1.0), False)], [(features(telling=0.0), True)], []]
    told = [case.lines for case in cases]
    assert fitting.listwise([*told, *none], FEATURES) == pytest.approx(fitting.listwise(told, FEATURES))


def test_both_weights_and_the_threshold_are_fitted() -> None:
    dice = random.Random(5)
    fitted = lines.fit([drawn(dice, number % 4 > 0) for number in range(200)])
    assert max(fitted.sure, key=lambda name: fitted.sure[name]) == "named" and fitted.bias < 0
    found = lines.refusals([drawn(dice, number % 4 > 0) for number in range(200)], fitted)
    assert found.f1 > 0.9 and found.wrongly < 0.1


def test_no_f1_is_worth_refusing_more_than_a_tenth_wrongly() -> None:
    # Of the answered ones a third looks just like the others: refusing them all would give the better F1.
    cases = [
        Case(number % 4 == 0, [(features(named=float(number % 4 == 0 and number % 12 > 0)), number % 4 == 0)])
        for number in range(240)
    ]
    assert lines.refusals(cases, lines.fit(cases)).wrongly == 0.0


def test_a_group_counts_as_much_as_the_other_whatever_its_size() -> None:
    # In the small group `named` tells, in the large one nothing does: it must not drown.
    small = [Case(n % 2 == 0, [(features(named=float(n % 2 == 0)), n % 2 == 0)]) for n in range(20)]
    large = [Case(n % 2 == 0, [(features(named=float(n % 4 > 1)), False)]) for n in range(400)]
    assert lines.fit(small, large).sure["named"] > 1


def test_without_a_line_it_is_refused() -> None:
    assert Case(False, []).refused(Weights()) and Case(False, []).best(Weights()) is None
