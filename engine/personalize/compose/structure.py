"""Facts that a file's structure states outright: front matter, `key: value`, tables, mail headers, lists.

No model is asked: a column name, a key or a header says what the value is, its line says whose it is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from engine.answer.terms import fold
from engine.personalize.compose import asking
from engine.personalize.compose.facts import MOST_WORDS, Fact, Relation, about, rows_of, title_of
from engine.personalize.compose.patterns import DATE, TIME
from engine.personalize.rows import Lesson, Row

_Cell = tuple[str, int, int]  # column, start, end

_PAIR = re.compile(r"([^:;|\n]{1,40}?):[ \t]+([^;\n]+?)(?=;[ \t]|;?[ \t]*$)")
_CELL = re.compile(r"\|[ \t]*([^|\n]*?)[ \t]*(?=\|)")
_RULE = re.compile(r"[ \t]*\|?[-: |\t]*-[-: |\t]*\|[-: |\t]*")
_LINE = re.compile(r"[^\n]+")
_KEY = re.compile(
    r"^[ \t>]*(?:[-*+•]\s+|\d+[.)]\s+)?(?:\*\*|__)?(?P<key>[^\W\d_][\w /'’().&-]{0,40}?)(?:\*\*|__)?"
    r"[ \t]*:(?:\*\*|__)?[ \t]+(?P<value>\S.*?)[ \t]*$"
)
_ENTRY = re.compile(
    rf"^[ \t]*(?:[-*+•]\s+)?(?:\*\*)?(?P<key>{DATE}(?:,? (?:at )?{TIME})?|{TIME})(?:\*\*)?"
    r"[ \t]*(?::|–|—| - )(?:\*\*)?[ \t]+(?P<value>\S.*?)[ \t]*$"
)
_AMOUNT = re.compile(
    r"^[ \t]*(?:[-*+•]|\d+[.)])\s+(?P<value>\d[\d.,/½¼¾]*(?:\s?x\b)?(?P<unit>\s?(?:k?g|mg|m?l|cl|dl|cm|mm|m|"
    r"lb|oz|cups?|tbsp|tsp|spoons?|pinch(?:es)?|packs?|packets?|bottles?|boxes|bags?|cans?|tins?|pairs?)\b)?)"
    r"\s+(?:of\s+)?(?P<thing>[^\W\d_][\w '’-]{1,40}?)\s*(?=[,.;(]|$)"
)
# `11 metres long` says how long something is, not how many metres are needed for it.
_MEASURE = re.compile(
    r"(?:metres?|meters?|feet|foot|inch(?:es)?|miles?|hours?|minutes?|years?|days?|weeks?)\b"
)
_HEADING = re.compile(
    rf"^#{{0,6}}\s*(?P<what>[^\n]*?)[,:]?\s*(?:\b(?:of|on|from)\s+)?[(]?(?P<value>{DATE})[)]?\s*$"
)
_HEADERS = {"from", "to", "cc", "date", "subject", "sent"}
_SENDER = re.compile(r"^\s*\"?(?P<name>[^<\"]+?)\"?\s*<(?P<mail>[^>]+)>")
_REPLY = re.compile(r"^(?:(?:re|fwd?|aw)\s*:\s*)+", re.IGNORECASE)
_EMPTY = {"yes", "no", "x", "n/a", "na", "none", "tbd", "true", "false", "ok", "null", "-", "?"}
_LONGEST = 110  # code points of a value
_SELF = {"title", "subject", "http", "https", "note", "notes", "warning", "tags", "layout", "example", "e.g"}
_NAMEY = re.compile(r"[^\W\d_]")


def facts(lessons: Sequence[Lesson]) -> list[Fact]:
    """Every fact that structure states, in order of the lessons."""
    return [fact for lesson in lessons for fact in _of(lesson)]


def rows(found: Sequence[Fact], others: asking.Others = asking.other_words) -> list[Row]:
    """Rows of all facts. Reverse rows where the value has one owner and is no everyday word.

    `others` says what else a word may be called.
    """
    owners: dict[str, set[str]] = defaultdict(set)
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for fact in found:
        owners[fold(fact.value)].add(fold(fact.full))
        values[fold(fact.subject), fold(fact.attribute)].add(fact.value)
    made: list[Row] = []
    for fact in found:
        unique = len(owners[fold(fact.value)]) == 1 and len(fact.value) > 2 and not fact.value.islower()
        ambiguous = len(values[fold(fact.subject), fold(fact.attribute)]) > 1
        made += rows_of(fact, ambiguous=ambiguous, reverse=unique, others=others)
    return made


def structured_lines(lesson: Lesson) -> set[int]:
    """Starts of the lines whose whole content is a fact of `facts`: sentences need not be sought there."""
    lines = [match.start() for match in _LINE.finditer(lesson.text)]
    return {max((at for at in lines if at <= fact.start), default=0) for fact in _of(lesson)}


def _of(lesson: Lesson) -> Iterator[Fact]:
    lines = list(_LINE.finditer(lesson.text))
    mail, past_headers = _mail(lesson, lines)
    yield from mail
    lines = lines[past_headers:]
    table = None if mail else _Table.read(lesson, lines)
    if table is not None:
        yield from table.facts()
        lines = [line for line in lines if line.start() not in table.lines]
    subject, where = (mail[0].subject, mail[0].where) if mail else about(lesson)
    for line in lines:
        yield from _in_line(lesson, line, subject, where)


def _in_line(lesson: Lesson, line: re.Match[str], subject: str, where: str) -> Iterator[Fact]:
    text, at = line.group(), line.start()
    if match := _ENTRY.match(text):
        end = _clause_end(match["value"])
        start = at + match.start("value")
        if _usable(lesson.text[start : start + end]):
            yield Fact(lesson, subject, where, match["key"], start, start + end, "entry")
    elif (match := _AMOUNT.match(text)) and not _MEASURE.match(match["thing"]):
        relation: Relation = "amount" if match["unit"] else "count"
        start, end = at + match.start("value"), at + match.end("value")
        yield Fact(lesson, subject, where, match["thing"].lower(), start, end, relation)
    elif match := _KEY.match(text):
        key = match["key"].strip(" *_")
        start, end = _trimmed(lesson.text, at + match.start("value"), at + match.end("value"))
        if fold(key) not in _SELF and len(key.split()) <= 4 and _usable(lesson.text[start:end]):
            yield Fact(lesson, subject, where, _lower(key), start, end, named=_place(lesson, subject))
    elif text.startswith("#") and (match := _HEADING.match(text)) and _NAMEY.search(match["what"]):
        what = match["what"].strip(" #")
        begin = at + match.start("value")
        named = _place(lesson, what)
        title = title_of(lesson)
        other = "" if fold(what) in fold(title) else title
        yield Fact(lesson, what, other, "date", begin, begin + len(match["value"]), "dated", named)


def _mail(lesson: Lesson, lines: Sequence[re.Match[str]]) -> tuple[list[Fact], int]:
    """Facts of the mail headers that begin the lesson, and how many lines they take."""
    headers: dict[str, tuple[int, int]] = {}
    taken = 0
    for line in lines:
        match = _KEY.match(line.group())
        if match is None or match["key"].lower() not in _HEADERS:
            break
        headers[match["key"].lower()] = (
            line.start() + match.start("value"),
            line.start() + match.end("value"),
        )
        taken += 1
    if taken < 2 or "from" not in headers:
        return [], 0
    topic = lesson.text[slice(*headers["subject"])] if "subject" in headers else title_of(lesson)
    subject = f'the mail "{_REPLY.sub("", topic)}"'
    found = []
    writer = lesson.text[slice(*headers["from"])]
    where = f"from {_plain(writer)}"
    for key, (start, end) in headers.items():
        if key == "subject":
            continue
        sender = _SENDER.match(lesson.text[start:end])
        if sender:
            found.append(
                Fact(
                    lesson,
                    sender["name"],
                    "",
                    "email",
                    start + sender.start("mail"),
                    start + sender.end("mail"),
                    named=(start + sender.start("name"), start + sender.end("name")),
                )
            )
            start, end = start + sender.start("name"), start + sender.end("name")
        found.append(Fact(lesson, subject, where, key, start, end, named=headers.get("subject")))
    return sorted(found, key=lambda fact: fact.subject != subject), taken


class _Table:
    """Rows of cells, each cell a (column, start, end) of the lesson's text."""

    def __init__(self, lesson: Lesson, rows: Mapping[int, list[_Cell]], heads: Sequence[int] = ()) -> None:
        self._lesson = lesson
        self._rows = list(rows.values())
        self.lines = {*rows, *heads}

    @classmethod
    def read(cls, lesson: Lesson, lines: Sequence[re.Match[str]]) -> _Table | None:
        """The table in lines `column: value; column: value`, or with bars; None if there is none."""
        rows = {
            line.start(): [
                (match[1].strip(), line.start() + match.start(2), line.start() + match.end(2))
                for match in _PAIR.finditer(line.group())
            ]
            for line in lines
        }
        rows = {at: row for at, row in rows.items() if len(row) >= 2}
        if rows and (lesson.kind == "table" or len(rows) > 1):
            return cls(lesson, rows)
        return cls._barred(lesson, lines)

    @classmethod
    def _barred(cls, lesson: Lesson, lines: Sequence[re.Match[str]]) -> _Table | None:
        """A Markdown table: a line of dashes says that the line above names columns."""
        rule = next((at for at, line in enumerate(lines) if at and _RULE.fullmatch(line.group())), None)
        if rule is None:
            return None
        names = [lesson.text[start:end] for start, end in _bars(lines[rule - 1])]
        rows = {
            line.start(): [
                (name, start, end)
                for name, (start, end) in zip(names, _bars(line), strict=False)
                if name and start < end
            ]
            for line in takewhile(lambda line: "|" in line.group(), lines[rule + 1 :])
        }
        return cls(lesson, rows, [lines[rule - 1].start(), lines[rule].start()]) if rows else None

    def facts(self) -> Iterator[Fact]:
        title = title_of(self._lesson)
        key = self._key_columns()
        for row in self._rows:
            cells = {column: (start, end) for column, start, end in row}
            keyed = [cells[column] for column in key if column in cells]
            if not keyed:
                continue
            subject = ", ".join(self._lesson.text[slice(*span)] for span in keyed)
            named = keyed[0] if len(keyed) == 1 else None
            for column, start, end in row:
                if column not in key and _usable(self._lesson.text[start:end]):
                    yield Fact(self._lesson, subject, title, _lower(column), start, end, named=named)

    def _key_columns(self) -> list[str]:
        """The columns that tell rows apart: the first of words with no value twice, else the first two."""
        columns = list(dict.fromkeys(column for row in self._rows for column, _, _ in row))
        for worded in (True, False):
            for column in columns:
                values = [
                    self._lesson.text[start:end]
                    for row in self._rows
                    for name, start, end in row
                    if name == column
                ]
                distinct = max(Counter(values).values()) == 1 and len(values) == len(self._rows)
                if distinct and (not worded or all(_NAMEY.match(value) for value in values)):
                    return [column]
        return columns[:2]


