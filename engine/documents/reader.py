"""Reads a file: chooses the reader by content, then by extension; names every failure; blots out secrets."""

from __future__ import annotations

import errno
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from engine.documents import formats, ocr
from engine.documents.choice import choose
from engine.documents.encoding import SAMPLE, decode
from engine.documents.extract import MAX_TEXT, Draft, Extract, Member, Section, Unreadable, one_line, storable
from engine.documents.formats import Format
from engine.documents.ocr import PageText
from engine.documents.secrets import is_secret, redact
from engine.errors import EXHAUSTED, Again, Cancelled

__all__ = ["MAX_TEXT", "REST", "Extract", "Read", "Section", "Unreadable", "read", "read_all"]

MAX_UNPACKED = 200_000_000  # bytes of all members of a file and of the archives in it
MAX_MEMBERS = 5000
_ARCHIVES = 2  # levels of archives that are unpacked
_DEEPEST = 6  # levels of files in files of any kind
REST = "..."  # stands for the members that were not looked at
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)
_ORDINARY = re.compile(r"(?!(?:con|nul|aux|prn|com\d|lpt\d)(?:\.|$))\w", re.ASCII | re.IGNORECASE)
_LONGEST_NAME = 100
# Tags, save in the flags of parts of countries; and variation selectors in rows, which spell bytes.
_TAGS = re.compile(
    "(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"
)
_LIBRARIES = frozenset("pypdfium2 pypdf lxml zlib lzma _lzma olefile python_calamine PIL".split())


@dataclass(frozen=True, slots=True)
class Read:
    """One document of a file: the file itself (`member` is empty), or what lies in it, named as in
    "b.pdf", "inner.zip!/c.txt" or "<message-id>"; and its text, or why there is none.
    """

    member: str
    result: Extract | Unreadable


def read(path: Path, page_text: PageText | None = None) -> Extract:
    """The text of the file at `path`, secrets blotted out in place; that of pictures if `page_text` is given.

    Raises Unreadable for every file that yields no text, whatever its reader's library thinks of it.
    """
    return _read(path, _Reading(page_text))[1]


def read_all(
    path: Path,
    page_text: PageText | None = None,
    *,
    broken: Collection[int] = (),
    begin: Callable[[int], None] = lambda size: None,
) -> Iterator[Read]:
    """All documents of the file at `path`, the file itself first, one at a time.

    What lies inside is written to a private temporary folder, one document at a time, and removed again.
    Those that are `broken`, by their number (the file itself is 0), are named and not touched. `begin` hears
    of each document's size in bytes before it is read. Raises OSError where no space or memory is left.
    """
    reading = _Reading(page_text, begin, frozenset(broken))
    with closing(_documents(path, reading, _Limits(), ())) as documents:
        for found in documents:
            reading.number += 1
            yield found


@dataclass(slots=True)
class _Reading:
    """What whoever asked wants; `number` is that of the next document."""

    page_text: PageText | None
    begin: Callable[[int], None] = lambda size: None
    broken: frozenset[int] = frozenset()
    number: int = 0


@dataclass(slots=True)
class _Limits:
    """What may still be taken out of a file and those in it: a bomb fills neither disk nor memory."""

    room: int = MAX_UNPACKED
    members: int = MAX_MEMBERS


def _documents(
    path: Path, reading: _Reading, limits: _Limits, around: tuple[Format, ...]
) -> Generator[Read, None, None]:
    """`around` are the formats of the files that the one at `path` lies in, the outermost first."""
    try:
        chosen, extract = _read(path, reading)
        is_too_deep = chosen is formats.ARCHIVE and around.count(formats.ARCHIVE) >= _ARCHIVES
        if is_too_deep or (chosen.members and len(around) >= _DEEPEST):
            raise Unreadable("archive_limit", "archives in archives")
    except Unreadable as problem:
        yield Read("", problem)
        return
    yield Read("", extract)
    if chosen.members is None:
        return
    names: Counter[str] = Counter()
    with TemporaryDirectory(prefix="nocturne-") as folder, closing(chosen.members(path)) as members:
        while True:
            try:
                member = next(members, None)
            except Exception as error:
                yield Read(REST, named(error))
                return
            if member is None:
                return
            if chosen is formats.MAILBOX and formats.ARCHIVE not in around:
                limits = _Limits()  # messages are as many as they are; each has its own files
            limits.members -= 1
            if limits.members < 0:
                yield Read(REST, Unreadable("archive_limit", f"over {MAX_MEMBERS} members"))
                return
            name = _unique(_CONTROL.sub(" ", storable(member.name)), names)
            for found in _member(member, Path(folder), reading, limits, (*around, chosen)):
                yield Read(f"{name}!/{found.member}" if found.member else name, found.result)


