"""Mail saved by Outlook (.msg): an OLE container with a stream for every property of the mail."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from engine.documents.encoding import decode
from engine.documents.extract import Draft, Member, Unreadable
from engine.documents.readers import html, mail

# Tags of the properties, as in [MS-OXPROPS].
_SUBJECT, _SENDER, _ADDRESS, _SMTP, _TO, _CC = "0037", "0C1A", "0C1F", "5D01", "0E04", "0E03"
_HEADERS, _BODY, _HTML, _MESSAGE_ID = "007D", "1000", "1013", "1035"
_DATA, _LONG_NAME, _SHORT_NAME, _SHOWN_NAME = "3701", "3707", "3704", "3001"
_SENT, _RECEIVED = 0x0039, 0x0E06
_CODE_PAGE = 0x3FFD
_PREFIX = "__substg1.0_"
_TEXT, _ANSI, _BINARY = "001F", "001E", "0102"
_TOP_HEADER = 32  # bytes before the entries of the top level's list of properties
_MAX_STREAM = 200_000_000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def read(path: Path) -> Draft:
    """Raises Unreadable("too_large"), olefile errors."""
    import olefile

    with olefile.OleFileIO(path) as container:
        properties = _fixed(container)
        page = properties.get(_CODE_PAGE, 0) & 0xFFFF
        sender, address = _string(container, _SENDER, page), _string(container, _SMTP, page)
        address = address or _string(container, _ADDRESS, page)
        is_useful = "@" in address and address != sender
        headers = {
            "From": f"{sender} <{address}>".strip() if is_useful else sender,
            "To": _string(container, _TO, page),
            "Cc": _string(container, _CC, page),
            "Date": _date(properties.get(_SENT) or properties.get(_RECEIVED) or 0),
            "Subject": _string(container, _SUBJECT, page),
        }
        plain, formatted = _string(container, _BODY, page), _bytes(container, _HTML)
        body = (
            [Draft(plain)] if plain.strip() else [html.read(decode(formatted))] if formatted.strip() else []
        )
        draft = mail.letter({name: value.strip("\0 ") for name, value in headers.items()}, body)
        if identity := _string(container, _MESSAGE_ID, page):
            draft.metadata["message_id"] = identity
        return draft


def members(path: Path) -> Iterator[Member]:
    import olefile

    with olefile.OleFileIO(path) as container:
        page = _fixed(container).get(_CODE_PAGE, 0) & 0xFFFF
        folders = {entry[0] for entry in container.listdir() if entry[0].startswith("__attach_version1.0_")}
        for folder in sorted(folders):
            names = (_string(container, tag, page, folder) for tag in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME))
            name = next(filter(None, names), "attachment").replace("/", "_").replace("\\", "_")
            yield Member(name, partial(_save, container, folder))


def _save(container: Any, folder: str, target: Path, room: int) -> int:
    if not container.exists(f"{folder}/{_PREFIX}{_DATA}{_BINARY}"):
        raise Unreadable("unsupported", "a mail within the mail")
    data = _bytes(container, _DATA, folder)
    if len(data) > room:
        raise Unreadable("archive_limit", "unpacked")
    return target.write_bytes(data)


def _fixed(container: Any) -> dict[int, int]:
    """Properties of fixed size of the mail itself: tag -> value."""
    data = _stream(container, "__properties_version1.0")
    found: dict[int, int] = {}
    for at in range(_TOP_HEADER, len(data) - 15, 16):
        _, tag, _, value = struct.unpack_from("<HHIQ", data, at)
        found[tag] = value
    return found


def _date(ticks: int) -> str:
    """A count of 100 ns since 1601 the way mails spell dates; empty for none."""
    try:
        return (
            (_EPOCH + timedelta(microseconds=ticks // 10)).strftime("%a, %d %b %Y %H:%M:%S +0000")
            if ticks
            else ""
        )
    except OverflowError:
        return ""


def _string(container: Any, tag: str, page: int, folder: str = "") -> str:
    where = f"{folder}/{_PREFIX}{tag}" if folder else _PREFIX + tag
    if data := _stream(container, where + _TEXT):
        return data.decode("utf-16-le", "replace").rstrip("\0")
    data = _stream(container, where + _ANSI).rstrip(b"\0")
    try:
        return data.decode(f"cp{page or 1252}", "replace")
    except LookupError:
        return decode(data) if data else ""


def _bytes(container: Any, tag: str, folder: str = "") -> bytes:
    where = f"{folder}/{_PREFIX}{tag}" if folder else _PREFIX + tag
    return _stream(container, where + _BINARY) or _stream(container, where + _TEXT)


def _stream(container: Any, name: str) -> bytes:
    if not container.exists(name):
        return b""
    if container.get_size(name) > _MAX_STREAM:
        raise Unreadable("too_large", name)
    return bytes(container.openstream(name).read())
