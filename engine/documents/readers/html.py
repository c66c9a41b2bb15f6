"""HTML: visible text of the main part, headings as structure, tables row by row. Nothing is fetched."""

from __future__ import annotations

import re
from typing import Any

from engine.documents.extract import Draft, HeadingPath, Unreadable, Writer
from engine.documents.readers import html_unseen
from engine.documents.readers.table import row_line

_DROPPED = frozenset(
    "script style noscript template svg math iframe object embed applet canvas audio video map head dialog "
    "select datalist button input textarea".split()
)
_AROUND = frozenset("nav footer aside".split())
_AROUND_ROLES = frozenset(
    "navigation banner contentinfo complementary search dialog alertdialog menu".split()
)
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main nav ol p pre section summary table tbody "
    "td tfoot th thead tr ul caption".split()
)
_TIGHT = frozenset("li dt dd summary".split())  # blocks set close to each other
_LEVELS = {f"h{level}": level for level in range(1, 7)}
_METADATA = {
    "author": "author",
    "description": "description",
    "date": "date",
    "article:published_time": "date",
}
_SPACE = re.compile(r"[ \t\n\r\f]+")
_MAX_SPAN = 100
_ENOUGH = 0.25  # share of the page's text that its "main part" must hold to be believed


def read(text: str) -> Draft:
    from lxml import etree

    # huge_tree: a chain of quoted replies nests deeper than 256, and the size of a file is bounded anyway.
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    # Surrogates cannot be encoded; they never come from decoding, only from a broken page's own text.
    root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    if root is None:
        return Draft("")
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise Unreadable("damaged", "nested too deeply")  # the parser has dropped text
    unseen = html_unseen.take_out(root)
    whole = _write(root, keep_around=True)
    main = _write(_main(root), keep_around=False)
    draft = main if len(main.text) >= _ENOUGH * len(whole.text) else whole
    draft.title = _title(root)
    draft.metadata = _metadata(root)
    draft.hidden = sum(not char.isspace() for char in unseen)
    return draft


def _main(root: Any) -> Any:
    """The element that says it holds the content, if there is exactly one; else the page."""
    for path in ("//main", "//*[@role='main']", "//article"):
        found = root.xpath(path)
        if len(found) == 1:
            return found[0]
    return root


def _title(root: Any) -> str:
    for path in (
        "string(//head/title)",
        "string(//meta[@property='og:title']/@content)",
        "string((//h1)[1])",
    ):
        if found := root.xpath(path).strip():
            return str(found)
    return ""


def _metadata(root: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in root.iter("meta"):
        name = (element.get("name") or element.get("property") or "").lower()
        if name in _METADATA and (content := (element.get("content") or "").strip()):
            found.setdefault(_METADATA[name], content)
    if language := root.get("lang"):
        found["language"] = language
    return found


def _is_dropped(element: Any, keep_around: bool) -> bool:
    tag = element.tag
    if tag in _DROPPED or element.get("aria-hidden") == "true":
        return True
    return not keep_around and (tag in _AROUND or element.get("role") in _AROUND_ROLES)


class _Page:
    """Turns a walk over elements into blocks. White space is collapsed, save inside <pre>."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.path = HeadingPath()
        self.buffer: list[str] = []
        self.pre = 0

    def add(self, text: str | None) -> None:
        if text:
            self.buffer.append(text if self.pre else _SPACE.sub(" ", text))

    def flush(self, prefix: str = "", gap: str = "\n\n") -> None:
        text = "".join(self.buffer)
        self.buffer.clear()
        if not self.pre:
            text = "\n".join(line.strip(" ") for line in text.split("\n")).strip()
        if text.strip():
            self.writer.block(prefix + text, gap)

    def start(self, element: Any) -> None:
        tag = element.tag
        if tag in _BLOCKS:
            # Text before a list inside an item is the item's own line.
            parent = element.getparent()
            inside = parent is not None and parent.tag in _TIGHT
            self.flush("- " if inside and parent.tag == "li" else "", "\n" if inside else "\n\n")
        if tag == "br":
            self.buffer.append("\n")
        self.pre += tag == "pre"
        self.add(element.text)

    def end(self, element: Any) -> None:
        tag = element.tag
        if tag in _LEVELS and (heading := "".join(self.buffer).strip()):
            self.writer.place(self.path.enter(_LEVELS[tag], heading))
        if tag in _BLOCKS:
            self.flush("- " if tag == "li" else "", "\n" if tag in _TIGHT else "\n\n")
        self.pre -= tag == "pre"

    def table(self, rows: list[list[str]], header: list[str] | None) -> None:
        self.flush()
        gap = "\n\n"
        for row in rows:
            self.writer.block(row_line(row, header), gap)
            gap = "\n"


def _write(top: Any, keep_around: bool) -> Draft:
    """The visible text below `top`. Walks without recursion: pages nest deeper than Python's stack."""
    from lxml import etree

    page = _Page()
    walker = etree.iterwalk(top, events=("start", "end"))
    skipped: Any = None
    for event, element in walker:
        if event == "start":
            if element is not top and _is_dropped(element, keep_around):
                skipped = element
            elif element.tag == "table" and _is_data(element):
                page.table(*_grid(element))
                skipped = element
            else:
                page.start(element)
                continue
            walker.skip_subtree()
        else:
            if element is not skipped:
                page.end(element)
            if element is not top:
                page.add(element.tail)
    page.flush()
    return page.writer.draft()


def _is_data(table: Any) -> bool:
    """Rows of short cells; a table that arranges the page has blocks in its cells."""
    return not table.xpath("boolean(.//table | .//ul | .//ol | .//pre | .//h1 | .//h2 | .//h3 | .//td//p[2])")


def _grid(table: Any) -> tuple[list[list[str]], list[str] | None]:
    """Rows of cell texts with spans filled in, and the header row if the table has one."""
    rows: list[list[str]] = []
    header: list[str] | None = None
    carried: dict[int, tuple[int, str]] = {}  # column -> rows still to fill, text
    for line in table.iter("caption", "tr"):
        if line.tag == "caption":
            rows.append([_text(line)])
            continue
        cells: list[str] = []
        own = [cell for cell in line if cell.tag in ("td", "th")]
        queue = iter(own)
        cell = next(queue, None)
        while cell is not None or len(cells) in carried:
            if len(cells) in carried:
                left, text = carried.pop(len(cells))
                if left > 1:
                    carried[len(cells)] = (left - 1, text)
                cells.append(text)
                continue
            text = _text(cell)
            for offset in range(_span(cell, "colspan")):
                if (down := _span(cell, "rowspan")) > 1:
                    carried[len(cells)] = (down - 1, text)
                cells.append(text if offset == 0 else "")
            cell = next(queue, None)
        first = header is None and not any(len(row) > 1 for row in rows)
        if first and len(own) > 1 and all(cell.tag == "th" for cell in own):
            header = cells
        else:
            rows.append(cells)
    return (rows, header) if header is None or len(rows) else ([header], None)


def _span(cell: Any, name: str) -> int:
    value = cell.get(name) or ""
    return min(max(int(value), 1), _MAX_SPAN) if value.isdecimal() else 1


def _text(element: Any) -> str:
    """In one line; what stands on lines of its own stays apart from what is around it."""
    for inner in element.iter("br", *_BLOCKS):
        if inner is not element:
            inner.text, inner.tail = f" {inner.text or ''}", f" {inner.tail or ''}"
    return " ".join("".join(element.itertext()).split())
