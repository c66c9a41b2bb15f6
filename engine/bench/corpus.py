"""A folder of invented everyday files, the same for every run with one seed."""

from __future__ import annotations

import random
from pathlib import Path

_NAMES = "Anna Berg,Tomas Ruiz,Ines Carvalho,Pawel Nowak,Mira Sand,Jon Abel,Lea Frost,Omar Haddad".split(",")
_PLACES = "Riga,Porto,Tallinn,Ghent,Bergen,Graz,Cork,Lund".split(",")
_THINGS = "boiler,bicycle,greenhouse,printer,canoe,piano,beehive,telescope".split(",")
_VERBS = "repaired,sold,borrowed,inspected,painted,insured,delivered,measured".split(",")
_SENTENCES = (
    "{name} {verb} the {thing} in {place} on {day} {month} 20{year}.",
    "The {thing} costs {price} euros and weighs {weight} kilograms.",
    "Ask {name} for the key of the {thing}; the shed stands behind the station in {place}.",
    "Last winter the {thing} stood unused because the spare part from {place} never arrived.",
    "If the {thing} makes a noise, turn the left valve, wait {weight} minutes and call {name}.",
    "Our order number is {code}-{price}, and the guarantee ends in 20{year}.",
)
_MONTHS = "January,March,April,June,August,October,December".split(",")


def sentence(dice: random.Random) -> str:
    """One invented sentence."""
    return dice.choice(_SENTENCES).format(
        name=dice.choice(_NAMES),
        verb=dice.choice(_VERBS),
        thing=dice.choice(_THINGS),
        place=dice.choice(_PLACES),
        day=dice.randint(1, 28),
        month=dice.choice(_MONTHS),
        year=dice.randint(18, 29),
        price=dice.randint(12, 4000),
        weight=dice.randint(2, 90),
        code=dice.choice("ABCDEFGH") + dice.choice("KLMNPQRS"),
    )


def question(dice: random.Random) -> str:
    """A question about things that the folder speaks of."""
    thing, place = dice.choice(_THINGS), dice.choice(_PLACES)
    return dice.choice(
        (
            f"Who {dice.choice(_VERBS)} the {thing} in {place}?",
            f"What does the {thing} in {place} cost?",
            f"Where is the key of the {thing}?",
        )
    )


def write(folder: Path, files: int, paragraphs: int = 12, seed: int = 1) -> None:
    """`files` Markdown files of about `paragraphs` x 60 words."""
    folder.mkdir(parents=True, exist_ok=True)
    dice = random.Random(seed)
    for number in range(files):
        thing = dice.choice(_THINGS)
        body = [f"# Notes {number} about the {thing}"]
        for part in range(paragraphs):
            if part % 4 == 0:
                body.append(f"## {dice.choice(_PLACES)}, part {part // 4 + 1}")
            body.append(" ".join(sentence(dice) for _ in range(5)))
        (folder / f"notes-{number:04}.md").write_text("\n\n".join(body) + "\n", encoding="utf-8")
