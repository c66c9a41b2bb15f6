"""From where on an adapter's memory is to be believed, found on questions that were held out.

Two thresholds (`answer.memory.Sureness`), each halfway between two kinds of answers: people ask in words of
their own, which moves all of them. `sure` lies between the least sure of the facts answered rightly and the
middle of what is said about nothing in the files; `learned` between what the adapter changed least of those
facts and most of the general answers.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.answer.memory import Recalled, Sureness
from engine.answer.pipeline import Answerer, Limits, Question
from engine.contracts import Control, Progress, SearchReply
from engine.models.chat import ChatModel
from engine.personalize.evaluate import ANSWER_TOKENS, Outcome, Probe, counts, outcome
from engine.personalize.run_folder import RunFolder

LOST = 0.05  # of the facts answered rightly that are not looked at: the least sure, the least learned
GENERAL_LOST = 0.02  # of the general answers, likewise: those the adapter changed most
LEAST_LEARNED = 0.5  # nats a token: made likelier by less than that, an answer is the base's own
LEAST_RIGHT = 5  # facts answered rightly: from fewer no threshold can be told


@dataclass(frozen=True)
class Tried:
    """A question put to the adapter without files, and what it said."""

    probe: Probe
    recalled: Recalled

    @property
    def right(self) -> bool:
        return counts(self.recalled.text, self.probe.answers)


def calibrate(tried: Sequence[Tried]) -> Sureness | None:
    """Thresholds from facts and general questions; None where too few facts were answered rightly."""
    known = [one.recalled for one in tried if one.probe.kind == "fact" and one.right]
    if len(known) < LEAST_RIGHT:
        return None
    sure = _share(LOST, [one.sure for one in known])
    absent = [one.recalled.sure for one in tried if one.probe.kind == "absent"]
    if absent:
        sure = min(sure, (sure + statistics.median(absent)) / 2)
    general = [-one.recalled.learned for one in tried if one.probe.kind == "general" and one.right]
    changed = max(LEAST_LEARNED, -_share(GENERAL_LOST, general)) if general else LEAST_LEARNED
    learned = _share(LOST, [one.learned for one in known])
    return Sureness(sure, max(changed, (changed + learned) / 2))


def _share(share: float, values: Sequence[float]) -> float:
    """The value that this share of `values` lies below."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def crossed(tried: Sequence[Tried]) -> list[Sureness | None]:
    """For each question the thresholds found on the other half: no question judges itself."""
    halves = [calibrate(tried[1::2]), calibrate(tried[::2])]
    return [halves[number % 2] for number in range(len(tried))]


def stored(run: RunFolder) -> Sureness | None:
    """The thresholds of a night's adapter; None before it was evaluated, or where it knows too little."""
    found = run.read().get("stages", {}).get("evaluate", {}).get("sureness")
    return Sureness(found["sure"], found["learned"]) if found else None


def run_memory(
    model: ChatModel,
    probes: Sequence[Probe],
    limits: Limits,
    control: Control,
    emit: Callable[[Progress], None],
    base: Sequence[Outcome],
) -> tuple[list[Outcome], Sureness | None]:
    """The arm "adapter", and the thresholds found on all of its answers. `base` is the arm without adapter.

    `model` carries the adapter. Each answer is judged by thresholds found without it. Raises Cancelled.
    """
    tried = recalled(model, probes, limits, control, emit)
    return told(model, tried, crossed(tried), limits, base), calibrate(tried)


def recalled(
    model: ChatModel,
    probes: Sequence[Probe],
    limits: Limits,
    control: Control,
    emit: Callable[[Progress], None],
) -> list[Tried]:
    """What the adapter says to every question, sure of it or not. Raises Cancelled."""
    tried = []
    answerer = _answerer(model, limits, None)
    for number, probe in enumerate(probes):
        control.check()
        emit(Progress("evaluate", number, len(probes), "adapter"))
        tried.append(Tried(probe, answerer.recall(_asked(probe))))
    return tried


def told(
    model: ChatModel,
    tried: Sequence[Tried],
    thresholds: Sequence[Sureness | None],
    limits: Limits,
    base: Sequence[Outcome],
) -> list[Outcome]:
    """What of it `ask` without files would say, by the thresholds for each; what it leaves to the base, that
    has said in `base`.
    """
    said = {one.probe: one for one in base}
    outcomes = []
    for one, sureness in zip(tried, thresholds, strict=True):
        answer = _answerer(model, limits, sureness).told(one.recalled)
        outcomes.append(
            replace(said[one.probe.id], arm="adapter")
            if answer is None
            else outcome("adapter", one.probe, answer)
        )
    return outcomes


def _asked(probe: Probe) -> Question:
    return Question(probe.question, (), False, ANSWER_TOKENS)


def _answerer(model: ChatModel, limits: Limits, sureness: Sureness | None) -> Answerer:
    return Answerer(model, None, _no_search, lambda _event: None, lambda: False, limits, sureness)


def _no_search(query: str) -> SearchReply:
    raise AssertionError("an arm without files searched")
