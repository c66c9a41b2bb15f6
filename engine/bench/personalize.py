"""`nocturne bench personalize`: nights over a folder, scored by questions the nights never saw.

Indexing before and scoring after are not part of the minutes. Several nights differ in their seed, and in
the invented folder where no other is given; with `--arms` they differ in what rows are composed of.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.api import Engine
from engine.bench import everyday
from engine.bench.night_score import FAMILIAR, Score, read_questions, score
from engine.contracts import Event, Progress
from engine.paths import Home, find_home
from engine.personalize.decide import Difference, difference
from engine.personalize.evaluate import Arm, ProbeKind, shares

COMPARED: tuple[tuple[Arm, Arm], ...] = (("base", "adapter"), ("base+files", "adapter+files"))
KINDS: tuple[ProbeKind, ...] = ("fact", "absent", "general")
# What rows are composed of, one source more each time.
ARMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("structure only", ("structure",)),
    ("+ questions", ("structure", "questions")),
    ("+ statements", ("structure", "questions", "statements")),
    ("+ replay", ("structure", "questions", "statements", "replay", "reading")),
)


def run(
    chosen_home: str | None,
    as_json: bool,
    folder: str | None,
    questions: str | None,
    minutes: float,
    seed: int,
    nights: int = 1,
    by_arms: bool = False,
) -> int:
    """Nights and their scores. Without `folder` and `questions` both are invented, by `seed` and up."""
    place = find_home(chosen_home).bench
    emit = (lambda _event: None) if as_json else _say
    found: list[tuple[str, Score]] = []
    if by_arms:
        files, asked = _given(place, folder, questions, seed)
        for name, sources in ARMS:
            earlier = found[0][1] if found else None
            one = _night(place, files, asked, minutes, emit, sources, earlier, with_files=False)
            found.append((name, one))
            _tell(found[-1], as_json)
    else:
        for number in range(nights):
            files, asked = _given(place, folder, questions, seed + number)
            found.append((f"night {number + 1}", _night(place, files, asked, minutes, emit)))
            _tell(found[-1], as_json)
    if as_json:
        print(json.dumps(_done(found, by_arms), ensure_ascii=False), flush=True)
    elif len(found) > 1 and not by_arms:
        _show_spread(found)
    return 0


def _given(place: Path, folder: str | None, questions: str | None, seed: int) -> tuple[Path, Path]:
    """Folder and questions, invented where none are given."""
    if folder is not None and questions is not None:
        return Path(folder), Path(questions)
    made, asked = place / "personalize-files", place / "personalize-questions.jsonl"
    shutil.rmtree(made, ignore_errors=True)
    everyday.write_questions(asked, everyday.write(made, seed))
    return made, asked


def _night(
    place: Path,
    folder: Path,
    questions: Path,
    minutes: float,
    emit: Callable[[Event], None],
    sources: Sequence[str] | None = None,
    earlier: Score | None = None,
    with_files: bool = True,
) -> Score:
    """One night from an empty home, and its score; `earlier`: of a night over the same questions.

    Without files: only what the weights answer is scored.
    """
    home = Home(place / "personalize")
    shutil.rmtree(home.root, ignore_errors=True)
    probes = read_questions(questions)
    with Engine(home.root, write=True, program="nocturne bench") as engine:
        engine.index([folder]).result()
        engine.set_learn(folder, True)
        job = engine.personalize(minutes, sources)
        for event in job.events():
            emit(event)
        return score(engine, job.result(), probes, folder, earlier, with_files)


def _say(event: Event) -> None:
    if isinstance(event, Progress):
        print(f"{event.phase} {event.done}/{event.total} {event.current}", file=sys.stderr, flush=True)


# -- what is printed -------------------------------------------------------------------------------


def _tell(night: tuple[str, Score], as_json: bool) -> None:
    """A night as soon as it is scored: the next ones take long."""
    if as_json:
        print(json.dumps({"event": "night", **_as_json(*night)}, ensure_ascii=False), flush=True)
    else:
        _show(*night)


def _done(found: Sequence[tuple[str, Score]], by_arms: bool) -> dict[str, Any]:
    """The last line of `--json`: each night by itself, and the mean; of different arms the last."""
    each = [_as_json(name, one) for name, one in found]
    if len(each) == 1:
        return {"event": "done", **each[0]}
    mean = {} if by_arms else {"arms": _means(found)}
    return {"event": "done", **each[-1], **mean, "nights": each}


def _means(found: Sequence[tuple[str, Score]]) -> dict[str, dict[str, float]]:
    tables = [shares(one.outcomes) for _name, one in found]
    return {
        arm: {kind: statistics.mean(table[arm][kind] for table in tables) for kind in kinds}
        for arm, kinds in tables[0].items()
    }


def _as_json(name: str, one: Score) -> dict[str, Any]:
    report = one.report
    return {
        "night": name,
        "arms": shares(one.outcomes),
        "promoted": report.promoted,
        "reason": report.reason,
        "minutes": report.minutes,
        "rows": report.rows,
        "tokens_per_s": report.tokens_per_s,
        "peak_mb": report.peak_mb,
        "unfamiliar": {"right": one.unfamiliar[0], "questions": one.unfamiliar[1]},
        "refused": {"facts": one.refused[0], "known": one.refused[1]},
        "reading": {arm: {"right": right, "questions": asked} for arm, (right, asked) in one.reading.items()},
        "differences": [asdict(difference) for difference in _differences(one)],
    }


def _differences(one: Score) -> list[Difference]:
    every = [difference(one.outcomes, kind, first, second) for first, second in COMPARED for kind in KINDS]
    return [found for found in every if found.questions]


def _show(name: str, one: Score) -> None:
    print(f"\n{name}\n| arm | fact | absent refused | general |\n|---|---|---|---|")
    for arm, kinds in shares(one.outcomes).items():
        cells = [f"{100 * kinds[kind]:.0f} %" if kind in kinds else "" for kind in KINDS]
        print(f"| {arm} | {' | '.join(cells)} |")
    for found in _differences(one):
        print(
            f"{found.kind}, {found.first} to {found.second}: {100 * found.mean:+.0f} "
            f"({100 * found.low:+.0f} to {100 * found.high:+.0f}) of {found.questions} questions"
        )
    right, asked = one.unfamiliar
    print(
        f"facts in words of which less than {FAMILIAR:.0%} stand in a trained row: {right} of {asked} known"
    )
    lost, known = one.refused
    print(f"facts the adapter answers rightly: {known}, of which it is not believed {lost}")
    for arm, (read, shown) in one.reading.items():
        print(f"reading, the right file pasted in, {arm}: {read} of {shown}")
    report = one.report
    minutes = ", ".join(f"{stage} {spent:.1f}" for stage, spent in report.minutes.items())
    print(
        f"{report.reason}\n{report.rows} rows, {report.tokens_per_s:.0f} tokens/s, "
        f"peak {report.peak_mb:.0f} MiB; minutes: {minutes}, {sum(report.minutes.values()):.1f} in all"
    )


def _show_spread(found: Sequence[tuple[str, Score]]) -> None:
    print(
        f"\n{len(found)} nights, mean (lowest to highest)\n| arm | {' | '.join(KINDS)} |\n|---|---|---|---|"
    )
    tables = [shares(one.outcomes) for _name, one in found]
    for arm, kinds in _means(found).items():
        cells = []
        for kind, mean in kinds.items():
            values = [100 * table[arm][kind] for table in tables]
            cells.append(f"{100 * mean:.0f} % ({min(values):.0f} to {max(values):.0f})")
        print(f"| {arm} | {' | '.join(cells)} |")
    print(f"switched on: {sum(one.report.promoted for _name, one in found)} of {len(found)}")
