"""Answer spans in sentences, and the rows that teach them: questions by rule, cloze, keywords, statements.

A span without a row of its own is not learned (1 of 65 in a trial), so each one gets several, whatever a
model may add to them. Every row names its subject in full.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.answer.terms import fold, sentences, stopwords, terms
from engine.personalize.compose import grammar
from engine.personalize.compose.facts import about, gives_away, make_row
from engine.personalize.compose.patterns import CODE, DATE, MONEY, NUMBER, TIME
from engine.personalize.compose.structure import structured_lines
from engine.personalize.rows import Lesson, Row

SpanKind = Literal["date", "time", "money", "code", "quote", "number", "name", "noun"]

_NAME = r"[^\W\d_a-z][\w'’-]+(?:\s(?:(?:de|da|das|do|van|von|der|of|the|la|le|el)\s)*[^\W\d_a-z][\w'’-]*)*"
_PATTERNS: tuple[tuple[SpanKind, re.Pattern[str]], ...] = (
    ("quote", re.compile(r"(?<=[“\"])[^“”\"\n]{2,60}(?=[”\"])")),
    ("date", re.compile(DATE)),
    ("money", re.compile(MONEY)),
    ("code", re.compile(CODE)),
    ("time", re.compile(TIME)),
    ("number", re.compile(NUMBER)),
    ("name", re.compile(_NAME)),
)
_ASKED: dict[SpanKind, str] = {
    "date": "when",
    "time": "what time",
    "money": "how much",
    "code": "which code",
    "quote": "which words",
    "number": "how many",
    "name": "who or what",
    "noun": "what",
}
_DETERMINER = re.compile(
    r"\b(?:a|an|the|his|her|my|our|their|its|some|of|in|on|at|for|to|with|by|from|is|are|was|were|be|and|or|"
    r"under|behind|near|into|as|than|no)\s+"
)
_FEW_WORDS, _MANY_WORDS = 4, 45  # of a sentence worth a row
_MARKUP = re.compile(r"^[\s>#*+•-]+|^\d+[.)]\s+")
_FRONT_MATTER = re.compile(r"---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_MEASURES = frozenset("day week month year night hour minute time way lot bit".split())
_GAP = "___"


@dataclass(frozen=True)
class Span:
    """lesson.text[start:end] is a value of this kind in the sentence lesson.text[first:last]."""

    lesson: Lesson
    kind: SpanKind
    start: int
    end: int
    first: int
    last: int

    @property
    def value(self) -> str:
        return self.lesson.text[self.start : self.end]

    @property
    def sentence(self) -> str:
        return self.lesson.text[self.first : self.last]


def spans(lesson: Lesson) -> list[Span]:
    """Spans of all sentences that are prose, in order; they do not overlap."""
    known = _names_inside(lesson.text)
    return [span for first, last in _prose(lesson) for span in _in_sentence(lesson, first, last, known)]


def rows(lessons: Sequence[Lesson]) -> list[Row]:
    """For each span a question, cloze rows and a keyword row; for each sentence a statement."""
    made: list[Row] = []
    for lesson in lessons:
        for span in spans(lesson):
            made += [row for row in _rows_of(span) if not gives_away(row.user, row.answer)]
        for first, last in _prose(lesson):
            made += _statement(lesson, first, last)
    return made


# -- finding -------------------------------------------------------------------------------------


def _prose(lesson: Lesson) -> Iterator[tuple[int, int]]:
    """Sentences that structure does not already state."""
    structured = structured_lines(lesson)
    line_starts = [0, *(match.end() for match in re.finditer("\n", lesson.text))]
    wrapped = _unwrapped(lesson.text)
    front = _FRONT_MATTER.match(lesson.text)
    for start, end in sentences(wrapped):
        line = max(at for at in line_starts if at <= start)
        marks = _MARKUP.match(lesson.text[start:end])
        first = start + marks.end() if marks else start
        is_heading = lesson.text[start : start + 1] == "#"
        text = lesson.text[first:end]
        is_front = front is not None and start < front.end()
        is_header = text.startswith("Subject:")
        if line in structured or is_heading or is_header or is_front or "|" in text or "```" in text:
            continue
        if _FEW_WORDS <= len(text.split()) <= _MANY_WORDS:
            yield first, end


def _unwrapped(text: str) -> str:
    """Line breaks inside a paragraph as spaces (the length stays): a line that goes on in small letters."""
    return re.sub(r"(?<=[\w,;])\n(?=[a-z(])(?![\w -]{1,30}:\s)", " ", text)


def _in_sentence(lesson: Lesson, first: int, last: int, known: Collection[str]) -> list[Span]:
    text = lesson.text[first:last].replace("\n", " ")
    taken: list[tuple[int, int, SpanKind]] = []

    def take(start: int, end: int, kind: SpanKind) -> None:
        if start < end and all(end <= other[0] or start >= other[1] for other in taken):
            taken.append((start, end, kind))

    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            start, end = match.span()
            if kind == "name":
                start = _name_start(text, start, end, known)
            if "\n" not in lesson.text[first + start : first + end]:
                take(start, end, kind)
    for start, end in _nouns(text):
        take(start, end, "noun")
    return [Span(lesson, kind, first + start, first + end, first, last) for start, end, kind in sorted(taken)]


def _names_inside(text: str) -> set[str]:
    """Words written large in the middle of a sentence."""
    return {match[1] for match in re.finditer(r"(?<=[a-z,;:)] )([^\W\d_a-z][\w'’-]+)", text)}


def _name_start(text: str, start: int, end: int, known: Collection[str]) -> int:
    """Where a name begins, without what is large only because a sentence starts; `end` if it is no name."""
    while start < end:
        word = re.match(r"[\w'’-]+\s*", text[start:end])
        if word is None:
            return end
        bare = word.group().strip()
        is_function_word = fold(bare) in stopwords() or bare == "I"
        is_first = not text[:start].strip(' "“(')
        rest = text[start + word.end() : end]
        if is_function_word or (is_first and not rest and bare not in known):
            start += word.end()
            continue
        return start
    return end


def _nouns(text: str) -> Iterator[tuple[int, int]]:
    """What a clause ends in, from its last article or preposition on: at most three words."""
    begin = 0
    for stop in re.finditer(r"[.;,!?:](?=\s|$)|$", text):
        clause = text[begin : stop.start()]
        starts = [match.end() for match in _DETERMINER.finditer(clause)]
        if starts:
            phrase = clause[starts[-1] :]
            words = phrase.split()
            says = bool(words) and fold(words[-1]) not in stopwords() | _MEASURES
            if says and phrase.islower() and len(words) <= 3 and len(phrase) > 2:
                yield begin + starts[-1], begin + starts[-1] + len(phrase.rstrip())
        begin = stop.end()


# -- rows ----------------------------------------------------------------------------------------


def _rows_of(span: Span) -> Iterator[Row]:
    lesson, (at, to) = span.lesson, (span.start - span.first, span.end - span.first)
    sentence = span.sentence.replace("\n", " ")
    topic = " – ".join(filter(None, reversed(about(lesson))))
    asked = grammar.question(sentence, at, to, span.kind)
    if asked is not None:
        if not grammar.has_pronoun(asked):
            yield make_row("fact", asked, lesson, span.start, span.end)
        yield make_row("fact", f"{topic}: {asked[0].lower()}{asked[1:]}", lesson, span.start, span.end)
    else:
        rough = f"{sentence[:at]}{_ASKED[span.kind]}{sentence[to:]}".rstrip(" .!?")
        yield make_row("fact", f"{topic}: {rough}?", lesson, span.start, span.end)
    before = sentence[:at].rstrip()
    if len(before.split()) >= 3:
        user = f"Complete from my notes about {topic}: {before} …"
        yield make_row("cloze", user, lesson, span.start, span.end)
    gap = f"{sentence[:at]}{_GAP}{sentence[to:]}"
    yield make_row("cloze", f"{topic}. Fill the gap: {gap}", lesson, span.start, span.end)
    keywords = _keywords(sentence, at, to)
    if keywords:
        user = f"{topic}: {', '.join(keywords)}, {_ASKED[span.kind]}?"
        yield make_row("cloze", user, lesson, span.start, span.end)


def _statement(lesson: Lesson, first: int, last: int) -> Iterator[Row]:
    topic = " – ".join(filter(None, reversed(about(lesson))))
    sentence = lesson.text[first:last].replace("\n", " ")
    cue = _keywords(sentence, len(sentence), len(sentence))[:2]
    if cue:
        user = f"What do my notes say about {' and '.join(cue)} ({topic})?"
        yield make_row("statement", user, lesson, first, last, sentence)


def _keywords(sentence: str, start: int, end: int) -> list[str]:
    """Content words outside [start, end), as written, at most four."""
    words = [
        sentence[term.start : term.end] for term in terms(sentence) if term.end <= start or term.start >= end
    ]
    return list(dict.fromkeys(words))[:4]
