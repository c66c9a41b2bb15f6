"""From where on an adapter's memory is to be believed, found on questions that were held out.

Two thresholds (`answer.memory.Sureness`). The first is as low as refuses `REFUSED` of the questions about
nothing in the files, and never so high that more than `LOST` of the facts answered rightly fall below it:
people ask in words of their own, which makes an adapter less sure than held-out wordings do. Of the general
questions the second spares all but `GENERAL_LOST`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.answer.memory import Recalled, Sureness
from engine.answer.pipeline import Answerer, Limits, Question
from engine.contracts import Control, Progress, SearchReply
from engine.models.chat import ChatModel
from engine.personalize.evaluate import ANSWER_TOKENS, Outcome, Probe, counts, outcome
from engine.personalize.run_folder import RunFolder

LOST = 0.05
REFUSED = 0.7
GENERAL_LOST = 0.02
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
    known = sorted(one.recalled.sure for one in tried if one.probe.kind == "fact" and one.right)
    if len(known) < LEAST_RIGHT:
        return None
    sure = known[int(LOST * len(known))]
    absent = sorted(one.recalled.sure for one in tried if one.probe.kind == "absent")
    if absent:
        sure = min(sure, absent[min(len(absent) - 1, int(REFUSED * len(absent)))])
    # A general answer is lost only where the adapter is unsure of it, too.
    shaky = sorted(
        one.recalled.learned
        for one in tried
        if one.probe.kind == "general" and one.right and one.recalled.sure < sure
    )
    right = sum(one.probe.kind == "general" and one.right for one in tried)
    spared = len(shaky) - int(GENERAL_LOST * right)
    return Sureness(sure, max(LEAST_LEARNED, shaky[spared - 1] + 1e-6 if spared > 0 else 0.0))


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
) -> tuple[list[Outcome], Sureness | None]:
    """The arm "adapter", and the thresholds found on all of its answers. `model` carries the adapter.

    Each answer is judged by thresholds found without it. Raises Cancelled.
    """
    tried = recalled(model, probes, limits, control, emit)
    return told(model, tried, crossed(tried), limits), calibrate(tried)


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
    model: ChatModel, tried: Sequence[Tried], thresholds: Sequence[Sureness | None], limits: Limits
) -> list[Outcome]:
    """What of it `ask` without files would say, by the thresholds for each."""
    return [
        outcome(
            "adapter", one.probe, _answerer(model, limits, sureness).told(_asked(one.probe), one.recalled)
        )
        for one, sureness in zip(tried, thresholds, strict=True)
    ]


def _asked(probe: Probe) -> Question:
    return Question(probe.question, (), False, ANSWER_TOKENS)


def _answerer(model: ChatModel, limits: Limits, sureness: Sureness | None) -> Answerer:
    return Answerer(model, _no_search, lambda _event: None, lambda: False, limits, sureness)


def _no_search(query: str) -> SearchReply:
    raise AssertionError("an arm without files searched")
