"""Scores a night: the same held-out questions put to the base and to the adapter, without and with files.

Arms without files get the question and the weights, nothing else. Arms with files are the code of `ask`
over the copy of the passages that the night took; only the adapter differs between them. Nothing here opens
the library's index or the training rows.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.answer.citations import strip_markers
from engine.answer.memory import Sureness
from engine.answer.pipeline import Answerer, Limits, Question
from engine.contracts import Answer, Control, Progress, SearchReply
from engine.models.chat import ChatModel
from engine.models.embedder import Embedder

Arm = Literal["base", "base+files", "adapter", "adapter+files"]
ProbeKind = Literal["fact", "absent", "general"]
ARMS: tuple[Arm, ...] = ("base", "base+files", "adapter", "adapter+files")
MOST_WORDS = 40  # a longer answer counts as wrong, whatever it contains
ANSWER_TOKENS = 64
TOGETHER = 12  # probes between two swaps of the adapter


@dataclass(frozen=True)
class Probe:
    """A question with the spans that count as right (none for "absent"), and the document it is about."""

    id: str
    question: str
    answers: tuple[str, ...]
    kind: ProbeKind
    document: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one arm answered to one probe, and whether it counts."""

    probe: str
    arm: Arm
    kind: ProbeKind
    document: str
    answer: str
    right: bool


def counts(answer: str, golds: Iterable[str]) -> bool:
    """Whether `answer` holds a gold span on word boundaries, ignoring case, in at most 40 words."""
    if len(answer.split()) > MOST_WORDS:
        return False
    return any(re.search(rf"(?<!\w){re.escape(gold)}(?!\w)", answer, re.IGNORECASE) for gold in golds)


def is_right(probe: Probe, answer: Answer) -> bool:
    """An absent fact is answered rightly by not answering."""
    if probe.kind == "absent":
        return answer.abstained
    return not answer.abstained and counts(strip_markers(answer.answer), probe.answers)


def run_arm(
    arm: Arm,
    model: ChatModel,
    embedder: Embedder | None,
    probes: Sequence[Probe],
    search: Callable[[str], SearchReply],
    limits: Limits,
    control: Control,
    emit: Callable[[Progress], None],
    sureness: Sureness | None = None,
) -> list[Outcome]:
    """Put every probe to one arm. `model` carries the arm's adapter already; without files no `embedder` is
    needed. Raises Cancelled.
    """
    files = arm.endswith("+files")
    outcomes: list[Outcome] = []
    answerer = Answerer(model, embedder, search, lambda _event: None, lambda: False, limits, sureness)
    for number, probe in enumerate(probes):
        control.check()
        emit(Progress("evaluate", number, len(probes), arm))
        answer = answerer.answer(Question(probe.question, (), files, ANSWER_TOKENS))
        outcomes.append(outcome(arm, probe, answer))
    return outcomes


def run_with_files(
    model: ChatModel,
    embedder: Embedder,
    adapter: Path,
    sureness: Sureness | None,
    probes: Sequence[Probe],
    search: Callable[[str], SearchReply],
    limits: Limits,
    control: Control,
    emit: Callable[[Progress], None],
    enough: Callable[[float], bool],
) -> list[Outcome]:
    """Both arms with files, a few probes at a time: whatever is asked, both are asked it.

    Ends where there is not time for as many seconds as the longest few took (`enough`). Kinds take turns,
    so that an early end leaves some of each. Leaves the adapter on. Raises Cancelled.
    """
    ordered = _mixed(probes)
    outcomes: list[Outcome] = []
    longest = 0.0
    for first in range(0, len(ordered), TOGETHER):
        if outcomes and enough(longest):
            break
        began = time.monotonic()
        few = ordered[first : first + TOGETHER]
        model.use_adapter(None)
        outcomes += run_arm("base+files", model, embedder, few, search, limits, control, emit)
        model.use_adapter(adapter)
        outcomes += run_arm("adapter+files", model, embedder, few, search, limits, control, emit, sureness)
        longest = max(longest, time.monotonic() - began)
    return outcomes


def _mixed(probes: Sequence[Probe]) -> list[Probe]:
    """Each kind spread evenly over the whole."""
    sizes = Counter(probe.kind for probe in probes)
    seen: Counter[str] = Counter()
    places: list[tuple[float, int]] = []
    for number, probe in enumerate(probes):
        places.append(((seen[probe.kind] + 0.5) / sizes[probe.kind], number))
        seen[probe.kind] += 1
    return [probes[number] for _place, number in sorted(places)]


def outcome(arm: Arm, probe: Probe, answer: Answer) -> Outcome:
    return Outcome(probe.id, arm, probe.kind, probe.document, answer.answer, is_right(probe, answer))


def asked(outcomes: Sequence[Outcome]) -> Mapping[str, Mapping[str, int]]:
    """Arm -> kind -> number of questions put to it: with files fewer, where the minutes were short."""
    table: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        kinds = table.setdefault(outcome.arm, {})
        kinds[outcome.kind] = kinds.get(outcome.kind, 0) + 1
    return table


def shares(outcomes: Sequence[Outcome]) -> Mapping[str, Mapping[str, float]]:
    """Arm -> kind -> share of right answers; kinds without probes are left out."""
    table: dict[str, dict[str, list[bool]]] = {}
    for outcome in outcomes:
        table.setdefault(outcome.arm, {}).setdefault(outcome.kind, []).append(outcome.right)
    return {
        arm: {kind: sum(right) / len(right) for kind, right in kinds.items()} for arm, kinds in table.items()
    }
