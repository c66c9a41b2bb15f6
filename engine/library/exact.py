"""What must not be missed: a file by its name, a phrase in quotation marks, a code like "POL-358".

Ranking by words and meaning may put such a match behind a hundred others that share more words. Here it is
looked up by itself, and comes before what only resembles it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from engine.contracts import Unread
from engine.library.query import Wanted
from engine.library.within import Subquery, Within
from engine.store.database import Database

_MOST = 50  # passages; a code in more of them tells nothing apart
_FILES = 20
_SURE, _PARTLY = 1.0, 0.5  # added to scores that lie between 0 and 1
_SHORTEST = 4  # code points of a part of a name


def promoted(
    database: Database, wanted: Wanted, documents: Subquery | None, fused: dict[int, float]
) -> dict[int, float]:
    """`fused` (passage -> score) with exact matches added and put first, best first."""
    added: dict[int, float] = {}

    def add(passages: Iterable[int], bonus: float) -> None:
        for passage in passages:
            added[passage] = added.get(passage, 0.0) + bonus

    for phrase in wanted.phrases:
        add(_matches(database, phrase, documents, _MOST), _SURE)
    for code in wanted.codes:
        found = _matches(database, code, documents, _MOST + 1)
        add(found if len(found) <= _MOST else (), _SURE)
    for name in wanted.files:
        add(_best_of_each(database, _owners(database, name, documents), documents, fused), _SURE)
    add(_best_of_each(database, _named_in_part(database, wanted.terms), documents, fused), _PARTLY)
    if not added:
        return fused
    scores = {passage: fused.get(passage, 0.0) + added.get(passage, 0.0) for passage in {**fused, **added}}
    return dict(sorted(scores.items(), key=lambda pair: -pair[1]))


def unread(database: Database, wanted: Wanted, within: Within, limit: int) -> list[Unread]:
    """Files without text in the library that bear the name looked for, last changed first."""
    condition, params = within.condition("d.")
    found: dict[str, Unread] = {}
    for name in wanted.names:
        for path, reason, mtime_ns in database.execute(
            "SELECT d.path, d.reason, d.mtime_ns FROM names AS n JOIN documents AS d ON d.id = n.rowid"
            f" WHERE n.names MATCH ? AND d.state IN ('skipped', 'failed') AND {condition}"
            " ORDER BY d.mtime_ns DESC, d.path LIMIT ?",
            (name, *params, limit),
        ):
            found.setdefault(path, Unread(path, reason, _moment(mtime_ns)))
    return list(found.values())[:limit]


def _moment(mtime_ns: int) -> str:
    return datetime.fromtimestamp(mtime_ns / 1e9, UTC).isoformat(timespec="seconds")


def _matches(database: Database, expression: str, documents: Subquery | None, limit: int) -> list[int]:
    sql, params = documents or ("", ())
    within = f"AND (SELECT document FROM passages WHERE id = words.rowid) IN ({sql})" if documents else ""
    rows = database.execute(
        f"SELECT rowid FROM words WHERE words MATCH ? {within} ORDER BY rank LIMIT ?",
        (expression, *params, limit),
    )
    return [row[0] for row in rows]


def _owners(database: Database, expression: str, documents: Subquery | None) -> list[int]:
    """Documents with a passage that matches."""
    sql, params = documents or ("", ())
    within = f"AND +p.document IN ({sql})" if documents else ""
    rows = database.execute(
        "SELECT DISTINCT p.document FROM words AS w JOIN passages AS p ON p.id = w.rowid"
        f" WHERE w.words MATCH ? {within} LIMIT ?",
        (expression, *params, _FILES),
    )
    return [row[0] for row in rows]


def _named_in_part(database: Database, terms: Sequence[str]) -> list[int]:
    """Documents with a term inside their name or title, for terms that are no word of any passage."""
    found: dict[int, None] = {}
    for term in terms[:_FILES]:
        if len(term) < _SHORTEST or database.one("SELECT 1 FROM words WHERE words MATCH ?", (f'"{term}"',)):
            continue
        rows = database.execute(
            "SELECT rowid FROM names WHERE names MATCH ? AND rowid IN (SELECT document FROM texts) LIMIT ?",
            (f'"{term}"', _FILES),
        )
        found.update(dict.fromkeys(row[0] for row in rows))
    return list(found)


def _best_of_each(
    database: Database, found: Sequence[int], documents: Subquery | None, fused: dict[int, float]
) -> list[int]:
    """The passage of each document `found` that was ranked best, else its first one."""
    sql, params = documents or ("", ())
    within = f"AND document IN ({sql})" if documents else ""
    best = []
    for document in found:
        rows = database.execute(
            f"SELECT id FROM passages WHERE document = ? {within} ORDER BY ordinal", (document, *params)
        )
        if rows:
            best.append(max((row[0] for row in rows), key=lambda passage: fused.get(passage, 0.0)))
    return best
