"""Spreadsheets (Excel of all ages, OpenDocument): sheet by sheet, every row with the names of its columns.

A blank row ends a table; lines of a single cell above a table are its caption.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from engine.documents.extract import Draft, Unreadable, Writer, one_line
from engine.documents.readers.package import ENCRYPTED, open_zip
from engine.documents.readers.table import is_header, row_line, write_rows

_MAX_UNPACKED = 300_000_000  # bytes of all parts of one workbook
_MAX_CELLS = (
    10_000_000  # of the rectangle around all cells of a sheet: the library reserves 24 bytes for each
)
_CHUNK = 1 << 20
_CELL = re.compile(rb"""<(?:\w+:)?c\b[^<>]*?\br=["']([A-Z]{1,3})(\d{1,7})["'][^<>/]*>""")  # and not empty
_UNNAMED = re.compile(r"(?:sheet|tabelle|blatt|feuil|hoja|foglio|blad|planilha|лист)\s?\d+$", re.IGNORECASE)

Row = list[str]


def read(path: Path) -> Draft:
    """Raises Unreadable("password" | "too_large" | "damaged"), zipfile errors."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    if is_zip:
        _check_size(path)
    try:
        with CalamineWorkbook.from_path(path) as book:
            return _read(book)
    except PasswordError as error:
        raise Unreadable("password") from error
    except CalamineError as error:
        raise Unreadable(
            "too_large" if "limit exceeded" in str(error) else "damaged", str(error)[:80]
        ) from error
    except BaseException as error:
        # What goes wrong inside the library's Rust is no Exception.
        if type(error).__name__ == "PanicException":
            raise Unreadable("damaged", "the reader gave up") from None
        raise


def _read(book: Any) -> Draft:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    texts = (SheetTypeEnum.WorkSheet, SheetTypeEnum.MacroSheet, SheetTypeEnum.DialogSheet)
    writer = Writer()
    for number, about in enumerate(book.sheets_metadata, start=1):
        if about.typ not in texts:
            continue
        name = "" if _UNNAMED.match(about.name) else one_line(about.name)
        if about.visible != SheetVisibleEnum.Visible:
            for row in book.get_sheet_by_index(number - 1).iter_rows():
                writer.hide("".join(map(_shown, row)))
            continue
        rows = ([_shown(cell) for cell in row] for row in book.get_sheet_by_index(number - 1).iter_rows())
        above = (name,) if name else ()
        writer.place(above, number)
        last: tuple[int, list[str]] = (0, [])  # width and header of the table above
        for group in _groups(rows):
            if name:
                writer.block(name)  # only now: an empty sheet needs no name
                name = ""
            last = _table(writer, group, last, above, number)
    return writer.draft("", len(book.sheet_names))


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    for is_blank, group in groupby(rows, key=lambda row: not any(map(str.strip, row))):
        if not is_blank:
            yield list(group)


def _table(
    writer: Writer, rows: list[Row], last: tuple[int, list[str]], above: tuple[str, ...], page: int
) -> tuple[int, list[str]]:
    """Write one table; returns its width and header, which the next part of it may need."""
    left = min(next(at for at, cell in enumerate(row) if cell.strip()) for row in rows)
    right = max(max(at for at, cell in enumerate(row) if cell.strip()) for row in rows) + 1
    rows = [row[left:right] for row in rows]
    captions = 0
    while captions < len(rows) - 1 and right - left > 1 and sum(map(bool, rows[captions])) == 1:
        captions += 1
    writer.place(above, page)
    for row in rows[:captions]:
        writer.block(row_line(row, None))
    rows = rows[captions:]
    if is_header(rows) and len(rows) > 1:
        header = [one_line(cell) for cell in rows[0]]
        write_rows(writer, rows[1:], header, above, page)
        return right - left, header
    same = last[1] if last[0] == right - left and not captions else []
    write_rows(writer, rows, same or None, above, page)
    return right - left, same


def _shown(cell: Any) -> str:
    """A value as a person writes it: no ".0" at whole numbers, no midnight at days."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return f"{cell:.15g}"
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(" ", "minutes" if not cell.second else "seconds").removesuffix(" 00:00")
    return str(cell)


def _check_size(path: Path) -> None:
    """Unpack all parts once: the library believes their sizes, and takes memory for blank cells too.

    Raises Unreadable("too_large" | "password"), zipfile.BadZipFile where a part is not what its size says.
    """
    with open_zip(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > _MAX_UNPACKED:
            raise Unreadable("too_large", "unpacked")
        for member in archive.infolist():
            if member.flag_bits & ENCRYPTED:
                raise Unreadable("password")
            if not member.filename.endswith((".xml", ".bin", ".rels")):
                continue
            rows = columns = 1
            for chunk in _chunks(archive, member):
                if member.filename.startswith("xl/worksheets/"):
                    for column, row in _CELL.findall(chunk):
                        columns, rows = max(columns, _column(column)), max(rows, int(row))
                if rows * columns > _MAX_CELLS:
                    raise Unreadable("too_large", "cells")


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of a part in pieces that end between two tags."""
    rest = b""
    with archive.open(member) as file:
        while piece := file.read(_CHUNK):
            piece = rest + piece
            end = piece.rfind(b"<", max(0, len(piece) - _CHUNK))
            end = len(piece) if end <= 0 else end
            yield piece[:end]
            rest = piece[end:]
    yield rest


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
