"""A folder of invented everyday files and questions about them, to score nights by.

People, places and figures are drawn by seed. The questions are worded here and nowhere else: they share no
code and no wording with what a night composes, which never sees them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

_FIRST = (
    "Alma Boris Carla Dario Edda Felix Gerda Hugo Irma Janek Kaja Livio Malu Nils Oda Piet Runa Sven Tilda"
)
_LAST = (
    "Arno Bruck Cassel Dunaj Ekman Farkas Greve Holm Ilsen Jarov Kestner Lund Marek Norden Obel Pahl Rasmus"
)
_TOWNS = (
    "Almstad Brekke Corvina Dalheim Eskeby Fornes Grabow Hollen Ivarsund Jelnica Korsund Lindow Moorwik "
    "Nystrand Orlava Pellworm Quistad Rodvik Sollen Tarnova Ulvik Verdal Wessow Zandby"
).split()


@dataclass(frozen=True)
class Fact:
    """A question with its gold spans."""

    question: str
    answers: tuple[str, ...]
    kind: str = "fact"
    file: str = ""


class _Dice:
    """Draws without giving anything twice."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._people = [f"{first} {last}" for first in _FIRST.split() for last in _LAST.split()]
        self._towns = list(_TOWNS)
        self._numbers: set[int] = set()
        self.random.shuffle(self._people)
        self.random.shuffle(self._towns)

    def person(self) -> str:
        return self._people.pop()

    def town(self) -> str:
        return self._towns.pop()

    def number(self, low: int, high: int) -> int:
        while True:
            drawn = self.random.randint(low, high)
            if drawn not in self._numbers:
                self._numbers.add(drawn)
                return drawn

    def date(self) -> str:
        month = self.random.choice("January February April June July September November".split())
        return f"{self.random.randint(1, 28)} {month}"

    def phone(self) -> str:
        return f"0{self.number(30, 99)}-{self.number(10000, 99999)}"


def _letter(dice: _Dice) -> tuple[str, str, list[Fact]]:
    friend, town, doctor = dice.person(), dice.town(), dice.person()
    day, price, age = dice.date(), dice.number(120, 980), dice.number(40, 95)
    text = (
        f"Dear all,\n\n{friend} moved to {town} on {day} and lives above a bakery now. The new place costs "
        f"{price} crowns a month. Her knee was seen by Dr. {doctor}, who wants her to swim. She turned {age} "
        f"this year and still cycles to the market.\n\nMore soon.\n"
    )
    return (
        f"Letter about {friend}.txt",
        text,
        [
            Fact(f"To which town did {friend} move?", (town,)),
            Fact(f"What does {friend} pay each month for the new place?", (str(price),)),
            Fact(f"Which doctor looked at {friend}'s knee?", (doctor,)),
            Fact(f"How old did {friend} become this year?", (str(age),)),
        ],
    )


def _mail(dice: _Dice) -> tuple[str, str, list[Fact]]:
    sender, place, room = dice.person(), dice.town(), dice.number(100, 480)
    day, bring = dice.date(), dice.random.choice(["a torch", "rubber boots", "two blankets", "a ladder"])
    text = (
        f"From: {sender}\nTo: the choir\nSubject: Rehearsal in {place}\nDate: {day}\n\n"
        f"We meet in room {room} of the school. Please bring {bring}; the rest is there.\n\n{sender}\n"
    )
    return (
        f"Rehearsal {place}.txt",
        text,
        [
            Fact(f"Who wrote the mail about rehearsing in {place}?", (sender,)),
            Fact(f"Which room is the {place} rehearsal in?", (str(room),)),
            Fact(
                f"What should singers bring along to {place}?",
                (bring.removeprefix("a ").removeprefix("two "),),
            ),
        ],
    )


def _table(dice: _Dice) -> tuple[str, str, list[Fact]]:
    town = dice.town()
    rows = [
        (dice.person(), dice.phone(), dice.random.choice("baker tailor plumber vet".split()))
        for _ in range(4)
    ]
    lines = ["name,phone,trade", *(f"{name},{phone},{trade}" for name, phone, trade in rows)]
    facts = [Fact(f"On which number can I call {name}?", (phone,)) for name, phone, _trade in rows[:3]]
    facts += [Fact(f"What does {name} do for a living?", (trade,)) for name, _phone, trade in rows[2:]]
    return f"Useful people {town}.csv", "\n".join(lines) + "\n", facts


def _notes(dice: _Dice) -> tuple[str, str, list[Fact]]:
    boat, owner, town = dice.random.choice("Petrel Gannet Dunlin Fulmar".split()), dice.person(), dice.town()
    length, built, berth = dice.number(6, 14), dice.number(1951, 1999), dice.number(2, 90)
    text = (
        f"---\ntitle: The {boat} of {town}\nowner: {owner}\nberth: {berth}\n---\n\n# The {boat} of {town}\n\n"
        f"- built in {built}\n- {length} metres long\n- the sails were sewn by {dice.person()}\n\n"
        f"The {boat} lies in {town} all winter.\n"
    )
    return (
        f"{boat} {town}.md",
        text,
        [
            Fact(f"Whose boat is the {boat} of {town}?", (owner,)),
            Fact(f"In what year was the {boat} of {town} made?", (str(built),)),
            Fact(f"At which berth does the {boat} of {town} lie?", (str(berth),)),
        ],
    )


_ABSENT = (
    "What is {person}'s favourite colour?",
    "When did {person} visit the dentist?",
    "How much does {person} weigh?",
    "Which car does {person} drive?",
)
_GENERAL = (
    Fact("What is the capital of Italy?", ("Rome",), "general"),
    Fact("How many minutes are in an hour?", ("60", "sixty"), "general"),
    Fact("Which animal barks?", ("dog",), "general"),
    Fact("What do we call frozen water?", ("ice",), "general"),
    Fact("What is five plus three?", ("8", "eight"), "general"),
    Fact("On which continent is Egypt?", ("Africa",), "general"),
    Fact("What colour are bananas when ripe?", ("yellow",), "general"),
    Fact("Which month comes after March?", ("April",), "general"),
    Fact("What is the opposite of up?", ("down",), "general"),
    Fact("How many legs does a cat have?", ("4", "four"), "general"),
    Fact("Which planet do we live on?", ("Earth",), "general"),
    Fact("What do cows drink as calves?", ("milk",), "general"),
)


def write(folder: Path, seed: int = 1) -> list[Fact]:
    """Write 19 files; returns 71 facts, 12 absent and 12 general questions."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = _Dice(seed)
    facts: list[Fact] = []
    for kind, count in ((_letter, 8), (_mail, 4), (_table, 3), (_notes, 4)):
        for _ in range(count):
            name, text, found = kind(dice)
            (folder / name).write_text(text, encoding="utf-8")
            facts += [replace(fact, file=name) for fact in found]
    return [*facts, *_absent(dice), *_GENERAL]


def _absent(dice: _Dice) -> Iterator[Fact]:
    for number in range(12):
        yield Fact(_ABSENT[number % len(_ABSENT)].format(person=dice.person()), (), "absent")


def write_questions(path: Path, facts: list[Fact]) -> None:
    """As JSON lines {"id", "question", "answers", "kind", "file"}."""
    lines = [json.dumps({"id": str(number), **asdict(fact)}) for number, fact in enumerate(facts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
