"""`nocturne bench answers`: lines and short answers of a folder, citations, refusals, swaps, and the cost.

Each part stands by itself and works below HOME/bench/answers. Where there is a plain arm, both arms are asked
the same questions in one run.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from engine.api import Engine
from engine.bench import (
    arms,
    everyday,
    follow_up,
    injection,
    injection_files,
    lines,
    overhead,
    paperwork,
    refusal,
    report,
    short_answers,
    swaps,
)
from engine.bench.night_score import read_questions
from engine.bench.report import Row
from engine.errors import EngineError
from engine.models.load import load_chat
from engine.paths import find_home
from engine.personalize.evaluate import Probe

TIL = "til_questions.jsonl"


@dataclass(frozen=True)
class Wanted:
    """What `bench answers` was asked for.

    `folder` and `questions` replace the invented ones; `til` is a copy of the notes that questions of ours
    are about, `mtrag` holds conversations. `most` questions of each kind are put to a model (None: all).
    `calibrate`: keep what is fitted on other invented folders and half of the conversations.
    """

    folder: Path | None = None
    questions: Path | None = None
    til: Path | None = None
    mtrag: Path | None = None
    passages: int = 10_000
    most: int | None = None
    seed: int = 1
    calibrate: bool = False


def _folder(place: Path, wanted: Wanted) -> list[Row]:
    files, probes = _asked(place, wanted)
    return _compared("folder", place, files, _some(probes, wanted.most))


def _til(place: Path, wanted: Wanted) -> list[Row]:
    assert wanted.til is not None
    return _compared("til", place, wanted.til, _some(til_questions(), wanted.most))


def _swaps(place: Path, _wanted: Wanted) -> list[Row]:
    return swaps.rows(place)


def _injection(place: Path, wanted: Wanted) -> list[Row]:
    home, folder = place / "home", place / "files"
    for old in (home, folder):
        shutil.rmtree(old, ignore_errors=True)
    with Engine(home, write=True, program="nocturne bench") as engine:
        count = min(injection_files.COUNT, wanted.most or injection_files.COUNT)
        return injection.run(engine, folder, count, lambda outcome: _tell(outcome.attack.kind)).rows()


def _follow_up(place: Path, wanted: Wanted) -> list[Row]:
    files, probes = _asked(place, wanted)
    with Engine(place / "home", write=True, program="nocturne bench") as engine:
        engine.index([files]).result()
        return follow_up.rows(engine, probes, min(follow_up.CHATS, wanted.most or follow_up.CHATS))


def _mtrag(place: Path, wanted: Wanted) -> list[Row]:
    assert wanted.mtrag is not None
    return refusal.rows(place, wanted.mtrag, wanted.most, _tell)


def _lines(place: Path, wanted: Wanted) -> list[Row]:
    return lines.rows(place, wanted.seed, wanted.mtrag, wanted.calibrate)


def _overhead(place: Path, wanted: Wanted) -> list[Row]:
    questions = min(overhead.QUESTIONS, wanted.most or overhead.QUESTIONS)
    # The same library that `bench library` makes and searches.
    return overhead.rows(place.parents[1] / "library" / "search", wanted.passages, questions)


PARTS: dict[str, Callable[[Path, Wanted], list[Row]]] = {
    "lines": _lines,
    "folder": _folder,
    "til": _til,
    "swaps": _swaps,
    "injection": _injection,
    "conversations": _mtrag,
    "follow-up": _follow_up,
    "overhead": _overhead,
}


def run(chosen_home: str | None, as_json: bool, wanted: Wanted, part: str | None = None) -> int:
    """Measure one part, or all whose data is there; print the table, return 0: a missed goal is a result.

    Raises EngineError("usage") where the part needs data that was not given.
    """
    place = find_home(chosen_home).bench / "answers"
    missing = {"til": wanted.til is None, "conversations": wanted.mtrag is None}
    if part is not None and missing.get(part):
        option = {"til": "--til DIR", "conversations": "--mtrag DIR"}[part]
        raise EngineError("usage", detail=f"bench answers --part {part} needs {option}.")
    names = [part] if part else [name for name in PARTS if not missing.get(name)]
    rows = []
    for name in names:
        _tell(name)
        rows += PARTS[name](place / name, wanted)
    report.show(" ".join(("answers", *filter(None, [part]))), rows, as_json)
    return 0


def til_questions() -> list[Probe]:
    """Questions of our own about the public notes github.com/simonw/til, with the files that answer them."""
    with as_file(files("engine.bench").joinpath(TIL)) as path:
        return read_questions(path)


def _asked(place: Path, wanted: Wanted) -> tuple[Path, list[Probe]]:
    """Files and questions: those given, else invented by seed."""
    if wanted.folder is not None and wanted.questions is not None:
        return wanted.folder, read_questions(wanted.questions)
    made = place / "files"
    shutil.rmtree(made, ignore_errors=True)
    everyday.write_questions(place / "questions.jsonl", paperwork.write(made, wanted.seed))
    return made, read_questions(place / "questions.jsonl")


def _compared(name: str, place: Path, files: Path, probes: Sequence[Probe]) -> list[Row]:
    with Engine(place / "home", write=True, program="nocturne bench") as engine:
        engine.index([files]).result()
        model = load_chat(engine.home)
        try:
            ours, plain = arms.both(engine, model, probes, _tell)
        finally:
            model.close()
    return short_answers.rows(name, ours, plain)


def _some(probes: Sequence[Probe], most: int | None) -> list[Probe]:
    """So many of each kind, evenly from the whole: files of one shape stand together."""
    if most is None:
        return list(probes)
    kinds = {probe.kind: [one for one in probes if one.kind == probe.kind] for probe in probes}
    return [one for every in kinds.values() for one in every[:: max(1, len(every) // most)][:most]]


def _tell(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
