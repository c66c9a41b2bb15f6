"""Mail saved by Outlook (.msg): an OLE container with a stream for every property of the mail."""

from __future__ import annotations

import struct
from collections.abc import Generator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from engine.documents.encoding import decode
from engine.documents.extract import Draft, Member, Unreadable
from engine.documents.readers import html, mail

# Tags of the properties, as in [MS-OXPROPS].
_SUBJECT, _SENDER, _ADDRESS, _SMTP, _TO, _CC = "0037", "0C1A", "0C1F", "5D01", "0E04", "0E03"
_BODY, _HTML, _MESSAGE_ID = "1000", "1013", "1035"
_DATA, _LONG_NAME, _SHORT_NAME, _SHOWN_NAME = "3701", "3707", "3704", "3001"
_SENT, _RECEIVED = 0x0039, 0x0E06
_CODE_PAGE = 0x3FFD
_PREFIX = "__substg1.0_"
_TEXT, _ANSI, _BINARY = "001F", "001E", "0102"
_PROPERTIES = "__properties_version1.0"
_TOP_HEADER, _INNER_HEADER = (
    32,
    24,
)  # bytes before the list of properties of a mail, and of one attached to it
_ID = "Message-ID"
_MAX_STREAM = 200_000_000
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def read(path: Path) -> Draft:
    """Raises Unreadable("too_large"), olefile errors."""
    import olefile

    with olefile.OleFileIO(path) as container:
        headers, plain, formatted = _content(container)
        body = [Draft(plain)] if plain else [html.read(formatted)] if formatted.strip() else []
        draft = mail.letter(headers, body)
        if headers[_ID]:
            draft.metadata["message_id"] = headers[_ID]
        return draft


def _content(container: Any, folder: str = "") -> tuple[dict[str, str], str, str]:
    """Headers, plain text and HTML of the mail itself, or of one attached to it that lies in `folder`."""
    properties = _fixed(container, folder)
    page = properties.get(_CODE_PAGE, 0) & 0xFFFF
    sender, address = _string(container, _SENDER, page, folder), _string(container, _SMTP, page, folder)
    address = address or _string(container, _ADDRESS, page, folder)
    is_useful = "@" in address and address != sender
    headers = {
        "From": f"{sender} <{address}>".strip() if is_useful else sender,
        "To": _string(container, _TO, page, folder),
        "Cc": _string(container, _CC, page, folder),
        "Date": _date(properties.get(_SENT) or properties.get(_RECEIVED) or 0),
        "Subject": _string(container, _SUBJECT, page, folder),
        _ID: _string(container, _MESSAGE_ID, page, folder),
    }
    plain, formatted = _string(container, _BODY, page, folder), _bytes(container, _HTML, folder)
    headers = {name: " ".join(value.split()) for name, value in headers.items()}
    return headers, plain.strip(), decode(formatted) if formatted else ""


def members(path: Path) -> Generator[Member, None, None]:
    import olefile

    with olefile.OleFileIO(path) as container:
        page = _fixed(container).get(_CODE_PAGE, 0) & 0xFFFF
        folders = {entry[0] for entry in container.listdir() if entry[0].startswith("__attach_version1.0_")}
        for folder in sorted(folders):
            names = (_string(container, tag, page, folder) for tag in (_LONG_NAME, _SHORT_NAME, _SHOWN_NAME))
            name = next(filter(None, names), "attachment").replace("/", "_").replace("\\", "_")
            ending = ".eml" if container.exists(_inner(folder)) else ""
            yield Member(name, partial(_save, container, folder), ending)


def _save(container: Any, folder: str, target: Path, room: int) -> int:
    if container.exists(_inner(folder)):
        data = _as_mail(*_content(container, _inner(folder)))
    else:
        data = _bytes(container, _DATA, folder)
    if len(data) > room:
        raise Unreadable("archive_limit", "unpacked")
    return target.write_bytes(data)


def _inner(folder: str) -> str:
    """Where the mail lies that the attachment in `folder` is, if it is one."""
    return f"{folder}/{_PREFIX}{_DATA}000D"


def _as_mail(headers: Mapping[str, str], plain: str, formatted: str) -> bytes:
    """An attached mail as a file of its own, for the reader of mails."""
    kind = "plain" if plain else "html"
    lines = [f"{name}: {value}" for name, value in headers.items() if value]
    lines += [f"Content-Type: text/{kind}; charset=utf-8", "", plain or formatted]
    return "\n".join(lines).encode()


def _fixed(container: Any, folder: str = "") -> dict[int, int]:
    """Properties of fixed size of a mail: tag -> value."""
    data = _stream(container, f"{folder}/{_PROPERTIES}" if folder else _PROPERTIES)
    found: dict[int, int] = {}
    for at in range(_INNER_HEADER if folder else _TOP_HEADER, len(data) - 15, 16):
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
