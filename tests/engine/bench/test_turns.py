"""Conversations of `nocturne bench answers`: how they are read, searched, and what is fitted on them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.bench import turns
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


def test_about_half_of_the_turns_are_held() -> None:
    every = [asked(number, "answerable") for number in range(200)]
    assert 70 < sum(turn.held for turn in every) < 130
