"""Reads a file: chooses the reader by content, then by extension; names every failure; blots out secrets."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.documents.choice import choose
from engine.documents.encoding import SAMPLE, decode
from engine.documents.extract import MAX_TEXT, Draft, Extract, Section, Unreadable, one_line, storable
from engine.documents.formats import Format
from engine.documents.secrets import is_secret, redact

__all__ = ["MAX_TEXT", "Extract", "Read", "Section", "Unreadable", "read", "read_all"]
_LIBRARIES = frozenset("pypdfium2 pypdf lxml zlib lzma _lzma olefile python_calamine".split())


@dataclass(frozen=True, slots=True)
class Read:
    """One document of a file: the file itself (`member` is empty), or what lies in it, named as in
    "b.pdf", "inner.zip!/c.txt" or "<message-id>"; and its text, or why there is none.
    """

    member: str
    result: Extract | Unreadable


def read_all(path: Path) -> Iterator[Read]:
    """All documents of the file at `path`, the file itself first, one at a time."""
    try:
        yield Read("", read(path))
    except Unreadable as problem:
        yield Read("", problem)


def read(path: Path) -> Extract:
    """The text of the file at `path`, secrets blotted out in place.

    Raises Unreadable for every file that yields no text, whatever its reader's library thinks of it.
    """
    try:
        size, head = _look(path)
        chosen = choose(path, head)
        draft = _draft(chosen, path, size)
    except Unreadable:
        raise
    except Exception as error:
        raise _named(error) from error
    return _extract(chosen, draft)


def _look(path: Path) -> tuple[int, bytes]:
    status = path.stat()
    if is_secret(path) or is_secret(path.resolve()):
        raise Unreadable("secret")
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("unsupported", "not a regular file")
    if status.st_size == 0:
        raise Unreadable("empty")
    with path.open("rb") as file:
        return status.st_size, file.read(SAMPLE)


def _draft(chosen: Format, path: Path, size: int) -> Draft:
    if chosen.read_file:
        return chosen.read_file(path)
    if size > MAX_TEXT:
        raise Unreadable("too_large", f"{size} bytes")
    assert chosen.read_text is not None
    text = decode(path.read_bytes())
    if not text.strip():
        raise Unreadable("empty")
    return chosen.read_text(text)


def _extract(chosen: Format, draft: Draft) -> Extract:
    if not draft.text.strip():
        raise Unreadable("no_text" if draft.pages else "empty")
    if len(draft.text) > MAX_TEXT:
        raise Unreadable("too_large", f"{len(draft.text)} characters")
    text, redacted = redact(storable(draft.text))
    return Extract(
        text=text,
        sections=tuple(
            Section(
                section.start, section.end, section.page, tuple(_clean(item) for item in section.headings)
            )
            for section in draft.sections()
        ),
        title=_clean(one_line(draft.title)),
        reader=chosen.reader,
        pages=draft.pages,
        kind=chosen.kind,
        redacted=redacted,
        metadata={name: _clean(value) for name, value in draft.metadata.items()},
    )


def _clean(text: str) -> str:
    return redact(storable(text))[0]


def _named(error: Exception) -> Unreadable:
    """The only place where other libraries' errors become reasons."""
    if isinstance(error, FileNotFoundError):
        return Unreadable("vanished")
    if isinstance(error, OSError) and error.errno:
        return Unreadable("unreadable", error.strerror or type(error).__name__)
    if isinstance(error, NotImplementedError):
        return Unreadable("unsupported", str(error))  # a way of packing that zipfile does not know
    if isinstance(error, RecursionError):
        return Unreadable("damaged", "nested too deeply")
    library = type(error).__module__.partition(".")[0]
    if isinstance(error, (zipfile.BadZipFile, EOFError, OSError)) or library in _LIBRARIES:
        return Unreadable("damaged", type(error).__name__)
    return Unreadable("unknown", type(error).__name__)
