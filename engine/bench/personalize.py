"""`nocturne bench personalize`: a night over a folder, scored by questions the night never saw.

Indexing before and scoring after are not part of the minutes. Arms without files get the question and the
weights: their search is one that fails when called. Arms with files are `Engine.ask`; only the adapter
differs.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from engine.answer.pipeline import Limits
from engine.api import Engine
from engine.bench import everyday
from engine.contracts import NightReport, Progress, SearchReply
from engine.errors import EngineError
from engine.models import catalog, prepare
from engine.models.llama import LlamaChat
from engine.paths import Home, find_home
from engine.personalize import rows
from engine.personalize.decide import Difference, difference
from engine.personalize.evaluate import ANSWER_TOKENS, Arm, Outcome, Probe, is_right, run_arm, shares
from engine.personalize.run_folder import RunFolder

FAMILIAR = 0.6  # of a question's words in one trained row: from there on the wording was trained, too
COMPARED: tuple[tuple[Arm, Arm], ...] = (("base", "adapter"), ("base+files", "adapter+files"))


def run(
    chosen_home: str | None,
    as_json: bool,
    folder: str | None,
    questions: str | None,
    minutes: float,
    seed: int,
) -> int:
    """One night and its score. Without `folder` and `questions` both are invented, by `seed`."""
    home = Home(find_home(chosen_home).bench / "personalize")
    shutil.rmtree(home.root, ignore_errors=True)
    if folder is None or questions is None:
        made = home.root.with_name("personalize-files")
        shutil.rmtree(made, ignore_errors=True)
        asked = home.root.with_name("personalize-questions.jsonl")
        everyday.write_questions(asked, everyday.write(made, seed))
        folder, questions = str(made), str(asked)
    probes = read_questions(Path(questions))
    with Engine(home.root, write=True, program="nocturne bench") as engine:
        engine.index([folder]).result()
        engine.set_learn(folder, True)
        job = engine.personalize(minutes)
        for event in job.events():
            if not as_json and isinstance(event, Progress):
                print(f"{event.phase} {event.done}/{event.total} {event.current}", flush=True)
        report = job.result()
        outcomes = [*_without_files(engine, report, probes), *_with_files(engine, report, probes)]
        trained = list(rows.read_rows(RunFolder(engine.home.nights / report.id).rows))
    _show(report, outcomes, familiar(probes, trained), as_json)
    return 0


def read_questions(path: Path) -> list[Probe]:
    """Lines {"id", "question", "answers", "kind"}. Raises EngineError("usage") naming the bad line."""
    probes = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            item = json.loads(line)
            answers = tuple(str(answer) for answer in item["answers"])
            probes.append(Probe(str(item["id"]), item["question"], answers, item.get("kind", "fact")))
        except (ValueError, KeyError, TypeError) as error:
            raise EngineError("usage", detail=f"Line {number} of {path} is no question.") from error
    return probes


def familiar(probes: Sequence[Probe], trained: Sequence[rows.Row]) -> set[str]:
    """Ids of the facts asked in words of which `FAMILIAR` or more stand in one trained row, names counted.

    What they show is memory for a wording; only the others show that a fact was learned.
    """
    asked = [_words(row.user) for row in trained if row.split == "train" and row.kind != "reading"]
    found = set()
    for probe in probes:
        words = _words(probe.question)
        if probe.kind == "fact" and any(len(words & row) >= FAMILIAR * len(words) for row in asked):
            found.add(probe.id)
    return found


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _without_files(engine: Engine, report: NightReport, probes: Sequence[Probe]) -> list[Outcome]:
    """Question and weights, nothing else."""
    card = catalog.default("chat")
    model = LlamaChat(
        prepare.prepared(card, engine.home), id=prepare.base_id(card), context=card.context, name=card.name
    )
    outcomes: list[Outcome] = []
    try:
        for arm in ("base", "adapter"):
            model.use_adapter(engine.adapter_file(report.id) if arm == "adapter" else None)
            outcomes += run_arm(
                arm, model, probes, _no_search, Limits.of(card), _Always(), lambda _event: None
            )
    finally:
        model.close()
    return outcomes


def _no_search(query: str) -> SearchReply:
    raise AssertionError("an arm without files searched")


class _Always:
    def check(self) -> None: ...


def _with_files(engine: Engine, report: NightReport, probes: Sequence[Probe]) -> list[Outcome]:
    outcomes: list[Outcome] = []
    arms: tuple[tuple[Arm, str], ...] = (("base+files", "none"), ("adapter+files", report.id))
    for arm, adapter in arms:
        for probe in probes:
            answer = engine.ask(probe.question, adapter=adapter, max_tokens=ANSWER_TOKENS).result()
            right = is_right(probe, answer)
            outcomes.append(Outcome(probe.id, arm, probe.kind, "", answer.answer, right))
    return outcomes


def _show(report: NightReport, outcomes: Sequence[Outcome], known: set[str], as_json: bool) -> None:
    arms = shares(outcomes)
    adapter = [outcome for outcome in outcomes if (outcome.arm, outcome.kind) == ("adapter", "fact")]
    unfamiliar = [outcome.right for outcome in adapter if outcome.probe not in known]
    differences = [
        difference(outcomes, kind, first, second)
        for first, second in COMPARED
        for kind in ("fact", "absent", "general")
    ]
    if as_json:
        done = {
            "event": "done",
            "arms": arms,
            "promoted": report.promoted,
            "reason": report.reason,
            "minutes": report.minutes,
            "rows": report.rows,
            "tokens_per_s": report.tokens_per_s,
            "peak_mb": report.peak_mb,
            "unfamiliar": {"questions": len(unfamiliar), "right": sum(unfamiliar)},
            "differences": [_as_json(found) for found in differences],
        }
        print(json.dumps(done, ensure_ascii=False), flush=True)
        return
    print("| arm | fact | absent refused | general |\n|---|---|---|---|")
    for arm, kinds in arms.items():
        cells = [
            f"{100 * kinds[kind]:.0f} %" if kind in kinds else "" for kind in ("fact", "absent", "general")
        ]
        print(f"| {arm} | {' | '.join(cells)} |")
    for found in differences:
        print(
            f"{found.kind}, {found.first} to {found.second}: {100 * found.mean:+.0f} "
            f"({100 * found.low:+.0f} to {100 * found.high:+.0f}) of {found.questions} questions"
        )
    print(
        f"{len(known)} of {len(adapter)} facts share {FAMILIAR:.0%} of their words or more with a trained "
        f"row; of the others the adapter alone knows {sum(unfamiliar)} of {len(unfamiliar)}"
    )
    print(
        f"{report.reason}\n{report.rows} rows, {report.tokens_per_s:.0f} tokens/s, "
        f"peak {report.peak_mb:.0f} MiB"
    )


def _as_json(found: Difference) -> dict[str, object]:
    return {
        "kind": found.kind,
        "first": found.first,
        "second": found.second,
        "mean": found.mean,
        "low": found.low,
        "high": found.high,
        "questions": found.questions,
    }