def _unique(name: str, names: Counter[str]) -> str:
    """`name`, or "name#2" if there is one already; `names` counts those given so far."""
    given = name
    while names[given]:
        names[name] += 1
        given = f"{name}#{names[name]}"
    names[given] += 1
    return given


def _member(
    member: Member, folder: Path, reading: _Reading, limits: _Limits, around: tuple[Format, ...]
) -> Iterator[Read]:
    if reading.number in reading.broken:
        yield Read("", Unreadable("crashed_reader"))
        return
    if is_secret(Path(member.name)):
        yield Read("", Unreadable("secret"))
        return
    target = folder / (_safe_name(member.name) + member.ending)
    try:
        limits.room -= member.save(target, limits.room)
    except Exception as error:
        yield Read("", named(error))
    else:
        yield from _documents(target, reading, limits, around)
    finally:
        target.unlink(missing_ok=True)


def _safe_name(name: str) -> str:
    """A name that any file system takes and no program understands as a path; readers need its ending."""
    safe = _UNSAFE.sub("_", PurePosixPath(name.replace("\\", "/")).name)[-_LONGEST_NAME:]
    return safe if _ORDINARY.match(safe) else f"member{safe}"


def _read(path: Path, reading: _Reading) -> tuple[Format, Extract]:
    try:
        size, head = _look(path)
        reading.begin(size)
        chosen = choose(path, head)
        return chosen, _extract(chosen, _draft(chosen, path, size, reading.page_text))
    except (Unreadable, Cancelled, Again):  # the latter come from whoever recognises pages
        raise
    except Exception as error:
        raise named(error) from error


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


def _draft(chosen: Format, path: Path, size: int, page_text: PageText | None) -> Draft:
    if chosen.read_scan and page_text:
        return chosen.read_scan(path, page_text)
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
        raise Unreadable("no_text" if draft.pages else "empty", scans=draft.scans)
    if len(draft.text) > MAX_TEXT:
        raise Unreadable("too_large", f"{len(draft.text)} characters")
    text, smuggled = _without_tags(storable(draft.text))
    text, redacted = redact(text)
    return Extract(
        text=text,
        sections=tuple(
            Section(
                section.start, section.end, section.page, tuple(_clean(item) for item in section.headings)
            )
            for section in draft.sections()
        ),
        title=_clean(one_line(draft.title)),
        reader=f"{chosen.reader}+{ocr.READER}" if draft.recognised else chosen.reader,
        pages=draft.pages,
        kind=chosen.kind,
        redacted=redacted,
        metadata={name: _clean(value) for name, value in draft.metadata.items()},
        scans=draft.scans,
        recognised=draft.recognised,
        hidden=draft.hidden + smuggled,
    )


def _without_tags(text: str) -> tuple[str, int]:
    """Characters that no program shows and models read all the same become spaces; how many there were."""
    found = 0

    def blank(match: re.Match[str]) -> str:
        nonlocal found
        found += len(match.group())
        return " " * len(match.group())

    return _TAGS.sub(blank, text), found


def _clean(text: str) -> str:
    return redact(_without_tags(storable(text))[0])[0]


def named(error: Exception) -> Unreadable:
    """What an error of a reader, or of the library it uses, says of a file: the only place that tells.

    Raises it again if it says nothing of the file.
    """
    if isinstance(error, OSError) and error.errno in EXHAUSTED:
        raise error
    if isinstance(error, Unreadable):
        return error
    if isinstance(error, FileNotFoundError):
        return Unreadable("vanished")
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: seeking to nowhere
        return Unreadable("unreadable", error.strerror or type(error).__name__)
    if isinstance(error, NotImplementedError):
        return Unreadable("unsupported", str(error))  # a way of packing that zipfile does not know
    if isinstance(error, RecursionError):
        return Unreadable("damaged", "nested too deeply")
    library = type(error).__module__.partition(".")[0]
    # Our own decoding never fails: a UnicodeError is a library's, over bytes that are not what they claim.
    if isinstance(error, (zipfile.BadZipFile, EOFError, OSError, UnicodeError)) or library in _LIBRARIES:
        return Unreadable("damaged", type(error).__name__)
    return Unreadable("unknown", type(error).__name__)
