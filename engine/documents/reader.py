"""Reads a file: chooses the reader by content, then by extension; names every failure; blots out secrets."""

from __future__ import annotations

import mmap
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.documents import formats
from engine.documents.encoding import SAMPLE, decode, looks_like_text
from engine.documents.extract import Draft, Extract, Section, Unreadable, one_line, storable
from engine.documents.formats import Format
from engine.documents.secrets import is_secret, redact

__all__ = ["MAX_TEXT", "Extract", "Read", "Section", "Unreadable", "read", "read_all"]

MAX_TEXT = 50_000_000  # bytes of a text file, code points of any file's text

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_OTHER_CONTAINERS = (b"{\\rtf", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"\x1f\x8b", b"7z\xbc\xaf", b"%!PS")


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
        chosen = _choose(path, head, size)
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


def _choose(path: Path, head: bytes, size: int) -> Format:
    by_name = formats.by_extension(path)
    if b"%PDF-" in head[:1024] and (by_name in (None, formats.PDF) or head.startswith(b"%PDF-")):
        return formats.PDF
    if head.startswith(_ZIP):
        return _in_zip(path, by_name)
    if head.startswith(_OLE):
        raise Unreadable("password" if _is_encrypted_office(path) else "unsupported", "an older Office file")
    if head.startswith(_OTHER_CONTAINERS):
        raise Unreadable("unsupported")
    if by_name is None:
        extension = formats.extension_of(path)
        if extension in formats.UNSUPPORTED:
            raise Unreadable("unsupported", extension)
        if extension in formats.BINARY or not looks_like_text(head):
            raise Unreadable("binary")
    if by_name is None or by_name is formats.TEXT or by_name.read_file:
        # Text under a name that promises something else, or promises nothing.
        if by_name and by_name.read_file and not looks_like_text(head):
            raise Unreadable("damaged")
        return formats.HTML if _is_html(head) else formats.TEXT
    return by_name


def _in_zip(path: Path, by_name: Format | None) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            if any(name.startswith("word/document") for name in archive.namelist()):
                return formats.WORD
    except zipfile.BadZipFile:
        if by_name is formats.WORD:
            raise
        raise Unreadable("binary") from None
    raise Unreadable("damaged" if by_name is formats.WORD else "unsupported", "an archive")


def _is_encrypted_office(path: Path) -> bool:
    """Office keeps a password-protected document as a stream of this name in an OLE container."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find("EncryptedPackage".encode("utf-16-le")) >= 0


def _is_html(head: bytes) -> bool:
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html"))


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
    if isinstance(error, OSError):
        return Unreadable("unreadable", error.strerror or type(error).__name__)
    library = type(error).__module__.partition(".")[0]
    if isinstance(error, (zipfile.BadZipFile, EOFError)) or library in {"pypdfium2", "pypdf", "lxml", "zlib"}:
        return Unreadable("damaged", type(error).__name__)
    return Unreadable("unknown", type(error).__name__)
