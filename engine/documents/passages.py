"""Cuts an extract into passages of about 300 tokens that fit the embedder's window.

A cut falls on the strongest boundary that makes the pieces fit: page, heading, blank line, line, sentence,
word, character. Spans do not overlap and hold every character that is not white space.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile

from engine.documents.extract import Extract, Section

MIN_WINDOW = 16
_HEADER = 40  # tokens; and never more than a quarter of the passage
_LENGTH = 8  # code points a token of the budget may stand for: a tokenizer may take a long run for one token
_SMALL = 4  # a section below a quarter of a passage may share one with its neighbour
_BOUNDARIES = (
    re.compile(r"\n[ \t]*\n\s*"),
    re.compile(r"\n\s*"),
    re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)\]]))\s+|(?<=[。！？])\s*"),
    re.compile(r"\s+"),
)
_PARAGRAPHS = 0
_EQUAL = 4  # parts at the end of a text that are about equal, lest the last one is a mere line
_MARKS = 12  # code points that may surround a heading in its line: "#### ", "1.2.3 "


@dataclass(frozen=True, slots=True)
class PassageSpan:
    """text[start:end]. `header + "\\n" + text[start:end]` has `tokens` tokens, special ones included."""

    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    header: str
    tokens: int


def cut(
    extract: Extract,
    *,
    name: str,
    folder: str,
    count_tokens: Callable[[str], int],
    window: int,
    target: int = 300,
) -> list[PassageSpan]:
    """Passages of `extract` in order, each at most min(target, window) tokens with its header.

    `name` stands in for a missing title, `folder` ends the header line. `count_tokens` counts special tokens
    too. Raises ValueError if fewer than `MIN_WINDOW` tokens are allowed.
    """
    limit = min(target, window)
    if limit < MIN_WINDOW:
        raise ValueError(f"a passage needs at least {MIN_WINDOW} tokens, not {limit}")
    cutter = _Cutter(extract.text, extract.title or name, folder, count_tokens, limit)
    return [span for group in cutter.groups(extract.sections) for span in cutter.passages(group)]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A trimmed stretch of text. `size` is in tokens, or more where the text is long for its tokens."""

    start: int
    end: int
    size: int


@dataclass(slots=True)
class _Group:
    """Neighbouring sections that are cut as one. Up to `sticky` nothing may stand alone: it is headings."""

    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    sticky: int
    size: int
    only_headings: bool


