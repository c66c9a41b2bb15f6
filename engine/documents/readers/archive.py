"""Zip archives: the names of what lies in one, and its members one at a time, within limits."""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from engine.documents.extract import Draft, Member, Unreadable, Writer
from engine.documents.readers.package import ENCRYPTED, open_zip

_MAX_RATIO = 100  # unpacked to packed; text has 3 to 30, and only bombs have 1,000
_SMALL = 1_000_000  # bytes unpacked that may have any ratio: a file of blanks is no bomb
_CHUNK = 1 << 20
_LOCAL_HEADER = 30  # bytes before a member's name and data, at least
_UTF8 = 0x800  # bit of a member's flags: its name is UTF-8
_LITTER = frozenset((".ds_store", "thumbs.db", "desktop.ini"))


def read(path: Path) -> Draft:
    """Names, one a line. Raises zipfile errors, Unreadable("archive_limit")."""
    writer = Writer()
    with open_zip(path) as archive:
        _refuse_overlaps(archive)
        for _, name in _files(archive):
            writer.block(name, "\n")
    return writer.draft()


def members(path: Path) -> Generator[Member, None, None]:
    with open_zip(path) as archive:
        for info, name in _files(archive):
            yield Member(name, partial(_save, archive, info))


def _refuse_overlaps(archive: zipfile.ZipFile) -> None:
    """Members that share bytes are only in bombs: each is small, and together they are without end."""
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise Unreadable("archive_limit", "members overlap")
        end = info.header_offset + _LOCAL_HEADER + info.compress_size


def _files(archive: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, str]]:
    for info in archive.infolist():
        name = _name(info)
        litter = name.startswith("__MACOSX/") or PurePosixPath(name).name.lower() in _LITTER
        if not name.endswith("/") and not litter:
            yield info, name or "unnamed"


def _name(info: zipfile.ZipInfo) -> str:
    """Many programs write UTF-8 and do not say so; zipfile then takes it for a code page of 1981."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _save(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, room: int) -> int:
    if info.flag_bits & ENCRYPTED:
        raise Unreadable("password")
    if info.file_size > max(_SMALL, _MAX_RATIO * info.compress_size):
        raise Unreadable("archive_limit", "a bomb")
    written = 0
    with archive.open(info) as source, target.open("wb") as file:
        # zipfile reads no more than the size it was told, but whoever told it may have lied about others.
        while chunk := source.read(min(_CHUNK, room - written + 1)):
            written += len(chunk)
            if written > room:
                raise Unreadable("archive_limit", "unpacked")
            file.write(chunk)
    return written
