"""Conversations of `nocturne bench answers`: how they are read, searched, and what is fitted on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.answer.calibration import UNMEASURED, Calibration
from engine.answer.questions import Evidence
from engine.bench import refusal, turns
from engine.bench.turns import Asked, Kind
from engine.contracts import Turn
from engine.errors import EngineError
from engine.models.fake import FakeEmbedder


def line(id: str, kind: str, question: str, *texts: str, before: tuple[str, ...] = ()) -> dict[str, Any]:
    """One task of the form that MTRAG-UN has."""
    said = [{"speaker": ("user", "agent")[at % 2], "text": text} for at, text in enumerate(before)]
    return {
        "task_id": id,
        "answerability": [kind.upper()],
        "input": [*said, {"speaker": "user", "text": question}],
        "contexts": [{"document_id": f"{id}-{at}", "text": text} for at, text in enumerate(texts)],
    }


def write(folder: Path, lines: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True)
    (folder / turns.FILE).write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return folder


def asked(number: int, kind: Kind) -> Asked:
    return Asked(f"task-{number}", kind, "?", (), {})


def test_turns_are_read_with_their_history_and_passages(tmp_path: Path) -> None:
    one = line("a", "answerable", "And the rent?", "940 euros", before=("Who lets it?", "Anna."))
    folder = write(tmp_path / "set" / "deeper", [one, line("b", "partial", "Why?")])
    first, second = turns.read(folder.parent)
    assert first.history == (Turn("user", "Who lets it?"), Turn("assistant", "Anna."))
    assert (first.kind, first.question, first.passages) == (
        "answerable",
        "And the rent?",
        {"a-0": ("", "940 euros")},
    )
    assert second.kind == "partial" and not second.passages
    assert turns.pool([first, second]).documents == first.passages


@pytest.mark.parametrize("broken", ["{", "[]", '{"task_id": "x"}', json.dumps(line("x", "perhaps", "?"))])
def test_a_line_that_is_no_turn_is_named(tmp_path: Path, broken: str) -> None:
    (tmp_path / turns.FILE).write_text(
        json.dumps(line("a", "partial", "?")) + f"\n{broken}\n", encoding="utf-8"
    )
    with pytest.raises(EngineError, match="Line 2"):
        turns.read(tmp_path)
    with pytest.raises(EngineError, match=turns.FILE):
        turns.read(tmp_path / "nothing")


def test_the_passages_of_a_turn_are_searched_nearest_first() -> None:
    turn = Asked("a", "answerable", "?", (), {"1": ("", "bread and salt"), "2": ("Rent", "the rent is 940")})
    reply = turns.given(turn, FakeEmbedder())("rent 940")
    assert [(p.rank, p.text, p.title) for p in reply.results] == [
        (1, "the rent is 940", "Rent"),
        (2, "bread and salt", ""),
    ]
    assert reply.results[0].similarity > reply.results[1].similarity
    nothing = turns.given(asked(1, "unanswerable"), FakeEmbedder())("rent")
    assert nothing.results == () and nothing.total_files == 0


def test_thresholds_are_fitted_on_one_half_alone() -> None:
    every = [asked(number, "unanswerable" if number % 3 == 0 else "answerable") for number in range(200)]
    seen = [turn for turn in every if not turn.held]
    assert 70 < len(seen) < 130
    # On the half that is seen .7 parts the two kinds; on the other one .3 would.
    cut = {False: 0.7, True: 0.3}
    judged = [
        (turn, Evidence(cut[turn.held] + (0.04 if turn.kind == "answerable" else -0.06), 0.0, True))
        for turn in every
    ]
    least = refusal.fit(judged)
    assert 0.64 < least.words <= 0.74
    assert refusal.refusals([one for one in judged if not one[0].held], least).f1 == 1.0
    assert refusal.refusals([one for one in judged if one[0].held], least).wrongly == 1.0


def test_no_f1_is_worth_refusing_more_than_a_tenth_wrongly() -> None:
    kinds: tuple[Kind, ...] = ("answerable", "unanswerable")
    # Of the answerable ones a third looks just like the others: refusing them all would give the better F1.
    judged = []
    for number in range(400):
        turn = asked(number, kinds[number % 4 != 0])
        weak = turn.kind == "unanswerable" or number % 12 == 0
        judged.append((turn, Evidence(0.2 if weak else 0.9, 0.0, True)))
    seen = [one for one in judged if not one[0].held]
    assert refusal.refusals(seen, UNMEASURED).f1 > 0.8 and refusal.refusals(seen, UNMEASURED).wrongly > 0.2
    assert refusal.refusals(seen, refusal.fit(judged)).wrongly == 0.0


def test_unclear_turns_count_for_nothing_and_missing_names_for_a_refusal() -> None:
    strong, weak = Evidence(1.0, 1.0, True), Evidence(0.1, 0.1, True)
    judged = [
        (asked(1, "answerable"), strong),
        (asked(2, "unanswerable"), Evidence(1.0, 1.0, False)),
        (asked(3, "partial"), weak),
        (asked(4, "underspecified"), weak),
    ]
    found = refusal.refusals(judged, Calibration(0.5, 0.5))
    assert (found.absent, found.refused_absent, found.present, found.refused_present) == (1, 1, 1, 0)
