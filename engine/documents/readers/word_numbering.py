"""The numbers that Word shows before list items and headings, which its files do not spell out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

BULLET = "-"
_DEEPEST = 8  # levels count from 0


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    style: str  # w:numFmt: decimal, lowerLetter, upperRoman, bullet, ...
    pattern: str  # w:lvlText: "%1.%2." names the levels whose numbers appear


class Numbering:
    """Counts along while a document is read from top to bottom."""

    def __init__(self, part: Any) -> None:
        """`part` is the root of numbering.xml, or None: then every item is a bullet."""
        self._lists: dict[str, str] = {}
        self._levels: dict[tuple[str, int], _Level] = {}
        self._counts: dict[str, list[int | None]] = {}
        for number in part.iter("{*}num") if part is not None else ():
            self._lists[attribute(number, "numId")] = child(number, "abstractNumId")
        for scheme in part.iter("{*}abstractNum") if part is not None else ():
            for level in scheme.iter("{*}lvl"):
                key = attribute(scheme, "abstractNumId"), integer(attribute(level, "ilvl"))
                self._levels[key] = _Level(
                    integer(child(level, "start"), 1), child(level, "numFmt"), child(level, "lvlText")
                )

    def label(self, number: str, depth: int) -> str:
        """What stands before the next item of list `number` at `depth`, for example "2.1." or "-"."""
        depth = min(depth, _DEEPEST)
        scheme = self._lists.get(number, "")
        level = self._levels.get((scheme, depth))
        if level is None or level.style in ("bullet", "none", ""):
            return BULLET if level is None or level.style != "none" else ""
        counts = self._counts.setdefault(scheme, [None] * (_DEEPEST + 1))
        counts[depth] = level.start if counts[depth] is None else (counts[depth] or 0) + 1
        counts[depth + 1 :] = [None] * (_DEEPEST - depth)

        def shown(match: re.Match[str]) -> str:
            named = int(match[1]) - 1
            other = self._levels.get((scheme, named), level)
            count = counts[named]
            return _spelled(other.start if count is None else count, other.style)

        return re.sub(r"%([1-9])", shown, level.pattern).strip()


def _spelled(number: int, style: str) -> str:
    letters = ""
    if style in ("lowerLetter", "upperLetter"):
        # a ... z, aa, bb, ...: Word repeats the letter
        letters = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
    elif style in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        for value, sign in zip(
            (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
            "m cm d cd c xc l xl x ix v iv i".split(),
            strict=True,
        ):
            letters += sign * (number // value)
            number %= value
    return (letters.upper() if style.startswith("upper") else letters) or str(number)


def attribute(element: Any, name: str) -> str:
    """The attribute `name` in whatever namespace: documents come in two dialects."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def child(element: Any, path: str) -> str:
    """The `val` of the element at `path` below `element`, or an empty string."""
    found = element.find("{*}" + path)
    return attribute(found, "val") if found is not None else ""


def integer(text: str, default: int = 0) -> int:
    return int(text) if text.isdecimal() else default
