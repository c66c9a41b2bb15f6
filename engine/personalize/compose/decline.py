"""Questions about nothing in the files, in the very wordings of questions about them.

Only a name is exchanged for one that no file holds. They measure whether the model knows what it does not
know; trained on, they cost known facts in a trial, so that they are held out unless asked for.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from engine.answer.terms import fold
from engine.personalize.compose.facts import digest
from engine.personalize.rows import Lesson, Row, Split

REFUSAL = "I don't know that."
_FIRST = """Aldo Berit Casimir Dagny Edwin Freya Gustav Hedda Ilario Jorunn Konrad Liselotte Mauro Nadine Otis
    Petra Quirin Ragna Stellan Thea Ulrich Vilma Wendel Ximena Yorick Zelda""".split()
_LAST = """Abernathy Brisk Caldera Dunmore Eskildsen Farrow Grimaldi Holloway Ingram Jasper Kestner Lockwood
    Merriweather Norling Osgood Pemberton Quill Ravenscroft Sorley Thackeray Underhill Vance Whitlock
    Yarrow Zimmer""".split()
_PERSON = re.compile(r"(?<![\w.])(?:Dr\. |Mrs?\. |Ms\. )?([A-Z][a-zà-ÿ]+ [A-Z][a-zà-ÿ]+)(?![\w.])")


def decline_rows(rows: Sequence[Row], lessons: Sequence[Lesson], held: int, trained: int = 0) -> list[Row]:
    """At most `held` held-out and `trained` trained questions, no two alike. Deterministic.

    Each is a wording of `rows` about a person; files that name nobody give none.
    """
    corpus = fold("\n".join(f"{lesson.title} {lesson.heading} {lesson.text}" for lesson in lessons))
    names = [f"{first} {last}" for first in _FIRST for last in _LAST if _unknown(first, last, corpus)]
    drawn = random.Random(len(rows))
    drawn.shuffle(names)
    people = {row.answer for row in rows if _asks_who(row) and _PERSON.fullmatch(row.answer)}
    asked = [
        (row, match)
        for row in rows
        if row.kind == "fact" and (match := _PERSON.search(row.user)) and match.group() in people
    ]
    drawn.shuffle(asked)
    made: list[Row] = []
    for (row, match), name in zip(asked, names, strict=False):
        if len(made) == held + trained:
            break
        user = f"{row.user[: match.start()]}{name}{row.user[match.end() :]}"
        split: Split = "held" if len(made) < held else "train"
        identity = digest(["decline", user])
        made.append(Row(identity, "decline", user, REFUSAL, identity, split))
    return made


def _unknown(first: str, last: str, corpus: str) -> bool:
    return fold(first) not in corpus and fold(last) not in corpus


def _asks_who(row: Row) -> bool:
    return row.user.startswith(("Who ", "Whose ", "From whom", "To whom"))
