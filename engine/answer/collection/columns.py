"""Sums and other figures of a column of a table in the files: which question asks for one, and of what.

As with files, each word must be understood: the figure, the column, the table, and what is left must be found
in the rows, which are then the ones that count: "the highest pressure of the front tyre".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import PurePath
from typing import Literal

from engine.answer.collection.periods import ANY_TIME, Period, period
from engine.answer.terms import keys, terms
from engine.documents.dates import day

Figure = Literal["sum", "average", "highest", "lowest", "rows"]

_FIGURES: dict[Figure, str] = {
    "rows": r"how many (?:rows|entries|records|lines)|(?:the )?number of (?:rows|entries|records|lines)",
    "average": r"average|mean",
    "highest": r"highest|largest|maximum|max|biggest|greatest",
    "lowest": r"lowest|smallest|minimum|min",
    "sum": r"sum|total|add up|altogether|in total",
}
_FIGURE = {figure: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for figure, pattern in _FIGURES.items()}
_OPENING = re.compile(
    r"(?:what|which|how|calculate|compute|give|tell|show|add|sum|find|work out|the|total|average|please)\b",
    re.IGNORECASE,
)
_GROUPS = re.compile(r"\b(?:per|each|every|by)\b", re.IGNORECASE)
# Words that speak of tables and figures, not of what is in them.
_SCOPE = (
    "column columns row rows table tables sheet sheets spreadsheet csv xlsx excel value values entry entries"
    " record records line lines list lists figure figures sum total totals average mean highest largest"
    " maximum max biggest greatest lowest smallest minimum min overall altogether calculate compute add"
    " together work data find"
)
_SPACES = " \u00a0\u202f'’"  # between thousands
_NUMBER = re.compile(
    rf"(?P<before>[^\d\s+-]{{0,4}})\s?(?P<number>[-+−]?\d(?:[\d.,{_SPACES}]*\d)?)(?P<after>\s?\D{{0,12}})"
)
_GROUPED = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_COMMA = re.compile(r",\d{1,2}\D*$")
_FEW = 3  # rows; in more of them a column has more than one cell
_LINE = re.compile(r"[^\n]+")


@dataclass(frozen=True)
class Row:
    """One row at [start, end) of its document: column -> cell."""

    start: int
    end: int
    cells: Mapping[str, str]

    def keys(self) -> set[str]:
        return keys(" ".join(self.cells.values()))


@dataclass(frozen=True)
class Wanted:
    """What is asked: a figure, the words that name column, table and rows, and perhaps a period.

    `said` are the keys of the whole question: a column may be called "total".
    """

    figure: Figure
    words: tuple[str, ...]
    said: frozenset[str]
    period: Period = ANY_TIME

    @property
    def keys(self) -> set[str]:
        return keys(" ".join(self.words))


@dataclass(frozen=True)
class Result:
    """A figure over `rows`, of `column` (empty for the number of rows); `left_out` rows hold no number.

    `named`: the question names this table.
    """

    figure: Figure
    column: str
    value: str
    rows: tuple[Row, ...]
    left_out: int = 0
    named: bool = False
    period: Period = ANY_TIME
    filters: tuple[str, ...] = ()


def understand(text: str, today: date) -> Wanted | None:
    """The figure a question asks for; None where it asks for none."""
    text = " ".join(text.split()).rstrip(" ?.!")
    figure = next((name for name, pattern in _FIGURE.items() if pattern.search(text)), None)
    if figure is None or not _OPENING.match(text) or _GROUPS.search(text):
        return None
    days = ANY_TIME
    for word in re.finditer(r"(?<!\S)\w", text):
        found = period(text[word.start() :], today)
        end = word.start() + found[1] if found else 0
        if found and (end == len(text) or not text[end].isalnum()):
            days, text = found[0], text[: word.start()] + text[end:]
            break
    said = keys(text)
    text = _FIGURE[figure].sub(" ", text)
    asked = [text[term.start : term.end] for term in terms(text) if term.key not in _scope()]
    return Wanted(figure, tuple(asked), frozenset(said), days) if asked or "column" in said else None


@lru_cache(maxsize=1)
def _scope() -> set[str]:
    return keys(_SCOPE)


def figure(wanted: Wanted, text: str, path: str, title: str, names: str) -> Result | None:
    """What a table says to `wanted`; None unless it explains every word of it.

    `text` is the table's document, `names` what else stands over it (headings, folder).
    """
    rows = list(pipe_rows(text) or named_rows(text))
    if not rows:
        return None
    name = PurePath(path.replace("!/", "/")).name
    own = keys(re.sub(r"[_.-]", " ", name)) | keys(name)
    is_named = bool(wanted.keys & own)
    over = own | keys(title) | keys(names)
    columns = list(dict.fromkeys(column for row in rows for column in row.cells))
    if wanted.period != ANY_TIME:
        rows = [row for row in rows if _is_within(row, wanted.period)]
    in_question = wanted.said if "column" in wanted.said else wanted.keys
    found = []
    for column in columns if wanted.figure != "rows" else [""]:
        asked = keys(column)
        if wanted.figure != "rows" and not (asked <= wanted.said and asked & in_question):
            continue
        left = wanted.keys - asked - over
        # "Which city has the highest population?": the other column is what is asked for. "... of city
        # Ghent": it says where Ghent stands. "The total amount of categories" is neither.
        others = {key for other in columns if other != column for key in keys(other)}
        if wanted.figure in {"highest", "lowest"} or left - others:
            left -= others
        chosen = [row for row in rows if left <= row.keys()]
        if not chosen or (wanted.figure == "rows" and not is_named):
            continue
        if result := _computed(wanted.figure, column, chosen):
            filters = tuple(word for word in wanted.words if keys(word) & left)
            found.append(replace(result, named=is_named, period=wanted.period, filters=filters))
    # "total price" beside "price": the longer name explains more.
    found.sort(key=lambda result: -len(keys(result.column)))
    if len(found) > 1 and len(keys(found[0].column)) == len(keys(found[1].column)):
        return None
    return found[0] if found else None


def named_rows(text: str) -> Iterator[Row]:
    """Lines of `column: value; column: value`, as tables and sheets are stored."""
    lines = [(match.start(), match.end(), match[0].split("; ")) for match in _LINE.finditer(text)]
    counts: dict[str, int] = {}
    for _start, _end, pieces in lines:
        for piece in pieces:
            name, colon, _value = piece.partition(": ")
            if colon:
                counts[name] = counts.get(name, 0) + 1
    known = {name for name, count in counts.items() if count > 1 or len(lines) <= _FEW}
    for start, end, pieces in lines:
        cells: dict[str, str] = {}
        for piece in pieces:
            name, colon, value = piece.partition(": ")
            if colon and name in known and name not in cells:
                cells[name] = value
            elif cells:  # the value before it held a semicolon
                last = next(reversed(cells))
                cells[last] += f"; {piece}"
        if cells:
            yield Row(start, end, cells)


def pipe_rows(text: str) -> list[Row]:
    """Rows of the tables in a Markdown text."""
    rows: list[Row] = []
    header: list[str] = []
    before = ""
    start = 0
    for line in text.split("\n"):
        if "|" not in line:
            header = []
        elif _RULE.fullmatch(line) and "|" in before:
            header = _cells(before)
        elif header:
            cells = dict(zip(header, _cells(line), strict=False))
            filled = {name: cell for name, cell in cells.items() if cell}
            rows.append(Row(start, start + len(line), filled))
        before = line
        start += len(line) + 1
    return rows


def _cells(line: str) -> list[str]:
    return [cell.strip(" \t*`") for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _is_within(row: Row, days: Period) -> bool:
    found = [on[0] for cell in row.cells.values() if (on := day(cell))]
    return any((not days.first or on >= days.first) and (not days.last or on <= days.last) for on in found)


def _computed(figure: Figure, column: str, rows: Sequence[Row]) -> Result | None:
    if figure == "rows":
        return Result(figure, "", str(len(rows)), tuple(rows))
    cells = [row.cells.get(column, "") for row in rows]
    read = _numbers(cells)
    if read is None:
        return None
    numbers, show = read
    counted = [(number, row) for number, row in zip(numbers, rows, strict=True) if number is not None]
    values = [number for number, _row in counted]
    left_out = len(rows) - len(counted)
    if figure in {"highest", "lowest"}:
        best = max(values) if figure == "highest" else min(values)
        return Result(
            figure, column, show(best), tuple(row for number, row in counted if number == best), left_out
        )
    total = sum(values, Decimal(0))
    if figure == "average":
        places = max(2, max(-_exponent(value) for value in values))
        total = round(total / len(values), places)
        total = total.normalize() if total != total.to_integral() else total.to_integral()
    return Result(figure, column, show(total), tuple(row for _number, row in counted), left_out)


def _numbers(cells: Sequence[str]) -> tuple[list[Decimal | None], Callable[[Decimal], str]] | None:
    """Each cell as a number (None where it is none), and how the column writes them.

    None if it is no column of numbers: most cells must be, all in one unit, and no code with leading zeros.
    """
    matches = [_NUMBER.fullmatch(cell.strip()) for cell in cells]
    filled = sum(map(bool, cells))
    found = [match for match in matches if match]
    units = {(match["before"], match["after"].strip()) for match in found}
    if not found or len(found) * 2 <= filled or len(units) > 1 or any(map(_is_code, found)):
        return None
    has_comma = any(_COMMA.search(match["number"].strip()) for match in found)
    grouped = not has_comma and any(_GROUPED.match(match["number"]) for match in found)
    (before, after) = units.pop()
    after = found[0]["after"].rstrip()
    numbers = [_decimal(match["number"], has_comma) if match else None for match in matches]
    if all(number is None for number in numbers):
        return None

    def show(number: Decimal) -> str:
        text = f"{number:,f}" if grouped else f"{number:f}"
        return f"{before}{text.replace('.', ',') if has_comma else text}{after}"

    return numbers, show


def _is_code(match: re.Match[str]) -> bool:
    return bool(re.match(r"0\d", match["number"])) or bool(day(match[0]))


def _decimal(text: str, has_comma: bool) -> Decimal | None:
    plain = re.sub(f"[{_SPACES}]", "", text).replace("−", "-")
    plain = plain.replace(".", "").replace(",", ".") if has_comma else plain.replace(",", "")
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
