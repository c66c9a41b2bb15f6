"""Markdown: the source as it stands, its headings as structure, its front matter as metadata."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, pairwise

from engine.documents.extract import Draft, HeadingPath, Mark

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FIELD = re.compile(r"^([A-Za-z][\w -]{0,40}):[ \t]*(.*)$")
_ITEM = re.compile(r"^\s*-\s+(.*)$")
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[`*]|</?\w[^>]*>")


def read(text: str) -> Draft:
    front = _FRONT_MATTER.match(text)
    metadata = _fields(front[1]) if front else {}
    body = front.end() if front else 0
    path = HeadingPath()
    marks: list[Mark] = []
    title = metadata.get("title", "")
    for start, level, heading in headings(text[body:]):
        title = title or (heading if level == 1 else "")
        # Front matter belongs to whatever comes first.
        offset = 0 if not marks and not text[body : body + start].strip() else body + start
        marks.append(Mark(offset, path.enter(level, heading)))
    return Draft(text, marks, title, None, metadata)


def headings(text: str) -> Iterator[tuple[int, int, str]]:
    """Offset, level and plain text of each heading, in order."""
    from markdown_it import MarkdownIt

    # Only block structure is wanted: inline parsing would take most of the time.
    tokens = MarkdownIt("commonmark").disable("inline").parse(text)
    starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and not opening.level and opening.map:
            yield starts[opening.map[0]], int(opening.tag[1]), plain(inline.content)


def plain(markdown: str) -> str:
    """A heading without its links, code marks and emphasis."""
    return _MARKUP.sub(lambda match: match[1] or "", markdown).strip()


def _fields(front: str) -> dict[str, str]:
    """Top-level `name: value` pairs; a list below a name is joined by commas. Anything deeper is left out."""
    fields: dict[str, str] = {}
    name = ""
    for line in front.split("\n"):
        if pair := _FIELD.match(line):
            name = pair[1].strip().lower()
            fields[name] = pair[2].strip().strip("\"'[]")
        elif (item := _ITEM.match(line)) and name:
            fields[name] = ", ".join(filter(None, (fields[name], item[1].strip().strip("\"'"))))
    return {name: value for name, value in fields.items() if value}
