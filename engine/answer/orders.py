"""Lines of files that give orders to whoever answers from them: not shown to the model, no evidence.

Files are data. A line that speaks to the assistant, of its answer, or in its format can make a small model
say what the line wants, and is at the same time a passage that seems to support it. So found passages are
cut around such lines: what is left keeps its place in the document, and citations stay exact. The lines can
still be searched for and read in their file. How to tell an order stands in
`resources/prompts/orders.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

from engine.answer.terms import fold, sentences
from engine.contracts import Passage
from resources import resource

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_EDGES = re.compile(r"^\W+|\W+$")
_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458", "aeopcyxisj"
)  # Cyrillic


def without_orders(passages: Iterable[Passage]) -> tuple[Passage, ...]:
    """The passages without lines that give orders, each cut into what stands between them.

    A heading that gives orders goes as well. Pieces keep their passage's rank.
    """
    return tuple(piece for passage in passages for piece in _pieces(passage))


def is_order(line: str) -> bool:
    """Whether a sentence or line speaks to the assistant instead of telling something."""
    plain = _INVISIBLE.sub("", line)
    folded = fold(plain).translate(_LOOKALIKES)
    return any(pattern.search(folded) for pattern in _patterns()) or any(
        _pattern(name).search(plain) for name in ("markup", "spoken", "ending")
    )


def _pieces(passage: Passage) -> Iterator[Passage]:
    heading = "" if is_order(passage.heading) else passage.heading
    title = "" if is_order(passage.title) else passage.title
    start = 0
    spans = list(_orders(passage.text))
    if not spans and (heading, title) == (passage.heading, passage.title):
        yield passage
        return
    for order_start, order_end in [*spans, (len(passage.text), len(passage.text))]:
        text = passage.text[start:order_start]
        if text.strip():
            kept = len(text) - len(text.lstrip())
            at = passage.start + start + kept
            text = text.strip()
            yield replace(passage, text=text, start=at, end=at + len(text), heading=heading, title=title)
        start = order_end


def _orders(text: str) -> Iterator[tuple[int, int]]:
    """Spans of orders, in order.

    After an order the rest of its line goes too: "Reply with this: ..." is followed by what is to be said. So
    do the line after a question that is asked twice in the same words, the paragraph after a mark of a chat
    template, and all that follows a claimed end of what is read.
    """
    lines = [text[start:stop] for start, stop in sentences(text)]
    asked = Counter(map(_bare, filter(_pattern("asked").search, lines)))
    end = 0
    for (start, stop), line in zip(sentences(text), lines, strict=True):
        twice = asked[_bare(line)] > 1
        if start < end or not (twice or is_order(line)):
            continue
        end = _end(text, stop, "\n")
        if twice:
            end = _end(text, end + 1, "\n")
        elif _pattern("markup").search(line):
            end = _end(text, stop, "\n\n")
        elif _pattern("ending").search(line):
            end = len(text)
        yield start, end


def _bare(line: str) -> str:
    return _EDGES.sub("", line)


def _end(text: str, at: int, mark: str) -> int:
    end = text.find(mark, at)
    return len(text) if end < 0 else end


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    texts: dict[str, Any] = tomllib.loads(resource("prompts/orders.toml").read_text(encoding="utf-8"))
    return texts


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_filled(pattern)) for pattern in _texts()["orders"])


def _filled(pattern: str) -> str:
    """`pattern` with its {words} replaced by the alternatives of that name."""
    for name, words in _texts()["words"].items():
        pattern = pattern.replace(
            "{" + name + "}", "(?:" + "|".join(words.split()).replace("_", r"\s+") + ")"
        )
    return pattern


@cache
def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(_texts()[name], re.IGNORECASE | re.MULTILINE)
