"""Tables: every row becomes a line `column: value; column: value`, to be understood on its own."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest

from engine.documents.extract import Draft, Writer, one_line

_DELIMITERS = ",;\t|"
_NUMBER = re.compile(r"[-+$€£]?\d[\d.,:/ %-]*")
_WIDE = 600  # code points of a row; a wider one is cut, and its parts need the row's key as heading


def read(text: str) -> Draft:
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))  # the limit is the whole process's
    cells = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    rows = [row for row in cells if any(map(str.strip, row))]
    header = [one_line(name) for name in rows[0]] if is_header(rows) else None
    writer = Writer()
    write_rows(writer, rows[1:] if header else rows, header)
    if header and len(rows) == 1:
        writer.block(row_line(header, None))
    return writer.draft(metadata={"columns": ", ".join(header)} if header else {})


def write_rows(
    writer: Writer,
    rows: Iterable[Sequence[str]],
    header: Sequence[str] | None,
    above: tuple[str, ...] = (),
    page: int | None = None,
) -> None:
    """One line a row, under the headings `above`; wide rows under their key as well."""
    gap = "\n\n"
    for row in rows:
        line = row_line(row, header)
        key = (one_line(row_line(row[:1], header)),) if len(line) > _WIDE else ()
        writer.place((*above, *key), page)
        writer.block(line, gap)
        gap = "\n"


def row_line(row: Sequence[str], header: Sequence[str] | None) -> str:
    """One row as text, without its empty cells. `header` holds single lines; if None, values stand alone."""
    cells = [" ".join(cell.split()) for cell in row]
    if header is None:
        return " | ".join(filter(None, cells))
    pairs = zip_longest(header, cells, fillvalue="")
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)


def _delimiter(text: str) -> str:
    """The delimiter that gives most rows one same width above 1."""
    sample = text[:65536]

    def score(delimiter: str) -> tuple[int, int]:
        rows = islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), 100)
        [(width, count)] = Counter(len(row) for row in rows if row).most_common(1) or [(0, 0)]
        return (count if width > 1 else 0), width

    return max(_DELIMITERS, key=score)


def is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Names, each once, none a number. A single column needs more: it may be a plain list."""
    if not rows or len(rows[0]) < 2:
        return False
    names = [cell.strip() for cell in rows[0]]
    named = [name for name in names if name]
    return (
        len(named) >= len(names) - 1
        and len(set(named)) == len(named)
        and not any(_NUMBER.fullmatch(name) for name in named)
    )
