"""Ranked passages as a person should see them: copies as one result, and no file crowding out the others."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from engine.contracts import Passage
from engine.library.ledger import widened
from engine.library.within import Within
from engine.store.database import Database

_PER_FILE = 3  # passages of one file before others have had their turn
_COPIES = 50  # other files named for one passage
_ALIKE = 0.95  # of all words of two passages that read nearly the same
_TOGETHER = 24  # passages read from the database at once
_ROWS = """
    SELECT p.id, p.text_hash, d.path, p.page, p.heading, w.body, p.start, p."end", d.title, d.sha256, d.reader
    FROM json_each(?) AS wanted JOIN passages AS p ON p.id = wanted.value
    JOIN documents AS d ON d.id = p.document JOIN words AS w ON w.rowid = p.id ORDER BY wanted.key
"""
_WORD = re.compile(r"\w+")


def results(
    database: Database, scores: Mapping[int, float], similar: Mapping[int, float], k: int, within: Within
) -> list[Passage]:
    """The first `k` of `scores` (passage -> score, best first). `similar`: passage -> cosine."""
    chosen: list[Passage] = []
    waiting: list[Passage] = []
    counts: Counter[str] = Counter()
    seen: dict[bytes, None] = {}
    words: list[frozenset[str]] = []  # of those chosen
    for same, passage in _passages(database, scores, similar):
        if len(chosen) == k:
            break
        if same in seen:
            continue
        seen[same] = None
        held = frozenset(_WORD.findall(passage.text))
        alike = (at for at, other in enumerate(words) if _are_alike(other, held))
        copy = next((at for at in alike if chosen[at].path != passage.path), None)
        if copy is not None:
            others = _copies(database, same, passage.path, within)
            chosen[copy] = _with_copies(chosen[copy], (passage.path, *others))
            continue
        passage = replace(passage, also=_copies(database, same, passage.path, within))
        counts[passage.path] += 1
        if counts[passage.path] <= _PER_FILE:
            chosen.append(passage)
            words.append(held)
        else:
            waiting.append(passage)
    chosen += waiting[: k - len(chosen)]
    # A file's further passages stand behind those of other files: scores fall with the rank all the same.
    lowest = iter(_falling([passage.score for passage in chosen]))
    return [replace(passage, rank=rank, score=next(lowest)) for rank, passage in enumerate(chosen, 1)]


def sections(database: Database, passages: Sequence[Passage], length: int) -> list[Passage]:
    """Each passage with its surroundings, up to `length` code points; no part of another."""
    found: list[Passage] = []
    for passage in passages:
        if not any(_holds(other, passage) for other in found):
            found.append(widened(database, passage, length))
    return [replace(passage, rank=rank) for rank, passage in enumerate(found, 1)]


def _holds(outer: Passage, inner: Passage) -> bool:
    return outer.path == inner.path and outer.start <= inner.start and inner.end <= outer.end


def _passages(
    database: Database, scores: Mapping[int, float], similar: Mapping[int, float]
) -> Iterator[tuple[bytes, Passage]]:
    """(hash of the text, passage), read from the database a few at a time: most are never looked at."""
    ids = list(scores)
    slices = (json.dumps(ids[first : first + _TOGETHER]) for first in range(0, len(ids), _TOGETHER))
    rows = (row for some in slices for row in database.execute(_ROWS, (some,)))
    for id, same, path, page, heading, text, start, end, title, sha256, reader in rows:
        yield (
            same,
            Passage(
                rank=0,
                path=path,
                page=page,
                heading=heading,
                text=text,
                start=start,
                end=end,
                score=round(scores[id], 6),
                title=title,
                sha256=sha256,
                reader=reader,
                similarity=round(similar.get(id, 0.0), 4),
            ),
        )


def _are_alike(first: frozenset[str], second: frozenset[str]) -> bool:
    """Nearly the same words, and exactly the same names and numbers: those are what look-alikes differ in."""
    if min(len(first), len(second)) < _ALIKE * max(len(first), len(second)):
        return False
    if len(first & second) < _ALIKE * len(first | second):
        return False
    return not any(word[0].isupper() or any(map(str.isdigit, word)) for word in first ^ second)


def _with_copies(passage: Passage, paths: Iterable[str]) -> Passage:
    also = dict.fromkeys((*passage.also, *paths))
    return replace(passage, also=tuple(sorted(other for other in also if other != passage.path))[:_COPIES])


def _copies(database: Database, same: bytes, path: str, within: Within) -> tuple[str, ...]:
    condition, params = within.condition("d.")
    rows = database.execute(
        "SELECT DISTINCT d.path FROM passages AS p JOIN documents AS d ON d.id = p.document"
        f" WHERE p.text_hash = ? AND d.path <> ? AND {condition} ORDER BY d.path LIMIT ?",
        (same, path, *params, _COPIES),
    )
    return tuple(row[0] for row in rows)


def _falling(scores: list[float]) -> list[float]:
    """Each score lowered to the one before it where it is higher."""
    lowest = float("inf")
    return [lowest := min(lowest, score) for score in scores]
