"""What a question asks for (a person, a date, an amount, ...), and how well a line could give it.

By the question's words and by the looks of what the line adds to it. English only, as the stop words are.
"""

from __future__ import annotations

import re
from collections.abc import Set
from itertools import pairwise
from typing import Literal

from engine.answer.terms import Term, terms

Kind = Literal["person", "time", "date", "amount", "code", "place", "thing"]

# The first that matches decides.
_PATTERNS: tuple[tuple[Kind, str], ...] = (
    ("person", r"\bwho(?:se|m)?\b"),
    ("time", r"\b(?:what|which) (?:time|hour)\b"),
    ("date", r"\b(?:when|(?:what|which|by|until|since) (?:day|date|weekday|month|year))\b"),
    (
        "code",
        r"\b(?:number|phone|telephone|mobile|code|password|passcode|pin|iban|account|licen[cs]e plate|"
        r"reference|serial|call|dial|e-?mail|address of (?:the )?(?:site|page)|url|version)\b",
    ),
    (
        "amount",
        r"\bhow (?:many|much|far|long|old|high|large|big|tall|deep|wide|heavy|often|late|fast|hot|cold|warm|"
        r"strong)\b|\b(?:price|costs?|fees?|rent|deposit|salary|budget|total|sum|amount|pay|paid|balance|"
        r"percentage|rate|size|length|weight|distance|temperature|age)\b",
    ),
    ("place", r"\bwhere\b"),
    ("thing", r""),
)
_ASKED = [(kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PATTERNS]
_MONTHS = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th|\.)?\s+{_MONTHS}|{_MONTHS}\s+\d{{1,2}}(?:st|nd|rd|th)?|"
    r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}[./]\d{2,4})\b",
    re.IGNORECASE,
)
_DATE_LIKE = re.compile(
    rf"\b(?:{_MONTHS}|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|1[5-9]\d\d|20\d\d|today|tomorrow|yesterday|"
    r"spring|summer|autumn|winter|christmas|easter|noon|midnight|morning|evening)\b",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"\b(?:[01]?\d|2[0-3])[:.][0-5]\d\b(?![.:]\d)|\b\d{1,2}\s*(?:am|pm|o'clock)\b|\bnoon\b|\bmidnight\b",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"(?<![\w.,:/-])\d+(?:[.,' ]\d+)*(?![\w/:-]*\d)|"
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|"
    r"million|dozen|half|once|twice|daily|weekly|monthly)\b",
    re.IGNORECASE,
)
# What is measured, by the words of a question and by the words beside a number.
_MEASURED = {
    "money": (
        r"price|costs?|fees?|rent|deposit|salary|budget|pays?|paid|balance|charges?|expenses?|worth|invoice",
        r"[€$£]|euros?|dollars?|crowns?|pounds?|francs?|cents?|yen|usd|eur|gbp|chf",
    ),
    "weight": (
        r"weighs?|weight|heavy",
        r"(?:kilo)?gram(?:me)?s?|kilos?|kg|g|pounds?|lbs?|tons?|tonnes?|ounces?|oz",
    ),
    "heat": (r"hot|cold|warm|temperature", r"°|degrees?|celsius|fahrenheit"),
    "length": (
        r"far|tall|deep|wide|high|long|distance|height|length",
        r"(?:kilo|centi|milli)?met(?:re|er)s?|km|cm|mm|m|miles?|feet|foot|ft|inch(?:es)?|yards?",
    ),
    "time": (
        r"how long|old|age|often|duration|fast",
        r"(?:milli)?seconds?|sec|ms|minutes?|min|hours?|days?|weeks?|months?|years?",
    ),
    "size": (
        r"large|big|size|area",
        r"square|m²|sqm|acres?|hectares?|[kmgt]i?b|bytes?|litres?|liters?|pages?|rooms?|pixels?|px",
    ),
}
_ASKS, _UNIT = (
    {what: re.compile(rf"(?<!\w)(?:{pair[at]})(?!\w)", re.IGNORECASE) for what, pair in _MEASURED.items()}
    for at in (0, 1)
)
_AROUND = 24  # code points before and after a number that may say what it measures
_COUNTED = re.compile(r"\s[a-z]{3,}")
_CODE = re.compile(r"(?<!\w)(?=[\w/@.+-]*\d)(?=[\w/@.+-]{3})[\w/@.+-]+\w|\S+@\S+|https?://\S+")
_SPOT = re.compile(
    r"\b(?:in|at|on|under|behind|near|beside|above|below|inside|to|from|opposite|between|next to|by) "
    r"(?:the |a |an )?\w"
)


