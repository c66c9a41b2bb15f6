"""A summary of files of any length: each part gives a sentence, the sentences of parts are condensed in turn.

Every step reads a bounded number of tokens. What the model writes counts only if the part supports it; else
the part is represented by its own most telling sentence, word for word. So each point of a summary stands on
a span of the text, and is cited with it.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from math import ceil
from string import Template
from typing import Any

from engine.answer.fence import fenced, fenced_line
from engine.answer.support import find_support
from engine.answer.terms import keys, sentences
from engine.answer.thinking import Thoughts
from engine.contracts import (
    Answer,
    AnswerSentence,
    Citation,
    Event,
    Passage,
    Progress,
    Timings,
    Token,
)
from engine.errors import Cancelled
from engine.models.chat import ChatMessage, ChatModel
from resources import resource

POINTS = 6  # of one file
_POINTS_OF_ALL = 12  # of several together
_FEWEST = 3  # points of one file that is not very short
_SMALLEST = 50  # tokens of a part
_SENTENCE_TOKENS = 60
_SHORTEST, _LONGEST = 5, 40  # content words of a sentence that can stand for its part
_FURTHEST = 200  # code points of a quoted sentence


@dataclass(frozen=True)
class Source:
    """A document to summarise: its passages, in order."""

    name: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Point:
    """One sentence of a summary, and the span it stands on, as a passage of its own."""

    text: str
    source: str
    evidence: Passage


class Summariser:
    """Condenses documents with one chat model, at most `step_tokens` of text at a time.

    With `writes` False no sentence is left to the model: each part is represented by one of its own. Before a
    sentence `thought` tokens may be spent on thinking.
    """

    def __init__(
        self,
        model: ChatModel,
        emit: Callable[[Event], None],
        cancelled: Callable[[], bool],
        *,
        step_tokens: int,
        writes: bool = True,
        thought: int = 0,
    ) -> None:
        self._model = model
        self._emit = emit
        self._cancelled = cancelled
        self._most_written = _SENTENCE_TOKENS + thought
        self._step_tokens = step_tokens
        self._writes = writes
        self._done = self._total = self._parts = 0
        self._timings = Timings()

    def summarise(self, sources: Sequence[Source], title: str) -> Answer:
        """The summary of all `sources`, called `title`. Raises Cancelled if stopped before the first point.

        Stopped later, it is what was found so far, and says of how much. Events: Progress(summarise), Token.
        """
        least = _FEWEST if len(sources) == 1 else 1
        parts = [(source, self._parts_of(source, least)) for source in sources]
        parts = [(source, steps) for source, steps in parts if steps]
        several = len(parts) > 1
        self._parts = sum(len(steps) for _source, steps in parts)
        most = 1 if several else POINTS
        self._total = self._parts + sum(self._reducing(len(steps), most) for _source, steps in parts)
        self._total += self._reducing(len(parts), _POINTS_OF_ALL) if several else 0
        self._emit(Progress("summarise", 0, self._total, title))
        with self._model.as_base():  # an adapter was taught single facts
            return self._written(self._points(parts, most), title, several)

    def _points(self, parts: Sequence[tuple[Source, list[list[Passage]]]], most: int) -> list[Point]:
        """Of each document at most `most`, and few of several. Raises Cancelled if stopped before any."""
        points: list[Point] = []
        frequency = Counter(key for source, _steps in parts for p in source.passages for key in keys(p.text))
        for source, steps in parts:
            if self._cancelled():
                break
            own = list(self._condensed(source.name, steps, frequency, show=True))
            points += self._reduced(own, most, frequency)
        if len(parts) > 1:
            points = self._reduced(points, _POINTS_OF_ALL, frequency)
        if not points and self._cancelled():
            raise Cancelled
        return points

    # -- steps -----------------------------------------------------------------------------------

    def _parts_of(self, source: Source, least: int) -> list[list[Passage]]:
        """Neighbouring passages that one step can read; of a text long enough at least `least` parts."""
        whole = sum(self._cost(passage.text) for passage in source.passages)
        size = min(self._step_tokens, max(_SMALLEST, ceil(whole / least)))
        parts: list[list[Passage]] = []
        room = 0
        for passage in source.passages:
            for piece in self._pieces(passage, size):
                cost = self._cost(piece.text)
                if cost > room:
                    parts.append([])
                    room = size
                parts[-1].append(piece)
                room -= cost
        return parts

    def _pieces(self, passage: Passage, size: int) -> Iterator[Passage]:
        """A passage longer than `size` tokens, cut between sentences; a longer sentence stays whole."""
        if self._cost(passage.text) <= size:
            yield passage
            return
        first = last = 0
        for start, end in sentences(passage.text):
            if last and self._cost(passage.text[first:end]) > size:
                yield _span(passage, passage.start + first, passage.start + last)
                first = start
            last = end
        if last:
            yield _span(passage, passage.start + first, passage.start + last)

    def _cost(self, text: str) -> int:
        return len(self._model.tokenize(text))

    def _condensed(
        self, source: str, steps: Iterable[Sequence[Passage]], frequency: Counter[str], *, show: bool = False
    ) -> Iterator[Point]:
        """A point for each step, until stopped."""
        for passages in steps:
            if self._cancelled():
                return
            point = self._point(source, passages, frequency)
            self._done += 1
            self._emit(Progress("summarise", self._done, max(self._done, self._total), source))
            if point is not None:
                if show:
                    self._emit(Token(f"- {point.text}\n"))
                yield point

    def _reduced(self, points: list[Point], most: int, frequency: Counter[str]) -> list[Point]:
        """At most `most` points that stand for all; all of them where it was stopped."""
        while len(points) > most and not self._cancelled():
            size = self._together(len(points), most)
            groups = [points[first : first + size] for first in range(0, len(points), size)]
            fewer: list[Point] = []
            for group in groups:
                name = group[0].source if len({point.source for point in group}) == 1 else "several files"
                found = list(self._condensed(name, [[p.evidence for p in group]], frequency))
                fewer += [self._named(point, group) for point in found] or group[:1]
            if not self._cancelled():
                points = fewer
        return points

    def _together(self, points: int, most: int) -> int:
        """How many points one step condenses to one."""
        return min(ceil(points / most), max(2, self._step_tokens // _SENTENCE_TOKENS))

    def _reducing(self, points: int, most: int) -> int:
        """How many steps it takes to reduce so many points to `most`."""
        steps = 0
        while points > most:
            points = ceil(points / self._together(points, most))
            steps += points
        return steps

    @staticmethod
    def _named(point: Point, group: Sequence[Point]) -> Point:
        """A point of several files bears the name of the one it is cited from."""
        path = point.evidence.path
        return replace(point, source=next(p.source for p in group if p.evidence.path == path))

    def _point(self, source: str, passages: Sequence[Passage], frequency: Counter[str]) -> Point | None:
        sentence = self._sentence(source, passages) if self._writes else ""
        support = find_support("", sentence, passages) if keys(sentence) else None
        if support is not None:
            evidence = _span(passages[support.index], support.start, support.end)
            return Point(sentence, source, evidence)
        found = _telling(passages, frequency)
        return Point(_one_line(found.text), source, found) if found else None

    def _sentence(self, source: str, passages: Sequence[Passage]) -> str:
        """What the model says the passages are about, its first sentence; empty if it was stopped."""
        text = "\n".join(passage.text for passage in passages)
        tokens = self._prompt(source, text)
        while len(tokens) + self._most_written > self._model.context and text:
            text = text[: len(text) // 2]  # a single passage longer than the context
            tokens = self._prompt(source, text)
        generation = self._model.generate(tokens, self._most_written)
        thoughts = Thoughts(self._model.opens_thought)
        written = ""
        for piece in generation:
            written += thoughts.feed(piece)
            if self._cancelled():
                return ""
            if len(sentences(written)) > 1:
                break
        written += thoughts.end()
        self._timings = replace(
            self._timings,
            prompt_tokens=self._timings.prompt_tokens + generation.prompt_tokens,
            cached_tokens=self._timings.cached_tokens + generation.cached_tokens,
            completion_tokens=self._timings.completion_tokens + generation.completion_tokens,
        )
        spans = sentences(written)
        return _one_line(written[slice(*spans[0])]) if spans else ""

    def _prompt(self, source: str, text: str) -> list[int]:
        texts = _texts()
        part = Template(texts["part"]).substitute(name=fenced_line(source), text=fenced(text))
        return self._model.render([ChatMessage("system", texts["system"]), ChatMessage("user", part)])

    # -- the answer ------------------------------------------------------------------------------

    def _written(self, points: Sequence[Point], title: str, several: bool) -> Answer:
        stopped = self._cancelled()
        read = f"stopped after {min(self._done, self._parts)} of {self._parts} parts" if stopped else ""
        read = read or ("1 part" if self._parts == 1 else f"{self._parts} parts")
        lines = [f"{title}, in short ({read}):"]
        said = [AnswerSentence(lines[0], True)]
        cited: list[Citation] = []
        for _path, group in groupby(points, key=lambda point: point.evidence.path):
            of_file = list(group)
            if several:
                lines.append(f"- {of_file[0].source}:")
            for point in of_file:
                cited.append(_citation(point, len(cited) + 1))
                lines.append(f"{'  ' * several}- {point.text} [{len(cited)}]")
                said.append(AnswerSentence(point.text, True, (len(cited),)))
        return Answer(
            "\n".join(lines),
            "files",
            False,
            tuple(cited),
            tuple(said),
            stopped=stopped,
            timings=self._timings,
        )


def _telling(passages: Sequence[Passage], frequency: Counter[str]) -> Passage | None:
    """The sentence whose words are the most frequent ones of all that is summarised, in the mean.

    The first of equals; short ones and long ones, and lines without words, stand for nothing.
    """
    best: tuple[float, Passage | None] = (0.0, None)
    for passage in passages:
        for start, end in sentences(passage.text):
            held = keys(passage.text[start:end])
            score = sum(frequency[key] for key in held) / max(len(held), _SHORTEST)
            if len(held) <= _LONGEST and score > best[0]:
                at = passage.start + start
                best = score, _span(passage, at, at + min(end - start, _FURTHEST))
    return best[1]


def _span(passage: Passage, start: int, end: int) -> Passage:
    """A part of a passage, at [start, end) of its document, as a passage."""
    text = passage.text[start - passage.start : end - passage.start]
    return replace(passage, text=text, start=start, end=end)


def _citation(point: Point, n: int) -> Citation:
    found = point.evidence
    return Citation(
        n=n,
        path=found.path,
        page=found.page,
        quote=found.text,
        start=found.start,
        end=found.end,
        verified=True,
        heading=found.heading,
        sha256=found.sha256,
        reader=found.reader,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split()).strip("#*->| ")


@lru_cache(maxsize=1)
def _texts() -> dict[str, Any]:
    texts: dict[str, Any] = tomllib.loads(resource("prompts/summary.toml").read_text(encoding="utf-8"))
    return texts
