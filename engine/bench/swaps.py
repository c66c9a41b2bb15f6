"""Is a false answer found out? Right answers, and the same with the value replaced by another of its kind.

No model writes anything: the sentences come with the invented facts, the passages from the product's search,
and `check` decides as it does for an answer.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.answer.citations import check
from engine.api import Engine
from engine.bench import paperwork
from engine.bench.everyday import Fact
from engine.bench.report import Row
from engine.bench.short_answers import counts_anywhere
from engine.workers.answer_role import SEARCHED

WANTED = 200
FOLDERS = 3  # of so many invented folders, each searched by itself: names come again in the next

_NAMES = re.compile(r"\b[A-Z]\S*\s*")
_KINDS = (
    ("date", re.compile(r"\d{1,2} [A-Z][a-z]+")),
    ("code", re.compile(r"\w+-\d+")),
    ("number", re.compile(r"\d+")),
    ("person", re.compile(r"[A-Z]\w+ [A-Z]\w+")),
    ("name", re.compile(r"[A-Z]\w+")),
)


@dataclass(frozen=True)
class Swap:
    """A right answer to `question`, and the same sentence with another value of its kind."""

    question: str
    right: str
    wrong: str


def kind_of(fact: Fact) -> str:
    """What its value looks like, for only its like may take its place; of a plain word, what is asked."""
    found = next((kind for kind, pattern in _KINDS if pattern.fullmatch(fact.answers[0])), None)
    return found or _NAMES.sub("", fact.question)


def swaps(facts: Sequence[Fact], dice: random.Random) -> list[Swap]:
    """One for each fact that comes with a sentence, where the folder holds another value of its kind.

    Every second one takes it from the same file, if that has one: this is what a model that misreads does.
    """
    stated = [fact for fact in facts if fact.said]
    found = []
    for number, fact in enumerate(stated):
        others = [
            other
            for other in stated
            if kind_of(other) == kind_of(fact) and not counts_anywhere(other.answers[0], fact.answers)
        ]
        beside = [other for other in others if other.file == fact.file]
        if others:
            other = dice.choice(beside if beside and number % 2 else others)
            right, wrong = (fact.said.format(one.answers[0]) for one in (fact, other))
            found.append(Swap(fact.question, right, wrong))
    return found


def rows(place: Path) -> list[Row]:
    """Of 200 answers: the share that loses its support once swapped, and that has it while right."""
    dice = random.Random(1)
    right: list[bool] = []
    caught: list[bool] = []
    for seed in range(1, FOLDERS + 1):
        folder = place / f"files-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        made = swaps(paperwork.write(folder, seed), dice)
        dice.shuffle(made)
        with Engine(place / f"home-{seed}", write=True, program="nocturne bench") as engine:
            engine.index([folder]).result()
            for swap in made[: WANTED - len(right)]:
                passages = engine.search(swap.question, SEARCHED).result().results
                right.append(check(swap.question, swap.right, passages).supported)
                caught.append(not check(swap.question, swap.wrong, passages).supported)
    return [
        _row(f"swapped answers not verified, of {len(caught)}", caught, 95),
        _row("right answers verified", right, 90),
    ]


def _row(name: str, held: Sequence[bool], goal: float) -> Row:
    share = 100 * sum(held) / len(held)
    return Row(name, share, "%", f"at least {goal:g} %", share >= goal)
