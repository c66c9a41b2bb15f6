"""RTF: text, and headings where the writing program marked them with an outline level."""

from __future__ import annotations

import re
from pathlib import Path

from engine.documents.extract import MAX_TEXT, Draft, HeadingPath, Unreadable, Writer

_CODE_PAGE = re.compile(rb"\\ansicpg(\d{2,5})")
_FIELD = r"{\\%s ((?:[^{}\\]|\\[^\\{}]|\\[\\{}])*)}"
_FIELDS = {"title": "title", "author": "author", "subject": "subject", "keywords": "keywords"}
# A level (0-8) holds for its paragraph; a character nobody writes carries it through the conversion.
_LEVEL = re.compile(r"\\outlinelevel([0-8])(?!\d)")
_PICTURE = re.compile(r"[\da-fA-F\r\n]{400,}")  # spelled out in digits, which the parser takes one by one
_MARK = 0xF7D0
_MARKED = re.compile(f"[{chr(_MARK)}-{chr(_MARK + 8)}]")


def read(path: Path) -> Draft:
    """Raises Unreadable("damaged" | "too_large")."""
    if path.stat().st_size > 4 * MAX_TEXT:  # pictures are spelled out in digits
        raise Unreadable("too_large", f"{path.stat().st_size} bytes")
    data = path.read_bytes()
    text = _PICTURE.sub(" ", _decoded(data))
    metadata = {}
    for name, ours in _FIELDS.items():
        found = re.search(_FIELD % name, text[:100_000])
        if found and (value := _plain("{\\rtf1 " + found[1] + "}").strip()):
            metadata[ours] = value
    marked = _plain(_LEVEL.sub(lambda match: f"\\u{_MARK + int(match[1])}?", text))
    writer = Writer()
    chain = HeadingPath()
    gap = "\n\n"
    for line in marked.split("\n"):
        levels = _MARKED.findall(line)
        line = _MARKED.sub("", line).strip()
        if line.endswith("|"):  # so ends a row of a table, and nearly nothing else
            line = line.rstrip("|").replace("|", " | ")
        if not line:
            gap = "\n\n"
            continue
        if levels:
            writer.place(chain.enter(ord(levels[-1]) - _MARK + 1, line))
        writer.block(line, gap)
        gap = "\n"
    return writer.draft(metadata.pop("title", ""), None, metadata)


def _decoded(data: bytes) -> str:
    """RTF is ASCII; where a program wrote other bytes, they are of the code page it names."""
    named = _CODE_PAGE.search(data[:4096])
    try:
        return data.decode(f"cp{int(named[1])}" if named else "cp1252", errors="replace")
    except LookupError:
        return data.decode("cp1252", errors="replace")


def _plain(text: str) -> str:
    from striprtf.striprtf import rtf_to_text

    # Line breaks mean nothing, but its pattern for links looks through whole lines from every field on.
    text = text.replace("{\\field", "\n{\\field")
    try:
        return str(rtf_to_text(text, errors="replace"))
    except (ValueError, LookupError, OverflowError, TypeError) as error:  # what its parser trips over
        raise Unreadable("damaged", type(error).__name__) from error
