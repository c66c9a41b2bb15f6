"""Which reader a file gets: by what it holds, then by its name. A name that lies costs nothing."""

from __future__ import annotations

import mmap
import re
import zipfile
from pathlib import Path

from engine.documents import formats
from engine.documents.encoding import looks_like_text
from engine.documents.extract import Unreadable
from engine.documents.formats import Format
from engine.documents.readers.package import ENCRYPTED, open_zip

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # the latter is a zip without members
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*")
_OTHER_CONTAINERS = (b"\x1f\x8b", b"7z\xbc\xaf", b"%!PS")
_LINE = rb"[A-Za-z][A-Za-z0-9-]{1,60}:[ \t]?[^\r\n]*\r?\n(?:[ \t][^\r\n]*\r?\n)*"
_HEADERS = re.compile(rb"(?:%s)+" % _LINE)
_APPLE = re.compile(rb"\d+[ \t]*\r?\n%s" % _LINE)
_FROM = re.compile(rb"^From:", re.MULTILINE | re.IGNORECASE)
# What programs write and people do not.
_MACHINE = re.compile(rb"^(?:Message-ID|MIME-Version|Received|Return-Path|Delivered-To):", re.M | re.I)
_MAILBOX = re.compile(rb"From [^\r\n]{0,200}\d{2}:\d{2}[^\r\n]{0,60}\r?\n")


def choose(path: Path, head: bytes) -> Format:
    """`head` is the beginning of the file at `path`, `encoding.SAMPLE` bytes if it is that long.

    Raises Unreadable for kinds of files without text of ours to read, zipfile errors for a broken zip.
    """
    by_name = formats.by_extension(path)
    if b"%PDF-" in head[:1024] and (by_name in (None, formats.PDF) or head.startswith(b"%PDF-")):
        return formats.PDF
    if head.startswith(_ZIP):
        return _in_zip(path, by_name)
    if head.startswith(_OLE):
        return _in_ole(path)
    if head.startswith(b"{\\rtf"):
        return formats.RICH_TEXT
    extension = formats.extension_of(path)
    if head.startswith(_PICTURES) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        if extension in formats.UNSUPPORTED:  # the raw pictures of cameras look like TIFF
            raise Unreadable("unsupported", extension)
        return formats.PICTURE
    if head.startswith(_OTHER_CONTAINERS):
        raise Unreadable("unsupported")
    if by_name is None:
        if extension in formats.UNSUPPORTED:
            raise Unreadable("unsupported", extension)
        if extension in formats.BINARY or not looks_like_text(head):
            raise Unreadable("binary")
    if by_name is None or by_name is formats.TEXT or by_name.read_file:
        # Text under a name that promises something else, or promises nothing.
        if by_name is formats.PICTURE and head.startswith(b"BM"):
            return formats.PICTURE
        if by_name and by_name.read_file and not looks_like_text(head):
            raise Unreadable("damaged")
        return _in_text(head, by_name)
    return by_name


def _in_zip(path: Path, by_name: Format | None) -> Format:
    with open_zip(path) as archive:
        names = frozenset(archive.namelist())
        kind = _declared(archive) if "mimetype" in names else ""
    if any(name.startswith("word/document") for name in names):
        return formats.WORD
    if "ppt/presentation.xml" in names:
        return formats.SLIDES
    if any(name.startswith("xl/workbook.") for name in names):
        return formats.SHEETS
    if kind.startswith("application/epub+zip") or "META-INF/container.xml" in names:
        return formats.BOOK
    if "opendocument.spreadsheet" in kind:
        return formats.SHEETS
    if "opendocument.text" in kind:
        return formats.OPEN_TEXT
    if "opendocument.presentation" in kind:
        return formats.OPEN_SLIDES
    if "[Content_Types].xml" in names or kind.startswith("application/"):
        raise Unreadable("unsupported", kind or "an Office file of another kind")
    extension = formats.extension_of(path)
    if extension in formats.UNSUPPORTED or extension in formats.BINARY:
        raise Unreadable("unsupported" if extension in formats.UNSUPPORTED else "binary", extension)
    if by_name is not None and by_name.read_file and by_name is not formats.ARCHIVE:
        raise Unreadable("damaged", "an archive")
    return formats.ARCHIVE


def _declared(archive: zipfile.ZipFile) -> str:
    """What an OpenDocument or EPUB file says it is."""
    member = archive.getinfo("mimetype")
    if member.flag_bits & ENCRYPTED:
        return ""
    with archive.open(member) as file:
        return file.read(200).decode("ascii", "replace")


def _in_ole(path: Path) -> Format:
    """Old Office files and mails of Outlook are small file systems; what they hold tells them apart."""
    import olefile

    try:
        with olefile.OleFileIO(path) as container:
            names = {entry[0].lower() for entry in container.listdir() if len(entry) == 1}
    except Exception:  # it reads a broken file in more ways than it has errors for
        names = set()
    if "encryptedpackage" in names or (not names and _mentions(path, "EncryptedPackage")):
        raise Unreadable("password")
    if "workbook" in names or "book" in names:
        return formats.SHEETS
    if "__properties_version1.0" in names:
        return formats.OUTLOOK
    raise Unreadable("unsupported", "an older Office file")


def _mentions(path: Path, name: str) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(name.encode("utf-16-le")) >= 0


def _in_text(head: bytes, by_name: Format | None) -> Format:
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return formats.HTML
    if _MAILBOX.match(head) and _HEADERS.match(head, head.find(b"\n") + 1):
        return formats.MAILBOX
    headers = _HEADERS.match(head)
    if headers and (by_name is formats.MAIL or (_FROM.search(headers[0]) and _MACHINE.search(headers[0]))):
        return formats.MAIL
    if by_name is formats.MAIL and _APPLE.match(head):
        return formats.MAIL
    return formats.TEXT
