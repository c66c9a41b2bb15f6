"""JSON and JSON lines: a record is a paragraph of lines `name: value`, to be understood on its own.

What does not parse, and what would grow beyond all bounds, is left as the text it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from engine.documents.extract import MAX_HEADING, Draft, Unreadable, Writer, one_line
from engine.documents.readers import plain
from engine.documents.readers.table import row_line

_MAX_TREE = 10_000_000  # code points; a larger tree takes too much memory
_WIDE = 600  # code points of a record; a longer one is cut, and its parts need its first line as heading


def read(text: str) -> Draft:
    try:
        writer = Writer()
        for name, record in _records(text):
            _write(writer, name, record)
        draft = writer.draft()
        return draft if draft.text else plain.read(text)
    except (ValueError, RecursionError, Unreadable):
        return plain.read(text)


def _records(text: str) -> Iterator[tuple[str, Any]]:
    """Name of the list a record comes from ("" for none) and the record. Raises ValueError."""
    if len(text) <= _MAX_TREE:
        try:
            tree = _parsed(text)
        except json.JSONDecodeError as error:
            if not error.msg.startswith("Extra data"):
                raise
        else:
            yield from _in_tree(tree)
            return
    for line in text.split("\n"):
        if line.strip():
            yield "", _parsed(line)


def _parsed(text: str) -> Any:
    return json.loads(text, parse_int=str, parse_float=str)  # numbers stay as they are written


def _in_tree(tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, list):
        yield from (("", item) for item in tree)
    elif isinstance(tree, dict):
        alone = {name: value for name, value in tree.items() if not _is_table(value)}
        yield "", alone
        for name, value in tree.items():
            if name not in alone:
                yield from ((name, item) for item in value)
    else:
        yield "", tree


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _write(writer: Writer, name: str, record: Any) -> None:
    lines = list(_lines("", record))
    above = (one_line(name),) if name else ()
    if lines and sum(map(len, lines)) > _WIDE and isinstance(record, dict):
        above = (*above, one_line(lines[0]))
    writer.place(above)
    gap = "\n\n"
    for line in lines:
        writer.block(line, gap)
        gap = "\n"


def _lines(name: str, value: Any) -> Iterator[str]:
    """`name: value`, `outer.inner: value`, `name: one, two`; records of a list on a line each."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _lines(f"{name}.{key}"[-MAX_HEADING:] if name else key[:MAX_HEADING], inner)
    elif name and isinstance(value, list) and len(value) > 1 and all(map(_is_row, value)):
        yield f"{name}:"
        yield from (row_line([_shown(cell) for cell in row.values()], list(row)) for row in value)
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        for item in value:
            yield from _lines(name, item)
    else:
        items = value if isinstance(value, list) else [value]
        shown = ", ".join(text for item in items if (text := _shown(item)))
        if shown:
            yield f"{name}: {shown}" if name else shown


def _is_row(value: Any) -> bool:
    """Several short values, each with a name, that one line can hold."""
    return (
        isinstance(value, dict)
        and len(value) > 1
        and not any(isinstance(cell, (dict, list)) for cell in value.values())
        and sum(len(name) + len(_shown(cell)) for name, cell in value.items()) <= _WIDE
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""  # what is left is null
