"""Answers to questions about the files as a whole, from the catalogue and from tables; no model is asked.

What is counted is said in the answer. Its citations are of stored text: of a few of the files, of the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from os.path import commonpath, sep
from pathlib import PurePath

from engine.answer.collection import asking, columns
from engine.answer.collection.asking import LISTED, UNREAD_KINDS, Asked
from engine.answer.collection.columns import Result, Row
from engine.answer.collection.periods import ANY_TIME, written
from engine.answer.terms import keys, sentences
from engine.contracts import Answer, AnswerSentence, Citation
from engine.library import catalogue, ledger
from engine.library.catalogue import Item, Part, Selection
from engine.library.query import every_word, match_expression
from engine.store.database import Database

_EXAMPLES = 2  # files named beside a count
_QUOTED = 120  # code points of a quoted line
_ROWS = 2_000  # code points of rows cited as one span; of more the first and the last are cited
_LARGEST = 20_000_000  # bytes of a table that is added up while somebody waits
_TABLES = 200
_PAGES = 50  # Markdown files looked at for tables


def answer(database: Database, question: str, within: str | None, today: date) -> Answer | None:
    """The answer to a question about the files themselves; None where it is any other question.

    `within` is a folder that limits everything. One snapshot of the index answers.
    """
    with database.snapshot():
        # Each look walks over all paths, and a name is tried wherever it could stand.
        is_folder = cache(lambda name: bool(catalogue.folders(database, name, within)))
        asked = asking.understand(question, today, is_folder)
        if asked is not None:
            return _about_files(database, asked, within)
        wanted = columns.understand(question, today)
        return _about_column(database, wanted, within) if wanted else None


class _Written:
    """An answer under way: text, sentences and citations."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._sentences: list[AnswerSentence] = []
        self._citations: list[Citation] = []

    def say(self, text: str, cited: Sequence[Citation] = (), gap: str = "\n", bullet: str = "") -> None:
        """Add a sentence that code vouches for, with what it rests on."""
        first = len(self._citations) + 1
        numbers = tuple(range(first, first + len(cited)))
        self._citations += [replace(citation, n=n) for citation, n in zip(cited, numbers, strict=True)]
        marks = "".join(f"[{n}]" for n in numbers)
        stop = "." if text.endswith(".") else ""
        shown = f"{text.removesuffix('.')} {marks}{stop}" if marks else text
        self._text += [gap if self._text else "", bullet, shown]
        self._sentences.append(AnswerSentence(text, True, numbers))

    def answer(self) -> Answer:
        return Answer("".join(self._text), "files", False, tuple(self._citations), tuple(self._sentences))


# ---- files -------------------------------------------------------------------------------------


def _about_files(database: Database, asked: Asked, within: str | None) -> Answer | None:
    wanted = selection(database, asked, within)
    counts = catalogue.count(database, wanted)
    # Nobody reads films, and few read pictures: they are files all the same.
    unread = bool(asked.kinds) and set(asked.kinds) <= UNREAD_KINDS and not wanted.words
    found = counts.files + counts.inside + (counts.unread if unread else 0)
    where = asked.where
    if not found and (where.topic or where.name or where.sender):
        return None  # the words may stand for something else: let the ordinary search look
    out = _Written()
    if asked.aim == "count" or not found:
        out.say(f"{_how_many(found, asked)}{_but(counts, asked, unread)}.")
        some = catalogue.items(database, wanted, "newest", _EXAMPLES, unread=unread)
        if found > len(some) > 0:
            out.say("The newest:", gap=" ")
        _list(database, out, some, wanted.words, asked)
        return out.answer()
    order: catalogue.Order = "newest" if asked.aim == "list" else asked.aim
    some = catalogue.items(database, wanted, order, min(asked.many, LISTED), unread=unread)
    if asked.aim == "list":
        out.say(f"{_how_many(found, asked)}{_but(counts, asked, unread)}:")
    elif len(some) > 1:
        out.say(f"The {len(some)} {_MOST[asked.aim]} of {_how_many(found, asked, bare=True)}:")
    else:
        out.say(f"The {_MOST[asked.aim]} {_called(asked.noun)}{_conditions(asked, True)}:")
    _list(database, out, some, wanted.words, asked)
    if asked.aim == "list" and found > len(some):
        out.say(f"And {found - len(some)} more.")
    return out.answer()


