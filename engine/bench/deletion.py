"""One file of many deleted, in each of the ways there are, and then sought in every file of the home."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from engine.api import Engine
from engine.bench import copies, corpus
from engine.bench.report import Row, at_most
from engine.documents.extract import Extract
from engine.documents.passages import PassageSpan
from engine.library import schema, vector_cache, vectors
from engine.models.embedder import Embedder
from engine.models.load import load_embedder
from engine.paths import Home

GOAL = 1.0  # seconds
_SENTENCES = 3  # of each of the many files
_TOGETHER = 50  # in one transaction
_TEXT = "Quarterly walrus inventory of the Zanzibar lighthouse cellar."


def rows(place: Path, files: int) -> list[Row]:
    """Write an index of `files` files, made once; add a file by `index`, and delete it, three times over.

    The many are written as the index worker writes them, their vectors drawn by lot; nothing searches them.
    """
    home = Home(place / str(files))
    embedder = load_embedder(home)
    note = home.root / "made-of"
    made_of = f"{files} {schema.VERSION} {vector_cache.VERSION} {embedder.id}"
    if not note.exists() or note.read_text() != made_of:
        _make(home, embedder, files)
        note.write_text(made_of)
    found: list[Row] = []
    with Engine(home.root, write=True, program="nocturne bench") as engine:

        def forget(path: Path) -> None:
            engine.forget(path).result()

        def remove(path: Path) -> None:
            engine.remove_folder(path.parent).result()

        def look(path: Path) -> None:
            path.unlink()
            engine.index([path.parent]).result()

        ways: dict[str, tuple[Callable[[Path], None], float | None]] = {
            "forget": (forget, GOAL),
            "folders remove": (remove, GOAL),
            "index, the file gone": (look, None),
        }
        for name, (delete, goal) in ways.items():
            # A folder for each, for what was forgotten in one stays away from it.
            path = place / f"by-{delete.__name__}" / "walrus.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(_TEXT, encoding="utf-8")
            engine.index([path if delete is forget else path.parent]).result()
            traces = _traces(home, path)
            written = len(sought(home.root, traces))
            started = time.perf_counter()
            delete(path)
            seconds = time.perf_counter() - started
            left = len(sought(home.root, traces))
            what = f"delete one file of {files}, {name}"
            found += [
                Row(what, seconds, "s") if goal is None else at_most(what, seconds, "s", goal),
                Row(f"its traces, of {written} before", left, "", "none", left == 0 < written),
            ]
        engine.remove_folder(path.parent).result()
    return found


def _make(home: Home, embedder: Embedder, files: int) -> None:
    import numpy as np

    schema.discard(home.index_db)
    dice, lots = random.Random(copies.SEED), np.random.default_rng(copies.SEED)
    database = schema.open_for_writing(home.index_db, embedder, lambda _event: None)
    for start in range(0, files, _TOGETHER):
        drawn = lots.standard_normal((_TOGETHER, embedder.dimensions), dtype=np.float32)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        with database.transaction():
            for number in range(start, min(start + _TOGETHER, files)):
                text = " ".join(corpus.sentence(dice) for _ in range(_SENTENCES))
                span = PassageSpan(0, len(text), None, (), "", 0)
                vector = drawn[number - start : number - start + 1]
                path = str(Path("/many", f"{number // 1000:03}", f"note-{number:06}.txt"))
                copies.write(database, path, Extract(text, (), "", "text@1", None, "text"), [span], vector)
    vector_cache.follow(database, lambda: None)
    database.checkpoint()
    database.close()


def _traces(home: Home, path: Path) -> list[bytes]:
    """The text of the file, and its vector in parts: SQLite spreads a long value over pages.

    Parts of nothing but zeros tell nothing.
    """
    database = schema.open_for_reading(home.index_db)
    assert database is not None
    rows = database.execute(
        "SELECT p.id FROM passages AS p JOIN documents AS d ON d.id = p.document WHERE d.path = ?",
        (str(path.resolve()),),
    )
    _, found = vectors.of(database, [passage for (passage,) in rows])
    database.close()
    vector = found.tobytes()
    parts = [vector[start : start + 256] for start in range(0, len(vector), 256)]
    return [_TEXT.encode(), *filter(any, parts)]


def sought(folder: Path, traces: Sequence[bytes]) -> set[bytes]:
    """Those of `traces` that any file at or below `folder` holds."""
    found: set[bytes] = set()
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            tail = b""
            while part := file.read(1 << 24):
                held = tail + part
                found.update(trace for trace in traces if trace not in found and trace in held)
                tail = held[-max(map(len, traces)) :]
    return found
