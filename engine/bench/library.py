"""`nocturne bench library`: how fast a library is searched, made, taken back and resumed, and in what memory.

The parts are independent of each other; each works below HOME/bench/library.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.bench import deletion, indexing, large, report, restart, searching
from engine.bench.report import Row
from engine.paths import find_home


@dataclass(frozen=True)
class Wanted:
    """What `bench library` was asked for: paths of files and questions (None: invented), and sizes."""

    folder: Path | None
    questions: str | None
    passages: int
    files: int


PARTS: dict[str, Callable[[Path, Wanted], list[Row]]] = {
    "search": lambda place, wanted: searching.rows(place, wanted.folder, wanted.questions, wanted.passages),
    "indexing": lambda place, wanted: indexing.rows(place, wanted.folder),
    "memory": lambda place, wanted: large.rows(place),
    "deletion": lambda place, wanted: deletion.rows(place, wanted.files),
    "restart": lambda place, wanted: restart.rows(place, wanted.files),
}


def run(chosen_home: str | None, as_json: bool, wanted: Wanted, part: str | None = None) -> int:
    """Measure one part, or all; print the table, return 0: a goal that is missed is a result."""
    place = find_home(chosen_home).bench / "library"
    names = [part] if part else list(PARTS)
    rows = [row for name in names for row in PARTS[name](place / name, wanted)]
    report.show(" ".join(("library", *filter(None, [part]))), rows, as_json)
    return 0
