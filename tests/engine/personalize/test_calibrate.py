"""From where on an adapter's memory is believed: thresholds found on held-out questions, and what they do."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.answer.memory import Recalled, Sureness
from engine.answer.pipeline import Limits
from engine.models.fake import FakeChat
from engine.personalize.calibrate import (
    LEAST_LEARNED,
    LEAST_RIGHT,
    Tried,
    calibrate,
    crossed,
    stored,
    told,
)
from engine.personalize.evaluate import Outcome, Probe, ProbeKind
from engine.personalize.run_folder import RunFolder


def tried(kind: ProbeKind, sure: float, base: float, right: bool = True) -> Tried:
    answers = () if kind == "absent" else ("red",)
    return Tried(Probe("p", "What colour?", answers, kind), Recalled("red" if right else "blue", sure, base))


FACTS = [tried("fact", -0.01 * n, -6.0) for n in range(1, 41)]
GENERAL = [tried("general", -0.2, -0.3) for _ in range(40)]
ABSENT = [tried("absent", -0.05 * n, -5.0) for n in range(1, 11)]


def judged(sureness: Sureness, questions: list[Tried]) -> list[str]:
    return [sureness.judge(one.recalled) for one in questions]


def test_at_most_a_twentieth_of_what_is_known_is_refused_and_general_questions_are_spared() -> None:
    sureness = calibrate([*FACTS, *GENERAL, *ABSENT])
    assert sureness is not None
    assert judged(sureness, FACTS).count("guessed") == 2
    assert judged(sureness, GENERAL) == ["general"] * 40
    assert judged(sureness, ABSENT).count("guessed") == 3


def test_wrong_answers_move_no_threshold() -> None:
    wrong = [tried("fact", -3.0, -8.0, right=False), tried("general", -2.0, -9.0, right=False)]
    assert calibrate([*FACTS, *GENERAL, *wrong, *ABSENT]) == calibrate([*FACTS, *GENERAL, *ABSENT])


def test_thresholds_lie_halfway_between_what_they_part() -> None:
    absent = [tried("absent", -0.5 - 0.1 * n, -6.0) for n in range(10)]
    sureness = calibrate([*FACTS, *GENERAL, *absent])
    assert sureness is not None
    assert sureness.sure == pytest.approx((-0.38 - 0.95) / 2)
    assert judged(sureness, absent).count("guessed") == 8
    assert judged(sureness, FACTS) == ["known"] * len(FACTS)
    assert sureness.learned == pytest.approx((LEAST_LEARNED + 6.0 - 0.38) / 2)


def test_general_answers_that_the_adapter_changed_move_the_threshold_up() -> None:
    changed = [tried("general", -1.0, -4.0) for _ in range(5)]
    sureness = calibrate([*FACTS, *GENERAL, *changed, *ABSENT])
    assert sureness is not None and sureness.learned == pytest.approx((3.0 + 6.0 - 0.38) / 2)
    more = calibrate([*FACTS, *GENERAL, *[tried("general", -1.0, -9.0) for _ in range(5)]])
    assert more is not None and more.learned == pytest.approx(8.0)


def test_what_is_left_to_the_base_it_has_said_already() -> None:
    base = [Outcome("p", "base", "general", "", "blue", right=False)]
    [left] = told(FakeChat("never"), [GENERAL[0]], [Sureness(-0.5, 2.0)], Limits(), base)
    assert left == Outcome("p", "adapter", "general", "", "blue", right=False)
    [known] = told(FakeChat("never"), [FACTS[0]], [Sureness(-0.5, 2.0)], Limits(), base)
    assert known == Outcome("p", "adapter", "fact", "", "red", right=True)


def test_one_odd_general_question_in_fifty_does_not_let_every_guess_pass() -> None:
    odd = tried("general", -1.0, -9.0)
    sureness = calibrate([*FACTS, *GENERAL, *GENERAL[:9], odd])
    assert sureness is not None
    assert judged(sureness, [odd, tried("absent", -1.0, -9.0)]) == ["guessed"] * 2


def test_an_answer_that_did_not_end_is_never_known() -> None:
    assert Sureness(-1.0, 1.0).judge(Recalled("red", -0.1, -9.0, finished=False)) == "guessed"


def test_from_too_few_right_answers_no_threshold_is_told() -> None:
    assert calibrate([*FACTS[: LEAST_RIGHT - 1], *GENERAL]) is None


def test_no_question_is_judged_by_itself() -> None:
    """A question that is surer than all others of its half cannot lower what it is judged by."""
    questions = [*FACTS, *GENERAL]
    found = crossed(questions)
    assert found[0] == calibrate(questions[1::2]) and found[1] == calibrate(questions[::2])
    assert len(found) == len(questions)


@pytest.mark.parametrize("kept", [{"sure": -0.5, "learned": 2.0}, None])
def test_thresholds_travel_with_the_night(tmp_path: Path, kept: dict[str, float] | None) -> None:
    run = RunFolder(tmp_path / "20260101-000000")
    assert stored(run) is None
    run.update()
    run.finish("evaluate", sureness=kept)
    assert stored(run) == (Sureness(-0.5, 2.0) if kept else None)
