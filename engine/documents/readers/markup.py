"""reStructuredText, Org and AsciiDoc: the source as it stands, its headings as structure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.documents.extract import Draft, HeadingPath, Mark

Heading = tuple[int, int, str]  # offset, level from 1, text

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*")
_ROLE = re.compile(r":[\w:.+-]+:`([^`<]*)[^`]*`|[`*|]")
_MAX_LINE = 1000  # code points; no heading is longer, but a line of spaces would take the pattern forever
_ORG_HEADING = re.compile(
    r"(\*+)[ \t]+(?:(?:TODO|NEXT|WAITING|DONE|CANCELLED)[ \t]+)?(?:\[#\w\][ \t]+)?"
    r"(.*?)(?:[ \t]+:[\w@#%:]+:)?[ \t]*"
)
_ORG_KEYWORD = re.compile(r"^#\+(title|author|date|filetags|description):[ \t]*(.+)$", re.I | re.M)
_ORG_LINK = re.compile(r"\[\[[^\]]*\](?:\[([^\]]*)\])?\]")
_ADOC_HEADING = re.compile(r"(={1,6})[ \t]+(\S.*)")
_ADOC_ATTRIBUTE = re.compile(r"^:(author|description|keywords|revdate):[ \t]*(.+)$", re.MULTILINE)
_ADOC_FENCE = re.compile(r"(-{4,}|\.{4,}|\+{4,}|/{4,}|`{3,})[ \t]*")
_SAME = {"filetags": "tags", "revdate": "date"}


def read_rst(text: str) -> Draft:
    return _draft(text, _rst(text), {})


def read_org(text: str) -> Draft:
    metadata = _fields(_ORG_KEYWORD, text)
    if "tags" in metadata:
        metadata["tags"] = ", ".join(filter(None, re.split(r"[:\s]+", metadata["tags"])))
    return _draft(text, _org(text), metadata)


def read_asciidoc(text: str) -> Draft:
    return _draft(text, _asciidoc(text), _fields(_ADOC_ATTRIBUTE, text[:10_000]))


def _draft(text: str, headings: Iterator[Heading], metadata: dict[str, str]) -> Draft:
    path = HeadingPath()
    marks: list[Mark] = []
    title = metadata.get("title", "")
    for offset, level, heading in headings:
        title = title or (heading if level == 1 else "")
        marks.append(Mark(offset, path.enter(level, heading)))
    return Draft(text, marks, title, None, metadata)


def _rst(text: str) -> Iterator[Heading]:
    """A title has a line of punctuation below it, or above and below; each kind of line is a level."""
    levels: dict[tuple[str, bool], int] = {}
    over = title = ""  # the two lines before the present one, `over` only where it may belong to a title
    at = offset = title_at = over_at = 0
    for line in text.split("\n"):
        at, offset = offset, offset + len(line) + 1
        match = _ADORNMENT.fullmatch(line)
        is_title = bool(title.strip()) and not _ADORNMENT.fullmatch(title)
        if match and is_title and len(line.rstrip()) >= min(len(title.strip()), 4):
            has_over = bool(over) and over.rstrip() == line.rstrip()
            if has_over or (not over.strip() and not title[0].isspace()):
                level = levels.setdefault((match[1], has_over), len(levels) + 1)
                yield over_at if has_over else title_at, level, _ROLE.sub(r"\1", title).strip()
                line = ""  # it cannot be the line above another title
        over, over_at, title, title_at = title, title_at, line, at


def _org(text: str) -> Iterator[Heading]:
    offset = 0
    for line in text.split("\n"):
        if line.startswith("*") and len(line) < _MAX_LINE and (match := _ORG_HEADING.fullmatch(line)):
            yield offset, len(match[1]), _ORG_LINK.sub(lambda link: link[1] or "", match[2]).strip()
        offset += len(line) + 1


def _asciidoc(text: str) -> Iterator[Heading]:
    offset = 0
    fence = ""
    for line in text.split("\n"):
        if match := _ADOC_FENCE.fullmatch(line):
            fence = match[1] if not fence else fence if match[1] != fence else ""
        elif not fence and (heading := _ADOC_HEADING.fullmatch(line)):
            yield offset, len(heading[1]), heading[2].strip(" =")
        offset += len(line) + 1


def _fields(pattern: re.Pattern[str], text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in pattern.finditer(text):
        name = match[1].lower()
        found.setdefault(_SAME.get(name, name), match[2].strip())
    return found
