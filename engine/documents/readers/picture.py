"""Pictures: text only where it is recognised; each frame of a TIFF is a page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from engine.documents.extract import Draft, Unreadable, Writer
from engine.documents.ocr import MAX_PAGES, PageText, Picture

_MAX_PIXELS = 60_000_000  # of one frame: 180 MB unpacked


def read(path: Path) -> Draft:
    raise Unreadable("no_text", "a picture", scans=1)


def read_scan(path: Path, page_text: PageText) -> Draft:
    """Raises Unreadable("damaged" | "too_large"), and what `page_text` does."""
    writer = Writer()
    recognised = []
    with _opened(path) as image:
        count = min(getattr(image, "n_frames", 1), MAX_PAGES) if image.format == "TIFF" else 1
    for number in range(1, count + 1):
        text = page_text(number, partial(_frame, path, number))
        recognised += [number] if text.strip() else []
        writer.place((), number)
        writer.block(text)
    draft = writer.draft("", count)
    draft.recognised = tuple(recognised)
    return draft


def _frame(path: Path, number: int) -> Picture:
    import numpy as np
    from PIL import ImageOps

    with _opened(path) as image:
        image.seek(number - 1)
        if image.width * image.height > _MAX_PIXELS:
            raise Unreadable("too_large", f"{image.width} x {image.height}")
        upright = ImageOps.exif_transpose(image).convert("RGB")
        return np.asarray(upright)[:, :, ::-1].copy()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The picture at `path`; what its library says of it, there or within, is named."""
    from PIL import Image

    try:
        # Broken pictures make it warn before it raises.
        with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
            yield image
    except (Unreadable, OSError):
        raise
    except Image.DecompressionBombError as error:
        raise Unreadable("too_large", "a bomb") from error
    except Exception as error:  # its formats fail in more ways than it has errors for
        raise Unreadable("damaged", type(error).__name__) from error
