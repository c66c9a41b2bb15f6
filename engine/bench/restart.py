"""The index worker killed in the middle of a folder: when it goes on, and what the index is at the end."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from engine.api import Engine
from engine.bench import corpus
from engine.bench.report import Row, at_most
from engine.contracts import FileDone, Notice
from engine.errors import EngineError
from engine.library import schema, vectors
from engine.paths import Home
from engine.store.database import Database

GOAL = 2.0  # seconds
_SENTENCES = 3  # of a file
_TOGETHER = 1_000  # vectors compared at a time
_NEAR = 0.99  # cosine of two vectors of one text: how a batch is filled up changes the last digits

# Everything but ids, times of indexing, and in which order rows were made.
_TABLES = {
    "documents": (
        "SELECT path, name, size, mtime_ns, state, reason, detail, sha256, kind, title, reader, pages,"
        " passages, redacted FROM documents"
    ),
    "texts": "SELECT path, text FROM texts JOIN documents ON id = document",
    "passages": (
        'SELECT path, ordinal, start, "end", page, heading, header, text_hash, embedded'
        " FROM passages AS p JOIN documents AS d ON d.id = p.document"
    ),
    "words": (
        "SELECT path, ordinal, w.name, w.title, w.heading, w.body FROM words AS w"
        " JOIN passages AS p ON p.id = w.rowid JOIN documents AS d ON d.id = p.document"
    ),
    "names": ("SELECT path, n.name, n.title FROM names AS n JOIN documents AS d ON d.id = n.rowid"),
    "segments": (
        "SELECT path, ordinal, s.body FROM segments AS s"
        " JOIN passages AS p ON p.id = s.rowid JOIN documents AS d ON d.id = p.document"
    ),
}


def rows(place: Path, files: int) -> list[Row]:
    """Index `files` small files twice, once with SIGKILL at half of them. Raises EngineError("usage") on
    systems without it.
    """
    if sys.platform == "win32":
        raise EngineError("usage", detail="This part needs SIGKILL, which Windows does not have.")
    shutil.rmtree(place, ignore_errors=True)
    _write(place / "files", files)
    calm, killed = Home(place / "calm"), Home(place / "killed")
    with Engine(calm.root, write=True, program="nocturne bench") as engine:
        engine.index([place / "files"]).result()
    seconds, again = _killed(killed, place / "files", files // 2)
    differences, cosine = compare(calm.index_db, killed.index_db)
    return [
        at_most(f"next file after kill -9 at {files // 2} of {files}", seconds, "s", GOAL),
        Row("files read twice after it", again, "files", "at most 1", again <= 1),
        Row("rows that differ from an undisturbed index", differences, "rows", "none", differences == 0),
        Row(
            "lowest cosine of a vector to its undisturbed one",
            cosine,
            "",
            f"at least {_NEAR}",
            cosine >= _NEAR,
        ),
    ]


def _write(folder: Path, files: int) -> None:
    dice = random.Random(13)
    for number in range(files):
        path = folder / f"{number // 1000:03}" / f"note-{number:06}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(corpus.sentence(dice) for _ in range(_SENTENCES)) + "\n", encoding="utf-8")


def _killed(home: Home, folder: Path, half: int) -> tuple[float, int]:
    """Seconds from the kill to the first file that its successor has done; how many files were done twice."""
    done: list[str] = []
    killed = ended = 0.0
    is_successor = False
    with Engine(home.root, write=True, program="nocturne bench") as engine:
        job = engine.index([folder])
        for event in job.events():
            if isinstance(event, Notice) and event.code == "worker_restarted":
                is_successor = True  # what the first one still had said was heard before
            if not isinstance(event, FileDone):
                continue
            done.append(event.path)
            if not killed and len(done) >= half:
                killed = time.perf_counter()
                os.kill(engine.processes()["index"], signal.SIGKILL)
            elif is_successor and not ended:
                ended = time.perf_counter()
        job.result()
    if not ended:
        raise EngineError(
            "usage", detail="The worker was done before it could be killed: more files are needed."
        )
    return ended - killed, len(done) - len(set(done))


def compare(one: Path, other: Path) -> tuple[int, float]:
    """Rows of two indexes of one folder that are not in both, and the lowest cosine between their vectors."""
    first, second = _opened(one), _opened(other)
    try:
        differences = 0
        for sql in _TABLES.values():
            rows, others = Counter(first.execute(sql)), Counter(second.execute(sql))
            differences += ((rows - others) | (others - rows)).total()
        return differences, _lowest_cosine(first, second)
    finally:
        first.close()
        second.close()


def _lowest_cosine(first: Database, second: Database) -> float:
    """Of the vectors of passages that stand in the same place; 0 where only one of the two has vectors."""
    sql = "SELECT path, ordinal, p.id FROM passages AS p JOIN documents AS d ON d.id = p.document"
    ids = {(path, ordinal): passage for path, ordinal, passage in first.execute(sql)}
    pairs = [(ids[path, at], passage) for path, at, passage in second.execute(sql) if (path, at) in ids]
    lowest = 1.0
    for start in range(0, len(pairs), _TOGETHER):
        some = pairs[start : start + _TOGETHER]
        (mine, rows), (theirs, others) = (
            vectors.of(database, [pair[side] for pair in some])
            for side, database in enumerate((first, second))
        )
        if len(mine) < len(some) or len(theirs) < len(some):
            return 0.0
        lowest = min(lowest, float((rows * others).sum(axis=1).min()))
    return lowest


def _opened(path: Path) -> Database:
    database = schema.open_for_reading(path)
    if database is None:
        raise EngineError("nothing_indexed")
    return database