def asked_kind(question: str) -> Kind:
    """What the question asks for; "thing" where its words do not tell."""
    return next(kind for kind, pattern in _ASKED if pattern.search(question))


def asked_measures(question: str) -> frozenset[str]:
    """What the amount that is asked for may measure: money, weight, ...; empty where any will do.

    Of a question for money nothing else: "how high is the rent?".
    """
    found = [what for what, pattern in _ASKS.items() if pattern.search(question)]
    return frozenset(["money"] if "money" in found else found)


def fit(kind: Kind, line: str, asked: Set[str], measured: Set[str] = frozenset()) -> float:
    """From 0 to 1: how much that which `line` adds to the `asked` keys looks like a `kind`.

    Of an amount: one of what is to be `measured`.
    """
    added = [term for term in terms(line) if term.key not in asked]
    rest = _without(line, asked)
    if kind == "person":
        return _person(line, added)
    if kind == "place":
        return _place(line, rest, added)
    if kind in ("date", "time"):
        return _when(kind, rest)
    if kind == "amount":
        return _amount(rest, line, measured)
    if kind == "code":
        return 1.0 if _CODE.search(_DATE.sub(" ", rest)) else 0.6 if re.search(r"\d", rest) else 0.0
    return 1.0 if added else 0.0


def _amount(rest: str, line: str, measured: Set[str]) -> float:
    """A number that no unit explains may still be one of what is asked for; one of seats is no price."""
    timeless = _blank(_CLOCK, _blank(_DATE, rest))
    found = list(_AMOUNT.finditer(timeless))
    if not found:
        return 0.3 if re.search(r"\d", rest) else 0.0
    return max(_measures(number, line, measured) for number in found) if measured else 1.0


def _measures(number: re.Match[str], line: str, measured: Set[str]) -> float:
    start, end = number.span()
    around = line[max(start - _AROUND, 0) : end + _AROUND]
    said = {what for what, unit in _UNIT.items() if unit.search(around)}
    if said & measured:
        return 1.0
    counted = _COUNTED.match(line, end)
    return 0.2 if said or (counted and terms(counted.group())) else 0.7


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: " " * len(found.group()), text)


def _when(kind: Kind, rest: str) -> float:
    date, clock = _DATE.search(rest), _CLOCK.search(rest)
    if kind == "time":
        return 1.0 if clock else 0.2 if re.search(r"\d", rest) else 0.0
    if date or clock:
        return 1.0
    return 0.8 if _DATE_LIKE.search(rest) else 0.2 if re.search(r"\d", rest) else 0.0


def _person(line: str, added: list[Term]) -> float:
    """Two names in a row are a full name; of one, it is not told whose or what it is."""
    called = [t for t in added if t.kind == "name" and line[t.start : t.end][1:2].islower()]
    for one, other in pairwise(called):
        if re.fullmatch(r"\.?\s", line[one.end : other.start]):
            return 1.0
    return 0.6 if any(line[: term.start].strip(" -*•>\"'") for term in called) else 0.0


def _place(line: str, rest: str, added: list[Term]) -> float:
    if not added:
        return 0.0
    named = any(t.kind == "name" and line[: t.start].strip() for t in added)
    return 1.0 if _SPOT.search(rest) and named else 0.8 if _SPOT.search(rest) or named else 0.3


def _without(line: str, asked: Set[str]) -> str:
    """The line, blanks where the question's own terms stand."""
    rest = list(line)
    for term in terms(line):
        if term.key in asked:
            rest[term.start : term.end] = " " * (term.end - term.start)
    return "".join(rest)
