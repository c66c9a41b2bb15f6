"""Mailboxes (.mbox): a line for every message, and the messages as members named by their ids."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from functools import partial
from pathlib import Path

from engine.documents.extract import Draft, Member, Unreadable, Writer, one_line
from engine.documents.readers import mail

_MAX_MESSAGE = 200_000_000  # bytes; one message is held in memory
_START = re.compile(rb"From [^\r\n]{0,300}\d{1,2}:\d{2}")
_QUOTED = re.compile(rb">+From ")
_ID = re.compile(rb"^Message-ID:\s*(<[^<>\s]{1,300}>)", re.IGNORECASE | re.MULTILINE)


def read(path: Path) -> Draft:
    from email import message_from_bytes

    writer = Writer()
    for data in _messages(path):
        message = message_from_bytes(_head(data))
        date, sender, subject = (mail.header(message, name) for name in ("Date", "From", "Subject"))
        day = mail.iso_date(date)[:16].replace("T", " ") or date
        writer.block(" ".join(filter(None, (day, sender + ":" if sender else "", one_line(subject)))), "\n")
    return writer.draft()


def members(path: Path) -> Generator[Member, None, None]:
    for number, data in enumerate(_messages(path), start=1):
        found = _ID.search(_head(data))
        name = found[1].decode("ascii", "replace") if found else f"#{number}"
        yield Member(name, partial(_save, data), ".eml")


def _messages(path: Path) -> Iterator[bytes]:
    """The messages one at a time. One begins at a line `From who when` after a blank line."""
    lines: list[bytes] = []
    size = 0
    is_blank = True
    with path.open("rb") as file:
        for line in file:
            if is_blank and _START.match(line):
                if lines:
                    yield b"".join(lines)
                lines, size = [], 0
            elif size <= _MAX_MESSAGE:
                lines.append(line[1:] if _QUOTED.match(line) else line)
                size += len(line)
            is_blank = not line.strip()
    if lines:
        yield b"".join(lines)


def _head(data: bytes) -> bytes:
    ends = [at for mark in (b"\n\n", b"\n\r\n") if (at := data.find(mark)) >= 0]
    return data[: min(ends) + 1] if ends else data


def _save(data: bytes, target: Path, room: int) -> int:
    if len(data) > min(room, _MAX_MESSAGE):
        raise Unreadable("too_large", f"{len(data)} bytes")
    return target.write_bytes(data)
