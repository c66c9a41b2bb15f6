"""Jupyter notebooks: notes with their headings, code, and outputs that are short enough to read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from engine.documents.extract import Draft, HeadingPath, Writer
from engine.documents.readers import markdown, plain

_MAX_OUTPUT = 1000  # code points; longer ones are logs and dumps, which nobody wrote


def read(text: str) -> Draft:
    try:
        notebook = json.loads(text)
    except (ValueError, RecursionError):
        return plain.read(text)  # cut off, or no notebook: its words can be found all the same
    cells = list(_cells(notebook))
    if not cells:
        return plain.read(text)
    writer = Writer()
    path = HeadingPath()
    title = ""
    for cell in cells:
        source = _joined(cell.get("source", cell.get("input")))
        if cell.get("cell_type") not in ("markdown", "heading"):
            writer.block(source)
            for output in _dicts(cell.get("outputs")):
                if len(shown := _output(output)) <= _MAX_OUTPUT:
                    writer.block(shown)
            continue
        start = 0
        for offset, level, heading in markdown.headings(source):
            writer.block(source[start:offset])
            title = title or (heading if level == 1 else "")
            writer.place(path.enter(level, heading))
            start = offset
        writer.block(source[start:])
    return writer.draft(title)


def _cells(notebook: Any) -> Iterator[dict[str, Any]]:
    if isinstance(notebook, dict):
        yield from _dicts(notebook.get("cells"))
        for sheet in _dicts(notebook.get("worksheets")):  # before 2015
            yield from _dicts(sheet.get("cells"))


def _output(output: dict[str, Any]) -> str:
    data = output.get("data")
    if isinstance(data, dict):
        return _joined(data.get("text/plain"))
    if "ename" in output:
        return f"{output['ename']}: {output.get('evalue', '')}"
    return _joined(output.get("text"))


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _joined(value: Any) -> str:
    """Text, which notebooks hold as a string or as a list of lines."""
    parts = value if isinstance(value, list) else [value]
    return "".join(part for part in parts if isinstance(part, str)).replace("\r\n", "\n")
