"""Prose of a lesson: its sentences, and the values in them that somebody may ask for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.answer.terms import fold, sentences, stopwords
from engine.personalize.compose import asking, grammar
from engine.personalize.compose.patterns import CODE, DATE, MONEY, NUMBER, TIME
from engine.personalize.compose.structure import structured_lines
from engine.personalize.rows import Lesson

SpanKind = Literal["date", "time", "money", "code", "quote", "number", "name", "noun"]

_NAME = (
    r"(?:(?:Dr|Mrs?|Ms|Prof)\.? )?[^\W\d_a-z][\w'’-]+"
    r"(?:\s(?:(?:de|da|das|do|van|von|der|of|the|la|le|el)\s)*[^\W\d_a-z][\w'’-]*)*"
)
_PATTERNS: tuple[tuple[SpanKind, re.Pattern[str]], ...] = (
    ("quote", re.compile(r"(?<=[“\"])[^“”\"\n]{2,60}(?=[”\"])")),
    ("date", re.compile(DATE)),
    ("money", re.compile(MONEY)),
    ("code", re.compile(CODE)),
    ("time", re.compile(TIME)),
    ("number", re.compile(NUMBER)),
    ("name", re.compile(_NAME)),
)
_HEADS: dict[SpanKind, tuple[str, ...]] = {
    "date": ("When", "On what day", "What date", "On which date"),
    "time": ("At what time", "When", "What time"),
    "money": ("How much", "What price", "How much money"),
    "code": ("What number", "Which code", "What"),
    "quote": ("What", "Which words", "What title"),
    "number": ("How many", "What number"),
    "name": ("What", "Who", "Which", "What is the name"),
    "noun": ("What", "Which thing", "What kind of thing"),
}
_PLACES = frozenset("in at to from near behind under beside inside on into above".split())
_SPANS_OF_TIME = frozenset(
    "minutes minute hours hour days day weeks week months month years year nights".split()
)
_BEFORE_YEARS = frozenset("in since of from until by year before after around".split())
_MOVES = frozenset("move go travel drive fly ride walk come live run return leave arrive".split())
_AGED = re.compile(r"\b(?:turned|turns|is|was|aged|age|now)\s+(?:about |nearly |over )?$")
_DETERMINER = re.compile(
    r"\b(?:a|an|the|his|her|my|our|their|its|some|of|in|on|at|for|to|with|by|from|is|are|was|were|be|and|or|"
    r"under|behind|near|into|as|than|no)\s+"
)
_FEW_WORDS, _FEW_LISTED, _MANY_WORDS = 3, 2, 45  # of a sentence, and of an item of a list, worth a row
_LONG_WORDS, _CLAUSE_WORDS = 28, 6  # from where on a sentence is cut, and of each part at least
_JOINT = re.compile(r"(?:([;:])| [–—-]|,(?= (?:and|but|so|which|because|while) )|,) ")
_POLITE = re.compile(r"(?:My )?(?:Dear|dear|Hello|Hi|Thanks|Cheers|Love|Yours|Best|Kind)\b[\w ,'’]{0,30}$")
_MARKUP = re.compile(r"^[\s>#*+•-]+|^\d+[.)]\s+")
_FRONT_MATTER = re.compile(r"---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_MEASURES = frozenset("day week month year night hour minute time way lot bit".split())


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
    known = names_inside(lesson.text)
    return [span for first, last in prose(lesson) for span in in_sentence(lesson, first, last, known)]


# -- finding -------------------------------------------------------------------------------------


def prose(lesson: Lesson) -> Iterator[tuple[int, int]]:
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
        if _POLITE.match(text):
            continue
        if line in structured or is_heading or is_header or is_front or "|" in text or "```" in text:
            continue
        few = _FEW_LISTED if lesson.text[start : start + 1] in "-*+•" else _FEW_WORDS
        for begin, stop in _pieces(lesson.text, first, end):
            if few <= len(lesson.text[begin:stop].split()) <= _MANY_WORDS:
                yield begin, stop


def _pieces(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """A sentence whole, or one that is too long to answer with in its clauses."""
    begin = first
    if len(text[first:last].split()) > _LONG_WORDS:
        for joint in _JOINT.finditer(text, first, last):
            enough = min(len(text[begin : joint.start()].split()), len(text[joint.end() : last].split()))
            if enough >= _CLAUSE_WORDS:
                yield begin, joint.start() + len(joint[1] or "")
                begin = joint.end()
    yield begin, last


def _unwrapped(text: str) -> str:
    """Line breaks inside a paragraph as spaces (the length stays): a line that goes on in small letters."""
    return re.sub(r"(?<=[\w,;])\n(?=[a-z(])(?![\w -]{1,30}:\s)", " ", text)


def in_sentence(lesson: Lesson, first: int, last: int, known: Collection[str]) -> list[Span]:
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
                if text[start:end] in asking.TITLES:
                    continue
            if "\n" not in lesson.text[first + start : first + end]:
                take(start, end, kind)
    for start, end in _nouns(text):
        take(start, end, "noun")
    return [Span(lesson, kind, first + start, first + end, first, last) for start, end, kind in sorted(taken)]


def names_inside(text: str) -> set[str]:
    """Words written large in the middle of a sentence."""
    return {match[1] for match in re.finditer(r"(?<=[a-z,;:)] )([^\W\d_a-z][\w'’-]+)", text)}


def _name_start(text: str, start: int, end: int, known: Collection[str]) -> int:
    """Where a name begins, without what is large only because a sentence starts; `end` if it is no name."""
    while start < end:
        word = re.match(r"[\w'’-]+\s*", text[start:end])
        if word is None:
            return end
        bare = word.group().strip()
        full = re.sub(r"['’](?:m|d|ve|ll|re|s)$", "", bare)  # `I'm`, `It's`
        is_function_word = fold(full) in stopwords() or full == "I"
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


# -- asking for them -----------------------------------------------------------------------------


def heads(sentence: str, at: int, to: int, kind: SpanKind) -> tuple[Sequence[str], str]:
    """Ways to ask for a value of this kind, seen where it stands; and the kind that grammar asks for."""
    before = sentence[:at].split()
    last = fold(before[-1]) if before else ""
    if last in ("the", "a", "an") and len(before) > 1:
        last = fold(before[-2])
    value, after = sentence[at:to], sentence[to:].strip()
    if kind == "number":
        if re.fullmatch(r"1[5-9]\d\d|20\d\d", value) and last in _BEFORE_YEARS:
            return ("When", "What year", "In which year"), "date"
        unit = re.match(r"[^\W\d_]+", value.split(" ", 1)[1] if " " in value else after)
        if measure := re.match(r"(?:\w+ )?(long|high|tall|wide|deep|heavy|thick|far)\b", after):
            return (f"How {measure[1]}", "What size", *([f"How many {unit.group()}"] if unit else ())), kind
        if _AGED.search(sentence[:at]) or after.startswith(("years old", "year old")):
            return ("How old", "What age"), "age"
        if unit and fold(unit.group()) in _SPANS_OF_TIME:
            return ("How long", f"How many {unit.group()}", "How much time"), kind
        if unit and fold(unit.group()) not in stopwords():
            return (f"How many {unit.group()}", "How many", "How much"), kind
        return ("What number", "Which", "How many"), kind
    if kind == "name" and last in _PLACES and not _is_person(value, last, sentence[:at]):
        return ("Where", "Which place", "In which town", "What town"), "place"
    if kind == "name" and " " in value:
        return ("Who", "Which person", "What is the name of the person"), kind
    if kind == "noun" and last in _PLACES:
        return ("Where", "In what place", "What place"), kind
    return _HEADS[kind], kind


def _is_person(value: str, preposition: str, before: str) -> bool:
    """Whether a name after a preposition of place is a person's: `to Nora Lind`, not `moved to New Bay`."""
    titled = value.startswith(("Dr", "Mr", "Ms", "Prof"))
    goes = any(grammar.lemma(word) in _MOVES for word in fold(before).split())
    return titled or (" " in value and preposition in ("to", "from") and not goes)
