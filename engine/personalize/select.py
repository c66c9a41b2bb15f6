"""Chooses the passages worth learning tonight and copies them into the run folder.

Only folders the person consented to; used and recent files first; whole files where the budget allows. What
was blotted out, what repeats, and what no one would ask about stays out, and is counted by reason.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.answer.orders import is_order
from engine.answer.terms import fold, sentences
from engine.documents.secrets import BLOT
from engine.errors import EngineError
from engine.library.writer import below
from engine.personalize.rows import Lesson, write_lines
from engine.personalize.run_folder import RunFolder
from engine.store.database import Database

LETTERS_A_TOKEN = 4  # of running text, about, for every tokenizer in use
_SHARE = 0.25  # of the budget that one file may take while others wait
_SHINGLE = 5  # words
_REPEATED = 0.8  # of a passage's shingles seen before: a near-duplicate
_LETTERS = 0.45  # of the characters that are not white space, at least
_LONG_WORD = 60  # code points: base64, hashes, minified code
_DAY_NS = 86_400 * 10**9
_READABLE = "state IN ('words', 'meaning') AND passages > 0"
_LEFT_OUT = {
    "secret": "with passwords or keys",
    "code": "of program code",
    "junk": "without sentences",
    "orders": "with orders to a model",
    "duplicate": "of repeated text",
    "budget": "for want of time",
}


@dataclass(frozen=True)
class Selected:
    """The lessons in order of worth, the number of files they come from, and passages left out by reason.

    Reasons: secret, junk, code, orders, duplicate, budget.
    """

    lessons: tuple[Lesson, ...]
    documents: int
    skipped: Mapping[str, int]


def select(
    database: Database, folders: Sequence[str], run: RunFolder, budget_tokens: int, used: Mapping[str, float]
) -> Selected:
    """Choose passages below `folders`, about `budget_tokens` of them, and write `run.lessons`.

    `database` is the index, opened for reading; `used` is path -> weight of events (opened, cited, asked
    about). Raises EngineError(no_consent) without folders; an index without a usable passage gives none.
    """
    if not folders:
        raise EngineError("no_consent")
    skipped: Counter[str] = Counter()
    lessons: list[Lesson] = []
    late: list[Lesson] = []
    seen: set[int] = set()
    left = budget_tokens
    with database.snapshot():
        for document in _documents(database, folders, used):
            room = min(left, max(1, int(budget_tokens * _SHARE)))
            for lesson in _lessons(database, document):
                reason = _unfit(lesson) or ("duplicate" if _repeats(lesson.text, seen) else "")
                if reason:
                    skipped[reason] += 1
                    continue
                cost = tokens(lesson.text)
                if cost <= room:
                    room, left = room - cost, left - cost
                    lessons.append(lesson)
                else:
                    late.append(lesson)
    for lesson in late:
        # Rest of large files, once every file has had its turn.
        if tokens(lesson.text) <= left:
            left -= tokens(lesson.text)
            lessons.append(lesson)
        else:
            skipped["budget"] += 1
    run.root.mkdir(parents=True, exist_ok=True)
    write_lines(run.lessons, lessons)
    return Selected(tuple(lessons), len({lesson.path for lesson in lessons}), dict(skipped))


def anything(database: Database, folders: Sequence[str]) -> bool:
    """Whether any file below `folders` has text."""
    return any(
        database.one(f"SELECT 1 FROM documents WHERE {_READABLE} AND {condition}", params) is not None
        for condition, params in map(below, folders)
    )


def why_few(skipped: Mapping[str, int]) -> str:
    """Why so little can be learned: what was left out, by reason, the most frequent first."""
    if not skipped:
        return "they hold little that can be asked about"
    ranked = sorted(skipped.items(), key=lambda item: -item[1])
    reasons = ", ".join(f"{count} {_LEFT_OUT[reason]}" for reason, count in ranked)
    return f"{sum(skipped.values())} more passages were left out ({reasons})"


def tokens(text: str) -> int:
    """About how many tokens a text has, without any model's tokenizer."""
    return max(1, -(-len(text) // LETTERS_A_TOKEN))


def _documents(
    database: Database, folders: Sequence[str], used: Mapping[str, float]
) -> list[tuple[int, str, str, str, str]]:
    """(id, path, sha256, title, kind) of readable files, the most worth learning first."""
    found: dict[str, tuple[float, int, tuple[int, str, str, str, str]]] = {}
    for folder in folders:
        condition, params = below(folder)
        for row in database.execute(
            "SELECT id, path, sha256, title, kind, mtime_ns FROM documents"
            f" WHERE {_READABLE} AND {condition}",
            params,
        ):
            # Whole days: files written together keep the order of their names.
            found[row[1]] = (used.get(row[1], 0.0), row[5] // _DAY_NS, row[:5])
    ranked = sorted(found.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    return [document for _path, (_weight, _day, document) in ranked]


def _lessons(database: Database, document: tuple[int, str, str, str, str]) -> Iterator[Lesson]:
    identity, path, sha256, title, kind = document
    stored = database.one("SELECT text FROM texts WHERE document = ?", (identity,))
    text = stored[0] if stored else ""
    for ordinal, start, end, page, heading in database.execute(
        'SELECT ordinal, start, "end", page, heading FROM passages WHERE document = ? ORDER BY ordinal',
        (identity,),
    ):
        yield Lesson(
            id=f"{sha256[:16]}-{ordinal}",
            path=path,
            sha256=sha256,
            page=page,
            title=title,
            heading=heading,
            kind=kind,
            text=text[start:end],
            start=start,
            end=end,
        )


def _unfit(lesson: Lesson) -> str:
    """Why a passage is not worth learning; empty if it is."""
    text = lesson.text
    if BLOT in text:
        return "secret"
    if lesson.kind == "code":
        return "code"
    if any(is_order(text[start:end]) for start, end in sentences(text)):
        return "orders"  # questions made of it would carry them along
    dense = re.sub(r"\s", "", text)
    letters = sum(map(str.isalpha, dense))
    longest = max(map(len, re.split(r"[\s/.,;:|?&=]", text)), default=0)
    # Rows of a table are worth it as long as something in them has a name.
    if not dense or letters < _LETTERS * len(dense) or longest > _LONG_WORD:
        return "junk"
    return ""


def _repeats(text: str, seen: set[int]) -> bool:
    """Whether nearly all of `text` was met before; what is new in it is remembered."""
    words = re.findall(r"\w+", fold(text))
    shingles = {hash(tuple(words[at : at + _SHINGLE])) for at in range(max(1, len(words) - _SHINGLE + 1))}
    repeated = len(shingles & seen) >= _REPEATED * len(shingles)
    seen |= shingles
    return repeated
