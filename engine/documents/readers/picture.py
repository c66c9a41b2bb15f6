"""Pictures: text only where it is recognised; each frame of a TIFF is a page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from engine.documents.extract import Draft, Unreadable, Writer
from engine.documents.ocr import PageText, Picture

_MAX_PIXELS = 60_000_000  # of one frame: 180 MB unpacked
_MAX_FRAMES = 500


def read(path: Path) -> Draft:
    raise Unreadable("no_text", "a picture")


def read_scan(path: Path, page_text: PageText) -> Draft:
    """Raises Unreadable("damaged" | "too_large"), and what `page_text` does."""
    writer = Writer()
    number = 0
    for number, frame in enumerate(_frames(path), start=1):
        writer.place((), number)
        writer.block(page_text(frame))
    pages = ", ".join(str(page + 1) for page in range(number))
    return writer.draft("", number, {"ocr_pages": pages})


def _frames(path: Path) -> Iterator[Picture]:
    import numpy as np
    from PIL import Image, ImageOps

    number, count = 0, 1
    while number < count:
        try:
            # Broken pictures make it warn before it raises.
            with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
                if image.format == "TIFF":
                    count = min(getattr(image, "n_frames", 1), _MAX_FRAMES)
                image.seek(number)
                if image.width * image.height > _MAX_PIXELS:
                    raise Unreadable("too_large", f"{image.width} x {image.height}")
                upright = ImageOps.exif_transpose(image).convert("RGB")
                frame = np.asarray(upright)[:, :, ::-1].copy()
        except (Unreadable, OSError):
            raise
        except Image.DecompressionBombError as error:
            raise Unreadable("too_large", "a bomb") from error
        except Exception as error:  # its formats fail in more ways than it has errors for
            raise Unreadable("damaged", type(error).__name__) from error
        yield frame
        number += 1
