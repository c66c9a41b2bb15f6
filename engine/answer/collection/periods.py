"""Stretches of days as questions name them: "in May", "last week", "since 2023", "between ... and ..."."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from engine.answer.terms import number_word
from engine.documents.dates import MONTH, MONTHS, day, month_number

_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_YEAR = r"(?:19|20)\d\d"
_LEADING = re.compile(
    r"(?:in|during|of|on|from|over|within|throughout|dated)\s+(?:the\s+(?:month of\s+)?)?", re.I
)
_BOUND = re.compile(r"(since|after|before|until|till|up to)\s+(?:the\s+)?", re.IGNORECASE)
_PAIR = re.compile(r"(?:between|from)\s+", re.IGNORECASE)
_AND = re.compile(r"\s+(?:and|to|until|till)\s+", re.IGNORECASE)
_MONTH_YEAR = re.compile(rf"({MONTH})\b\.?,?\s+(?:of\s+)?({_YEAR})\b", re.IGNORECASE)
_MONTH_ALONE = re.compile(rf"(?:(?:this|last|past)\s+)?({MONTH})\b\.?(?!\s*\d)", re.IGNORECASE)
_DAY_OF_MONTH = re.compile(
    rf"(?:(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({MONTH})|({MONTH})\s+(\d{{1,2}})(?:st|nd|rd|th)?)\b(?!\s*\d)",
    re.IGNORECASE,
)
_YEAR_ALONE = re.compile(rf"(?:the year\s+)?({_YEAR})\b(?![-/.]\d)")
_NAMED_DAY = re.compile(r"(today|yesterday)\b", re.IGNORECASE)
_WEEKDAY = re.compile(rf"(?:(?:last|this)\s+)?({'|'.join(_WEEKDAYS)})\b", re.IGNORECASE)
_UNIT = re.compile(r"(this|last|past)\s+(week|month|year)\b", re.IGNORECASE)
_LONGEST = 100 * 365
_SPAN = re.compile(r"(?:last|past)\s+(\w+)\s+(day|week|month|year)s\b", re.IGNORECASE)


@dataclass(frozen=True)
class Period:
    """From `first` to `last`, both included; None where it is open."""

    first: date | None = None
    last: date | None = None

    def __str__(self) -> str:
        """As an answer says it: "in May 2026", "on 3 May 2026", "since 1 May 2026"."""
        first, last = self.first, self.last
        if first is None or last is None:
            return f"since {written(first)}" if first else f"until {written(last)}" if last else ""
        if first == last:
            return f"on {written(first)}"
        if (first, last) == _year(first.year):
            return f"in {first.year}"
        if (first, last) == _month(first.year, first.month):
            return f"in {MONTHS[first.month - 1].title()} {first.year}"
        return f"from {written(first)} to {written(last)}"


ANY_TIME = Period()


def written(day: date) -> str:
    return f"{day.day} {MONTHS[day.month - 1].title()} {day.year}"


def period(text: str, today: date) -> tuple[Period, int] | None:
    """The period that `text` begins with, and where it ends. Without a year, the last such month or day."""
    if (match := _PAIR.match(text)) and (one := _stretch(text[match.end() :], today)):
        at = match.end() + one[1]
        joint = _AND.match(text, at)
        if joint and (other := _stretch(text[joint.end() :], today)):
            found = Period(one[0][0], other[0][1])
            return (found, joint.end() + other[1]) if one[0][0] <= other[0][1] else None
    if match := _BOUND.match(text):
        if (bound := _stretch(text[match.end() :], today)) is None:
            return None
        (first, last), end = bound[0], match.end() + bound[1]
        one_day = timedelta(1)
        found = {
            "since": Period(first),
            "after": Period(last + one_day),
            "before": Period(None, first - one_day),
        }.get(match[1].lower(), Period(None, last))
        return found, end
    leading = _LEADING.match(text)
    at = leading.end() if leading else 0
    # "may" and "march" alone are verbs more often than months.
    if leading is None and _MONTH_ALONE.match(text) and not re.match(r"(?:this|last|past)\s", text, re.I):
        return None
    stretch = _stretch(text[at:], today)
    return (Period(*stretch[0]), at + stretch[1]) if stretch else None


def _stretch(text: str, today: date) -> tuple[tuple[date, date], int] | None:
    """First and last day of what `text` begins with, and where it ends."""
    if (found := day(text)) and 1900 <= found[0].year < 2100:
        return (found[0], found[0]), found[1]
    if match := _DAY_OF_MONTH.match(text):
        number, month = (match[1], match[2]) if match[1] else (match[4], match[3])
        past = _past_day(month_number(month), int(number), today)
        return ((past, past), match.end()) if past else None
    if match := _MONTH_YEAR.match(text):
        return _month(int(match[2]), month_number(match[1])), match.end()
    if match := _MONTH_ALONE.match(text):
        month = month_number(match[1])
        return _month(today.year - (month > today.month), month), match.end()
    if match := _YEAR_ALONE.match(text):
        return _year(int(match[1])), match.end()
    if match := _NAMED_DAY.match(text):
        named = today - timedelta(match[1].lower() == "yesterday")
        return (named, named), match.end()
    if match := _WEEKDAY.match(text):
        ago = (today.weekday() - _WEEKDAYS.index(match[1].lower())) % 7 or 7
        named = today - timedelta(ago)
        return (named, named), match.end()
    if match := _UNIT.match(text):
        return _unit(match[2].lower(), match[1].lower() != "this", today), match.end()
    if match := _SPAN.match(text):
        days = number_word(match[1]) * {"day": 1, "week": 7, "month": 30, "year": 365}[match[2].lower()]
        return ((today - timedelta(days), today), match.end()) if 0 < days < _LONGEST else None
    return None


def _unit(unit: str, before: bool, today: date) -> tuple[date, date]:
    """This week, month or year up to its end, or the one before it. Weeks begin on Monday."""
    if unit == "week":
        monday = today - timedelta(today.weekday() + 7 * before)
        return monday, monday + timedelta(6)
    if unit == "month":
        last = today.replace(day=1) - timedelta(1)
        return _month(last.year, last.month) if before else _month(today.year, today.month)
    return _year(today.year - before)


def _past_day(month: int, number: int, today: date) -> date | None:
    """The last such day up to today."""
    for year in range(today.year, today.year - 9, -1):
        try:
            found = date(year, month, number)
        except ValueError:  # 29 February
            continue
        if found <= today:
            return found
    return None


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)
