"""Which lines of the found passages the model gets to read.

A small model loses the answer in long texts, so the lines that hold most of the question's rare terms go
first, with their neighbours, until the budget is spent. What is left out is only kept from the model: support
is looked for in whole passages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.answer.questions import names
from engine.answer.support import context_keys, rarity
from engine.answer.terms import keys, sentences
from engine.contracts import Passage

GAP = " … "
_NEIGHBOUR = 0.5  # of its score that a line lends to the lines before and after it
_WORTH = 0.2  # of the best line's score; less is noise to a small model
_CONTEXT = 0.3  # of its weight that a term counts when only heading, title or file name hold it


@dataclass(frozen=True)
class Excerpt:
    """A passage, and the text of it that the prompt shows."""

    passage: Passage
    text: str


@dataclass
class _Line:
    passage: int
    start: int
    end: int
    score: float = 0.0


def excerpts(
    query: str,
    passages: Sequence[Passage],
    count_tokens: Callable[[str], int],
    *,
    most: int,
    budget: int,
) -> list[Excerpt]:
    """At most `most` passages with the lines that fit `budget` tokens, the most promising passage first.

    Where some passages hold every name of the question, the others are left out: beside files that look alike
    a small model takes the value of one for that of another.
    """
    passages = _named(query, passages) or passages
    lines = _scored(query, passages)
    worth = _WORTH * max((line.score for line in lines), default=0.0)
    chosen: list[_Line] = []
    shown: dict[int, float] = {}
    for line in sorted(lines, key=lambda line: -line.score):
        text = passages[line.passage].text[line.start : line.end]
        cost = count_tokens(text) + 1
        if line.score < worth or cost > budget or (line.passage not in shown and len(shown) == most):
            continue
        budget -= cost
        chosen.append(line)
        shown.setdefault(line.passage, line.score)
    if not chosen and passages:
        return [Excerpt(passages[0], _cut(passages[0].text, count_tokens, budget))]
    order = sorted(shown, key=lambda index: -shown[index])
    return [
        Excerpt(passages[index], _joined(passages[index].text, [c for c in chosen if c.passage == index]))
        for index in order
    ]


def _named(query: str, passages: Sequence[Passage]) -> list[Passage]:
    wanted = {term.key for term in names(query)}
    return [p for p in passages if wanted and wanted <= keys(p.text) | context_keys(p)]


def _scored(query: str, passages: Sequence[Passage]) -> list[_Line]:
    weights = rarity(passages)
    asked = keys(query) & weights.keys()
    lines: list[_Line] = []
    for index, passage in enumerate(passages):
        context = context_keys(passage)
        own: list[_Line] = []
        for start, end in sentences(passage.text):
            held = keys(passage.text[start:end])
            score = sum(
                weights[key] * (1.0 if key in held else _CONTEXT) for key in asked if key in held | context
            )
            own.append(_Line(index, start, end, score))
        lent = [line.score * _NEIGHBOUR for line in own]
        for at, line in enumerate(own):
            line.score += max(lent[max(at - 1, 0) : at] + lent[at + 1 : at + 2], default=0.0)
            line.score += passage.similarity + 1 / (passage.rank + 10)  # what the search thought of it
        lines += own
    return lines


def _joined(text: str, lines: list[_Line]) -> str:
    lines.sort(key=lambda line: line.start)
    pieces: list[str] = []
    for before, line in zip([None, *lines], lines, strict=False):
        if before is not None:
            between = text[before.end : line.start]
            pieces.append(between if not between.strip() else GAP)
        pieces.append(text[line.start : line.end])
    return "".join(pieces)


def _cut(text: str, count_tokens: Callable[[str], int], budget: int) -> str:
    """The beginning of one overlong line, by halving: tokens cannot be cut without the tokenizer's help."""
    while count_tokens(text) > budget and text:
        text = text[: len(text) // 2]
    return text
