"""Facts: a value of a lesson, whose it is, and what it is of; and how such a fact becomes rows."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import blake2b
from pathlib import PurePath
from typing import Any, Literal

from engine.answer.terms import fold
from engine.personalize.compose import asking
from engine.personalize.compose.subjects import people
from engine.personalize.rows import Lesson, Row, RowKind
from resources import resource

Relation = Literal["key", "entry", "amount", "count", "dated"]

MOST_WORDS = 14  # of a value; a longer one is prose, and prose has rows of its own
_WORDINGS = 6
_HEADS: dict[Relation, tuple[str, ...]] = {
    "key": ("What", "Which", "What is it"),
    "entry": ("What", "What happened", "What is noted"),
    "amount": ("How much", "What amount"),
    "count": ("How many", "What number"),
    "dated": ("When", "What date"),
}
_SUBJECT = re.compile(r"(?:(?:From|To|Cc|Date|Sent)\s?:[^\n]*\n)*Subject:[ \t]*([^\n]+)")
_FUNCTION_KEYS = frozenset("from to cc by when where who sent joined since entered".split())


@dataclass(frozen=True)
class Fact:
    """`attribute` of `subject` is lesson.text[start:end]. `where` names the file if the subject does not.

    `named` is the span of the subject itself in the lesson, if it stands there.
    """

    lesson: Lesson
    subject: str
    where: str
    attribute: str
    start: int
    end: int
    relation: Relation = "key"
    named: tuple[int, int] | None = None

    @property
    def value(self) -> str:
        return self.lesson.text[self.start : self.end]

    @property
    def full(self) -> str:
        return f"{self.subject} ({self.where})" if self.where else self.subject


def title_of(lesson: Lesson) -> str:
    """What the person calls the file: its title, the subject of a mail, else its name in words."""
    if not lesson.title and (mail := _SUBJECT.match(lesson.text)):
        return mail[1].strip()
    return lesson.title or re.sub(r"[-_\s]+", " ", PurePath(lesson.path).stem).strip()


def about(lesson: Lesson) -> tuple[str, str]:
    """(subject, where) of a lesson: its heading in its file, or the file alone."""
    title = title_of(lesson)
    heading = re.split(r" > ", lesson.heading)[-1].strip() if lesson.heading else ""
    if not heading or fold(heading) in fold(title) or fold(title) in fold(heading):
        return (heading if len(heading) > len(title) else title), ""
    return heading, title


def make_row(kind: RowKind, user: str, lesson: Lesson, start: int, end: int) -> Row:
    """A row about lesson.text[start:end], which is its answer. Its id is stable."""
    return _row(kind, user, lesson, (start, end), (start, end))


def told_row(
    kind: RowKind, user: str, lesson: Lesson, sentence: tuple[int, int], value: tuple[int, int] | None = None
) -> Row:
    """A row answered by the sentence lesson.text[first:last], whose facts are one group; `value`: what was
    asked for in it.
    """
    row = _row(kind, user, lesson, value or sentence, sentence)
    return replace(row, gold=lesson.text[slice(*value)].replace("\n", " ") if value else "")


def _row(kind: RowKind, user: str, lesson: Lesson, span: tuple[int, int], answered: tuple[int, int]) -> Row:
    answer = lesson.text[slice(*answered)].replace("\n", " ")
    source = f"{lesson.path}\0{lesson.sha256}"
    start, end = (lesson.start + place for place in span)
    first, last = (lesson.start + place for place in answered)
    return Row(
        id=_digest(f"{kind}\0{user}\0{answer}\0{source}\0{start}\0{end}"),
        kind=kind,
        user=user,
        answer=answer,
        group=_digest(f"{source}\0{first}\0{last}"),
        lesson=lesson.id,
        path=lesson.path,
        start=start,
        end=end,
    )


def rows_of(
    fact: Fact,
    *,
    ambiguous: bool = False,
    reverse: bool = False,
    others: asking.Others = asking.other_words,
) -> Iterator[Row]:
    """Questions for the value in several wordings; with `reverse`, questions for the subject too.

    Every other wording names the file; all do if the subject alone is `ambiguous`.
    """
    # Two values of one thing are asked for alike, so that neither is learned.
    chance = random.Random(f"{fold(fact.full)} {fold(fact.attribute)}")
    for number, wording in enumerate(_wordings(fact)[:_WORDINGS]):
        named = ambiguous or (number % 2 and "{s}'s" not in wording)
        subject = fact.full if named else fact.subject
        if fold(fact.value) in fold(subject):
            subject = fact.subject  # the file's name would give the answer away
        told = wording.replace("{a}", fact.attribute)
        for text in (told, *asking.reworded(told, chance, 3, others)):
            user = _filled(text, s=subject)
            if not gives_away(user, fact.value):
                yield make_row("fact", user, fact.lesson, fact.start, fact.end)
    words = [fact.attribute, *_kin(fact)]
    persons = people(fact.subject)
    topic = [] if persons and not ambiguous else asking.telling(fact.full if ambiguous else fact.subject)
    for head in 3 * _HEADS[fact.relation]:
        anchors = asking.anchors(persons, topic, chance)
        for user in asking.telegrams([head], anchors, list(dict.fromkeys(words)), chance, 1, others):
            if not gives_away(user, fact.value):
                yield make_row("cloze", user, fact.lesson, fact.start, fact.end)
    if not reverse or (fact.named and gives_away(fact.value, fact.lesson.text[slice(*fact.named)])):
        return
    for wording in _texts_of(fact)["reverse"]:
        user = _filled(wording, s=fact.full, a=fact.attribute, v=fact.value)
        group = make_row("fact", user, fact.lesson, fact.start, fact.end).group
        if fact.relation == "entry":
            at = fact.lesson.text.find(fact.attribute)
            yield replace(make_row("reverse", user, fact.lesson, at, at + len(fact.attribute)), group=group)
        elif fact.named and not gives_away(user, fact.lesson.text[slice(*fact.named)]):
            yield replace(make_row("reverse", user, fact.lesson, *fact.named), group=group)


def _kin(fact: Fact) -> Sequence[str]:
    """Other names of the fact's key: those of its family."""
    return [key for key in _texts_of(fact).get("keys", ()) if len(key) > 3] if fact.relation == "key" else ()