def _bars(line: re.Match[str]) -> list[tuple[int, int]]:
    """Spans of the cells between the bars of a line."""
    return [
        (line.start() + cell.start(1), line.start() + cell.end(1)) for cell in _CELL.finditer(line.group())
    ]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in " \t\"'*_`[":
        start += 1
    while end > start and text[end - 1] in " \t\"'*_`]":
        end -= 1
    # A full stop ends the line's sentence, not the value.
    if end - start > 1 and text[end - 1] == "." and text[end - 2].isalnum() and " " in text[start:end]:
        end -= 1
    return start, end


def _clause_end(value: str) -> int:
    match = re.search(r"[;.](?=\s|$)|,(?=\s)(?!\s\d{4})", value)
    return match.start() if match else len(value)


def _usable(value: str) -> bool:
    words = value.split()
    is_said = fold(value) not in _EMPTY and any(map(str.isalnum, value))
    return is_said and len(words) <= MOST_WORDS and len(value) <= _LONGEST


def _place(lesson: Lesson, subject: str) -> tuple[int, int] | None:
    at = lesson.text.find(subject)
    return (at, at + len(subject)) if at >= 0 else None


def _lower(key: str) -> str:
    """A key in running text: small letters unless it is an abbreviation."""
    key = key.replace("_", " ")
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in key.split())


def _plain(writer: str) -> str:
    """A sender without the address."""
    return writer.split("<")[0].strip(' "') or writer
