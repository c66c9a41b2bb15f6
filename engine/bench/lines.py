"""Is the line that answers found, and is it told where there is none? And the weights that decide it, fitted.

Fitted on invented folders of other seeds than the one that is reported, and on the half of the conversations
that is not held. The plain arm takes the line that holds most of the question's rare words.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.answer import calibration, lookup
from engine.answer.calibration import Weights
from engine.answer.pipeline import readable
from engine.answer.questions import search_query
from engine.api import Engine
from engine.bench import everyday, fitting, paperwork, refusal
from engine.bench.night_score import read_questions
from engine.bench.report import Row, at_most
from engine.bench.short_answers import Cited, Refusals, is_gold
from engine.errors import EngineError
from engine.models.embedder import Embedder
from engine.models.load import load_embedder
from engine.personalize.evaluate import Probe
from engine.workers.answer_role import SEARCHED
from resources import resource

FITTED = 3  # folders, of the seeds that follow
PLAIN = Weights(line={"words": 1.0})
STEPS = [step / 50 for step in range(1, 50)]  # of the probability from which an answer is given


@dataclass(frozen=True)
class Case:
    """A question's lines, each with whether it is right; `answered`: the files hold an answer."""

    answered: bool
    lines: Sequence[tuple[Mapping[str, float], bool]]
    weight: float = 1.0

    def best(self, weights: Weights) -> tuple[Mapping[str, float], bool] | None:
        return max(self.lines, key=lambda line: weights.of_line(line[0]), default=None)

    def refused(self, weights: Weights) -> bool:
        best = self.best(weights)
        return best is None or lookup.probability(best[0], weights) < weights.least


def rows(place: Path, seed: int, mtrag: Path | None, keep: bool) -> list[Row]:
    """On the invented folder of `seed`, by the weights in use; with `keep` they are fitted and kept first."""
    with Engine(place / "home", write=True, program="nocturne bench") as engine:
        embedder = load_embedder(engine.home)
    held = list(_folder(place, seed, embedder))
    weights = calibration.stored(embedder.id)
    if keep:
        weights = _kept(place, seed, mtrag, embedder, held)
    facts = [one for one in held if one.answered]
    found = refusals(held, weights)
    right = 100 * _right(facts, weights)
    return [
        Row(
            f"lines: the one that answers found, of {len(facts)}",
            right,
            "%",
            plain=100 * _right(facts, PLAIN),
        ),
        Row("lines: refusal F1 by the best one", found.f1, "", "at least 0.8", found.f1 >= 0.8),
        at_most("lines: wrongly refused", 100 * found.wrongly, "%", 10),
    ]


def fit(invented: Sequence[Case], conversations: Sequence[Case] = ()) -> Weights:
    """The weights of both scores, and the probability of the best refusal F1 at 10 % refused wrongly at most.

    Conversations do not tell which line is right, only whether there is one.
    """
    line = fitting.listwise([one.lines for one in invented], lookup.FEATURES)
    weights = Weights(line=line)
    seen = [
        (best[0], one.answered, one.weight / len(group))
        for group in (invented, conversations)
        for one in group
        if (best := one.best(weights)) is not None
    ]
    sure, bias = fitting.logistic(seen, lookup.SURENESS)
    weights = replace(weights, sure=sure, bias=bias)

    def worth(least: float) -> tuple[float, float]:
        tried = replace(weights, least=least)
        groups = [refusals(group, tried) for group in (invented, conversations) if group]
        most = max(found.wrongly for found in groups)
        return -max(most, refusal.MOST_WRONGLY), sum(found.f1 for found in groups)

    return replace(weights, least=max(STEPS, key=worth))


def refusals(asked: Sequence[Case], weights: Weights) -> Refusals:
    return Refusals.of([(not one.answered, one.refused(weights)) for one in asked])


def _right(facts: Sequence[Case], weights: Weights) -> float:
    found = [one.best(weights) for one in facts]
    return sum(best is not None and best[1] for best in found) / len(found)


def _folder(place: Path, seed: int, embedder: Embedder) -> Iterator[Case]:
    folder, questions = place / f"files-{seed}", place / f"questions-{seed}.jsonl"
    shutil.rmtree(folder, ignore_errors=True)
    everyday.write_questions(questions, paperwork.write(folder, seed))
    with Engine(place / f"home-{seed}", write=True, program="nocturne bench") as engine:
        engine.index([folder]).result()
        for probe in read_questions(questions):
            if probe.kind != "general":
                passages = readable(engine.search(probe.question, SEARCHED).result()).results
                lines = lookup.lines(probe.question, passages, embedder)
                yield Case(probe.kind == "fact", [(line.features, _is_right(line, probe)) for line in lines])


def _is_right(line: lookup.Line, probe: Probe) -> bool:
    return probe.kind == "fact" and is_gold(Cited(line.passage.path, line.text), probe)


def _kept(place: Path, seed: int, mtrag: Path | None, embedder: Embedder, held: Sequence[Case]) -> Weights:
    """Fitted, and written into the program's own folder, where the next one to start reads it."""
    invented = [
        one for other in range(seed + 1, seed + 1 + FITTED) for one in _folder(place, other, embedder)
    ]
    fitted = fit(invented, list(_conversations(place, mtrag, embedder)) if mtrag else ())
    found = refusals(held, fitted)
    measured = {
        "line_held": _right([one for one in held if one.answered], fitted),
        "refusal_f1_held": found.f1,
        "wrongly_refused_held": found.wrongly,
    }
    path = resource("models.toml").with_name("calibration") / f"{embedder.id}.toml"
    text = calibration.written(fitted, {name: round(value, 4) for name, value in measured.items()})
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        detail = f"{path.parent} cannot be written: --calibrate changes the program itself."
        raise EngineError("usage", detail=detail) from error
    calibration.stored.cache_clear()
    return fitted


def _conversations(place: Path, mtrag: Path, embedder: Embedder) -> Iterator[Case]:
    """The turns with an answer or without one that are not held."""
    with Engine(place / "home-conversations", write=True, program="nocturne bench") as engine:
        for turn in refusal.indexed(engine, place, mtrag):
            if not turn.held and turn.kind in ("answerable", "unanswerable"):
                query = search_query(turn.question, turn.history)
                passages = readable(engine.search(query, SEARCHED).result()).results
                lines = lookup.lines(query, passages, embedder)
                yield Case(turn.kind == "answerable", [(line.features, False) for line in lines])
