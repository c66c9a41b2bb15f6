"""Which lines of the found passages the model gets to read.

A small model loses the answer in long texts, so the lines that hold most of the question's rare terms go
first, with their neighbours, until the budget is spent. What is left out is only kept from the model: support
is looked for in whole passages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from engine.answer.questions import names
from engine.answer.support import context_keys, rarity
from engine.answer.terms import keys, sentences
from engine.contracts import Passage

GAP = " … "
BETWEEN = 2  # code points of white space, at most, between passages that are neighbours
_NEIGHBOUR = 0.5  # of its score that a line lends to the lines before and after it
_WORTH = 0.2  # of the best line's score; less is noise to a small model
_CONTEXT = 0.3  # of its weight that a term counts when only heading, title or file name hold it


@dataclass(frozen=True)
class Excerpt:
    """A passage, and the text of it that the prompt shows: the lines at `spans` of the passage's text."""

    passage: Passage
    text: str
    spans: tuple[tuple[int, int], ...] = ()


@dataclass
class Scored:
    """The line [start, end) of the text of `passages[passage]`."""

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
    lines = scored(query, passages)
    worth = _WORTH * max((line.score for line in lines), default=0.0)
    chosen: list[Scored] = []
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
        cut = _cut(passages[0].text, count_tokens, budget)
        return [Excerpt(passages[0], cut, ((0, len(cut)),))]
    parts: list[Excerpt] = []
    for index in sorted(shown, key=lambda index: -shown[index]):
        passage = passages[index]
        spans = sorted((line.start, line.end) for line in chosen if line.passage == index)
        parts.append(Excerpt(passage, joined(passage.text, spans), tuple(spans)))
    return parts


def merged(passages: Sequence[Passage]) -> list[Passage]:
    """Neighbours in one document, on one page and below one heading, as one passage in the better place.

    Between neighbours lies white space alone; it is given back as line ends, which end sentences too.
    """
    together: list[Passage] = []
    for passage in passages:
        whole = passage
        # A passage between two others joins all three.
        for other in [one for one in together if _touches(one, passage)]:
            whole = _union(other, whole)
            at = together.index(other)
            together[at : at + 1] = []
        place = sum(one.rank < whole.rank for one in together)
        together.insert(place, whole)
    return together


def _touches(one: Passage, other: Passage) -> bool:
    first, second = sorted((one, other), key=lambda passage: passage.start)
    places = {(passage.path, passage.sha256, passage.page, passage.heading) for passage in (one, other)}
    return len(places) == 1 and second.start - first.end <= BETWEEN


def _union(one: Passage, other: Passage) -> Passage:
    first, second = sorted((one, other), key=lambda passage: (passage.start, -passage.end))
    between = "\n" * max(second.start - first.end, 0)
    rest = second.text[max(first.end - second.start, 0) :]
    return replace(
        min(one, other, key=lambda passage: passage.rank),
        text=first.text + between + rest,
        start=first.start,
        end=max(first.end, second.end),
        score=max(one.score, other.score),
        similarity=max(one.similarity, other.similarity),
    )


def joined(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The spans of `text`, in order, with a mark where something between them is left out."""
    pieces: list[str] = []
    for before, (start, end) in zip([None, *spans], spans, strict=False):
        if before is not None:
            between = text[before[1] : start]
            pieces.append(between if not between.strip() else GAP)
        pieces.append(text[start:end])
    return "".join(pieces)


def _named(query: str, passages: Sequence[Passage]) -> list[Passage]:
    wanted = {term.key for term in names(query)}
    return [p for p in passages if wanted and wanted <= keys(p.text) | context_keys(p)]


def scored(query: str, passages: Sequence[Passage]) -> list[Scored]:
    """Every line of the passages; its score: the rare terms of the query in it, near it, or naming it."""
    weights = rarity(passages)
    asked = keys(query) & weights.keys()
    lines: list[Scored] = []
    for index, passage in enumerate(passages):
        context = context_keys(passage)
        own: list[Scored] = []
        for start, end in sentences(passage.text):
            held = keys(passage.text[start:end])
            score = sum(
                weights[key] * (1.0 if key in held else _CONTEXT) for key in asked if key in held | context
            )
            own.append(Scored(index, start, end, score))
        lent = [line.score * _NEIGHBOUR for line in own]
        for at, line in enumerate(own):
            line.score += max(lent[max(at - 1, 0) : at] + lent[at + 1 : at + 2], default=0.0)
            line.score += passage.similarity + 1 / (passage.rank + 10)  # what the search thought of it
        lines += own
    return lines


def _cut(text: str, count_tokens: Callable[[str], int], budget: int) -> str:
    """The beginning of one overlong line, by halving: tokens cannot be cut without the tokenizer's help."""
    while count_tokens(text) > budget and text:
        text = text[: len(text) // 2]
    return text
