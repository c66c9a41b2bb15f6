"""Memory of indexing a folder of files about as large as are taken: a text, a workbook, an archive."""

from __future__ import annotations

import contextlib
import random
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.api import Engine
from engine.bench import corpus
from engine.bench.memory import Peaks
from engine.bench.report import Row, at_most
from engine.contracts import Progress
from engine.errors import Cancelled

EMBEDDED = (
    1_024  # passages after which the meaning phase shows nothing new: a window of them is held at a time
)
_COLUMNS = ("Date", "Thing", "Buyer", "Place", "Price", "Weight", "Order", "Remark")
_TOGETHER = 1_000  # sentences, or rows, made at a time

_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Target="xl/workbook.xml" Type='
        '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="Sales" sheetId="1" r:id="r1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r1" Target="worksheets/sheet1.xml" Type='
        '"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>'
    ),
}


@dataclass(frozen=True)
class Sizes:
    """Bytes of the text (50 MB are taken), rows of the workbook, texts of so many bytes in the archive."""

    text: int = 49_000_000
    rows: int = 150_000
    members: int = 4
    member: int = 20_000_000


def rows(place: Path, sizes: Sizes | None = None) -> list[Row]:
    """The peaks of the index worker and of its reading process, all texts written and some embedded."""
    shutil.rmtree(place, ignore_errors=True)
    files = place / "files"
    _write(files, sizes or Sizes())
    with Engine(place / "home", write=True, program="nocturne bench") as engine:
        corpus.write(place / "first", 1)
        engine.index([place / "first"]).result()  # its process is running
        with Peaks(engine.processes()["index"]) as peaks:
            job = engine.index([files])
            for event in job.events():
                if isinstance(event, Progress) and event.phase == "meaning" and event.done >= EMBEDDED:
                    job.cancel()
            with contextlib.suppress(Cancelled):
                job.result()
        coverage = engine.status().coverage
    megabytes = sum(path.stat().st_size for path in files.iterdir()) / 1e6
    return [
        Row("files of the large folder", coverage.files - 1, f"files of {megabytes:.0f} MB"),
        Row("left out of it or failed", coverage.skipped + coverage.failed, "files"),
        at_most("peak memory, index worker", peaks.own / 2**20, "MiB", 1024),
        at_most("peak memory, its reading process", peaks.children / 2**20, "MiB", 1024),
    ]


def _write(folder: Path, sizes: Sizes) -> None:
    folder.mkdir(parents=True)
    dice = random.Random(11)
    with (folder / "long.txt").open("w", encoding="utf-8") as file:
        for part in _text(dice, sizes.text):
            file.write(part)
    with zipfile.ZipFile(folder / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(sizes.members):
            with archive.open(f"part-{number}.txt", "w") as member:
                for part in _text(dice, sizes.member):
                    member.write(part.encode())
    with zipfile.ZipFile(folder / "sales.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in _PARTS.items():
            book.writestr(name, content)
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for part in _sheet(dice, sizes.rows):
                sheet.write(part.encode())


def _text(dice: random.Random, size: int) -> Iterator[str]:
    """About `size` bytes of paragraphs of ten sentences each."""
    while size > 0:
        sentences = [corpus.sentence(dice) for _ in range(_TOGETHER)]
        part = "\n\n".join(" ".join(sentences[at : at + 10]) for at in range(0, _TOGETHER, 10))
        yield part[:size] + "\n\n"
        size -= len(part)


def _sheet(dice: random.Random, count: int) -> Iterator[str]:
    yield '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    yield _row(1, _COLUMNS)
    for number in range(2, count + 2):
        sentence = corpus.sentence(dice)
        words = sentence.strip(".").split()
        price, weight = dice.randint(12, 4000), dice.randint(2, 90)
        yield _row(
            number,
            (f"2027-03-{number % 28 + 1:02}", words[-1], words[0], words[1], price, weight, number, sentence),
        )
    yield "</sheetData></worksheet>"


def _row(number: int, cells: tuple[str | int, ...]) -> str:
    shown = "".join(
        f'<c r="{chr(65 + at)}{number}" t="inlineStr"><is><t>{cell}</t></is></c>'
        for at, cell in enumerate(cells)
    )
    return f'<row r="{number}">{shown}</row>'
