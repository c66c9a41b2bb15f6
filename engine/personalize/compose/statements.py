"""Prose: every sentence is asked for in many ways, and answered by itself, word for word.

A small model that is taught single values mixes them up (a rent for a phone number); taught the sentence that
says it, it only has to find the right one, and what it knows of language helps: `lodgings` leads to `renting
a room`. The answer is the file's own line, so that it can be checked, and says what it is about.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from engine.answer.terms import fold
from engine.personalize.compose import asking, grammar
from engine.personalize.compose.facts import about, title_of, told_row
from engine.personalize.compose.spans import Span, heads, in_sentence, names_inside, prose
from engine.personalize.compose.subjects import Told, owner, people, spoken_of, told
from engine.personalize.rows import Lesson, Row

# Of asking for a sentence, whatever it holds: what is asked for more often is answered too often.
WAYS = 24
_TELLING_FILES = 2  # a word in the names of more files than that does not tell which one is meant
_TELEGRAMS = 3  # one in so many is in telegram style, the others are phrased as people do


def rows(lessons: Sequence[Lesson], others: asking.Others = asking.other_words) -> list[Row]:
    """Rows for all sentences of prose, each sentence a group, the surest wordings first.

    `others` says what else a word may be called.
    """
    made: list[Row] = []
    names = _names(lessons)
    for lesson in lessons:
        known = names_inside(lesson.text)
        for first, last in prose(lesson):
            found = in_sentence(lesson, first, last, known)
            if found:
                named = spoken_of(lesson, first, last, known)
                chance = random.Random(f"{lesson.sha256} {first}")
                made += _Sentence(lesson, first, last, found, named, names[lesson.id], others, chance).rows()
    return made


def _names(lessons: Sequence[Lesson]) -> dict[str, list[str]]:
    """Lesson -> the words by which its file is told from others: `Letter` in eight titles tells nothing."""
    words = {lesson.id: asking.telling(" ".join(about(lesson))) for lesson in lessons}
    titles = {lesson.path: {fold(word) for word in asking.telling(title_of(lesson))} for lesson in lessons}
    files = Counter(word for title in titles.values() for word in title)
    return {
        lesson.id: [
            _cased(word, lesson.text) for word in words[lesson.id] if files[fold(word)] <= _TELLING_FILES
        ]
        or words[lesson.id]
        for lesson in lessons
    }


@dataclass(frozen=True)
class _Sentence:
    """lesson.text[first:last] with its `values`, who and what may be meant in it (`named`), and the words its
    file goes by (`topic`).
    """

    lesson: Lesson
    first: int
    last: int
    values: Sequence[Span]
    named: Sequence[str]
    topic: Sequence[str]
    others: asking.Others
    chance: random.Random

    def rows(self) -> list[Row]:
        """As many ways of asking for it as every sentence gets."""
        made: dict[str, Row] = {}
        for user, span in self._asked():
            value = (span.start, span.end) if span else None
            row = told_row("fact" if span else "cloze", user, self.lesson, (self.first, self.last), value)
            if len(made) < WAYS:
                made.setdefault(fold(user), row)
        return list(made.values())

    def _asked(self) -> Iterator[tuple[str, Span | None]]:
        """A question by grammar and a looser one in turn, as long as there are both."""
        for direct, loose in zip_longest(list(self._direct()), list(self._loose())):
            if direct:
                yield direct
            if loose:
                yield loose, None

    def _direct(self) -> Iterator[tuple[str, Span]]:
        """Whole questions for the values of the sentence: as grammar has them, then in other words."""
        whole = told(self.lesson, self.first, self.last, about(self.lesson)[0])
        topic = " – ".join(filter(None, reversed(about(self.lesson))))
        person = owner(topic)
        asked: list[tuple[str, Span, list[str]]] = []
        for span in self.values:
            at, to = self._place(whole, span)
            question = grammar.question(whole.text, at, to, heads(whole.text, at, to, span.kind)[1])
            if question is None:
                continue
            named = people(f"{whole.text[:at]} … {whole.text[to:]}")
            if person and not named and person != span.value:
                # `the new place` is that of the person the file is about.
                question = re.sub(r"\b(?:the|our|my|their) ", f"{person}'s ", question, count=1)
            asked.append((question, span, named))
        for question, span, _named in asked:
            yield _named_by(topic, question), span
        for question, span, named in asked:
            short = asking.shortened(question, named)
            if short != question:
                yield _named_by(topic, short), span
            for text in asking.reworded(question, self.chance, 6, self.others):
                yield _named_by(topic, text), span
        for question, span, _named in asked:
            yield asking.led(_named_by(topic, question), self.chance), span

    def _loose(self) -> Iterator[str]:
        """A question word, whose it is, and some words of the sentence or others for them, drawn anew."""
        whole = told(self.lesson, self.first, self.last, about(self.lesson)[0])
        person = owner(" ".join(about(self.lesson)))
        named = [person] if person else self.named
        asked = [
            head
            for span in self.values
            for head in heads(whole.text, *self._place(whole, span), span.kind)[0]
        ]
        self.chance.shuffle(asked)
        said = list(dict.fromkeys(word for _start, _end, word in asking.content(whole.text)))
        for number in range(3 * WAYS):
            anchors = asking.anchors(named, self.topic, self.chance, always=bool(person))
            head = asked[number % len(asked)]
            if number % _TELEGRAMS:
                if text := asking.phrased(head, anchors, whole.text, self.chance, self.others):
                    yield text
            else:
                inside = fold(" ".join(anchors))
                words = [word for word in said if re.sub(r"['’]s$", "", fold(word)) not in inside]
                self.chance.shuffle(words)
                yield from asking.telegrams([head], anchors, words, self.chance, 1, self.others)

    def _place(self, whole: Told, span: Span) -> tuple[int, int]:
        """Where a value stands once pronouns are names."""
        return whole.where(span.start - self.first), whole.where(span.end - self.first)


def _named_by(topic: str, question: str) -> str:
    """The question, with the file it is about where a pronoun leaves that open."""
    if not grammar.has_pronoun(question):
        return question
    return f"{topic}: {question[0].lower()}{question[1:]}"


def _cased(word: str, text: str) -> str:
    """A word of a file's name as the file writes it: `oskar` -> `Oskar`."""
    if not word.islower() or re.search(rf"\b{re.escape(word)}\b", text):
        return word
    found = re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)
    return found.group() if found else word
