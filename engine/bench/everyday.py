"""A folder of invented everyday files and questions about them, to score nights by.

People, places and figures are drawn by seed. The questions are worded here and nowhere else: they share no
code and no wording with what a night composes, which never sees them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
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
    """A question with its gold spans; `said` is a right answer with `{}` in place of the span."""

    question: str
    answers: tuple[str, ...]
    kind: str = "fact"
    file: str = ""
    said: str = ""


class Dice:
    """Draws without giving anything twice; `towns` are some more to draw from."""

    def __init__(self, seed: int, towns: Sequence[str] = ()) -> None:
        self.random = random.Random(seed)
        self._people = [f"{first} {last}" for first in _FIRST.split() for last in _LAST.split()]
        self._towns = [*_TOWNS, *towns]
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

    def pick(self, *values: str) -> str:
        return self.random.choice(values)

    def date(self) -> str:
        month = self.random.choice("January February April June July September November".split())
        return f"{self.random.randint(1, 28)} {month}"

    def phone(self) -> str:
        return f"0{self.number(30, 99)}-{self.number(10000, 99999)}"


Shape = Callable[[Dice], tuple[str, str, list[Fact]]]  # a file's name, its text, and what to ask about it


def _letter(dice: Dice) -> tuple[str, str, list[Fact]]:
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
            Fact(f"To which town did {friend} move?", (town,), said=f"{friend} moved to {{}}."),
            Fact(
                f"What does {friend} pay each month for the new place?",
                (str(price),),
                said=f"The new place of {friend} costs {{}} crowns a month.",
            ),
            Fact(
                f"Which doctor looked at {friend}'s knee?",
                (doctor,),
                said=f"The knee of {friend} was seen by Dr. {{}}.",
            ),
            Fact(
                f"Which birthday was {friend}'s last one?",
                (str(age),),
                said=f"{friend} turned {{}} this year.",
            ),
        ],
    )


def _mail(dice: Dice) -> tuple[str, str, list[Fact]]:
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
            Fact(
                f"Whose message calls the singers to {place}?",
                (sender,),
                said=f"{{}} calls the choir to the rehearsal in {place}.",
            ),
            Fact(
                f"In which classroom at {place} do we practise?",
                (str(room),),
                said=f"We meet in room {{}} of the school in {place}.",
            ),
            Fact(
                f"What should singers bring along to {place}?",
                (bring.removeprefix("a ").removeprefix("two "),),
                said=f"Singers should bring {{}} along to {place}.",
            ),
        ],
    )


def _table(dice: Dice) -> tuple[str, str, list[Fact]]:
    town = dice.town()
    rows = [
        (dice.person(), dice.phone(), dice.random.choice("baker tailor plumber vet".split()))
        for _ in range(4)
    ]
    lines = ["name,phone,trade", *(f"{name},{phone},{trade}" for name, phone, trade in rows)]
    facts = [
        Fact(f"On which number can I call {name}?", (phone,), said=f"The phone number of {name} is {{}}.")
        for name, phone, _trade in rows[:3]
    ]
    facts += [
        Fact(f"Which profession does {name} work in?", (trade,), said=f"{name} is a {{}}.")
        for name, _phone, trade in rows[2:]
    ]
    return f"Useful people {town}.csv", "\n".join(lines) + "\n", facts


def _notes(dice: Dice) -> tuple[str, str, list[Fact]]:
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
            Fact(
                f"To whom does the {boat} kept in {town} belong?",
                (owner,),
                said=f"The owner of the {boat} of {town} is {{}}.",
            ),
            Fact(
                f"Since when has the {boat} at {town} existed?",
                (str(built),),
                said=f"The {boat} of {town} was built in {{}}.",
            ),
            Fact(
                f"At which berth does the {boat} of {town} lie?",
                (str(berth),),
                said=f"The {boat} of {town} lies at berth {{}}.",
            ),
        ],
    )


def _minutes(dice: Dice) -> tuple[str, str, list[Fact]]:
    club, chair, keeper = f"{dice.town()} garden club", dice.person(), dice.person()
    day, sum_, plot = dice.date(), dice.number(110, 890), dice.number(3, 48)
    gift = dice.pick("a wheelbarrow", "a rain barrel", "a bag of lime", "a beehive")
    text = (
        f"# {club}, minutes\n\nPresent: eleven members, {chair} in the chair.\n\n"
        f"After some grumbling about the slugs we agreed that the shed will be tarred on {day}, weather "
        f"permitting. The treasurer read out what is left, {sum_} crowns, and nobody argued. {keeper} hands "
        f"over plot {plot} because of a bad hip; anyone interested should speak up soon.\n\n"
        f"Somebody left {gift} by the gate. It can stay there until it is claimed.\n"
    )
    return (
        f"minutes {club}.md",
        text,
        [
            Fact(
                f"Who led the discussion at the {club}?",
                (chair,),
                said=f"{{}} was in the chair of the {club}.",
            ),
            Fact(
                f"How big is the {club}'s remaining budget?",
                (str(sum_),),
                said=f"The treasurer of the {club} has {{}} crowns left.",
            ),
            Fact(
                f"Which patch is being surrendered by {keeper}?",
                (str(plot),),
                said=f"{keeper} hands over plot {{}}.",
            ),
            Fact(
                f"On what day do the {club}'s people coat their hut?",
                (day,),
                said=f"The shed of the {club} will be tarred on {{}}.",
            ),
        ],
    )


def _diary(dice: Dice) -> tuple[str, str, list[Fact]]:
    friend, town, host = dice.person(), dice.town(), dice.person()
    miles, fare = dice.number(12, 90), dice.number(15, 99)
    lost = dice.pick("umbrella", "left glove", "library card", "lunch box")
    text = (
        f"Tuesday. Off to {town} at last, with {friend}, who snored the whole way. They wanted {fare} crowns "
        f"for the ferry, which is robbery. I forgot my {lost} on board and only noticed at supper.\n\n"
        f"Wednesday. Walked {miles} kilometres, if {friend} counts right. We slept at {host}'s, on the "
        f"floor, under a stuffed pike.\n"
    )
    return (
        f"diary {town}.txt",
        text,
        [
            Fact(
                f"What was the price of the boat to {town}?",
                (str(fare),),
                said=f"The ferry to {town} costs {{}} crowns.",
            ),
            Fact(
                f"Which belonging of mine stayed behind during the {town} crossing?",
                (lost,),
                said=f"I forgot my {{}} on board of the ferry to {town}.",
            ),
            Fact(
                f"Whose house gave us a bed on the {town} outing?",
                (host,),
                said=f"In {town} we slept on the floor of {{}}.",
            ),
        ],
    )


def _recipe(dice: Dice) -> tuple[str, str, list[Fact]]:
    cook, town = dice.person(), dice.town()
    dish = f"{town} {dice.pick('dumplings', 'fish pie', 'rye loaf', 'plum cake')}"
    flour, minutes, secret = (
        dice.number(150, 950),
        dice.number(21, 85),
        dice.pick("cardamom", "dill", "cider"),
    )
    text = (
        f"{dish}\n\nThe way {cook} made it, more or less.\n\n- {flour} g flour\n- 3 eggs\n"
        f"- a splash of milk\n\nMix, let it rest, then bake for {minutes} minutes until the top cracks. What "
        f"nobody is supposed to know: there is {secret} in it.\n"
    )
    return (
        f"{dish}.txt",
        text,
        [
            Fact(f"Whose recipe are the {dish}?", (cook,), said=f"The {dish} were made by {{}}."),
            Fact(
                f"How long must the {dish} stay in the oven?",
                (str(minutes),),
                said=f"Bake the {dish} for {{}} minutes.",
            ),
            Fact(
                f"Which hidden ingredient goes into the {dish}?",
                (secret,),
                said=f"There is {{}} in the {dish}.",
            ),
        ],
    )


def _sheet(dice: Dice) -> tuple[str, str, list[Fact]]:
    place, cleaner = f"{dice.town()} cottage", dice.person()
    code, meter, phone = dice.number(1000, 9999), dice.number(10000, 99999), dice.phone()
    colour = dice.pick("moss green", "brick red", "slate grey", "butter yellow")
    text = (
        f"{place.upper()}\n\ndoor code: {code}\nmeter: {meter}\nchimney sweep: {cleaner}, {phone}\n"
        f"front door paint: {colour}\nrubbish: every second Friday\nspare fuses: behind the atlas\n"
    )
    return (
        f"{place}.txt",
        text,
        [
            Fact(
                f"How do I unlock the {place}?", (str(code),), said=f"The door code of the {place} is {{}}."
            ),
            Fact(
                f"Which tradesman cleans the flue at the {place}?",
                (cleaner,),
                said=f"The chimney sweep of the {place} is {{}}.",
            ),
            Fact(
                f"How is the way into the {place} coloured?",
                (colour,),
                said=f"The front door of the {place} is painted {{}}.",
            ),
        ],
    )


SHAPES: tuple[tuple[Shape, int], ...] = (
    (_letter, 4),
    (_mail, 3),
    (_table, 2),
    (_notes, 3),
    (_minutes, 2),
    (_diary, 2),
    (_recipe, 2),
    (_sheet, 2),
)

_ABSENT = (
    "What is {person}'s favourite colour?",
    "When did {person} visit the dentist?",
    "How much does {person} weigh?",
    "Which car does {person} drive?",
)
_GENERAL = tuple(
    Fact(question, tuple(answers.split("/")), "general")
    for question, answers in (
        ("Which animal barks?", "dog"),
        ("What do we call frozen water?", "ice"),
        ("What is five plus three?", "8/eight"),
        ("On which continent is Egypt?", "Africa"),
        ("What colour are bananas when ripe?", "yellow"),
        ("Which month has the fewest days?", "February"),
        ("What is the opposite of strong?", "weak"),
        ("How many legs does a cat have?", "4/four"),
        ("Which planet do we live on?", "Earth"),
        ("What do cows drink as calves?", "milk"),
        ("Which bird cannot fly and lives in the Antarctic?", "penguin"),
        ("What do people use an oven for?", "cook/cooking/bake/baking"),
        ("Which organ pumps blood?", "heart"),
        ("What is the language of the people of Greece?", "Greek"),
        ("Which season is the coldest?", "winter"),
        ("What is ten minus four?", "6/six"),
        ("Which metal do magnets attract?", "iron"),
        ("What falls from clouds when the weather is wet?", "rain"),
        ("Which insect makes honey?", "bee/bees"),
        ("What do you call someone who paints pictures?", "artist/painter"),
        ("In which country is the city of Paris?", "France"),
        ("What is the opposite of full?", "empty"),
        ("How many minutes does half an hour have?", "30/thirty"),
        ("Which sense belongs to the ears?", "hearing/sound"),
    )
)


def write(folder: Path, seed: int = 1) -> list[Fact]:
    """Write 20 files; returns 70 facts, 12 absent and 24 general questions."""
    dice = Dice(seed)
    return [*fill(folder, dice, SHAPES), *unknown(dice)]


def fill(folder: Path, dice: Dice, shapes: Sequence[tuple[Shape, int]]) -> list[Fact]:
    """Write so many files of each shape; returns what to ask about them."""
    folder.mkdir(parents=True, exist_ok=True)
    facts: list[Fact] = []
    for kind, count in shapes:
        for _ in range(count):
            name, text, found = kind(dice)
            (folder / name).write_text(text, encoding="utf-8")
            facts += [replace(fact, file=name) for fact in found]
    return facts


def unknown(dice: Dice) -> list[Fact]:
    """What no file answers: 12 questions about people none speaks of, 24 about the world."""
    return [*_absent(dice), *_GENERAL]


def _absent(dice: Dice) -> Iterator[Fact]:
    for number in range(12):
        yield Fact(_ABSENT[number % len(_ABSENT)].format(person=dice.person()), (), "absent")


def write_questions(path: Path, facts: list[Fact]) -> None:
    """As JSON lines {"id", "question", "answers", "kind", "file"}."""
    lines = [json.dumps({"id": str(number), **asdict(fact)}) for number, fact in enumerate(facts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