class _Cutter:
    def __init__(
        self, text: str, title: str, folder: str, count_tokens: Callable[[str], int], limit: int
    ) -> None:
        self.text = text
        self.title = title
        self.folder = folder
        self.count = count_tokens
        self.limit = limit
        self.special = count_tokens("")
        self.headers: dict[tuple[str, ...], tuple[str, int]] = {}

    # -- sections to groups ----------------------------------------------------------------------

    def groups(self, sections: tuple[Section, ...]) -> Iterator[_Group]:
        small = self.limit // _SMALL
        last: _Group | None = None
        for section in sections:
            group = self._group(section, small)
            if group is None:
                continue
            if last is not None and _may_share(last, group, small):
                last = _joined(last, group)
            else:
                if last is not None:
                    yield last
                last = group
        if last is not None:
            yield last

    def _group(self, section: Section, small: int) -> _Group | None:
        start, end = self._trim(section.start, section.end)
        if start >= end:
            return None
        first_line = self.text.find("\n", start, end)
        # Only small sections may be joined: the size of others does not matter, and counting costs time.
        size = self._size(start, end, small)
        alone = first_line < 0 and _is_heading(self.text[start:end], section.headings)
        sticky = (end if first_line < 0 else first_line) if section.headings else start
        return _Group(start, end, section.page, section.headings, sticky, size, alone)

    # -- a group to passages ---------------------------------------------------------------------

    def passages(self, group: _Group) -> Iterator[PassageSpan]:
        header, cost = self._header(group.headings)
        budget = self.limit - cost
        for piece in self._pack(deque(self._split(group.start, group.end, budget)), budget, group.sticky):
            yield from self._checked(piece.start, piece.end, budget, group, header)

    def _checked(
        self, start: int, end: int, budget: int, group: _Group, header: str
    ) -> Iterator[PassageSpan]:
        """The passage if it truly fits: sums of parts are not exact for every tokenizer."""
        tokens = self.count(f"{header}\n{self.text[start:end]}")
        if tokens <= self.limit:
            yield PassageSpan(start, end, group.page, group.headings, header, tokens)
        elif budget > 1:
            smaller = max(1, min(budget - 1, budget * self.limit // tokens))
            for piece in self._pack(deque(self._split(start, end, smaller)), smaller, start):
                yield from self._checked(piece.start, piece.end, smaller, group, header)
        elif header:
            yield from self._checked(start, end, self.limit - self.special, group, "")
        elif end - start > 1:
            middle = (start + end) // 2
            for half in (self._trim(start, middle), self._trim(middle, end)):
                if half[0] < half[1]:
                    yield from self._checked(*half, budget, group, header)
        else:
            raise ValueError(f"one character has {tokens} tokens, more than {self.limit}")

    def _split(self, start: int, end: int, budget: int, level: int = _PARAGRAPHS) -> Iterator[_Piece]:
        """Pieces of at most `budget`, cut on the strongest boundaries that make them fit."""
        start, end = self._trim(start, end)
        if start >= end:
            return
        size = self._size(start, end, budget)
        if size <= budget:
            yield _Piece(start, end, size)
        elif level == len(_BOUNDARIES):
            yield from self._halves(start, end, budget, size)
        else:
            at = start
            for boundary in _BOUNDARIES[level].finditer(self.text, start, end):
                yield from self._split(at, boundary.start(), budget, level + 1)
                at = boundary.end()
            yield from self._split(at, end, budget, level + 1)

    def _halves(self, start: int, end: int, budget: int, size: int) -> Iterator[_Piece]:
        parts = min(end - start, max(2, -(-size // budget)))
        if end - start == 1:
            yield _Piece(start, end, size)
            return
        step = -(-(end - start) // parts)
        for at in range(start, end, step):
            yield from self._split(at, min(at + step, end), budget, len(_BOUNDARIES))

    def _pack(self, pieces: deque[_Piece], budget: int, sticky: int) -> Iterator[_Piece]:
        """Neighbouring pieces joined up to `budget`, the last few parts of about equal size: before those,
        what is added to a long text moves no boundary.
        """
        left = sum(piece.size for piece in pieces)
        current: _Piece | None = None
        goal = budget
        while pieces:
            piece = pieces.popleft()
            if current is None:
                current = piece
                parts = max(1, -(-left // budget))
                goal = -(-left // parts) if parts <= _EQUAL else budget
                continue
            joined = _Piece(current.start, piece.end, current.size + piece.size)
            is_heading = current.end <= sticky
            if self._fits(joined, budget) and (current.size < goal or is_heading):
                current = joined
            elif is_heading and (finer := self._finer(piece, budget, budget - current.size)):
                pieces.extendleft(reversed(finer))
            else:
                yield current
                left -= current.size
                current = None
                pieces.appendleft(piece)
        if current is not None:
            yield current

    def _finer(self, piece: _Piece, budget: int, room: int) -> list[_Piece]:
        """`piece` in parts of at most `room`, for a heading to keep company; empty if that is no use."""
        if room <= budget // 4:
            return []  # so long a heading is a passage of its own
        parts = list(self._split(piece.start, piece.end, room))
        return parts if len(parts) > 1 else []

    def _fits(self, piece: _Piece, budget: int) -> bool:
        return piece.size <= budget and piece.end - piece.start <= budget * _LENGTH

    # -- measures --------------------------------------------------------------------------------

    def _size(self, start: int, end: int, enough: int) -> int:
        """Tokens of text[start:end]; when its length alone exceeds `enough`, that, uncounted."""
        by_length = -(-(end - start) // _LENGTH)
        if by_length > enough:
            return by_length
        return max(by_length, self.count(self.text[start:end]) - self.special)

    def _trim(self, start: int, end: int) -> tuple[int, int]:
        while start < end and self.text[start].isspace():
            start += 1
        while end > start and self.text[end - 1].isspace():
            end -= 1
        return start, end

    def _header(self, headings: tuple[str, ...]) -> tuple[str, int]:
        """The header line and what it takes from the limit, special tokens included."""
        if headings not in self.headers:
            room = min(_HEADER, self.limit // 4)
            header = next(
                line
                for line in _shorter_and_shorter(self.title, headings, self.folder)
                if self.count(line) - self.special <= room
            )
            self.headers[headings] = header, self.count(header)
        return self.headers[headings]


def _shorter_and_shorter(title: str, headings: tuple[str, ...], folder: str) -> Iterator[str]:
    """Header lines, the best first; the last one is empty."""
    chain = [part for part in (title, *(item for item in headings if item != title)) if part]
    tail = f" | {folder}" if folder else ""
    yield " > ".join(chain) + tail
    yield " > ".join(chain)
    while len(chain) > 2:
        del chain[1]  # the place nearest to the text says most, the title comes next
        yield " > ".join(chain)
    line = " > ".join(chain)
    while line:
        line = line[: len(line) * 3 // 4].rstrip(" >")
        yield line


def _is_heading(line: str, headings: tuple[str, ...]) -> bool:
    """Whether `line` is the last of `headings` and little else: marks or a number before it."""
    return bool(headings) and headings[-1] in line and len(line) <= len(headings[-1]) + _MARKS


def _may_share(first: _Group, second: _Group, small: int) -> bool:
    if first.page != second.page:
        return False
    parent = second.headings[:-1]
    if first.only_headings:
        return second.headings[: len(first.headings)] == first.headings or parent == first.headings[:-1]
    near = parent in (first.headings, first.headings[:-1])
    return near and first.size < small and second.size < small


def _joined(first: _Group, second: _Group) -> _Group:
    """One group of two, under the headings they share; a heading without text leads to the next."""
    headings, sticky = second.headings, second.sticky
    if not first.only_headings:
        shared = takewhile(
            lambda pair: pair[0] == pair[1], zip(first.headings, second.headings, strict=False)
        )
        headings, sticky = tuple(heading for heading, _ in shared), first.sticky
    size = first.size + second.size
    alone = first.only_headings and second.only_headings
    return _Group(first.start, second.end, first.page, headings, sticky, size, alone)
