"""What the library as a whole holds: documents counted and listed by kind, place, day and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from os.path import sep
from typing import Literal

from engine.library.writer import NAMED, below
from engine.store.database import Database

Order = Literal["newest", "oldest", "changed", "largest", "smallest", "named"]

# When a document was written: what it says itself, else when its file was last changed.
_MOMENT = (
    "coalesce(nullif(d.dated, ''), strftime('%Y-%m-%dT%H:%M:%SZ', d.mtime_ns / 1000000000, 'unixepoch'))"
)
_ORDERS: dict[Order, str] = {
    "newest": f"{_MOMENT} DESC",
    "oldest": f"{_MOMENT} ASC",
    "changed": "d.mtime_ns DESC",
    "largest": "d.size DESC",
    "smallest": "d.size ASC",
    "named": "d.name COLLATE NOCASE ASC",
}
_NAMED = "('{}')".format("', '".join(sorted(NAMED)))  # constants of ours
_READ = "d.state IN ('words', 'meaning')"
_KNOWN = f"({_READ} OR d.state IN ('failed', 'waiting') OR d.state = 'skipped' AND d.reason IN {_NAMED})"
# Of an archive or a mailbox its members are what people count, where they ask for mails.
_CONTAINERS = "d.reader NOT LIKE 'mailbox@%'"
_SENDER = 400  # code points in which a mail's first line, its sender, ends


@dataclass(frozen=True)
class Selection:
    """Which documents; each condition may be missing, and all hold.

    `kinds` are kinds of `formats`, `extensions` without dots: one of either must match. `folders`: below any
    of these. `first` and `last` are days, both included, in the computer's time zone, of what the document
    says or else of its file's last change (`changed`: of that alone). `words` is an FTS5 expression that one
    of its passages matches, `name` a part of its name, `sender` of a mail's first line. Without `members`
    only files count, not what lies in them.
    """

    kinds: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    within: str | None = None
    first: date | None = None
    last: date | None = None
    changed: bool = False
    words: str = ""
    name: str = ""
    sender: str = ""
    members: bool = True


@dataclass(frozen=True)
class Counts:
    """`files` have text here, and so have documents `inside` files; `unread` have none, or not yet."""

    files: int
    inside: int
    unread: int


@dataclass(frozen=True)
class Item:
    """One document; `moment` is an ISO 8601 day or time, `changed` Unix time, `id` valid in one snapshot."""

    id: int
    path: str
    name: str
    title: str
    moment: str
    changed: float
    size: int
    sha256: str
    reader: str
    is_read: bool


@dataclass(frozen=True)
class Part:
    """A passage of a document, as it is stored."""

    text: str
    start: int
    end: int
    page: int | None
    heading: str


def count(database: Database, wanted: Selection) -> Counts:
    condition, params = _condition(wanted)
    row = database.one(
        f"SELECT coalesce(sum({_READ} AND d.parent IS NULL), 0),"
        f" coalesce(sum({_READ} AND d.parent IS NOT NULL), 0), coalesce(sum(NOT {_READ}), 0)"
        f" FROM documents AS d WHERE {condition}",
        params,
    )
    return Counts(*row) if row else Counts(0, 0, 0)


def items(
    database: Database, wanted: Selection, order: Order, limit: int, *, unread: bool = False
) -> list[Item]:
    """The first documents by `order`; with `unread` also those without text."""
    condition, params = _condition(wanted)
    if not unread:
        condition = f"{condition} AND {_READ}"
    return _items(database, condition, params, order, limit)


def named(database: Database, name: str, within: str | None = None, limit: int = 20) -> list[Item]:
    """Documents with text whose name, with or without its ending, is `name`, or else whose title is."""
    condition, params = _condition(Selection(within=within))
    stem = "rtrim(rtrim(d.name, replace(d.name, '.', '')), '.')"
    for column in ("d.name", stem, "d.title"):
        is_named = f"{condition} AND {_READ} AND {column} = ? COLLATE NOCASE"
        if found := _items(database, is_named, [*params, name], "named", limit):
            return found
    return []


def at(database: Database, path: str) -> Item | None:
    """The document at `path`, if there is one with text."""
    return next(iter(_items(database, f"{_READ} AND d.path = ?", [path], "named", 1)), None)


def _items(database: Database, condition: str, params: list[object], order: Order, limit: int) -> list[Item]:
    rows = database.execute(
        f"SELECT d.id, d.path, d.name, d.title, {_MOMENT}, d.mtime_ns / 1e9, d.size, d.sha256, d.reader,"
        f" {_READ} FROM documents AS d WHERE {condition} ORDER BY {_ORDERS[order]}, d.path LIMIT ?",
        (*params, limit),
    )
    return [Item(*row) for row in rows]


def parts(database: Database, document: int, words: str = "", limit: int = -1) -> list[Part]:
    """Passages of a document in order; with `words` those that match, the best first."""
    if words:
        sql = (
            'SELECT w.body, p.start, p."end", p.page, p.heading FROM words AS w JOIN passages AS p'
            " ON p.id = w.rowid WHERE w.words MATCH ? AND +p.document = ? ORDER BY w.rank LIMIT ?"
        )
        return [Part(*row) for row in database.execute(sql, (words, document, limit))]
    sql = (
        'SELECT w.body, p.start, p."end", p.page, p.heading FROM passages AS p JOIN words AS w'
        " ON w.rowid = p.id WHERE p.document = ? ORDER BY p.ordinal LIMIT ?"
    )
    return [Part(*row) for row in database.execute(sql, (document, limit))]


def part_at(database: Database, document: int, offset: int) -> Part:
    """The passage of a document that holds the code point at `offset`, or the last one before it."""
    row = database.one(
        'SELECT w.body, p.start, p."end", p.page, p.heading FROM passages AS p JOIN words AS w'
        " ON w.rowid = p.id WHERE p.document = ? AND p.start <= ? ORDER BY p.ordinal DESC LIMIT 1",
        (document, offset),
    )
    return Part(*row) if row else Part("", 0, 0, None, "")


def folders(database: Database, name: str, within: str | None = None) -> list[str]:
    """Folders that hold files and whose path ends in `name` ("Travel", "Notes/Travel"), in any case."""
    wanted = [part for part in name.replace("\\", "/").split("/") if part]
    if not wanted:
        return []
    condition, params = below(within) if within else ("1", ())
    tail = sep + sep.join(map(_escaped, wanted)) + sep
    rows = database.execute(
        f"SELECT path FROM documents WHERE {condition} AND parent IS NULL AND path LIKE ? ESCAPE '^'",
        (*params, f"%{tail}%"),
    )
    found: dict[str, None] = {}
    for (path,) in rows:
        steps = path.split(sep)[:-1]
        for end in range(len(wanted), len(steps) + 1):
            if [step.casefold() for step in steps[end - len(wanted) : end]] == [w.casefold() for w in wanted]:
                found[sep.join(steps[:end])] = None
                break
    return list(found)


def _condition(wanted: Selection) -> tuple[str, list[object]]:
    conditions, params = [_KNOWN], list[object]()
    if "mail" in wanted.kinds:
        conditions.append(_CONTAINERS)
    if not wanted.members:
        conditions.append("d.parent IS NULL")
    alternatives = ["d.kind = ?"] * len(wanted.kinds) + ["d.path LIKE ?"] * len(wanted.extensions)
    if alternatives:
        conditions.append(f"({' OR '.join(alternatives)})")
        params += [*wanted.kinds, *(f"%.{extension}" for extension in wanted.extensions)]
    if wanted.within is not None:
        _add(conditions, params, [wanted.within])
    if wanted.folders:
        _add(conditions, params, wanted.folders)
    _add_days(conditions, params, wanted)
    if wanted.words:
        conditions.append(
            "d.id IN (SELECT p.document FROM words AS w JOIN passages AS p ON p.id = w.rowid"
            " WHERE w.words MATCH ?)"
        )
        params.append(wanted.words)
    if wanted.name:
        conditions.append("d.name LIKE ? ESCAPE '^'")
        params.append(f"%{_escaped(wanted.name)}%")
    if wanted.sender:
        conditions.append(
            "EXISTS (SELECT 1 FROM texts AS t WHERE t.document = d.id AND t.text LIKE 'From:%' AND"
            f" instr(lower(substr(t.text, 1, min(instr(t.text, char(10)), {_SENDER}))), ?))"
        )
        params.append(wanted.sender.lower())
    return " AND ".join(conditions), params


def _add(conditions: list[str], params: list[object], folders: Sequence[str]) -> None:
    both = [below(folder, "d.path") for folder in folders]
    conditions.append(f"({' OR '.join(condition for condition, _ in both)})")
    params += [value for _, values in both for value in values]


def _add_days(conditions: list[str], params: list[object], wanted: Selection) -> None:
    for bound, compare, days in ((wanted.first, ">=", 0), (wanted.last, "<", 1)):
        if bound is None:
            continue
        limit = bound + timedelta(days)
        midnight = 0  # no file was changed before 1970, and Windows knows no local time of then
        if limit.year > 1970:
            midnight = int(datetime(limit.year, limit.month, limit.day).astimezone().timestamp()) * 10**9
        if wanted.changed:
            conditions.append(f"d.mtime_ns {compare} ?")
            params.append(midnight)
        else:
            said, changed = f"d.dated {compare} ?", f"d.mtime_ns {compare} ?"
            conditions.append(f"CASE WHEN d.dated <> '' THEN {said} ELSE {changed} END")
            params += [limit.isoformat(), midnight]


def _escaped(text: str) -> str:
    """As a part of a LIKE pattern whose escape character is ^."""
    return text.replace("^", "^^").replace("%", "^%").replace("_", "^_")
