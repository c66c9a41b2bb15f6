"""How good short answers are: what they contain, what they cite, and what they refuse."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.answer.citations import strip_markers
from engine.bench.report import Row
from engine.personalize.evaluate import MOST_WORDS, Probe, counts

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Cited:
    """A piece of evidence that an answer names: the file, and what is quoted of it."""

    path: str
    text: str


@dataclass(frozen=True)
class Given:
    """What one arm gave to one question."""

    probe: Probe
    answer: str
    refused: bool
    cited: tuple[Cited, ...] = ()

    @property
    def right(self) -> bool:
        """It holds a gold span in at most 40 words; of an absent thing: it was refused."""
        if self.probe.kind == "absent":
            return self.refused
        return not self.refused and counts(strip_markers(self.answer), self.probe.answers)


def exact(answer: str, golds: Sequence[str]) -> bool:
    """Whether the whole answer is a gold span, case, punctuation and articles aside."""
    return any(_words(answer) == _words(gold) for gold in golds)


def overlap(answer: str, golds: Sequence[str]) -> float:
    """F1 of the answer's words against the gold span it shares most with."""
    return max((_overlap(_words(answer), _words(gold)) for gold in golds), default=0.0)


def is_gold(cited: Cited, probe: Probe) -> bool:
    """Whether the quoted text holds a gold span and, where the question names a file, is of that file."""
    file = not probe.document or Path(cited.path).as_posix().endswith("/" + probe.document)
    return file and counts_anywhere(cited.text, probe.answers)


def counts_anywhere(text: str, golds: Sequence[str]) -> bool:
    """A gold span on word boundaries in a text of any length."""
    return any(re.search(rf"(?<!\w){re.escape(gold)}(?!\w)", text, re.IGNORECASE) for gold in golds)


@dataclass(frozen=True)
class Refusals:
    """Of questions without an answer and with one: how many there were, and how many were refused."""

    absent: int
    refused_absent: int
    present: int
    refused_present: int

    @property
    def f1(self) -> float:
        """Of refusing, taken as finding the questions without an answer."""
        return 2 * self.refused_absent / (self.absent + self.refused_absent + self.refused_present or 1)

    @property
    def wrongly(self) -> float:
        """Share of the questions with an answer that were refused."""
        return self.refused_present / self.present if self.present else 0.0

    @classmethod
    def of(cls, found: Sequence[tuple[bool, bool]]) -> Refusals:
        """`found`: (has no answer, was refused) of each question."""
        cells = Counter(found)
        absent, present = (cells[side, True] + cells[side, False] for side in (True, False))
        return cls(absent, cells[True, True], present, cells[False, True])


def rows(name: str, ours: Sequence[Given], plain: Sequence[Given]) -> list[Row]:
    """All measures of both arms, which were asked the same questions in the same order."""
    table: list[Row] = []

    def add(what: str, unit: str, measure: Callable[[Sequence[Given]], float], goal: float = 0.0) -> None:
        value, said = measure(ours), f"at least {goal:g} {unit}".strip() if goal else ""
        met = value >= goal if goal else None
        table.append(Row(f"{name}: {what}", value, unit, said, met, measure(plain)))

    kinds = Counter(given.probe.kind for given in ours)
    if facts := kinds["fact"]:
        add(f"answered, of {facts} (a gold span in {MOST_WORDS} words)", "%", _share("fact"), 80)
        add(
            "exact match", "%", lambda arm: _mean(arm, lambda one: 100 * exact(_said(one), one.probe.answers))
        )
        add("token F1", "", lambda arm: _mean(arm, lambda one: overlap(_said(one), one.probe.answers)))
        add("wrong and not refused", "%", lambda arm: _mean(arm, _wrong))
        add("citation precision", "", precision, 0.9)
        add("citation recall", "", recall, 0.8)
    if kinds["general"]:
        add(f"general knowledge, of {kinds['general']}", "%", _share("general"))
    if absent := kinds["absent"]:
        add(f"absent refused, of {absent}", "%", _share("absent"))
    if facts and absent:
        add("refusal F1", "", lambda arm: _refusals(arm).f1, 0.8)
        wrongly = 100 * _refusals(ours).wrongly
        row = Row(f"{name}: wrongly refused", wrongly, "%", "at most 10 %", wrongly <= 10)
        table.append(replace(row, plain=100 * _refusals(plain).wrongly))
    return table


def precision(arm: Sequence[Given]) -> float:
    """Share of the citations under facts that quote the gold passage."""
    cited = [(one, given.probe) for given in arm if given.probe.kind == "fact" for one in given.cited]
    return sum(is_gold(one, probe) for one, probe in cited) / len(cited) if cited else 0.0


def recall(arm: Sequence[Given]) -> float:
    """Share of the facts, refused ones included, whose gold passage is cited."""
    return _mean(arm, lambda given: any(is_gold(one, given.probe) for one in given.cited))


def _refusals(arm: Sequence[Given]) -> Refusals:
    asked = [one for one in arm if one.probe.kind != "general"]
    return Refusals.of([(one.probe.kind == "absent", one.refused) for one in asked])


def _share(kind: str) -> Callable[[Sequence[Given]], float]:
    return lambda arm: _mean(arm, lambda one: 100 * one.right, kind)


def _mean(arm: Sequence[Given], measure: Callable[[Given], float], kind: str = "fact") -> float:
    values = [measure(one) for one in arm if one.probe.kind == kind]
    return sum(values) / len(values)


def _said(given: Given) -> str:
    return "" if given.refused else strip_markers(given.answer)


def _wrong(given: Given) -> float:
    return 100 * (not given.refused and not given.right)


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _overlap(said: list[str], gold: list[str]) -> float:
    shared = (Counter(said) & Counter(gold)).total()
    return 2 * shared / (len(said) + len(gold)) if shared else 0.0
