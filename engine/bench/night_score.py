"""Scores a finished night by questions it never saw.

Arms without files get the question and the weights: their search is one that fails when called. Arms with
files are `Engine.ask`; only the adapter differs. Reading is asked apart: the right file pasted in, no search
and no check, what the model itself makes of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.answer import prompt as prompts
from engine.answer.citations import strip_markers
from engine.answer.excerpts import Excerpt
from engine.answer.pipeline import Limits
from engine.api import Engine
from engine.contracts import NightReport, Passage, SearchReply
from engine.documents.reader import read
from engine.errors import EngineError
from engine.models import catalog, prepare
from engine.models.chat import ChatModel
from engine.models.llama import LlamaChat
from engine.personalize import calibrate, rows
from engine.personalize.evaluate import ANSWER_TOKENS, Arm, Outcome, Probe, counts, is_right, run_arm
from engine.personalize.run_folder import RunFolder

FAMILIAR = 0.6  # of a question's words in one trained row: from there on the wording was trained, too
PASTED = 4000  # code points of a file, at most, that the reading test shows


@dataclass(frozen=True)
class Score:
    """What one night was worth. `unfamiliar`, `reading`: (right, asked); reading of base and adapter.

    `refused`: (refused, known), facts that the adapter answered rightly and was not believed.
    """

    report: NightReport
    outcomes: tuple[Outcome, ...]
    unfamiliar: tuple[int, int]
    refused: tuple[int, int]
    reading: dict[str, tuple[int, int]]


def score(
    engine: Engine,
    report: NightReport,
    probes: Sequence[Probe],
    folder: Path,
    earlier: Score | None = None,
    with_files: bool = True,
) -> Score:
    """All arms over all questions. `folder` holds the files that the questions name.

    `earlier`: a night over the same files and questions, of which the base answered the same. Without files
    neither `ask` nor reading is scored.
    """
    run = RunFolder(engine.home.nights / report.id)
    outcomes, refused, reading = _without_files(engine, run, probes, folder if with_files else None, earlier)
    if with_files:
        outcomes += _with_files(engine, report, probes, earlier)
    known = familiar(probes, list(rows.read_rows(run.rows)))
    right = [
        one.right for one in outcomes if (one.arm, one.kind) == ("adapter", "fact") and one.probe not in known
    ]
    return Score(report, tuple(outcomes), (sum(right), len(right)), refused, reading)


def read_questions(path: Path) -> list[Probe]:
    """Lines {"id", "question", "answers", "kind", "file"}; `file` may be missing, or is below the folder.

    Raises EngineError("usage") naming the bad line.
    """
    probes = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            item = json.loads(line)
            answers = tuple(str(answer) for answer in item["answers"])
            kind, file = item.get("kind", "fact"), item.get("file", "")
            probes.append(Probe(str(item["id"]), item["question"], answers, kind, file))
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


def _without_files(
    engine: Engine, run: RunFolder, probes: Sequence[Probe], folder: Path | None, earlier: Score | None
) -> tuple[list[Outcome], tuple[int, int], dict[str, tuple[int, int]]]:
    """Question and weights, nothing else: outcomes, and `refused` and `reading` of `Score`."""
    card = catalog.default("chat")
    limits, sureness = Limits.of(card), calibrate.stored(run)
    model = LlamaChat(
        prepare.prepared(card, engine.home), id=prepare.base_id(card), context=card.context, name=card.name
    )
    try:
        if earlier is None:
            outcomes = run_arm(
                "base", model, None, probes, _no_search, limits, _Always(), lambda _event: None
            )
            reading = {"base": _reading(model, probes, folder)} if folder else {}
        else:
            outcomes = _of(earlier, "base")
            reading = dict(earlier.reading)
        model.use_adapter(engine.adapter_file(run.id))
        tried = calibrate.recalled(model, probes, limits, _Always(), lambda _event: None)
        outcomes += calibrate.told(model, tried, [sureness] * len(tried), limits, outcomes)
        if folder:
            reading["adapter"] = _reading(model, probes, folder)
    finally:
        model.close()
    known = [one for one in tried if one.probe.kind == "fact" and one.right]
    lost = sum(sureness is not None and sureness.judge(one.recalled) == "guessed" for one in known)
    return outcomes, (lost, len(known)), reading


def _reading(model: ChatModel, probes: Sequence[Probe], folder: Path) -> tuple[int, int]:
    """(right, asked): facts whose file is named, that file in the prompt."""
    asked = [probe for probe in probes if probe.kind == "fact" and probe.document]
    right = 0
    for probe in asked:
        text = read(folder / probe.document).text[:PASTED]
        passage = Passage(1, str(folder / probe.document), None, "", text, 0, len(text), 1.0)
        user = prompts.asked(probe.question, [Excerpt(passage, text)])
        prompt = model.render(prompts.messages(user, with_files=True))
        answer = "".join(model.generate(prompt, ANSWER_TOKENS))
        right += counts(strip_markers(answer), probe.answers)
    return right, len(asked)


def _no_search(query: str) -> SearchReply:
    raise AssertionError("an arm without files searched")


class _Always:
    def check(self) -> None: ...


def _of(score: Score, arm: Arm) -> list[Outcome]:
    return [one for one in score.outcomes if one.arm == arm]


def _with_files(
    engine: Engine, report: NightReport, probes: Sequence[Probe], earlier: Score | None
) -> list[Outcome]:
    outcomes = _of(earlier, "base+files") if earlier else []
    arms: list[tuple[Arm, str]] = [("base+files", "none"), ("adapter+files", report.id)]
    for arm, adapter in arms[1:] if earlier else arms:
        for probe in probes:
            answer = engine.ask(probe.question, adapter=adapter, max_tokens=ANSWER_TOKENS).result()
            right = is_right(probe, answer)
            outcomes.append(Outcome(probe.id, arm, probe.kind, probe.document, answer.answer, right))
    return outcomes
