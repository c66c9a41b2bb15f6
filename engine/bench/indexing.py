"""How fast a folder is indexed, beside the bare embedder on the same texts in the same batches."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.api import Engine
from engine.bench import corpus
from engine.bench.report import Row
from engine.contracts import FileDone, Progress
from engine.errors import Cancelled, EngineError
from engine.library import index, schema
from engine.library.writer import below
from engine.models.embedder import Embedder
from engine.models.load import load_embedder
from engine.paths import Home

ROUNDS = 3
FILES = 24  # of each round
WORD_FILES = 1_000  # more than the first ten seconds are to take in
PARAGRAPHS = 27  # of a file: 10 KB
FIRST = 10.0  # seconds

_WINDOW = 16 * index.BATCH  # passages that indexing sorts by length together


def rows(place: Path, folder: Path | None) -> list[Row]:
    """Throughput of whole runs over invented folders, or one run over `folder`; then of words alone."""
    shutil.rmtree(place, ignore_errors=True)
    home = Home(place / "home")
    embedder = load_embedder(home)
    with Engine(home.root, write=True, program="nocturne bench") as engine:
        corpus.write(place / "first", 2, seed=99)
        engine.index([place / "first"]).result()  # the worker is running, its model loaded
        both = [_both(engine, home, embedder, files) for files in _folders(place, folder)]
        found = _throughput(both)
        if folder is None:
            corpus.write(place / "words", WORD_FILES, PARAGRAPHS, seed=7)
        found += _words(engine, home, folder or place / "words", is_new=folder is None)
    return found


def _folders(place: Path, folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    for number in range(ROUNDS):
        files = place / f"files-{number}"
        corpus.write(files, FILES, PARAGRAPHS, seed=number + 1)
        yield files


# ---- throughput --------------------------------------------------------------------------------


def _both(engine: Engine, home: Home, embedder: Embedder, folder: Path) -> tuple[float, float]:
    """Passages a second of one run, from the call to its result, and of the bare embedder right after it."""
    started = time.perf_counter()
    engine.index([folder]).result()
    ours = time.perf_counter() - started
    batches = list(_batches(home, folder))
    embedder.embed(batches[0])
    started = time.perf_counter()
    for batch in batches:
        embedder.embed(batch)
    plain = time.perf_counter() - started
    count = sum(map(len, batches))
    return count / ours, count / plain


def _batches(home: Home, folder: Path) -> Iterator[Sequence[str]]:
    """The texts that were embedded, as `index` groups them. Raises EngineError("usage") if there are none."""
    condition, params = below(str(folder.resolve()))
    database = schema.open_for_reading(home.index_db)
    assert database is not None
    texts: list[str] = [
        text
        for (text,) in database.execute(
            "SELECT p.header || char(10) || w.body FROM documents AS d"
            " JOIN passages AS p ON p.document = d.id JOIN words AS w ON w.rowid = p.id"
            f" WHERE {condition} ORDER BY d.mtime_ns DESC, d.id DESC, p.ordinal",
            params,
        )
    ]
    database.close()
    if not texts:
        raise EngineError("usage", detail=f"{folder} holds no text.")
    for start in range(0, len(texts), _WINDOW):
        window = sorted(texts[start : start + _WINDOW], key=len)
        for at in range(0, len(window), index.BATCH):
            yield window[at : at + index.BATCH]


def _throughput(both: Sequence[tuple[float, float]]) -> list[Row]:
    ratios = [ours / plain for ours, plain in both]
    ratio = statistics.median(ratios)
    ours, plain = (statistics.median(side) for side in zip(*both, strict=True))
    return [
        Row("indexing, whole runs", ours, "passages/s", plain=plain),
        Row(
            "indexing, ratio to the bare embedder",
            ratio,
            "x",
            "at least 0.85",
            ratio >= 0.85,
            spread=(min(ratios), max(ratios)),
        ),
    ]


# ---- words -------------------------------------------------------------------------------------


def _words(engine: Engine, home: Home, folder: Path, *, is_new: bool) -> list[Row]:
    """Files and rows a second that are committed to the index of words, from the call on."""
    if not is_new:
        engine.remove_folder(folder).result()
    times: list[float] = []
    started = time.perf_counter()
    job = engine.index([folder])
    for event in job.events():
        if isinstance(event, FileDone) and event.state in {"words", "meaning"}:
            times.append(time.perf_counter() - started)
        elif isinstance(event, Progress) and event.phase == "meaning":
            break
    job.cancel()
    with contextlib.suppress(Cancelled):
        job.result()
    count, size = _committed(home, folder)
    rate = len(times) / times[-1]
    first = min(FIRST, times[-1])
    early = sum(at <= first for at in times) / first
    size /= max(1, len(times)) * 1000
    return [
        Row(f"words committed, files of {size:.1f} KB", rate, "files/s", "at least 20 files/s", rate >= 20),
        Row(f"the same in the first {first:.3g} s", early, "files/s", "at least 20 files/s", early >= 20),
        Row("rows of the index of words committed", count / times[-1], "rows/s"),
    ]


def _committed(home: Home, folder: Path) -> tuple[int, float]:
    """Rows of words of what lies in `folder`, and the bytes of its files that were read."""
    condition, params = below(str(folder.resolve()))
    database = schema.open_for_reading(home.index_db)
    assert database is not None
    ((count, size),) = database.execute(
        "SELECT (SELECT count(*) FROM documents AS d JOIN passages AS p ON p.document = d.id"
        f" JOIN words AS w ON w.rowid = p.id WHERE {condition}),"
        f" (SELECT sum(size) FROM documents WHERE passages AND parent IS NULL AND {condition})",
        (*params, *params),
    )
    database.close()
    return int(count), float(size or 0)
