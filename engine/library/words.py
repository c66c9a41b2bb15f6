"""Passages by words, also among a million: of a question's words, which rows of the index are ranked.

FTS5 ranks every row that holds any of the words, and each costs half a microsecond, twenty times what
counting it does. So where words are common, only rows are ranked that hold several of them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

from engine.library.within import Subquery
from engine.store.database import Database

_WEIGHTS = {"words": "5.0, 3.0, 2.0, 1.0", "segments": "1.0"}  # of the columns: name, title, heading, body
# Rows ranked for one question, about 10 ms; in a smaller index every row that holds a word is.
_RANKED = 20_000
_RARE = 5_000  # of these, and so many that hold one rare word alone
# Rows listed under the words that are looked at, the rarest first, but two in any case: each is read three
# times, to count it, to weigh its word and to find who is in both halves.
_LISTED = 300_000
_TERM = re.compile(r'"[^"]*"\*?')  # a word, a phrase, or with the star the beginning of a word


def best(
    database: Database,
    expression: str,
    limit: int,
    documents: Subquery | None = None,
    *,
    table: str = "words",
) -> list[tuple[int, float]]:
    """The `limit` best passages and their scores by BM25, best first, of `documents` if given.

    `expression` is an OR of quoted terms, as the `match_expression`s make it, `table` one of `_WEIGHTS`.
    """
    scores: dict[int, float] = {}
    for visited in _visits(database, table, expression, limit):
        for passage, score in _ranked(database, table, visited, limit, documents):
            scores[passage] = max(score, scores.get(passage, score))
    if documents is not None and len(scores) < limit:
        # The few documents to search may hold more than what was chosen for all of them.
        scores = dict(_ranked(database, table, expression, limit, documents))
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]


def _ranked(
    database: Database, table: str, expression: str, limit: int, documents: Subquery | None
) -> list[tuple[int, float]]:
    sql, params = documents or ("", ())
    # By the passage's document, so that SQLite need not list all passages that are allowed.
    within = f"AND (SELECT document FROM passages WHERE id = {table}.rowid) IN ({sql})" if documents else ""
    # Not by `rank`: FTS5 would sort all rows with their positions, while SQLite keeps the best `limit`.
    rows = database.execute(
        f"SELECT rowid, -bm25({table}, {_WEIGHTS[table]}) AS score FROM {table}"
        f" WHERE {table} MATCH ? {within} ORDER BY score DESC, rowid LIMIT ?",
        (expression, *params, limit),
    )
    return [(passage, score) for passage, score in rows]


def _visits(database: Database, table: str, expression: str, limit: int) -> list[str]:
    """Expressions whose results, together, are the best rows for `expression`, or nearly.

    Where its words are common, rows must hold one of each half of them, taken alternately from the rarest to
    the commonest, so that every word counts once. The commonest are left out while that is too many rows.
    Rows that hold only rare words are asked for by themselves.
    """
    if _count(database, table, expression, _RANKED + 1) <= _RANKED:
        return [expression]
    terms = _TERM.findall(expression)
    held = {term: _count(database, table, term) for term in dict.fromkeys(terms)}
    order = sorted((term for term in held if held[term]), key=lambda term: held[term])
    rare = _first(order, held, _RARE, 1)
    for kept in range(len(_first(order, held, _LISTED, 2)), 1, -1):
        halves = [[term for term in terms if term in order[side:kept:2]] for side in (0, 1)]
        both = " AND ".join(f"({' OR '.join(half)})" for half in halves)
        found = _count(database, table, both, _RANKED + 1)
        if found <= _RANKED:
            return [both, " OR ".join(rare)] if found < limit or held[order[0]] <= _RARE else [both]
    return [" OR ".join(rare)]


def _first(order: Sequence[str], held: Mapping[str, int], most: int, least: int) -> Sequence[str]:
    """The first terms, `least` or more, that together are held by at most so many rows."""
    totals = itertools.accumulate(held[term] for term in order)
    return order[: max(least, sum(total <= most for total in totals))]


def _count(database: Database, table: str, expression: str, most: int | None = None) -> int:
    """Rows that match; with `most` no more are counted, but each takes twice as long."""
    sql, params = f"SELECT count(*) FROM {table} WHERE {table} MATCH ?", [expression, most]
    if most is not None:
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT ?)"
    row = database.one(sql, params[: sql.count("?")])
    return int(row[0]) if row else 0
