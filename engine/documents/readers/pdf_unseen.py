"""Text that a page of a PDF holds and does not show: taken off the page, in memory, before its text is read.

Invisible ink over a picture of the page is how scanners add the words they recognised: it stays where the
page shows little else. White text stays where something is painted behind it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

_TINY = 1.0  # points; nobody reads less
_FAINT = 12  # of 255: ink that is more transparent
_WHITE = 250  # of 255, each of the three colours
_SCANNED = (
    0.5  # of the page that a picture covers, at least, where invisible ink is what was recognised on it
)
_LITTLE = 60  # visible characters beside that: a stamp, a page number

Box = tuple[float, float, float, float]


class _Text(NamedTuple):
    thing: Any
    text: str
    invisible: bool
    white: bool
    box: Box | None  # None inside a form, whose place on the page is not known


def take_off(page: Any) -> str:
    """Remove text objects that are not shown from the pypdfium2 `page`; returns their text."""
    import pypdfium2
    import pypdfium2.raw as pdfium

    texts: list[_Text] = []
    paints: list[tuple[Box | None, bool]] = []  # what may stand behind white text, and whether a picture
    text_page = page.get_textpage()
    try:
        for thing in page.get_objects(textpage=text_page):
            # What cannot be told of one object is no reason not to read the page: it stays.
            with suppress(pypdfium2.PdfiumError):
                box = thing.get_bounds() if thing.level == 0 else None
                if thing.type == pdfium.FPDF_PAGEOBJ_TEXT:
                    texts.append(_text(thing, box))
                elif thing.type == pdfium.FPDF_PAGEOBJ_IMAGE:
                    paints.append((box, True))
                elif thing.type == pdfium.FPDF_PAGEOBJ_SHADING or _is_painted(thing):
                    paints.append((box, False))
    finally:
        text_page.close()  # before anything is removed
    bounds = page.get_bbox()
    visible = sum(len(text.text) for text in texts if not text.invisible)
    scanned = visible <= _LITTLE and any(
        picture and (box is None or _area(_common(box, bounds)) >= _SCANNED * _area(bounds))
        for box, picture in paints
    )
    taken = [text for text in texts if _is_unseen(text, bounds, [box for box, _ in paints], scanned)]
    for text in taken:
        page.remove_obj(text.thing)
        text.thing.close()
    return " ".join(text.text for text in taken)


def _text(thing: Any, box: Box | None) -> _Text:
    import pypdfium2.raw as pdfium

    mode = pdfium.FPDFTextObj_GetTextRenderMode(thing)
    color = _fill(thing)
    matrix = thing.get_matrix()
    height = thing.get_font_size() * max(abs(matrix.c), abs(matrix.d))
    drawn_by_fill = mode in (pdfium.FPDF_TEXTRENDERMODE_FILL, pdfium.FPDF_TEXTRENDERMODE_FILL_CLIP)
    return _Text(
        thing,
        _written(thing),
        invisible=mode in (pdfium.FPDF_TEXTRENDERMODE_INVISIBLE, pdfium.FPDF_TEXTRENDERMODE_CLIP)
        or (drawn_by_fill and color[3] <= _FAINT)
        or abs(height) < _TINY,
        white=drawn_by_fill and min(color[:3]) >= _WHITE,
        box=box,
    )


def _written(thing: Any) -> str:
    """Its characters; halves of surrogate pairs, which `thing.extract` stumbles over, are replaced."""
    import pypdfium2.raw as pdfium

    length = pdfium.FPDFTextObj_GetText(thing, thing.textpage, None, 0)
    buffer = (pdfium.FPDF_WCHAR * (length // 2))()
    pdfium.FPDFTextObj_GetText(thing, thing.textpage, buffer, length)
    return bytes(buffer).decode("utf-16-le", "replace").strip("\0")


def _is_unseen(text: _Text, bounds: Box, paints: list[Box | None], scanned: bool) -> bool:
    if text.invisible:
        return not scanned
    if text.box is not None and _area(text.box) > 0 and _area(_common(text.box, bounds)) == 0:
        return True
    return text.white and not any(
        box is None or text.box is None or _area(_common(text.box, box)) > 0 for box in paints
    )


def _is_painted(thing: Any) -> bool:
    """Whether a path fills its area with a colour other than white."""
    import ctypes

    import pypdfium2.raw as pdfium

    if thing.type != pdfium.FPDF_PAGEOBJ_PATH:
        return False
    filled, stroked = ctypes.c_int(), ctypes.c_int()
    pdfium.FPDFPath_GetDrawMode(thing, filled, stroked)
    color = _fill(thing)
    return bool(filled.value) and color[3] > _FAINT and min(color[:3]) < _WHITE


def _fill(thing: Any) -> tuple[int, int, int, int]:
    """Red, green, blue, opacity of 255; black where it has no plain colour."""
    import ctypes

    import pypdfium2.raw as pdfium

    parts = [ctypes.c_uint() for _ in range(4)]
    if not pdfium.FPDFPageObj_GetFillColor(thing, *parts):
        return 0, 0, 0, 255
    red, green, blue, opacity = (part.value for part in parts)
    return red, green, blue, opacity


def _common(one: Box, other: Box) -> Box:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
