"""What must not be missed: a file by its name, a phrase in quotation marks, a code like "POL-358".

Ranking by words and meaning may put such a match behind a hundred others that share more words. Here it is
looked up by itself, and comes before what only resembles it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from engine.contracts import Unread
from engine.library.query import Wanted
from engine.library.within import Subquery, Within
from engine.store.database import Database

_MOST = 50  # passages; a code in more of them tells nothing apart
_FILES = 20
# Added to scores that lie between 0 and 1. A file's whole name is the surest: any other match may be of a
# hundred files whose names only hold it.
_WHOLLY, _SURE, _PARTLY = 10.0, 1.0, 0.5
_SHORTEST = 4  # code points of a part of a name


def promoted(
    database: Database, wanted: Wanted, documents: Subquery | None, fused: dict[int, float]
) -> dict[int, float]:
    """`fused` (passage -> score) with exact matches added and put first, best first."""
    added: dict[int, float] = defaultdict(float)
    named: dict[int, float] = defaultdict(float)  # by document

    def add(bonuses: dict[int, float], found: Iterable[int], bonus: float) -> None:
        for one in found:
            bonuses[one] += bonus

    for phrase in wanted.phrases:
        add(added, _matches(database, phrase, documents, _MOST), _SURE)
    for code in wanted.codes:
        found = _matches(database, code, documents, _MOST + 1)
        add(added, found if len(found) <= _MOST else (), _SURE)
    for name in wanted.whole:
        add(named, _named(database, name, documents), _WHOLLY)
    for name in wanted.files:
        add(named, _owners(database, name, documents), _SURE)
    add(named, _named_in_part(database, wanted.terms, documents), _PARTLY)
    for document, passage in _best_of_each(database, named, fused).items():
        added[passage] += named[document]
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


def _named(database: Database, name: str, documents: Subquery | None) -> list[int]:
    """Documents with text of this very name, last changed first. Only ASCII letters match in another case."""
    sql, params = documents or ("", ())
    within = f"AND +id IN ({sql})" if documents else ""
    rows = database.execute(
        "SELECT id FROM documents WHERE name = ? COLLATE NOCASE AND state IN ('words', 'meaning')"
        f" {within} ORDER BY mtime_ns DESC, id LIMIT ?",
        (name, *params, _FILES),
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


def _named_in_part(database: Database, terms: Sequence[str], documents: Subquery | None) -> list[int]:
    """Documents with a term inside their name or title, for terms that are no word of any passage."""
    sql, params = documents or ("", ())
    within = f"AND +rowid IN ({sql})" if documents else ""
    found: dict[int, None] = {}
    for term in terms[:_FILES]:
        if len(term) < _SHORTEST or database.one("SELECT 1 FROM words WHERE words MATCH ?", (f'"{term}"',)):
            continue
        rows = database.execute(
            "SELECT rowid FROM names WHERE names MATCH ?"
            f" AND +rowid IN (SELECT document FROM texts) {within} LIMIT ?",
            (f'"{term}"', *params, _FILES),
        )
        found.update(dict.fromkeys(row[0] for row in rows))
    return list(found)


def _best_of_each(database: Database, found: Collection[int], fused: Mapping[int, float]) -> dict[int, int]:
    """The passage of each document `found` that was ranked best, else its first one.

    A document may have tens of thousands of passages: they are not listed.
    """
    if not found:
        return {}
    best: dict[int, int] = dict(
        database.execute(
            "SELECT document, id FROM passages WHERE ordinal = 0"
            " AND document IN (SELECT value FROM json_each(?))",
            (json.dumps(list(found)),),
        )
    )
    ranked = database.execute(
        "SELECT p.document, p.id FROM json_each(?) AS ranked CROSS JOIN passages AS p ON p.id = ranked.value",
        (json.dumps(list(fused)),),
    )
    owned = [(document, passage) for document, passage in ranked if document in best]
    best.update(sorted(owned, key=lambda pair: fused[pair[1]]))  # the last of a document counts
    return best
