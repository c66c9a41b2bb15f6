"""Pictures of text: asked for page by page, marked, and never read unasked."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine.documents import ocr
from engine.documents.reader import Extract, Unreadable, read, read_all
from engine.documents.readers import pdf
from engine.errors import Cancelled
from tests.engine.documents.made import assert_complete, write, zipped

pillow = pytest.mark.skipif(not find_spec("PIL"), reason="the extra `ocr` is not installed")


class Eye:
    """Stands in for the recogniser: names the size and the colour of each picture it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def __call__(self, number: int, picture: Callable[[], Any]) -> str:
        image = picture()
        height, width, _ = image.shape
        self.seen.append((width, height))
        blue, green, red = image[height // 2, width // 2]
        return f"{width} x {height}, r{red} g{green} b{blue}"


def scan(path: Path, *texts: str) -> Path:
    """A PDF with a page for each text; an empty one is a picture."""
    from reportlab.pdfgen.canvas import Canvas

    sheet = Canvas(str(path), pagesize=(720, 360))
    for text in texts:
        if text:
            sheet.drawString(72, 300, text)
        else:
            sheet.setFillColorRGB(1, 0, 0)
            sheet.rect(0, 0, 720, 360, fill=1)
        sheet.showPage()
    sheet.save()
    return path


def test_only_pages_without_text_are_recognised(tmp_path: Path) -> None:
    eye = Eye()
    document = read(scan(tmp_path / "a.pdf", "typed", "", "typed too", ""), eye)
    assert eye.seen == [(2000, 1000), (2000, 1000)]
    assert (document.recognised, document.scans, document.reader) == ((2, 4), 0, "pdf@3+ocr@1")
    pages = {
        section.page: document.text[section.start : section.end].strip() for section in document.sections
    }
    assert pages == {1: "typed", 2: "2000 x 1000, r255 g0 b0", 3: "typed too", 4: "2000 x 1000, r255 g0 b0"}
    assert_complete(document)


def test_nobody_is_asked_unasked(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no_text") as raised:
        read(scan(tmp_path / "a.pdf", "", ""))
    assert raised.value.scans == 2
    document = read(scan(tmp_path / "b.pdf", "typed", ""))
    assert (document.scans, document.recognised, document.reader) == (1, (), "pdf@3")


def test_whoever_recognises_may_stop(tmp_path: Path) -> None:
    def stop(number: int, picture: Any) -> str:
        raise Cancelled

    with pytest.raises(Cancelled):
        read(scan(tmp_path / "a.pdf", ""), stop)


def test_a_picture_with_a_stamp_on_it_is_recognised_and_the_longer_text_counts(tmp_path: Path) -> None:
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    pytest.importorskip("PIL").Image.new("RGB", (300, 100), "red").save(tmp_path / "a.png")
    sheet = Canvas(str(tmp_path / "a.pdf"), pagesize=(720, 360))
    for stamp in ("Page 1", "Page 2", "A caption as long as a line of text is"):
        sheet.drawImage(ImageReader(str(tmp_path / "a.png")), 0, 0)
        sheet.drawString(500, 20, stamp)
        sheet.showPage()
    sheet.save()
    asked: list[int] = []

    def page_text(number: int, picture: Any) -> str:
        asked.append(number)
        return "The minutes of the meeting. Page 1" if number == 1 else "Pa"

    document = read(tmp_path / "a.pdf", page_text)
    assert (asked, document.recognised) == ([1, 2], (1,))
    assert document.text.split("\n\n")[:2] == ["The minutes of the meeting. Page 1", "Page 2"]
    assert read(tmp_path / "a.pdf").scans == 2


def test_so_many_pages_and_no_more_are_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    eye = Eye()
    assert read(scan(tmp_path / "a.pdf", "", "", ""), eye).recognised == (1, 2)
    assert len(eye.seen) == 2


def test_nothing_recognised_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="no_text"):
        read(scan(tmp_path / "a.pdf", ""), lambda number, picture: " \n")


@pillow
def test_pictures_and_the_frames_of_a_tiff(tmp_path: Path) -> None:
    from PIL import Image

    red, blue = Image.new("RGB", (300, 100), "red"), Image.new("RGBA", (200, 100), "blue")
    for ending in ("png", "bmp", "webp", "gif"):
        red.save(tmp_path / f"a.{ending}", **({"lossless": True} if ending == "webp" else {}))
        document = read(tmp_path / f"a.{ending}", Eye())
        assert document.text == "300 x 100, r255 g0 b0", ending
        assert (document.reader, document.kind, document.pages) == ("picture@1+ocr@1", "image", 1)
    red.save(tmp_path / "a.tiff", save_all=True, append_images=[blue])
    document = read(tmp_path / "a.tiff", Eye())
    assert (document.pages, document.recognised) == (2, (1, 2))
    assert [section.page for section in document.sections] == [1, 2]
    assert document.text.endswith("200 x 100, r0 g0 b255")


@pillow
def test_a_photo_is_turned_as_its_camera_was_held(tmp_path: Path) -> None:
    from PIL import Image

    about = Image.Exif()
    about[0x0112] = 6
    Image.new("RGB", (300, 100), "red").save(tmp_path / "a.jpg", exif=about)
    assert read(tmp_path / "a.jpg", Eye()).text.startswith("100 x 300")


@pillow
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.tif", "a.bmp", "a.webp"])
def test_broken_pictures(tmp_path: Path, name: str) -> None:
    from PIL import Image

    Image.new("RGB", (300, 100), "red").save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    for length in (12, len(content) // 2, len(content) - 1):
        try:
            assert "300 x 100" in read(write(tmp_path / name, content[:length]), Eye()).text
        except Unreadable as problem:
            assert problem.reason == "damaged"


@pillow
def test_a_picture_that_unpacks_to_a_bomb(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("1", (9000, 9000)).save(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size < 20_000
    with pytest.raises(Unreadable, match="too_large: 9000 x 9000"):
        read(tmp_path / "a.png", Eye())


def test_scans_in_an_archive(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"scan.pdf": scan(tmp_path / "a.pdf", "").read_bytes()})
    found = {one.member: one.result for one in read_all(path, Eye())}
    assert isinstance(found["scan.pdf"], Extract)


@pytest.mark.skipif(not ocr.is_installed(), reason="the extra `ocr` is not installed")
def test_typed_words_are_recognised_in_their_order(tmp_path: Path) -> None:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (900, 300), "white")
    font = ImageFont.load_default(40)
    for place, text in (
        ((40, 40), "Roof repair"),
        ((600, 40), "4200"),
        ((40, 160), "Boat varnish"),
        ((600, 160), "85"),
    ):
        ImageDraw.Draw(image).text(place, text, "black", font)
    image.save(tmp_path / "bill.png")
    document = read(tmp_path / "bill.png", lambda number, picture: ocr.page_text(picture()))
    assert document.text == "Roof repair 4200\nBoat varnish 85"