_MOST = {
    "newest": "newest",
    "oldest": "oldest",
    "changed": "most recently changed",
    "largest": "largest",
    "smallest": "smallest",
}


def selection(database: Database, asked: Asked, within: str | None) -> Selection:
    """The documents that a question means."""
    where = asked.where
    return Selection(
        kinds=asked.kinds,
        extensions=asked.extensions,
        folders=tuple(catalogue.folders(database, where.folder, within)) if where.folder else (),
        within=within,
        first=where.period.first,
        last=where.period.last,
        changed=where.changed or asked.aim == "changed",
        words=every_word(where.topic) if where.topic else "",
        name=where.name,
        sender=where.sender,
        members=bool(asked.kinds or asked.extensions or where.topic or where.name),
    )


def _how_many(found: int, asked: Asked, bare: bool = False) -> str:
    """What was counted, and how many of it: "12 Markdown files about "boat" in Travel"."""
    nouns = _called(asked.noun) if found == 1 else _plural(_called(asked.noun))
    counted = f"{found if found else 'no'} {nouns}{_conditions(asked, found == 1)}"
    if bare:
        return counted
    return f"There {'is' if found == 1 else 'are'} {counted}"


def _conditions(asked: Asked, is_one: bool) -> str:
    where = asked.where
    said = f' that mention{"s" if is_one else ""} "{where.topic}"' if where.topic else ""
    said += f' named "{where.name}"' if where.name else ""
    said += f" from {where.sender}" if where.sender else ""
    said += f" in {where.folder}" if where.folder else ""
    if where.period != ANY_TIME:
        said += f" {'changed' if where.changed else 'dated'} {where.period}"
    return said


def _but(counts: catalogue.Counts, asked: Asked, unread: bool) -> str:
    said = (
        f", {counts.inside} of them inside other files" if counts.inside and "mail" not in asked.kinds else ""
    )
    if counts.unread and not unread and not asked.where.topic:
        said += f"; {counts.unread} more could not be read"
    return said


def _called(noun: str) -> str:
    words = {"pdf": "PDF", "csv": "CSV", "markdown": "Markdown", "html": "HTML", "json": "JSON"}
    return " ".join(words.get(word, word) for word in noun.split())


def _plural(noun: str) -> str:
    return " or ".join(f"{part}s" for part in noun.split(" or "))


def _list(database: Database, out: _Written, items: Sequence[Item], words: str, asked: Asked) -> None:
    names = _short_names([item.path for item in items])
    for item, name in zip(items, names, strict=True):
        line = _telling_line(database, item, words, asked.where.topic)
        moment = (
            date.fromtimestamp(item.changed) if asked.where.changed or asked.aim == "changed" else _day(item)
        )
        about = f"{name} ({_size(item.size) if asked.aim in {'largest', 'smallest'} else written(moment)})"
        if line is None:
            out.say(about, bullet="- ")
            continue
        out.say(f"{about}: {_plain(line.quote)}", [line], bullet="- ")


def _day(item: Item) -> date:
    """The day a document was written: of a moment, the day it was here."""
    moment = datetime.fromisoformat(item.moment)
    return moment.astimezone().date() if moment.tzinfo else moment.date()


def _telling_line(database: Database, item: Item, words: str, topic: str) -> Citation | None:
    """The line of a document that says why it is listed: what was asked about, else title or beginning."""
    if not item.is_read:
        return None
    parts = catalogue.parts(database, item.id, words, 1) or catalogue.parts(database, item.id, "", 1)
    if not parts:
        return None
    part = parts[0]
    wanted = keys(topic) if topic else keys(item.title)

    def telling(span: tuple[int, int]) -> int:
        return len(wanted & keys(part.text[span[0] : span[1]]))

    spans = [span for span in sentences(part.text) if keys(part.text[slice(*span)])]
    if not spans:
        return None
    start, end = max(spans, key=telling)
    return cite(item, part, start, min(end, start + _QUOTED))


