"""Text in pictures, by RapidOCR with the models in its wheel; there if the extra `ocr` is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# (height, width, 3), blue first, as pdfium and OpenCV have it.
Picture: TypeAlias = "NDArray[np.uint8]"
# How readers ask for the text of a page that is a picture: by its number (1-based), and with a way to get the
# picture, which takes a while. Whoever reads may know the text already.
PageText: TypeAlias = "Callable[[int, Callable[[], Picture]], str]"

READER = "ocr@1"
MAX_PAGES = 1000  # of one document; more would keep a computer busy for hours
_SURE = 0.5  # of 1; below it a line is a pattern taken for letters


@dataclass(frozen=True, slots=True)
class Page:
    """The text recognised on a page, secrets blotted out, or the reason why there is none.

    `member` is the place of the page's document among all documents of its file: 0 is the file itself.
    """

    member: int
    number: int
    text: str = ""
    reason: str = ""
    redacted: int = 0


def is_installed() -> bool:
    return find_spec("rapidocr") is not None


def page_text(image: Picture) -> str:
    """The lines of a page from top to bottom, words of one height on one line. Takes seconds."""
    found = _recogniser()(image)
    if found.boxes is None:
        return ""
    lines: list[list[tuple[float, str]]] = []
    bottom = -1.0
    pieces = sorted(
        (float(box[:, 1].min()), float(box[:, 1].max()), float(box[:, 0].min()), text)
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        if score >= _SURE
    )
    for top, below, left, text in pieces:
        if not lines or (top + below) / 2 > bottom:
            lines.append([])
            bottom = below
        lines[-1].append((left, text))
    return "\n".join(" ".join(text for _, text in sorted(line)) for line in lines)


@cache
def _recogniser() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(params={"Global.log_level": "error"})
