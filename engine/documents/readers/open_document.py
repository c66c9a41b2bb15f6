"""OpenDocument texts and presentations (.odt, .odp): headings, lists, tables, notes; slide by slide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.documents.extract import Draft, HeadingPath, Unreadable, Writer, one_line
from engine.documents.readers.package import ANY, Package, local_name, open_zip
from engine.documents.readers.table import is_header, row_line

_METADATA = {"creator": "author", "initial-creator": "author", "date": "modified", "creation-date": "created"}
_SKIPPED = frozenset("tracked-changes sequence-decls forms variable-decls title desc event-listeners".split())
_APART = frozenset(("note", "annotation"))  # stand within a paragraph, but are read after it
_BOXES = frozenset(("text-box", "table"))
_MAX_REPEAT = 100
_DEEPEST = 200  # levels of frames within frames


def read(path: Path) -> Draft:
    """Raises Unreadable("damaged" | "password" | "too_large"), zipfile and lxml errors."""
    with open_zip(path) as archive:
        package = Package(archive)
        manifest = package.xml("META-INF/manifest.xml")
        if manifest is not None and next(manifest.iter(f"{ANY}encryption-data"), None) is not None:
            raise Unreadable("password")
        content = package.xml("content.xml")
        body = content.find(f"{ANY}body") if content is not None else None
        if body is None:
            raise Unreadable("damaged", "no content part")
        return _Document(package.xml("meta.xml")).read(body)


class _Document:
    def __init__(self, meta: Any) -> None:
        self.writer = Writer()
        self.path = HeadingPath()
        self.metadata: dict[str, str] = {}
        self.title = ""
        self.pages: int | None = None
        for element in meta.iter() if meta is not None else ():
            text = (element.text or "").strip()
            if local_name(element) == "title":
                self.title = text
            elif text and (name := _METADATA.get(local_name(element))):
                self.metadata.setdefault(name, text)

    def read(self, body: Any) -> Draft:
        slides = list(body.iterfind(f"{ANY}presentation/{ANY}page"))
        for number, slide in enumerate(slides, start=1):
            self._slide(slide, number)
        if slides:
            self.pages = len(slides)
        else:
            for kind in body:
                self._blocks(kind)
        return self.writer.draft(self.title, self.pages, self.metadata)

    def _slide(self, slide: Any, number: int) -> None:
        titles = [frame for frame in slide.iter(f"{ANY}frame") if _attribute(frame, "class") == "title"]
        title = one_line(" ".join(_inline(p) for frame in titles for p in frame.iter(f"{ANY}p")))
        self.title = self.title or title
        self.writer.place((title,) if title else (), number)
        for element in (*titles, *(element for element in slide if element not in titles)):
            self._blocks(element)

    # -- text ------------------------------------------------------------------------------------

    def _blocks(self, parent: Any, depth: int = 0, lists: int = 0) -> None:
        """The paragraphs below `parent`, whatever sections, frames, groups and `lists` they stand in."""
        if depth > _DEEPEST:
            raise Unreadable("damaged", "nested too deeply")
        for element in parent:
            name = local_name(element)
            if name == "h":
                self._heading(element)
            elif name == "p":
                self._paragraph(element, depth, lists)
            elif name == "table":
                self._table(element)
            elif name and name not in _SKIPPED:
                self._blocks(element, depth + 1, lists + (name == "list"))

    def _heading(self, element: Any) -> None:
        text = _inline(element)
        level = _attribute(element, "outline-level")
        if text:
            self.writer.place(self.path.enter(int(level) if level.isdecimal() else 1, text), None)
            self.writer.block(text)

    def _paragraph(self, element: Any, depth: int, lists: int) -> None:
        if text := _inline(element):
            self.writer.block("  " * (lists - 1) + "- " + text if lists else text, "\n" if lists else "\n\n")
        for apart in _apart(element):
            if local_name(apart) == "table":
                self._table(apart)
            else:
                self._blocks(apart, depth + 1)

    def _table(self, table: Any) -> None:
        rows: list[list[str]] = []
        for row in table.iter(f"{ANY}table-row"):
            if next(row.iterancestors(f"{ANY}table")) is not table:
                continue  # a table inside a cell is text of that cell
            cells: list[str] = []
            for cell in row:
                if local_name(cell) in ("table-cell", "covered-table-cell"):
                    text = "\n".join(filter(None, (_inline(p) for p in cell.iter(f"{ANY}p", f"{ANY}h"))))
                    repeat = _attribute(cell, "number-columns-repeated")
                    cells += [text] * (min(int(repeat), _MAX_REPEAT) if repeat.isdecimal() else 1)
            rows.append(cells)
        rows = [row for row in rows if any(row)]
        marked = table.find(f"{ANY}table-header-rows") is not None
        has_header = len(rows) > 1 and (marked or (len(rows[0]) > 2 and is_header(rows)))
        header = [one_line(cell) for cell in rows[0]] if has_header else None
        gap = "\n\n"
        for cells in rows[1:] if header else rows:
            self.writer.block(row_line(cells, header), gap)
            gap = "\n"


def _inline(paragraph: Any) -> str:
    """The text of one paragraph, without notes and boxes that are anchored in it."""
    from lxml import etree

    parts: list[str] = []
    walker = etree.iterwalk(paragraph, events=("start", "end"))
    for event, element in walker:
        name = local_name(element)
        if event == "end":
            if element is not paragraph:
                parts.append(element.tail or "")
            continue
        if element is not paragraph and (name in _APART or name in _BOXES or name in _SKIPPED):
            walker.skip_subtree()
            continue
        if name == "s":
            count = _attribute(element, "c")
            parts.append(" " * (min(int(count), _MAX_REPEAT) if count.isdecimal() else 1))
        elif name in ("tab", "line-break"):
            parts.append("\t" if name == "tab" else "\n")
        parts.append(element.text or "")
    # White space of the file is formatting; the document's own is spelled out as elements.
    return "".join(parts).strip()


def _apart(paragraph: Any) -> Iterator[Any]:
    for element in paragraph.iter():
        name = local_name(element)
        if (name in _APART or name in _BOXES) and next(
            element.iterancestors(f"{ANY}p", f"{ANY}h")
        ) is paragraph:
            yield element


def _attribute(element: Any, name: str) -> str:
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")
