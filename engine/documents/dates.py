"""Days as people and files write them, and the day a document gives itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

MONTHS = "january february march april may june july august september october november december".split()
MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" if name != "may" else "may" for name in MONTHS) + "|sept"
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
_DOTTED = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)")
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}})(?:st|nd|rd|th)?\.?\s+(?:of\s+)?({MONTH})\b\.?,?\s+(\d{{4}})(?!\d)", re.IGNORECASE
)
_MONTH_FIRST = re.compile(rf"({MONTH})\b\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})(?!\d)", re.IGNORECASE)
_WRITTEN = (  # with the groups that hold year, month and day
    (_ISO, (1, 2, 3)),
    (_DOTTED, (3, 2, 1)),
    (_DAY_FIRST, (3, 2, 1)),
    (_MONTH_FIRST, (3, 1, 2)),
)
# These say of themselves when they were written. A book's date is its edition's, and what an office file was
# begun on says less than when it was last changed.
_DATED = {"markdown", "text", "mail", "html"}


def day(text: str) -> tuple[date, int] | None:
    """The day that `text` begins with, year included, and where it ends; None if it begins with none.

    Days before months, as in 3.5.2024; 3/5/2024 could be either, and is none.
    """
    for pattern, order in _WRITTEN:
        if match := pattern.match(text):
            year, month, number = (match[group] for group in order)
            try:
                return date(int(year), month_number(month), int(number)), match.end()
            except ValueError:
                return None
    return None


def month_number(text: str) -> int:
    """1 to 12, of digits or of a name as in `MONTH`."""
    if text.isdecimal():
        return int(text)
    return next(at for at, name in enumerate(MONTHS, 1) if name.startswith(text[:3].lower()))


def of_document(kind: str, metadata: Mapping[str, str]) -> str:
    """When a document says it was written: a moment in UTC or a day, ISO 8601; empty if it does not say."""
    written = metadata.get("date", "").strip() if kind in _DATED else ""
    found = day(written)
    if found is None:
        return ""
    rest = written[found[1] :]
    return found[0].isoformat() + (rest if re.fullmatch(r"T\d\d:\d\d:\d\dZ", rest) else "")
