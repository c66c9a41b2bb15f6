"""`nocturne bench answers` as a command, on files and conversations of a few lines, without real models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.answer import calibration
from engine.bench import answers, lines
from engine.bench.answers import Wanted
from engine.bench.report import Row
from engine.cli import main
from engine.errors import EngineError
from engine.models.fake import FakeEmbedder
from engine.paths import find_home
from tests.engine.bench.test_turns import line, write

pytestmark = pytest.mark.process

FILES = {
    "shed.txt": "The shed was built by Nadia Kowal. The door of the shed is green.\n",
    "well.txt": "The well is 23 metres deep. The pump of the well was repaired by Piet Vermeer.\n",
}
QUESTIONS: tuple[tuple[str, list[str], str, str], ...] = (
    ("Who built the shed?", ["Nadia Kowal"], "fact", "shed.txt"),
    ("Which colour is the door of the shed?", ["green"], "fact", "shed.txt"),
    ("How deep is the well?", ["23"], "fact", "well.txt"),
    ("Who repaired the pump of the well?", ["Piet Vermeer"], "fact", "well.txt"),
    ("What did Zoltan Obermeyer say?", [], "absent", ""),
)


def files(folder: Path) -> tuple[Path, Path]:
    """A folder, and a file of questions about it."""
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    asked = folder.with_name("questions.jsonl")
    lines = [
        json.dumps({"id": str(n), "question": q, "answers": a, "kind": k, "file": f})
        for n, (q, a, k, f) in enumerate(QUESTIONS)
    ]
    asked.write_text("\n".join(lines) + "\n")
    return folder, asked


def table(printed: str) -> dict[str, dict[str, object]]:
    return {row["name"]: row for row in json.loads(printed)["rows"]}


def test_both_arms_answer_the_same_questions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, asked = files(tmp_path / "mine")
    words = [
        "bench",
        "answers",
        "--part",
        "folder",
        "--folder",
        str(folder),
        "--questions",
        str(asked),
        "--json",
    ]
    assert main(words) == 0
    rows = table(capsys.readouterr().out)
    answered = rows["folder: answered, of 4 (a gold span in 40 words)"]
    assert answered["value"] == answered["plain"] == 100.0 and answered["met"]
    assert rows["folder: citation precision"]["value"] == rows["folder: citation recall"]["value"] == 1.0
    assert rows["folder: absent refused, of 1"]["value"] == 100.0
    assert rows["folder: refusal F1"]["met"] and rows["folder: wrongly refused"]["value"] == 0.0


def test_a_second_turn_is_measured_by_what_the_first_left_in_memory(tmp_path: Path) -> None:
    folder, asked = files(tmp_path / "mine")
    wanted = Wanted(folder, asked, most=2)
    chats, cached, later = answers.PARTS["follow-up"](find_home(None).bench / "follow-up", wanted)
    assert chats.value == 2
    assert 0 < cached.value <= 100 and cached.spread and cached.spread[0] <= cached.value <= cached.spread[1]
    assert later.value > 0 and later.goal == "at most 0.5"


def talks(folder: Path) -> Path:
    """A few conversations, some of which have no answer."""
    lines = [
        line(
            f"{n}",
            "answerable",
            f"How deep is the well of farm {n}?",
            f"The well of farm {n} is {n + 20} metres deep.",
        )
        for n in range(10)
    ]
    lines += [line(f"u{n}", "unanswerable", f"Which tax does a {n}-room hotel pay abroad?") for n in range(6)]
    lines += [
        line(f"p{n}", "partial", f"How deep and wide is well {n}?", f"Well {n} is 9 metres deep.")
        for n in range(6)
    ]
    return write(folder, lines)


def test_conversations_are_judged_and_answered(tmp_path: Path) -> None:
    wanted = Wanted(mtrag=talks(tmp_path / "talks"), most=2)
    rows: list[Row] = answers.PARTS["conversations"](find_home(None).bench / "talks", wanted)
    found = {row.name: row for row in rows}
    for search in ("its own passages", "passages of all"):
        label = f"conversations, {search}"
        assert found[f"{label}, by the best line: refusal F1"].value == 1.0
        assert found[f"{label}, answered: refusal F1"].value > 0
        assert found[f"{label}, answered: refusal F1"].plain is not None
    assert any(name.endswith("partial refused") for name in found)


def test_lines_are_fitted_kept_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "program").mkdir()
    monkeypatch.setattr(lines, "resource", lambda name: tmp_path / "program" / name)
    monkeypatch.setattr(lines, "FITTED", 1)
    monkeypatch.setattr(calibration, "resource", lambda name: tmp_path / "program" / name)
    wanted = Wanted(mtrag=talks(tmp_path / "talks"), calibrate=True)
    try:
        found, f1, wrongly = answers.PARTS["lines"](find_home(None).bench / "lines", wanted)
        embedder = FakeEmbedder().id
        kept = (tmp_path / "program" / "calibration" / f"{embedder}.toml").read_text()
        assert "line_held" in kept and calibration.stored(embedder) != calibration.UNMEASURED
        again = answers.PARTS["lines"](find_home(None).bench / "lines", Wanted())
    finally:
        calibration.stored.cache_clear()
    assert found.name == "lines: the one that answers found, of 124" and found.value > found.plain
    assert f1.value > 0 and wrongly.value < 100
    assert [row.value for row in again] == [found.value, f1.value, wrongly.value]


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EngineError, match="--til DIR"):
        answers.run(None, False, Wanted(), "til")
    for words, said in (
        (["answers", "--part", "search"], "no part of bench answers"),
        (["library", "--part", "swaps"], "no part of bench library"),
        (["answers", "--calibrate"], "--mtrag DIR"),
        (["answers", "--folder", str(tmp_path)], "go together"),
        (["answers", "--mtrag", str(tmp_path)], "reference.jsonl"),
    ):
        assert main(["bench", *words, *(["--part", "conversations"] if "--mtrag" in words else [])]) == 2
        assert said in capsys.readouterr().err
