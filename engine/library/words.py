"""Passages by words, also among a million: of a question's words, which rows of the index are ranked.

FTS5 ranks every row that holds any of the words, and each costs half a microsecond, twenty times what
counting it does. So where words are common, only rows are ranked that hold several of them. How common they
are is estimated, for to count every row of every word would take longer than the ranking (lab log).
"""

from __future__ import annotations

import itertools
import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence

from engine.library.within import Subquery
from engine.store.database import Database

_WEIGHTS = {"words": "5.0, 3.0, 2.0, 1.0", "segments": "1.0"}  # of the columns: name, title, heading, body
# Rows ranked for one question, about 6 ms, or such a share of all; where no more hold a word, each is ranked.
_RANKED = 12_000
_SHARE = 50
_RARE = 5_000  # of these, and so many that hold one rare word alone
# Rows listed under the words that are looked at, the rarest first, but two in any case: they are read to find
# who is in both halves.
_LISTED = 150_000
# Estimates count in so many strips of the index, of so many rows each, or together such a share of all.
_STRIPS = 8
_STRIP = 1_000
_SAMPLED = 32
_GOLDEN = 0.618034  # its multiples spread strips evenly, and never in step with what repeats in the library
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
    last = _last(database, table)
    most = max(_RANKED, last // _SHARE)
    if _count(database, table, expression, most + 1) <= most:
        return [expression]
    terms = _TERM.findall(expression)
    held = {term: _held(database, table, term, last) for term in dict.fromkeys(terms)}
    order = sorted((term for term in held if held[term]), key=lambda term: held[term])
    rare = _first(order, held, _RARE, 1)

    def both(kept: int) -> str:
        halves = [[term for term in terms if term in order[side:kept:2]] for side in (0, 1)]
        return " AND ".join(f"({' OR '.join(half)})" for half in halves)

    possible = range(2, len(_first(order, held, _LISTED, 2)) + 1)
    # More words, more rows: so the most words are found in a few steps.
    few_enough = bisect_right(possible, most, key=lambda kept: _about(database, table, both(kept), last))
    if not few_enough:
        return [" OR ".join(rare)]
    visited = both(possible[few_enough - 1])
    if held[order[0]] <= _RARE or _count(database, table, visited, limit) < limit:
        return [visited, " OR ".join(rare)]
    return [visited]


def _held(database: Database, table: str, term: str, last: int) -> int:
    """Rows that hold `term`, estimated where it is not rare."""
    count = _count(database, table, term, _RARE + 1)
    return count if count <= _RARE else max(count, _about(database, table, term, last))


def _about(database: Database, table: str, expression: str, last: int) -> int:
    """About how many rows up to `last` match, from strips all over a large index."""
    length = max(_STRIP, last // _SAMPLED // _STRIPS)
    if length * _STRIPS >= last:
        return _count(database, table, expression)
    starts = [int(number * _GOLDEN % 1 * (last - length)) for number in range(_STRIPS)]
    row = database.one(
        f"SELECT count(*) FROM json_each(?) AS strip CROSS JOIN {table}"
        f" WHERE {table} MATCH ? AND {table}.rowid > strip.value AND {table}.rowid <= strip.value + ?",
        (json.dumps(starts), expression, length),
    )
    return int(row[0]) * last // (length * _STRIPS) if row else 0


def _last(database: Database, table: str) -> int:
    row = database.one(f"SELECT rowid FROM {table} ORDER BY rowid DESC LIMIT 1")
    return int(row[0]) if row else 0


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
