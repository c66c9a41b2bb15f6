"""Whose sentence is it? Pronouns of a passage replaced by the names they stand for, by rule.

`She turned 60 this year` teaches nothing by itself: asked later is `How old is Nora Lind?`. Rules only: a
pronoun means the one person named last before it, `I` the one who signed or sent. Where nobody was named,
or two people at once, the sentence stays as it is, and its rows name the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.answer.terms import sentences
from engine.personalize.rows import Lesson

PERSON = re.compile(
    r"(?<![\w.])(?:(?:Dr|Mrs?|Ms|Prof)\.? )?[A-Z][\w'’-]+"
    r"(?: (?:(?:de|da|van|von|der|la) )?[A-Z][\w'’-]+)+(?![\w])"
)
_PRONOUN = re.compile(r"\b(?:He|She|he|she|His|his|Her|her|hers|him|Him)\b")
_OWN = re.compile(r"\b(?:I(?:['’](?P<verb>m|ve|ll|d))?|[Mm]y)\b(?!['’])")
_VERBS = {"m": " is", "ve": " has", "ll": " will", "d": " would", None: ""}
_DONE = re.compile(
    r"(?:built|made|bought|born|founded|sewn|painted|repaired|opened|closed|written|renewed|rented|sold|held|"
    r"planted|delivered|installed|ordered|paid|kept|stored|hidden|parked|insured|registered) ",
    re.IGNORECASE,
)
_MEASURED = re.compile(r"\d[\d.,]* ?\w+ (?:long|high|tall|wide|deep|old|heavy|thick|away)\b")
_BEFORE = 1200  # code points in which a person named is still spoken of
_AFTER_HER = re.compile(r"\s+[a-z]+")  # `her knee`; without a noun `her` is `saw her`
_SENDER = re.compile(r"^From:[ \t]*\"?(?P<name>[^<\"\n]+)", re.MULTILINE)
_SIGNED = re.compile(r"(?:\n|^)(?P<name>[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)?)\s*\Z")
_NOBODY = frozenset(
    "Dear Hello Hi The This That These Those There Then When Where What Who How If But And So We You They It"
    " Please Thanks Best Kind Yours Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February"
    " March April May June July August September October November December".split()
)


@dataclass(frozen=True)
class Told:
    """A sentence with names in place of pronouns. `where` maps a place of the original to one of `text`."""

    text: str
    swaps: tuple[tuple[int, int, str], ...] = ()

    def where(self, place: int) -> int:
        return place + sum(len(new) - (end - start) for start, end, new in self.swaps if end <= place)


def told(lesson: Lesson, first: int, last: int, subject: str) -> Told:
    """lesson.text[first:last], a sentence, with the people it speaks of by name; line breaks as spaces.

    A fragment of a list gets the `subject` of the list and a verb: `built in 1982`, `11 metres long`.
    """
    sentence = lesson.text[first:last].replace("\n", " ")
    for fragment, verb in ((_DONE, "was"), (_MEASURED, "is")):
        if fragment.match(sentence):
            return Told(f"{subject} {verb} {sentence}", ((0, 0, f"{subject} {verb} "),))
    author = _author(lesson)
    swaps: list[tuple[int, int, str]] = [
        (*match.span(), f"{person}'s" if _owns(match, sentence) else person)
        for match in _PRONOUN.finditer(sentence)
        if (person := _meant(match, sentence, lesson.text[:first]))
    ]
    for match in _OWN.finditer(sentence) if author else ():
        verb = "'s" if match.group().lower() == "my" else _VERBS[match["verb"]]
        swaps.append((*match.span(), author + verb))
    return _swapped(sentence, sorted(swaps))


def people(text: str) -> list[str]:
    """Names of two words or more, in order of appearance."""
    return [name for match in PERSON.finditer(text) if (name := _cleaned(match.group()))]


def spoken_of(lesson: Lesson, first: int, last: int, known: Collection[str]) -> list[str]:
    """Who and what is named in the sentence or in the three before it, where a pronoun may point.

    `known`: words written large inside sentences; of a day or a month nothing is told.
    """
    before = sentences(lesson.text[max(0, first - _BEFORE) : first])[-3:]
    begin = max(0, first - _BEFORE) + before[0][0] if before else first
    text = lesson.text[begin:last].replace("\n", " ")
    singles = re.findall(r"[^\W\d_][\w'’-]*", PERSON.sub(" ", text))
    names = [re.sub(r"['’]s$", "", word) for word in singles if word in known]
    return list(dict.fromkeys([*people(text), *(name for name in names if name not in _NOBODY)]))


def _meant(pronoun: re.Match[str], sentence: str, before: str) -> str:
    """Who the pronoun means; empty where that is not sure, for a wrong name would teach what nobody wrote."""
    inside = people(sentence[: pronoun.start()])
    is_object = pronoun.group().lower() in ("him", "her") and not _owns(pronoun, sentence)
    # `Ada Holm helps her`: whoever that is, it is not Ada Holm.
    if inside and not is_object:
        return inside[0] if len(set(inside)) == 1 else ""
    text = before[-_BEFORE:]
    for start, end in reversed(sentences(text)):
        named = {name for name in people(text[start:end]) if not name.startswith(("Dr", "Prof"))}
        if named:
            return named.pop() if len(named) == 1 and not named & set(inside) else ""
    return ""


def _owns(pronoun: re.Match[str], sentence: str) -> bool:
    word = pronoun.group().lower()
    return word in ("his", "hers") or (word == "her" and bool(_AFTER_HER.match(sentence[pronoun.end() :])))


def owner(title: str) -> str:
    """The person a file is about: the one its title names."""
    found = people(title)
    return found[0] if found and len(set(found)) == 1 else ""


def _author(lesson: Lesson) -> str:
    """Who says `I`: the sender of a mail, or who signed."""
    found = _SENDER.search(lesson.text[:600]) or _SIGNED.search(lesson.text.rstrip())
    name = found["name"].strip() if found else ""
    return name if name and len(name.split()) <= 3 and name.split()[0] not in _NOBODY else ""


def _cleaned(name: str) -> str:
    words = re.sub(r"['’]s?$", "", name).split()
    while words and words[0].strip(".") in _NOBODY:
        words = words[1:]
    return " ".join(words) if len(words) >= 2 else ""


def _swapped(sentence: str, swaps: Sequence[tuple[int, int, str]]) -> Told:
    pieces, at = [], 0
    for start, end, new in swaps:
        pieces += [sentence[at:start], new]
        at = end
    return Told("".join([*pieces, sentence[at:]]), tuple(swaps))