def cite(item: Item, part: Part, start: int, end: int) -> Citation:
    """Verified by being: the quote is the stored text, and its sentence says what it holds."""
    return Citation(
        n=0,
        path=item.path,
        page=part.page,
        quote=part.text[start:end],
        start=part.start + start,
        end=part.start + end,
        verified=True,
        heading=part.heading,
        sha256=item.sha256,
        reader=item.reader,
    )


def _plain(line: str) -> str:
    return " ".join(line.split()).strip("#*->| ")


def _short_names(paths: Sequence[str]) -> list[str]:
    """Names as far as they tell the files apart: below the folder that holds them all."""
    if len(paths) == 1:
        return [PurePath(paths[0]).name]
    folder = commonpath(paths) if paths else ""
    return [path[len(folder) :].lstrip(sep) or PurePath(path).name for path in paths]


def _size(size: int) -> str:
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= length:
            return f"{size / length:.1f} {unit}"
    return f"{size} bytes"


# ---- tables ------------------------------------------------------------------------------------


def _about_column(database: Database, wanted: columns.Wanted, within: str | None) -> Answer | None:
    expression = match_expression(" ".join(wanted.words))
    if expression is None:
        return None
    tables = Selection(kinds=("table", "sheet"), words=expression, within=within)
    pages = Selection(kinds=("markdown",), words=expression, within=within)
    found: list[tuple[Item, str, Result]] = []
    for selection, most in ((tables, _TABLES), (pages, _PAGES)):
        for item in catalogue.items(database, selection, "newest", most):
            text = ledger.document_text(database, item.path) if item.size <= _LARGEST else None
            if not text or (selection is pages and "|" not in text):
                continue
            over = f"{PurePath(item.path).parent.name} {catalogue.part_at(database, item.id, 0).heading}"
            if result := columns.figure(wanted, text, item.path, item.title, over):
                found.append((item, text, result))
    found = [one for one in found if one[2].named] or found
    if len(found) != 1:
        return None  # of none, or of which?
    item, text, result = found[0]
    out = _Written()
    out.say(_figure_said(item, result), _rows_cited(database, item, text, result.rows))
    return out.answer()


def _figure_said(item: Item, result: Result) -> str:
    name = PurePath(item.path).name
    rows = "1 row" if len(result.rows) == 1 else f"{len(result.rows)} rows"
    say = "says" if len(result.rows) == 1 else "say"
    that = f" that {say} {' and '.join(result.filters)}" if result.filters else ""
    when = f" dated {result.period}" if result.period != ANY_TIME else ""
    if result.figure == "rows":
        return f"{name} has {rows}{that}{when}."
    but = f"; {result.left_out} without a number left out" if result.left_out else ""
    column = result.column
    if result.figure in {"sum", "average"}:
        of = f"{rows}{that}{when}{but}"
        return f"The {result.figure} of {column} in {name} is {result.value} ({of})."
    first = "; ".join(cell for column, cell in result.rows[0].cells.items() if column != result.column)
    also = f", and {len(result.rows) - 1} more" if len(result.rows) > 1 else ""
    of = f" ({f'{that}{when}{but}'.strip('; ')})" if that or when or but else ""
    return f"The {result.figure} {column} in {name} is {result.value}: {first}{also}{of}."


def _rows_cited(database: Database, item: Item, text: str, rows: Sequence[Row]) -> list[Citation]:
    """The rows as one span where they stand together and are not too long, else the first and the last."""
    first, last = rows[0], rows[-1]
    together = sum(row.end - row.start + 1 for row in rows) - 1
    spans = [(first.start, last.end)]
    if last.end - first.start != together or together > _ROWS:
        spans = [(row.start, row.end) for row in (first, last)]
    cited = []
    for start, end in spans:
        place = catalogue.part_at(database, item.id, start)
        cited.append(cite(item, replace(place, text=text, start=0, end=len(text)), start, end))
    return cited
