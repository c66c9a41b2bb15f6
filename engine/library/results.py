"""Ranked passages as a person should see them: copies as one result, and no file crowding out the others."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.contracts import Passage
from engine.library.ledger import widened
from engine.library.within import Within
from engine.store.database import Database

_PER_FILE = 3  # passages of one file before others have had their turn
_COPIES = 50  # other files named for one passage
_ALIKE = 0.95  # of all words of two passages that read nearly the same
_TOGETHER = 24  # passages read from the database at once
_ROWS = """
    SELECT p.document, p.text_hash, p.id, d.path, p.page, p.heading, w.body, p.start, p."end",
        d.title, d.sha256, d.reader
    FROM json_each(?) AS wanted JOIN passages AS p ON p.id = wanted.value
    JOIN documents AS d ON d.id = p.document JOIN words AS w ON w.rowid = p.id ORDER BY wanted.key
"""
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class _Chosen:
    """A passage and what it stands for: hashes of texts that read the same, and files that hold these."""

    passage: Passage
    words: frozenset[str]
    texts: list[bytes]
    paths: set[str]


def results(
    database: Database, scores: Mapping[int, float], similar: Mapping[int, float], k: int, within: Within
) -> list[Passage]:
    """The first `k` of `scores` (passage -> score, best first). `similar`: passage -> cosine."""
    chosen: list[_Chosen] = []
    waiting: list[_Chosen] = []
    counts: Counter[int] = Counter()

    def is_done(document: int) -> bool:
        return len(waiting) >= k and counts[document] >= _PER_FILE

    for document, same, passage in _passages(database, scores, similar, is_done):
        if len(chosen) == k:
            break
        words = frozenset(_WORD.findall(passage.text))
        alike = (other for other in chosen if _are_alike(other.words, words))
        copy = next((other for other in alike if other.passage.path != passage.path), None)
        if copy is not None:
            copy.texts.append(same)
            copy.paths.add(passage.path)
            continue
        counts[document] += 1
        listed = chosen if counts[document] <= _PER_FILE else waiting
        listed.append(_Chosen(passage, words, [same], set()))
    chosen += waiting[: k - len(chosen)]
    _add_copies(database, chosen, within)
    # A file's further passages stand behind those of other files: scores fall with the rank all the same.
    lowest = _falling([one.passage.score for one in chosen])
    return [
        replace(one.passage, also=_others(one), rank=rank, score=score)
        for rank, (one, score) in enumerate(zip(chosen, lowest, strict=True), 1)
    ]


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
    database: Database,
    scores: Mapping[int, float],
    similar: Mapping[int, float],
    is_done: Callable[[int], bool],
) -> Iterator[tuple[int, bytes, Passage]]:
    """(document, hash of the text, passage), each text once, and none of documents that are done with.

    Read a few at a time: most are never looked at.
    """
    ranked = _texts_once(database, list(scores))
    while ranked := [(passage, document) for passage, document in ranked if not is_done(document)]:
        some, ranked = ranked[:_TOGETHER], ranked[_TOGETHER:]
        wanted = json.dumps([passage for passage, _document in some])
        for row in database.execute(_ROWS, (wanted,)):
            document, same, id, path, page, heading, text, start, end, title, sha256, reader = row
            yield (
                document,
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


def _texts_once(database: Database, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Of the passages `ids` the first of each text, with its document, in their order.

    Of copies, which may be many, no text need be read.
    """
    rows = database.execute(
        "SELECT p.text_hash, p.id, p.document FROM json_each(?) AS wanted"
        " CROSS JOIN passages AS p ON p.id = wanted.value ORDER BY wanted.key",
        (json.dumps(ids),),
    )
    first: dict[bytes, tuple[int, int]] = {}
    for same, passage, document in rows:
        first.setdefault(same, (passage, document))
    return list(first.values())


def _are_alike(first: frozenset[str], second: frozenset[str]) -> bool:
    """Nearly the same words, and exactly the same names and numbers: those are what look-alikes differ in."""
    if min(len(first), len(second)) < _ALIKE * max(len(first), len(second)):
        return False
    if len(first & second) < _ALIKE * len(first | second):
        return False
    return not any(word[0].isupper() or any(map(str.isdigit, word)) for word in first ^ second)


def _add_copies(database: Database, chosen: Sequence[_Chosen], within: Within) -> None:
    """To each the files that hold one of its texts, of those to be searched."""
    wanted = [(text.hex(), at) for at, one in enumerate(chosen) for text in one.texts]
    condition, params = within.condition("d.")
    rows = database.execute(
        "SELECT DISTINCT wanted.value ->> 1, d.path FROM json_each(?) AS wanted"
        " CROSS JOIN passages AS p ON p.text_hash = unhex(wanted.value ->> 0)"
        f" JOIN documents AS d ON d.id = p.document WHERE {condition}",
        (json.dumps(wanted), *params),
    )
    for at, path in rows:
        chosen[at].paths.add(path)


def _others(one: _Chosen) -> tuple[str, ...]:
    return tuple(sorted(one.paths - {one.passage.path})[:_COPIES])


def _falling(scores: list[float]) -> list[float]:
    """Each score lowered to the one before it where it is higher."""
    lowest = float("inf")
    return [lowest := min(lowest, score) for score in scores]
