"""PDF: text page by page with pypdfium2, headings from the outline; pypdf where pdfium gives up.

Pages that are pictures have little text or none, unless somebody is asked to recognise it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from engine.documents.extract import Draft, HeadingPath, Unreadable, Writer, one_line, unix_newlines
from engine.documents.ocr import MAX_PAGES, PageText
from engine.documents.readers import pdf_unseen

_DOTS = 200  # an inch; letters of 8 points are 22 dots high
_LONGEST_SIDE = 4000  # dots; a plan of a house is drawn smaller
_LITTLE = 20  # characters beside a picture: a page number, or the name of the program that scanned it
_PASSWORD, _SECURITY = 4, 5  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY
_SOFT_HYPHEN = re.compile("[\ufffe\x02\u00ad]\r?\n?")
_METADATA = {"Author": "author", "Subject": "subject", "Keywords": "keywords", "CreationDate": "created"}
_PROGRAM = re.compile(r"^Microsoft \w+ - |\.(?:docx?|pptx?|xlsx?|tex|dvi|pdf|indd|pages)$", re.IGNORECASE)


def read(path: Path) -> Draft:
    """Raises Unreadable("password"); an empty draft means pages without text."""
    return read_scan(path, None)


def read_scan(path: Path, page_text: PageText | None) -> Draft:
    """As `read`; pages that are pictures are put to `page_text`, one after the other."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        # pdfium may report the error of the file before: only a file that names its encryption has one.
        if error.err_code in (_PASSWORD, _SECURITY) and b"/Encrypt" in path.read_bytes():
            raise Unreadable("password") from error
        try:
            return _second_opinion(path)
        except Unreadable:
            raise
        except Exception as second:  # whatever pypdf stumbled over: two readers have refused the file
            raise Unreadable("damaged", type(second).__name__) from second
    try:
        return _read(document, page_text)
    finally:
        document.close()


def _read(document: Any, page_text: PageText | None) -> Draft:
    if document.get_formtype():
        document.init_forms()
    outline = _outline(document)
    path = HeadingPath()
    writer = Writer()
    scans = 0
    recognised: list[int] = []
    for index in range(len(document)):
        text, unseen = _page_text(document, index)
        writer.hide(unseen)
        if scans < MAX_PAGES and _is_picture(document, index, text):
            scans += 1
            seen = page_text(index + 1, partial(_picture, document, index)) if page_text else ""
            # What is typed on the page is seen on it, too: the longer text has both.
            if _letters(seen) > _letters(text):
                text = seen
                recognised.append(index + 1)
        start = 0
        for level, heading in outline.get(index, []):
            # A heading found on its page starts a section there; else it holds from where the last one began.
            found = _find(heading, text, start)
            if found is not None and text[start:found].strip():
                writer.place(path.path, index + 1)
                writer.block(text[start:found])
                start = found
            path.enter(level, heading)
        writer.place(path.path, index + 1)
        writer.block(text[start:])
    told = partial(_decoded, document.get_metadata_value)
    metadata = {ours: value for name, ours in _METADATA.items() if (value := told(name))}
    draft = writer.draft(_title(told("Title")), len(document), metadata)
    draft.scans, draft.recognised = 0 if page_text else scans, tuple(recognised)
    return draft


def _page_text(document: Any, index: int) -> tuple[str, str]:
    """The text that the page shows, and what else it holds."""
    if document.formenv:
        with closing(document[index]) as page:
            page.flatten()  # in memory only: what a form was filled in with becomes text of the page
    with closing(document[index]) as page:
        unseen = pdf_unseen.take_off(page)
        with closing(page.get_textpage()) as text_page:
            text: str = text_page.get_text_bounded()
    return unix_newlines(_SOFT_HYPHEN.sub("", text)), unseen


def _is_picture(document: Any, index: int, text: str) -> bool:
    """Whether a page that has so little text shows more: a picture, or where it has none, anything."""
    import pypdfium2.raw as pdfium

    letters = _letters(text)
    if letters > _LITTLE:
        return False
    with closing(document[index]) as page:
        kinds = [pdfium.FPDF_PAGEOBJ_IMAGE] if letters else None
        return any(True for _ in page.get_objects(kinds))


def _letters(text: str) -> int:
    return len("".join(text.split()))


def _picture(document: Any, index: int) -> Any:
    """The page as people see it, as `engine.documents.ocr.Picture`."""
    with closing(document[index]) as page:
        scale = min(_DOTS / 72, _LONGEST_SIDE / max(*page.get_size(), 1))
        with closing(page.render(scale=scale)) as bitmap:
            return bitmap.to_numpy().copy()


def _outline(document: Any) -> dict[int, list[tuple[int, str]]]:
    """Page index -> (level, heading) in order."""
    outline: dict[int, list[tuple[int, str]]] = {}
    for bookmark in document.get_toc():
        target = bookmark.get_dest()
        page = target.get_index() if target else None
        heading = one_line(_decoded(bookmark.get_title))
        if page is not None and heading:
            outline.setdefault(page, []).append((bookmark.level, heading))
    return outline


def _decoded(read: Callable[..., str], *what: str) -> str:
    """What is written in broken UTF-16 names nothing, and is no reason not to read the pages."""
    try:
        return read(*what) or ""
    except UnicodeDecodeError:
        return ""


def _find(heading: str, text: str, start: int) -> int | None:
    """Where the line that begins with `heading` (numbering before it allowed) starts."""
    words = r"\s+".join(map(re.escape, heading.split()))
    match = re.compile(rf"^[ \t]*(?:[\dA-Z.]+\s+)?{words}", re.MULTILINE).search(text, start)
    return match.start() if match else None


def _title(raw: str) -> str:
    """A title worth showing: the program's additions are taken off, place holders dropped."""
    cleaned = one_line(_PROGRAM.sub("", _PROGRAM.sub("", raw)))
    return "" if cleaned.lower() in {"untitled", "unknown", "title", "document", "none"} else cleaned


def _second_opinion(path: Path) -> Draft:
    """pypdf mends some files that pdfium refuses. Its errors tell that the file is damaged."""
    from pypdf import PdfReader

    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise Unreadable("password")
    writer = Writer()
    for number, page in enumerate(reader.pages, start=1):
        writer.place((), number)
        writer.block(page.extract_text())
    found = reader.metadata
    return writer.draft(_title(found.title or "" if found else ""), len(reader.pages))
