"""Search among many passages, beside sqlite-vec's own exact search.

The files of a folder are indexed once, under the home of the benchmarks, by the embedder of the product; a
library of the wanted size is made of them (`copies.py`) and kept. Questions are real. Each is embedded by
itself, once, before anything is timed (`known.py`), and without noise: the times are of the search alone.
Both arms search the same tables in one run.
"""

from __future__ import annotations

import json
import random
import re
import statistics
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path

from engine.api import Engine
from engine.bench import copies, corpus
from engine.bench.known import Known
from engine.bench.report import Row, at_most
from engine.errors import EngineError
from engine.library import schema, search, vector_cache, vectors, words
from engine.library.query import match_expression
from engine.models.embedder import Embedder
from engine.models.load import load_embedder
from engine.paths import Home
from engine.store.database import Database

FILES = 60  # invented ones, where no folder is given
QUESTIONS = 200
EXACT_QUESTIONS = 50  # of these, for the exact search takes a second among a million
SHORTEST, LONGEST = 3, 8  # words of a question for the search by words
K = 10

_WORD = re.compile(r"\w+")


def rows(place: Path, folder: Path | None, questions: str | None, passages: int) -> list[Row]:
    """Measure among `passages` passages of the files in `folder`, or of invented ones.

    `questions` is a file of JSON lines with "question" or "text"; without it, lines of the files are asked.
    """
    source, home, embedder = library(place, folder, passages)
    small = _opened(source, embedder)
    try:
        asked = _questions(small, questions)
    finally:
        small.close()
    return _measure(home, Known(embedder, asked), asked)


def library(place: Path, folder: Path | None, passages: int) -> tuple[Home, Home, Embedder]:
    """The home of the files' own index, that of a library of `passages` made of it, and their embedder."""
    files = folder or place / "files"
    if folder is None:
        corpus.write(files, FILES)
    source = Home(place / f"source-{blake2b(str(files).encode(), digest_size=6).hexdigest()}")
    embedder = load_embedder(source)
    with Engine(source.root, write=True, program="nocturne bench") as engine:
        engine.index([files]).result()
    home = Home(source.root.with_name(f"{source.root.name}-{passages}"))
    small = _opened(source, embedder)
    try:
        made_of, note = _fingerprint(small), home.root / "made-of"
        if not note.exists() or note.read_text() != made_of:
            copies.make(small, home.index_db, embedder, passages)
            note.write_text(made_of)
    finally:
        small.close()
    return source, home, embedder


def _opened(home: Home, embedder: Embedder) -> Database:
    database = schema.open_for_search(home.index_db, embedder)
    if database is None:
        raise EngineError("nothing_indexed")
    return database


def _fingerprint(small: Database) -> str:
    """Of all that decides what the copies are."""
    rows = small.execute("SELECT id, text_hash FROM passages ORDER BY id")
    whole = repr((rows, copies.SEED, copies.COSINE, schema.VERSION, vector_cache.VERSION))
    return blake2b(whole.encode(), digest_size=16).hexdigest()


# ---- what is asked -----------------------------------------------------------------------------


def _questions(small: Database, path: str | None) -> list[str]:
    """Up to `QUESTIONS` different ones, in an order that depends on the seed alone."""
    if path is not None:
        lines = [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines() if line]
        found = [str(line.get("question") or line.get("text") or "") for line in lines]
    else:
        bodies = small.execute("SELECT w.body FROM passages AS p JOIN words AS w ON w.rowid = p.id")
        lines_of = (line for (body,) in bodies for line in body.splitlines())
        found = [" ".join(_WORD.findall(line)[:LONGEST]) for line in lines_of]
    found = sorted(
        {text for text in found if len(_WORD.findall(text)) >= SHORTEST and match_expression(text)}
    )
    random.Random(copies.SEED).shuffle(found)
    if not found:
        raise EngineError("usage", detail=f"No question of {SHORTEST} words or more was found.")
    return found[:QUESTIONS]


# ---- what is measured --------------------------------------------------------------------------


def _measure(home: Home, known: Known, asked: Sequence[str]) -> list[Row]:
    import psutil

    process = psutil.Process()
    before = process.memory_full_info().uss
    database = _opened(home, known)
    try:
        count = vectors.count(database)
        near = {question: known.embed([question])[0] for question in asked}
        short = [question for question in asked if len(_WORD.findall(question)) <= LONGEST]

        def by_words(question: str) -> list[tuple[int, float]]:
            return words.best(database, match_expression(question) or "", search.CANDIDATES)

        def by_meaning(question: str) -> list[int]:
            with database.snapshot():
                return list(vector_cache.nearest(database, near[question], search.CANDIDATES))

        def whole(question: str) -> None:
            # As the answer worker does it, opening the index included.
            own = _opened(home, known)
            search.search(own, known, question, K)
            own.close()

        rows = [Row("passages", count, "")]
        goals = {"whole": 15.0 if count <= 100_000 else 50.0, "words": 40.0, "vectors": None}
        arms: dict[str, tuple[Callable[[str], object], Sequence[str]]] = {
            "words": (by_words, short or asked),
            "vectors": (by_meaning, asked),
            "whole": (whole, asked),
        }
        for name, (arm, questions) in arms.items():
            times = _times(arm, questions)
            rows += _speed(f"search, {name}", times, goals[name])
        private = process.memory_full_info().uss - before
        exact = asked[:EXACT_QUESTIONS]
        truth: dict[str, list[int]] = {}

        def exactly(question: str) -> None:
            found = vectors.nearest(database, near[question], K)
            truth[question] = [passage for passage, _ in found]

        plain = _times(exactly, exact, warm=1)
        rows += _speed("search, vectors exactly (sqlite-vec)", plain, None)
        hits = [len(set(by_meaning(question)[:K]) & set(truth[question])) / K for question in exact]
        goal = 0.98 if count <= 100_000 else 0.95
        recall = statistics.mean(hits)
        rows.append(
            Row(f"recall@{K} against exact", recall, "", f"at least {goal}", recall >= goal, plain=1.0)
        )
        rows.append(at_most("private memory of searching (USS)", private / 2**20, "MiB", 200))
        rows.append(Row("mapped from files beside", _mapped_bytes(home) / 2**20, "MiB"))
        return rows
    finally:
        database.close()


def _times(arm: Callable[[str], object], questions: Sequence[str], warm: int | None = None) -> list[float]:
    """Milliseconds for each question, after all, or `warm`, of them were asked once before."""
    for question in questions[:warm]:
        arm(question)
    times = []
    for question in questions:
        started = time.perf_counter()
        arm(question)
        times.append((time.perf_counter() - started) * 1000)
    return times


def _speed(name: str, times: Sequence[float], goal: float | None) -> list[Row]:
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]
    return [
        Row(f"{name}, median", statistics.median(times), "ms"),
        Row(f"{name}, p95", p95, "ms") if goal is None else at_most(f"{name}, p95", p95, "ms", goal),
    ]


def _mapped_bytes(home: Home) -> int:
    """Of the home's files, what this process has in memory and shares with the system's cache of files."""
    import psutil

    process = psutil.Process()
    if not hasattr(process, "memory_maps"):
        return 0
    root = str(home.root)
    return sum(part.rss for part in process.memory_maps(grouped=True) if part.path.startswith(root))
