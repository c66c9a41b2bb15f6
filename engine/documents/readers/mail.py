"""Mail (.eml, saved web pages as .mht): who, when and about what; the text; attachments as members."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Generator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.documents.encoding import decode
from engine.documents.extract import Draft, Member, Unreadable, Writer, one_line, unix_newlines
from engine.documents.readers import html

if TYPE_CHECKING:
    from email.message import Message

HEADERS = ("From", "To", "Cc", "Date", "Subject")
_MAX_MAIL = 200_000_000  # bytes; it is held in memory
_MAX_PARTS = 50_000  # lines that may begin a part; each part takes 2 KB of memory
_DEEPEST = 50  # levels of parts within parts
_ENOUGH = 0.5  # of the text of the HTML version that the plain one must hold to be the same mail
_LENGTH = re.compile(rb"\d+[ \t]*\r?\n")  # Apple Mail puts the length of the mail before it
_SIGNATURES = frozenset(
    ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
)


def read(path: Path) -> Draft:
    """Raises Unreadable("too_large" | "damaged")."""
    message = _parse(path)
    parts = _Parts(message)
    headers = {name: header(message, name) for name in HEADERS}
    draft = letter(headers, parts.drafts)
    if identity := header(message, "Message-ID"):
        draft.metadata["message_id"] = identity
    return draft


def members(path: Path) -> Generator[Member, None, None]:
    for part in _Parts(_parse(path)).attachments:
        yield Member(_file_name(part), partial(_save, part))


def letter(headers: Mapping[str, str], body: list[Draft]) -> Draft:
    """A mail as text: its headers, a line each, then its body."""
    writer = Writer()
    for name in HEADERS:
        if value := headers.get(name):
            writer.block(f"{name}: {value}", "\n")
    for draft in body:
        writer.insert(draft)
    names = {"From": "from", "To": "to", "Subject": "subject"}
    metadata = {ours: headers[name] for name, ours in names.items() if headers.get(name)}
    if date := iso_date(headers.get("Date", "")):
        metadata["date"] = date
    return writer.draft(headers.get("Subject", ""), None, metadata)


def iso_date(written: str) -> str:
    """A date as mails spell it, in UTC as ISO 8601; empty if it is none."""
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(written)
        return utc(date if date.tzinfo else date.replace(tzinfo=UTC))
    except (ValueError, TypeError, IndexError, OverflowError):
        return ""


def utc(date: datetime) -> str:
    return date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def header(message: Message, name: str) -> str:
    """A header in plain characters on one line; empty if it is missing."""
    raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    return _decoded(str(raw))


def _decoded(raw: str) -> str:
    """A header's value without its coding; one that is broken is shown as it is written."""
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    data = raw.encode("utf-8", "surrogateescape")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    with suppress(ValueError, LookupError, HeaderParseError):
        text = str(make_header(decode_header(text)))
    return " ".join(text.split())


def _parse(path: Path) -> Message:
    from email import message_from_bytes

    if path.stat().st_size > _MAX_MAIL:
        raise Unreadable("too_large", f"{path.stat().st_size} bytes")
    data = path.read_bytes()
    if length := _LENGTH.match(data):
        data = data[length.end() : length.end() + int(length[0])]
    if data.count(b"\n--") > _MAX_PARTS:
        raise Unreadable("too_large", "parts")
    # The older policy: the newer one raises on headers that real mails have.
    return message_from_bytes(data)


class _Parts:
    """The parts of a mail that people read as its text, and those they would save as files."""

    def __init__(self, message: Message) -> None:
        self.attachments: list[Message] = []
        self.drafts = self._texts(message, 0)

    def _texts(self, part: Message, depth: int) -> list[Draft]:
        if depth > _DEEPEST:
            raise Unreadable("damaged", "nested too deeply")
        kind = part.get_content_type()
        children: Any = part.get_payload()
        if isinstance(children, list) and kind != "message/rfc822":
            if kind == "multipart/alternative":
                return _best([self._texts(child, depth + 1) for child in children])
            if kind == "multipart/related":
                first, *rest = children or [None]
                # What a page shows within itself is part of it; other files were attached.
                self.attachments += [
                    child for child in rest if child.get_content_disposition() == "attachment"
                ]
                return self._texts(first, depth + 1) if first else []
            return [draft for child in children for draft in self._texts(child, depth + 1)]
        is_named = part.get_filename() is not None or part.get_content_disposition() == "attachment"
        # A mail cut off may be "multipart" and hold no parts.
        if is_named or not kind.startswith(("text/plain", "text/html", "multipart/")):
            if kind not in _SIGNATURES:
                self.attachments.append(part)
            return []
        text = _text(part)
        return [html.read(text) if kind == "text/html" else Draft(text)] if text.strip() else []


def _best(versions: list[list[Draft]]) -> list[Draft]:
    """The first version, which is the plainest, unless it only says that there is another one."""
    longest = max((_size(version) for version in versions), default=0)
    return next((version for version in versions if version and _size(version) >= _ENOUGH * longest), [])


def _size(drafts: list[Draft]) -> int:
    return sum(len(draft.text) for draft in drafts)


def _text(part: Message) -> str:
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    named = str(part.get_content_charset() or "")
    if named.lower() not in ("", "us-ascii", "utf-8"):
        with suppress(LookupError, UnicodeError):  # what a mail says of itself is often wrong: guess then
            return unix_newlines(data.decode(named))
    return decode(data) if data else ""


def _file_name(part: Message) -> str:
    if part.get_content_type() == "message/rfc822":
        inner: Any = part.get_payload()
        subject = header(inner[0], "Subject") if isinstance(inner, list) and inner else ""
        return f"{one_line(subject) or 'message'}.eml".replace("/", "_")
    name = _decoded(part.get_filename() or "").replace("/", "_").replace("\\", "_")
    return name or f"attachment{mimetypes.guess_extension(part.get_content_type()) or ''}"


def _save(part: Message, target: Path, room: int) -> int:
    if part.get_content_type() == "message/rfc822":
        inner: Any = part.get_payload()
        data: Any = inner[0].as_bytes() if isinstance(inner, list) and inner else b""
    else:
        data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        raise Unreadable("damaged", "an attachment")
    if len(data) > room:
        raise Unreadable("archive_limit", "unpacked")
    return target.write_bytes(data)
