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

from engine.answer.terms import fold
from engine.personalize.compose import asking, grammar
from engine.personalize.compose.facts import about, title_of, told_row
from engine.personalize.compose.spans import Span, heads, in_sentence, names_inside, prose
from engine.personalize.compose.subjects import owner, people, spoken_of, told
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
                made += _rows_of(lesson, first, last, found, named, names[lesson.id], others)
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


def _rows_of(
    lesson: Lesson,
    first: int,
    last: int,
    found: Sequence[Span],
    named: Sequence[str],
    topic: Sequence[str],
    others: asking.Others,
) -> list[Row]:
    """All rows of the sentence at [first, last), whose file goes by the words of `topic`."""
    chance = random.Random(f"{lesson.sha256} {first}")
    direct = list(_direct(lesson, first, last, found, chance, others))
    loose = list(_loose(lesson, first, last, found, named, topic, chance, others))
    made: dict[str, Row] = {}
    for user, span in _mixed(direct, loose):
        value = (span.start, span.end) if span else None
        row = told_row("fact" if span else "cloze", user, lesson, (first, last), value)
        if len(made) < WAYS:
            made.setdefault(fold(user), row)
    return list(made.values())


def _mixed(direct: Sequence[tuple[str, Span]], loose: Sequence[str]) -> Iterator[tuple[str, Span | None]]:
    """A question by grammar and one in telegram style in turn, as long as there are both."""
    for number in range(max(len(direct), len(loose))):
        if number < len(direct):
            yield direct[number]
        if number < len(loose):
            yield loose[number], None


def _direct(
    lesson: Lesson,
    first: int,
    last: int,
    found: Sequence[Span],
    chance: random.Random,
    others: asking.Others,
) -> Iterator[tuple[str, Span]]:
    """Whole questions for the values of the sentence: as grammar has them, then in other words."""
    whole = told(lesson, first, last, about(lesson)[0])
    topic = " – ".join(filter(None, reversed(about(lesson))))
    person = owner(topic)
    asked: list[tuple[str, Span, list[str]]] = []
    for span in found:
        at, to = whole.where(span.start - first), whole.where(span.end - first)
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
        for text in asking.reworded(question, chance, 6, others):
            yield _named_by(topic, text), span
    for question, span, _named in asked:
        yield asking.led(_named_by(topic, question), chance), span


def _named_by(topic: str, question: str) -> str:
    """The question, with the file it is about where a pronoun leaves that open."""
    if not grammar.has_pronoun(question):
        return question
    return f"{topic}: {question[0].lower()}{question[1:]}"


def _loose(
    lesson: Lesson,
    first: int,
    last: int,
    found: Sequence[Span],
    named: Sequence[str],
    topic: Sequence[str],
    chance: random.Random,
    others: asking.Others,
) -> Iterator[str]:
    """Question word, whose it is, and a few words of the sentence or others for them, each time others."""
    sentence = told(lesson, first, last, about(lesson)[0]).text
    person = owner(" ".join(about(lesson)))
    named = [person] if person else named
    asked = [head for span in found for head in heads(sentence, *_there(sentence, span), span.kind)[0]]
    chance.shuffle(asked)
    said = list(dict.fromkeys(word for _start, _end, word in asking.content(sentence)))
    for number in range(3 * WAYS):
        anchors = asking.anchors(named, topic, chance, always=bool(person))
        inside = fold(" ".join(anchors))
        words = [word for word in said if re.sub(r"['’]s$", "", fold(word)) not in inside]
        chance.shuffle(words)
        head = asked[number % len(asked)]
        if number % _TELEGRAMS:
            if text := asking.phrased(head, anchors, sentence, chance, others):
                yield text
        else:
            yield from asking.telegrams([head], anchors, words, chance, 1, others)


def _cased(word: str, text: str) -> str:
    """A word of a file's name as the file writes it: `oskar` -> `Oskar`."""
    if not word.islower() or re.search(rf"\b{re.escape(word)}\b", text):
        return word
    found = re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)
    return found.group() if found else word


def _there(sentence: str, span: Span) -> tuple[int, int]:
    """Where the value stands in a sentence whose pronouns were replaced."""
    at = sentence.find(span.value)
    return (at, at + len(span.value)) if at >= 0 else (0, 0)
