"""PowerPoint (.pptx): slide by slide, the title as heading, then text, tables, diagrams, notes, comments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.documents.extract import Draft, Unreadable, Writer, one_line
from engine.documents.readers.package import ANY, Package, local_name, open_zip
from engine.documents.readers.table import row_line

_MAIN = "ppt/presentation.xml"
_TITLES = frozenset(("title", "ctrTitle"))
_SHAPES = (f"{ANY}sp", f"{ANY}graphicFrame", f"{ANY}grpSp")
_SMALLEST = 100  # hundredths of a point
_REPEATED = frozenset(
    ("dt", "ftr", "sldNum", "hdr", "sldImg")
)  # place holders that say the same on every slide


def read(path: Path) -> Draft:
    """Raises Unreadable("damaged" | "password" | "too_large"), zipfile and lxml errors."""
    with open_zip(path) as archive:
        return _read(Package(archive))


def _read(package: Package) -> Draft:
    main = package.xml(_MAIN)
    if main is None:
        raise Unreadable("damaged", "no presentation part")
    size = main.find(f"{ANY}sldSz")
    edges = (_integer(size, "cx"), _integer(size, "cy"))
    parts = {key: target for key, _, target in package.relations(_MAIN)}
    # An attribute `id` stands beside the `r:id` that is meant; only the latter has a namespace.
    keys = [_relation(slide) for slide in main.iterfind(f"{ANY}sldIdLst/{ANY}sldId")]
    writer = Writer()
    first = ""
    for number, key in enumerate(keys, start=1):
        title = _slide(package, parts.get(key, ""), writer, number, edges)
        first = first or title
    metadata = package.properties()
    return writer.draft(metadata.pop("title", "") or first, len(keys), metadata)


def _slide(package: Package, part: str, writer: Writer, number: int, edges: tuple[int, int]) -> str:
    """Write one slide of the size `edges`; returns its title."""
    slide = package.xml(part)
    if slide is not None:
        writer.hide(_take_out(slide, edges))
    shapes = list(slide.iter(f"{ANY}sp", f"{ANY}graphicFrame")) if slide is not None else []
    titles = [shape for shape in shapes if _place(shape) in _TITLES]
    title = one_line(" ".join(text for shape in titles for text in _paragraphs(shape)))
    writer.place((title,) if title else (), number)
    for shape in (*titles, *(shape for shape in shapes if shape not in titles)):
        if _place(shape) not in _REPEATED:
            _shape(shape, writer)
    for _, kind, target in package.relations(part) if slide is not None else ():
        related = package.xml(target) if kind in ("notesSlide", "diagramData", "comments") else None
        if related is None:
            continue
        if kind == "notesSlide":
            bodies = [shape for shape in related.iter(f"{ANY}sp") if _place(shape) not in _REPEATED]
            writer.block("\n".join(text for shape in bodies for text in _paragraphs(shape)))
        elif kind == "diagramData":
            writer.block("\n".join(_paragraphs(related)))
        else:
            # Two generations of comments: one holds plain text, the other paragraphs.
            texts = [element.text or "" for element in related.iter(f"{ANY}text")] or _paragraphs(related)
            writer.block("\n".join(texts))
    return title


def _shape(shape: Any, writer: Writer) -> None:
    table = next(shape.iter(f"{ANY}tbl"), None)
    if table is None:
        writer.block("\n".join(_paragraphs(shape)))
        return
    rows = [["\n".join(_paragraphs(cell)) for cell in row.iter(f"{ANY}tc")] for row in table.iter(f"{ANY}tr")]
    about = table.find(f"{ANY}tblPr")
    has_header = about is not None and about.get("firstRow") in ("1", "true") and len(rows) > 1
    header = [one_line(cell) for cell in rows[0]] if has_header else None
    gap = "\n\n"
    for row in rows[1:] if header else rows:
        writer.block(row_line(row, header), gap)
        gap = "\n"


def _take_out(slide: Any, edges: tuple[int, int]) -> str:
    """Remove what the slide does not show: hidden shapes, those beside it, letters of a point or less."""
    gone = [shape for shape in slide.iter(*_SHAPES) if _is_hidden(shape) or _is_beside(shape, edges)]
    gone += [
        run
        for run in slide.iter(f"{ANY}r")
        if 0 < _integer(run.find(f"{ANY}rPr"), "sz", _SMALLEST + 1) <= _SMALLEST
    ]
    texts: list[str] = []
    for element in gone:
        for text in element.iter(f"{ANY}t"):
            texts.append(text.text or "")
            text.text = ""
    return " ".join(texts)


def _is_hidden(shape: Any) -> bool:
    about = next(shape.iter(f"{ANY}cNvPr"), None)
    return about is not None and about.get("hidden") in ("1", "true")


def _is_beside(shape: Any, edges: tuple[int, int]) -> bool:
    """Whether all of a shape lies off the slide; shapes of a group have places of their own."""
    place = shape.find(f"{ANY}spPr/{ANY}xfrm")
    place = shape.find(f"{ANY}xfrm") if place is None else place
    parent = shape.getparent()
    if place is None or 0 in edges or (parent is not None and local_name(parent) == "grpSp"):
        return False
    start, size = place.find(f"{ANY}off"), place.find(f"{ANY}ext")
    for low, length, edge in (("x", "cx", edges[0]), ("y", "cy", edges[1])):
        at = _integer(start, low)
        if at >= edge or at + _integer(size, length) <= 0 < -at:
            return True
    return False


def _integer(element: Any, name: str, default: int = 0) -> int:
    value = element.get(name) if element is not None else None
    return int(value) if value and value.lstrip("-").isdecimal() else default


def _place(shape: Any) -> str:
    """The kind of place holder a shape fills; empty for a shape of its own."""
    found = next(shape.iter(f"{ANY}ph"), None)
    return found.get("type") or "" if found is not None else ""


def _relation(element: Any) -> str:
    return next((value for name, value in element.attrib.items() if name.endswith("}id")), "")


def _paragraphs(element: Any) -> Iterator[str]:
    for paragraph in element.iter(f"{ANY}p"):
        parts: list[str] = []
        for run in paragraph.iter(f"{ANY}t", f"{ANY}br", f"{ANY}tab"):
            parts.append({"br": "\n", "tab": "\t"}.get(local_name(run), run.text or ""))
        if text := "".join(parts).strip():
            about = paragraph.find(f"{ANY}pPr")
            depth = int(level) if about is not None and (level := about.get("lvl") or "").isdecimal() else 0
            yield "  " * min(depth, 8) + text
