"""Word (.docx): headings, lists, tables, text boxes, notes, headers and footers, in reading order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.documents.extract import Draft, HeadingPath, Unreadable, Writer, one_line
from engine.documents.readers.package import ANY, Package, local_name, open_zip
from engine.documents.readers.table import row_line
from engine.documents.readers.word_numbering import BULLET, Numbering, attribute, child, integer
from engine.documents.readers.word_unseen import Unseen

_SKIPPED = frozenset("del moveFrom Fallback instrText delText pPr rPr tblPr trPr tcPr sectPr".split())
_HEADING_STYLE = re.compile(r"heading ([1-9])$", re.IGNORECASE)


def read(path: Path) -> Draft:
    """Raises Unreadable("damaged" | "password" | "too_large"), zipfile and lxml errors."""
    with open_zip(path) as archive:
        return _Document(Package(archive)).read()


class _Document:
    def __init__(self, package: Package) -> None:
        self.package = package
        main = sorted(name for name in package.names if re.fullmatch(r"word/document\d*\.xml", name))
        if not main:
            raise Unreadable("damaged", "no document part")
        self.main = main[0]
        self.levels: dict[str, int] = {}
        self.titles: set[str] = set()
        self.numbered: dict[str, tuple[str, int]] = {}
        self._read_styles()
        self.unseen = Unseen(self.package.xml("word/styles.xml"))
        self.numbering = Numbering(self.package.xml("word/numbering.xml"))
        self.path = HeadingPath()
        self.writer = Writer()
        self.title = ""

    def read(self) -> Draft:
        body = self.package.xml(self.main)
        if body is None:
            raise Unreadable("damaged", "no document part")
        self.writer.hide(self.unseen.take_out(body))
        related = self._related()
        for kind in ("header", "body", "footnotes", "endnotes", "comments", "footer"):
            if kind == "body":
                self._blocks(body.find(f"{ANY}body"))
                self.writer.place()
                continue
            seen: set[str] = set()
            for name in related.get(kind, []):
                part = self.package.xml(name)
                if part is not None:
                    self.writer.hide(self.unseen.take_out(part))
                text = "\n".join(self._paragraphs(part)) if part is not None else ""
                # First, even and odd pages often repeat one header; many footers are but a page number.
                if any(map(str.isalpha, text)) and text not in seen:
                    seen.add(text)
                    self.writer.block(text)
        metadata = self.package.properties()
        return self.writer.draft(metadata.pop("title", "") or self.title, None, metadata)

    # -- parts -----------------------------------------------------------------------------------

    def _related(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for _, kind, target in self.package.relations(self.main):
            found.setdefault(kind, []).append(target)
        return found

    def _read_styles(self) -> None:
        """Which styles are headings of what level (1-based), titles, or numbered; inherited or their own."""
        styles = self.package.xml("word/styles.xml")
        parents: dict[str, str] = {}
        for style in styles.iter(f"{ANY}style") if styles is not None else ():
            key, name = attribute(style, "styleId"), child(style, "name")
            level = child(style, "pPr/{*}outlineLvl")
            if match := _HEADING_STYLE.search(name):
                self.levels[key] = int(match[1])
            elif level.isdecimal() and int(level) < 9:
                self.levels[key] = int(level) + 1
            if number := child(style, "pPr/{*}numPr/{*}numId"):
                self.numbered[key] = number, integer(child(style, "pPr/{*}numPr/{*}ilvl"))
            if name.lower() == "title":
                self.titles.add(key)
            parents[key] = child(style, "basedOn")
        for key in parents:
            chain, parent = {key}, parents[key]
            while parent and parent not in chain:
                chain.add(parent)
                if parent in self.levels:
                    self.levels.setdefault(key, self.levels[parent])
                if parent in self.numbered:
                    self.numbered.setdefault(key, self.numbered[parent])
                parent = parents.get(parent, "")

    # -- text ------------------------------------------------------------------------------------

    def _blocks(self, parent: Any) -> None:
        for element in parent if parent is not None else ():
            name = local_name(element)
            if name == "p":
                self._paragraph(element)
            elif name == "tbl":
                self._table(element)
            elif name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"):
                self._blocks(element)

    def _paragraph(self, paragraph: Any) -> None:
        text = _text(paragraph)
        style = child(paragraph, "pPr/{*}pStyle")
        own = child(paragraph, "pPr/{*}outlineLvl")
        level = int(own) + 1 if own.isdecimal() and int(own) < 9 else self.levels.get(style, 0)
        if text:
            number, depth = self._number(paragraph, style)
            label = self.numbering.label(number, depth) if number else ""
            if style in self.titles:
                self.title = self.title or text
            elif level:
                text = f"{label} {text}" if label not in ("", BULLET) else text
                self.writer.place(self.path.enter(level, text))
            elif label:
                self.writer.block(f"{'  ' * min(depth, 8)}{label} {text}", gap="\n")
                text = ""
            self.writer.block(text)
        for box in _boxes(paragraph):
            self._blocks(box)

    def _number(self, paragraph: Any, style: str) -> tuple[str, int]:
        """List and depth of a paragraph, its own or its style's; no list is ""."""
        number, depth = self.numbered.get(style, ("", 0))
        number = child(paragraph, "pPr/{*}numPr/{*}numId") or number
        depth = integer(child(paragraph, "pPr/{*}numPr/{*}ilvl"), depth)
        return ("" if number == "0" else number), depth  # "0" switches its style's list off

    def _table(self, table: Any) -> None:
        rows: list[list[str]] = []
        above: list[str] = []
        for row in table.iter(f"{ANY}tr"):
            if next(row.iterancestors(f"{ANY}tbl")) is not table:
                continue  # a table inside a cell is text of that cell
            cells: list[str] = []
            for cell in row.iter(f"{ANY}tc"):
                if next(cell.iterancestors(f"{ANY}tr")) is not row:
                    continue
                merged = cell.find(f"{ANY}tcPr/{ANY}vMerge")
                text = "\n".join(self._paragraphs(cell))
                if merged is not None and attribute(merged, "val") != "restart" and len(cells) < len(above):
                    text = above[len(cells)]
                span = child(cell, "tcPr/{*}gridSpan")
                cells += [text] + [""] * (min(int(span), 100) - 1 if span.isdecimal() else 0)
            rows.append(cells)
            above = cells
        header = [one_line(cell) for cell in rows[0]] if self._has_header(table, rows) else None
        gap = "\n\n"
        for cells in rows[1:] if header else rows:
            self.writer.block(row_line(cells, header), gap)
            gap = "\n"

    @staticmethod
    def _has_header(table: Any, rows: list[list[str]]) -> bool:
        if len(rows) < 2 or len(rows[0]) < 2 or not all(cell.strip() for cell in rows[0]):
            return False
        if table.find(f"{ANY}tr/{ANY}trPr/{ANY}tblHeader") is not None:
            return True
        # Word marks the first row of most new tables; with two columns it is as often a plain list of pairs.
        return len(rows[0]) > 2

    def _paragraphs(self, part: Any) -> Iterator[str]:
        for paragraph in part.iter(f"{ANY}p"):
            if (text := _text(paragraph)).strip():
                yield text


def _text(paragraph: Any) -> str:
    """The runs of one paragraph. Deleted text, field codes and paragraphs of text boxes are left out."""
    from lxml import etree

    parts: list[str] = []
    walker = etree.iterwalk(paragraph, events=("start",))
    for _, element in walker:
        name = local_name(element)
        if name in _SKIPPED or (name == "txbxContent"):
            walker.skip_subtree()
        elif name == "t":
            parts.append(element.text or "")
        elif name == "tab":
            parts.append("\t")
        elif name in ("br", "cr"):
            parts.append("\n")
        elif name == "noBreakHyphen":
            parts.append("-")
    return "".join(parts).strip()


def _boxes(paragraph: Any) -> list[Any]:
    """Text boxes anchored in a paragraph; the copy for old programs (Fallback) is left out."""
    return [
        box
        for box in paragraph.iter(f"{ANY}txbxContent")
        if next(box.iterancestors(f"{ANY}Fallback"), None) is None
        and next(box.iterancestors(f"{ANY}p")) is paragraph
    ]
