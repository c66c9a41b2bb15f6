"""The plain arm of `bench reading`: the text of a file as its reader's library gives it."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path


def text(path: Path) -> str | None:
    """None for kinds of files that no library here turns into text. Raises whatever the library does."""
    by_name = _BY_EXTENSION.get(path.suffix.lower().lstrip("."))
    return by_name(path) if by_name else None


def _pdf(path: Path) -> str:
    import pypdfium2

    with pypdfium2.PdfDocument(path) as document:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)


def _sheets(path: Path) -> str:
    from python_calamine import CalamineWorkbook

    with CalamineWorkbook.from_path(path) as book:
        sheets = [book.get_sheet_by_index(number).to_python() for number in range(len(book.sheet_names))]
    return "\n".join(_cells(map(str, row)) for sheet in sheets for row in sheet)


def _table(path: Path) -> str:
    content = _decoded(path)
    delimiter = max(",;\t|", key=content[:10_000].count)
    return "\n".join(map(_cells, csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)))


def _cells(row: Iterable[str]) -> str:
    return "\t".join(row)


def _word(path: Path) -> str:
    return _paragraphs(path, lambda name: name == "word/document.xml")


def _slides(path: Path) -> str:
    return _paragraphs(path, lambda name: name.startswith("ppt/slides/slide"))


def _paragraphs(path: Path, is_part: Callable[[str], bool]) -> str:
    """Paragraphs (`p`) of Office's XML; their text is that of all `t` in them, once.

    A text box stands in a paragraph of its own inside another one, and again in what older programs read.
    """
    from lxml import etree

    texts: list[str] = []
    for content in _parts(path, is_part):
        tree = etree.fromstring(content)
        etree.strip_elements(tree, "{*}Fallback", with_tail=False)
        for paragraph in tree.iterfind(".//{*}p"):
            runs = paragraph.iterfind(".//{*}t")
            texts.append(
                "".join(run.text or "" for run in runs if next(run.iterancestors("{*}p")) is paragraph)
            )
    return "\n".join(texts)


def _open_document(path: Path) -> str:
    from lxml import etree

    (content,) = _parts(path, lambda name: name == "content.xml")
    return " ".join(map(str, etree.fromstring(content).itertext()))


def _book(path: Path) -> str:
    return "\n".join(map(_page, _parts(path, lambda name: name.endswith(("html", "htm")))))


def _parts(path: Path, is_part: Callable[[str], bool]) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        yield from (archive.read(name) for name in archive.namelist() if is_part(name))


def _html(path: Path) -> str:
    return _page(_decoded(path).encode())


def _page(content: bytes) -> str:
    from lxml import etree

    tree = etree.HTML(content, etree.HTMLParser(encoding="utf-8"))
    etree.strip_elements(tree, "script", "style", "noscript", with_tail=False)
    return " ".join(map(str, tree.itertext()))


def _rich_text(path: Path) -> str:
    from striprtf.striprtf import rtf_to_text

    return str(rtf_to_text(path.read_text(encoding="cp1252", errors="replace")))


def _mail(path: Path) -> str:
    from email import message_from_bytes, policy

    body = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain", "html"))
    content = body.get_content() if body is not None else ""
    return _page(content.encode()) if body is not None and "html" in body.get_content_type() else content


def _decoded(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        from charset_normalizer import from_bytes

        return str(from_bytes(data).best() or "")


_READERS: tuple[tuple[Callable[[Path], str], str], ...] = (
    (_pdf, "pdf"),
    (_sheets, "xlsx xlsm xlsb xls ods"),
    (_table, "csv tsv"),
    (_word, "docx docm"),
    (_slides, "pptx pptm"),
    (_open_document, "odt odp"),
    (_book, "epub"),
    (_html, "html htm xhtml"),
    (_rich_text, "rtf"),
    (_mail, "eml"),
    (
        _decoded,
        "txt md markdown rst org adoc asciidoc log tex json jsonl py js c h java sh yaml yml toml ini xml",
    ),
)
_BY_EXTENSION = {name: reader for reader, names in _READERS for name in names.split()}
