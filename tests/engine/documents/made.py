"""Small files of each format, made here; and what must hold of every text read from one."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from engine.documents.reader import Extract


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def under(document: Extract, *headings: str) -> str:
    """The text of the sections that stand under exactly these headings."""
    found = [document.text[s.start : s.end] for s in document.sections if s.headings == headings]
    assert found, f"no section under {headings}: {[s.headings for s in document.sections]}"
    return "".join(found)


def assert_complete(document: Extract) -> None:
    reached = 0
    for section in document.sections:
        assert section.start >= reached
        assert not document.text[reached : section.start].strip()
        reached = section.end
    assert not document.text[reached:].strip()


# ---- zipped ------------------------------------------------------------------------------------


def zipped(path: Path, parts: Mapping[str, str | bytes], deflated: bool = True) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def workbook(path: Path, sheets: Mapping[str, list[list[object]]]) -> Path:
    from openpyxl import Workbook

    made = Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def old_workbook(path: Path, rows: list[list[object]]) -> Path:
    """An .xls of Excel 97."""
    from xlwt import Workbook

    made = Workbook()
    sheet = made.add_sheet("Costs")
    for down, row in enumerate(rows):
        for across, cell in enumerate(row):
            sheet.write(down, across, cell)
    made.save(str(path))
    return path


_NAMESPACES = (
    " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "presentation", "meta")
    )
    + ' xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def open_document(path: Path, kind: str, body: str, title: str = "") -> Path:
    """`kind` is text, presentation or spreadsheet; `body` is what stands in its element."""
    media = f"application/vnd.oasis.opendocument.{kind}"
    manifest = (
        '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<m:file-entry m:full-path="/" m:media-type="{media}"/></m:manifest>'
    )
    content = (
        f"<office:document-content {_NAMESPACES}><office:body><office:{kind}>{body}</office:{kind}>"
        "</office:body></office:document-content>"
    )
    meta = (
        f"<office:document-meta {_NAMESPACES}><office:meta><dc:title>{title}</dc:title>"
        "<dc:creator>Mara Lind</dc:creator></office:meta></office:document-meta>"
    )
    parts = {"mimetype": media, "META-INF/manifest.xml": manifest, "content.xml": content, "meta.xml": meta}
    return zipped(path, parts)


def book(path: Path, chapters: Mapping[str, str], contents: str = "", **parts: str) -> Path:
    """An EPUB of `chapters` (file name -> XHTML body); `contents` is the body of its navigation page."""
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>'
        for n, name in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<dc:title>The Mill</dc:title><dc:creator>Mara Lind</dc:creator></metadata><manifest>"
        f'<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>{items}'
        f"</manifest><spine>{spine}</spine></package>"
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
    )

    def page(body: str) -> str:
        return f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title/></head><body>{body}</body></html>'

    return zipped(
        path,
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "OEBPS/book.opf": package,
            "OEBPS/nav.xhtml": page(f"<nav>{contents}</nav>"),
            **{f"OEBPS/{name}": page(body) for name, body in chapters.items()},
            **parts,
        },
    )


# ---- OLE ---------------------------------------------------------------------------------------


def container(path: Path, streams: Mapping[str, bytes]) -> Path:
    """An OLE container with `streams` ("folder/name" -> content), each padded with NULs to 4096 bytes:
    shorter ones would need a file system within the file system.
    """
    tree: dict[str, list[str]] = {"": []}
    for name in streams:
        while name not in tree.get(parent := name.rpartition("/")[0], []):
            tree.setdefault(parent, []).append(name)
            if not parent:
                break
            name = parent
    order = ["", *(name for names in tree.values() for name in names)]
    number = {name: at for at, name in enumerate(order)}
    end, none = 0xFFFFFFFE, 0xFFFFFFFF
    # Each folder's entries hang on one another as right-hand neighbours: a tree without any balance.
    right = {a: number[b] for names in tree.values() for a, b in pairwise(names)}
    directory_sectors = -(-len(order) // 4)
    data = b""
    table = [0xFFFFFFFD]  # sector 0 is the table itself
    table += [*range(2, directory_sectors + 1), end]
    starts = {}
    for name, content in streams.items():
        content = content.ljust(4096, b"\0")
        count = -(-len(content) // 512)
        starts[name] = (len(table), len(content))
        table += [*range(len(table) + 1, len(table) + count), end]
        data += content.ljust(count * 512, b"\0")
    assert len(table) <= 128, "one sector of table holds no more"
    entries = b""
    for name in order:
        kind = 5 if not name else 1 if name in tree else 2
        label = ("Root Entry" if not name else name.rpartition("/")[2]).encode("utf-16-le") + b"\0\0"
        child = number[tree[name][0]] if kind != 2 and tree[name] else none
        start, size = starts.get(name, (end, 0))
        entries += struct.pack(
            "<64sHBBIII16sIQQIQ",
            label, len(label), kind, 1, none, right.get(name, none), child, b"", 0, 0, 0, start, size,
        )  # fmt: skip
    entries = entries.ljust(directory_sectors * 512, b"\0")
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, end, 0, end, 0)
    )
    header += struct.pack("<109I", 0, *[none] * 108)
    fat = struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff")
    return write(path, header + fat + entries + data)


# ---- one of each -------------------------------------------------------------------------------


def samples(folder: Path) -> dict[str, Path]:
    """A small file of each format: name of the format -> file."""
    from docx import Document
    from pptx import Presentation
    from reportlab.pdfgen.canvas import Canvas

    texts = {
        "text": ("a.txt", "First paragraph.\n\nSecond one."),
        "markdown": ("a.md", "---\ntitle: Trip\n---\n# Oslo\n\nRoom 12.\n\n## Food\n\nFish."),
        "rst": ("a.rst", "Oslo\n====\n\nRoom 12.\n\nFood\n----\n\nFish.\n"),
        "org": ("a.org", "* Oslo\nRoom 12.\n** Food\nFish.\n"),
        "asciidoc": ("a.adoc", "= Oslo\n\nRoom 12.\n\n== Food\n\nFish.\n"),
        "subtitles": (
            "a.srt",
            "1\n00:00:01,000 --> 00:00:03,000\nRoom 12.\n\n2\n00:00:04,000 --> 00:00:05,000\nFish.\n",
        ),
        "notebook": (
            "a.ipynb",
            '{"cells": [{"cell_type": "markdown", "source": "# Oslo\\nRoom 12."}, {"source": "1"}]}',
        ),
        "records": ("a.json", '{"club": "Oslo", "members": [{"name": "Mara", "room": 12}, {"name": "Jo"}]}'),
        "html": (
            "a.html",
            "<html><body><h1>Oslo</h1><p>Room 12.</p><table><tr><td>a</td><td>b</td></tr></table>",
        ),
        "table": ("a.csv", "name,room\nMara,12\nJo,13\n"),
        "code": ("a.py", "class Oslo:\n    def room(self):\n        return 12\n"),
        "data": ("a.toml", "[oslo]\nroom = 12\n"),
        "rtf": (
            "a.rtf",
            "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\outlinelevel0 Oslo\\par\\pard Room 12\\'e4\\par}",
        ),
        "mail": ("a.eml", "From: mara@example.org\nMIME-Version: 1.0\nSubject: Oslo\n\nRoom 12.\n"),
        "mailbox": (
            "a.mbox",
            "From m@example.org Wed May  1 10:00:00 2024\nFrom: m@example.org\nSubject: Oslo\n\nRoom 12.\n",
        ),
    }
    made = {name: write(folder / file, content) for name, (file, content) in texts.items()}
    slides = Presentation()
    slides.slides.add_slide(slides.slide_layouts[5]).shapes.title.text = "Oslo"
    slides.save(str(folder / "a.pptx"))
    letter = Document()
    letter.add_heading("Oslo", level=1)
    letter.add_paragraph("Room 12.")
    letter.save(str(folder / "a.docx"))
    sheet = Canvas(str(folder / "a.pdf"))
    sheet.drawString(72, 750, "Room 12 in Oslo.")
    sheet.save()
    heading = '<text:h text:outline-level="1">Oslo</text:h><text:p>Room 12.</text:p>'
    page = (
        "<draw:page><draw:frame><draw:text-box><text:p>Oslo</text:p></draw:text-box></draw:frame></draw:page>"
    )
    return {
        **made,
        "slides": folder / "a.pptx",
        "word": folder / "a.docx",
        "pdf": folder / "a.pdf",
        "sheets": workbook(folder / "a.xlsx", {"Rooms": [["town", "room"], ["Oslo", 12]]}),
        "sheets, old": old_workbook(folder / "a.xls", [["name", "room"], ["Mara", 12]]),
        "odt": open_document(folder / "a.odt", "text", heading),
        "odp": open_document(folder / "a.odp", "presentation", page),
        "book": book(
            folder / "a.epub", {"a.xhtml": "<h1>Oslo</h1><p>Room 12.</p>", "b.xhtml": "<p>Fish.</p>"}
        ),
        "archive": zipped(folder / "a.zip", {"a.txt": "Room 12.", "b/c.csv": "a,b\n1,2\n"}),
        "picture": write(folder / "a.gif", b"GIF89a" + bytes(100)),
        "outlook": container(
            folder / "a.msg",
            {
                "__properties_version1.0": bytes(64),
                "__substg1.0_0037001F": "Oslo".encode("utf-16-le"),
                "__substg1.0_1000001F": "Room 12.".encode("utf-16-le"),
            },
        ),
    }
