"""What reading a file yields: text, and where its headings and pages begin.

Offsets are code points in the text. Newlines are \\n. Sections come in order, do not overlap, and hold every
character that is not white space.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

MAX_TEXT = 50_000_000  # code points of one document; more is a bomb, or nothing a person wrote
MAX_HEADING = 160  # code points; a longer "heading" is a paragraph in bold

# A lone surrogate cannot be stored as UTF-8, and NUL ends text early in C code: one visible mark for both.
_UNSTORABLE = dict.fromkeys((0, *range(55296, 57344)), 65533)


class Unreadable(Exception):
    """A file that yields no text. `reason` is a key of `engine.errors.REASONS`; `scans` as in `Extract`."""

    def __init__(self, reason: str, detail: str = "", scans: int = 0) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.scans = scans


@dataclass(frozen=True, slots=True)
class Section:
    """text[start:end] stands under these headings, on this page (1-based)."""

    start: int
    end: int
    page: int | None = None
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extract:
    """A file as text. `reader` is "name@version"; `redacted` counts secrets blotted out of the text.

    `scans` counts pages that are pictures of text which nobody was asked to recognise, `recognised` names
    those whose text was; `reader` says then by what ("pdf@3+ocr@1"). `hidden` counts characters
    that are in the file and not to be seen in it: they are in no text.
    """

    text: str
    sections: tuple[Section, ...]
    title: str
    reader: str
    pages: int | None
    kind: str
    redacted: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    scans: int = 0
    recognised: tuple[int, ...] = ()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Mark:
    """From this offset on, other headings or another page hold."""

    offset: int
    headings: tuple[str, ...] = ()
    page: int | None = None


@dataclass(slots=True)
class Draft:
    """What a reader returns; `engine.documents.reader` makes an `Extract` of it."""

    text: str
    marks: list[Mark] = field(default_factory=list)
    title: str = ""
    pages: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    scans: int = 0
    recognised: tuple[int, ...] = ()
    hidden: int = 0

    def sections(self) -> tuple[Section, ...]:
        marks = self.marks if self.marks and self.marks[0].offset == 0 else [Mark(0), *self.marks]
        ends = [mark.offset for mark in marks[1:]] + [len(self.text)]
        return tuple(
            Section(mark.offset, end, mark.page, mark.headings)
            for mark, end in zip(marks, ends, strict=True)
            if self.text[mark.offset : end].strip()
        )


@dataclass(frozen=True, slots=True)
class Member:
    """A document inside another file, by its name there.

    `save(target, room)` writes it to a new file of at most `room` bytes and returns their number; it raises
    Unreadable, or what the library does that reads the file around it. `ending` (".eml") tells the kind of
    a document whose name does not.
    """

    name: str
    save: Callable[[Path, int], int]
    ending: str = ""


class HeadingPath:
    """The chain of headings that holds at a place: a heading ends those of its own level and deeper ones."""

    def __init__(self) -> None:
        self._chain: list[tuple[int, str]] = []

    def enter(self, level: int, text: str) -> tuple[str, ...]:
        self.leave(level)
        self._chain.append((level, one_line(text)))
        return self.path

    def leave(self, level: int) -> tuple[str, ...]:
        while self._chain and self._chain[-1][0] >= level:
            self._chain.pop()
        return self.path

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(text for _, text in self._chain if text)


class Writer:
    """Builds a draft block by block, for readers whose text is not the file's own text."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._context: tuple[tuple[str, ...], int | None] = ((), None)
        self._marks: list[Mark] = []
        self._hidden = 0

    def hide(self, text: str) -> None:
        """Count text that the file holds and nobody sees in it: it may be an order to whoever reads it."""
        self._hidden += sum(not char.isspace() for char in text)

    def place(self, headings: tuple[str, ...] = (), page: int | None = None) -> None:
        """What follows stands here; takes effect with the next block."""
        self._context = (headings, page)

    def block(self, text: str, gap: str = "\n\n") -> None:
        """Append `text`, parted from what came before by `gap`. Blank text is left out.

        Raises Unreadable("too_large") as soon as the whole is, before it fills the memory.
        """
        if self._length + len(text) > MAX_TEXT:
            raise Unreadable("too_large", f"over {MAX_TEXT} characters")
        text = unix_newlines(text).strip("\n")
        if not text.strip():
            return
        if self._parts:
            text = gap + text
        headings, page = self._context
        last = self._marks[-1] if self._marks else None
        if last is None or (last.headings, last.page) != (headings, page):
            self._marks.append(Mark(self._length + (len(gap) if self._parts else 0), headings, page))
        self._parts.append(text)
        self._length += len(text)

    def insert(self, draft: Draft, above: tuple[str, ...] = (), page: int | None = None) -> None:
        """Append another draft, its sections under the headings `above`."""
        self._hidden += draft.hidden
        for section in draft.sections():
            self.place((*above, *section.headings), section.page or page)
            self.block(draft.text[section.start : section.end])

    def draft(
        self, title: str = "", pages: int | None = None, metadata: dict[str, str] | None = None
    ) -> Draft:
        text = "".join(self._parts)
        return Draft(text, self._marks, one_line(title), pages, metadata or {}, hidden=self._hidden)


def unix_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def storable(text: str) -> str:
    """`text` with NUL and lone surrogates replaced by U+FFFD; same length."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.translate(_UNSTORABLE)
    return text.replace("\0", "�")


def one_line(text: str) -> str:
    """White space collapsed, cut at `MAX_HEADING`."""
    return " ".join(text.split())[:MAX_HEADING].rstrip()