def gives_away(user: str, value: str) -> bool:
    """Whether the question holds its own answer."""
    return re.search(rf"(?<!\w){re.escape(fold(value))}(?!\w)", fold(user)) is not None


def _wordings(fact: Fact) -> list[str]:
    own: list[str] = list(_texts_of(fact)["wordings"])
    if fact.relation != "key":
        return own
    if fact.attribute in _FUNCTION_KEYS:
        return own
    generic: list[str] = _texts()["generic"]["wordings"]
    # Two that repeat the key as the file writes it: a person who wrote the file may ask that way.
    return list(dict.fromkeys([*own[:4], *generic[:1], *generic[3:4], *own[4:], *generic]))


def _texts_of(fact: Fact) -> dict[str, Any]:
    texts = _texts()
    if fact.relation != "key":
        found: dict[str, Any] = texts[fact.relation]
        return found
    words = set(re.findall(r"[\w-]+", fold(fact.attribute)))
    return next((family for family in texts["family"] if words & set(family["keys"])), texts["generic"])


def _filled(wording: str, **parts: str) -> str:
    text = re.sub(r"\{(\w)\}", lambda match: parts[match[1]], wording)
    text = re.sub(r"\b(the|The) (?:the|a|an) ", r"\1 ", text)
    return text[0].upper() + text[1:]


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    texts: dict[str, Any] = tomllib.loads(resource("prompts/wordings.toml").read_text(encoding="utf-8"))
    return texts


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def digest(parts: Sequence[str]) -> str:
    """A short stable name for these texts together."""
    return _digest("\0".join(parts))
