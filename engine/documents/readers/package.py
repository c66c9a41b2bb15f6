"""A zip of parts, as Word, PowerPoint, OpenDocument and EPUB files are: read within limits."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from posixpath import join, normpath
from typing import Any

from engine.documents.extract import Unreadable

MAX_PART = 100_000_000  # bytes of one part unpacked: about 5 million words, or a zip bomb
MAX_PARTS = 500_000_000  # bytes of all parts read of one file
MAX_DIRECTORY = 16_000_000  # bytes of a zip's table of contents: 200,000 names, 200 MB in memory
ENCRYPTED = 0x1  # bit of a zip member's flags
ANY = "{*}"
_END = b"PK\5\6"  # starts the record at the end of a zip, which at most a comment of 64 KiB follows
_END_SIZE = 22
_DATES = {"created": "created", "creator": "author", "subject": "subject", "keywords": "keywords"}


def open_zip(path: Path) -> zipfile.ZipFile:
    """Raises zipfile.BadZipFile, Unreadable("archive_limit") for more names than memory should hold."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_SIZE - 0xFFFF))
        tail = file.read()
    at = tail.rfind(_END)
    if 0 <= at <= len(tail) - _END_SIZE and struct.unpack_from("<I", tail, at + 12)[0] > MAX_DIRECTORY:
        raise Unreadable("archive_limit", "names")
    try:
        return zipfile.ZipFile(path)
    except (ValueError, struct.error) as error:  # names that are not what their flags say, sizes below zero
        raise zipfile.BadZipFile(str(error)) from error


def parse_xml(data: bytes) -> Any:
    """The root element. Entities are not expanded, nothing is fetched; lxml errors tell of the rest."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(data, parser)


class Package:
    """The parts of an open zip by name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.archive = archive
        self.names = frozenset(archive.namelist())
        self._read = 0

    def data(self, name: str) -> bytes:
        """Raises Unreadable("password" | "too_large"), KeyError, zipfile errors."""
        member = self.archive.getinfo(name)
        self._read += member.file_size
        if member.file_size > MAX_PART or self._read > MAX_PARTS:
            raise Unreadable("too_large", name)
        if member.flag_bits & ENCRYPTED:
            raise Unreadable("password")
        return self.archive.read(member)

    def xml(self, name: str) -> Any:
        """The root of the part `name`, or None if there is no such part."""
        return parse_xml(self.data(name)) if name in self.names else None

    def relations(self, part: str) -> Iterator[tuple[str, str, str]]:
        """What an Office part refers to inside its package: id, kind, name of the other part."""
        folder, _, name = part.rpartition("/")
        found = self.xml(f"{folder}/_rels/{name}.rels".lstrip("/"))
        for relation in found if found is not None else ():
            if not isinstance(relation.tag, str) or relation.get("TargetMode") == "External":
                continue
            kind = (relation.get("Type") or "").rpartition("/")[2]
            target = normpath(join("/" + folder, relation.get("Target") or "")).lstrip("/")
            yield relation.get("Id") or "", kind, target

    def properties(self) -> dict[str, str]:
        """Title, author, dates of an Office document."""
        core = self.xml("docProps/core.xml")
        found: dict[str, str] = {}
        for element in core if core is not None else ():
            name = local_name(element)
            if name in ("title", *_DATES) and (element.text or "").strip():
                found[_DATES.get(name, name)] = element.text.strip()
        return found


def local_name(element: Any) -> str:
    """The tag without its namespace; empty for comments and instructions."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
