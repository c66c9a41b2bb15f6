"""`nocturne bench reading`: what is read of each file of a folder, beside its reader's library used bare.

Ours is read as the index worker does it, in the reading process and within its limits. The plain arm runs in
a process of its own too, for libraries crash and hang. Compared are the words: F1 of the two bags of them.
"""

from __future__ import annotations

import json
import multiprocessing
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.bench import bare_text, report
from engine.bench.report import Row
from engine.documents.extract import Extract
from engine.errors import REASONS
from engine.library.scan import scan
from engine.paths import Home, find_home
from engine.workers.reading import ReaderProcess

ENOUGH = 50  # characters that the plain arm must get for a file to count
ALIKE = 0.9  # F1 from which on a file was read as well
_SECONDS = 60.0  # for the plain arm
_WORST = 20  # files that are named

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Compared:
    """One file. `reason` says why ours has no text, `f1` is None where there is nothing to compare with."""

    path: str
    kind: str
    reason: str = ""
    f1: float | None = None

    @property
    def is_alike(self) -> bool:
        return self.f1 is not None and self.f1 >= ALIKE


def run(chosen_home: str | None, as_json: bool, folder: Path) -> int:
    """Read all files below `folder` that indexing would read, print the table, return 0."""
    home = Home(find_home(chosen_home).bench / "reading")
    found = list(_compared(home, folder))
    if as_json:
        named = [asdict(one) for one in _worst(found)]
        print(json.dumps({**report.as_json("reading", rows(found)), "worst": named}), flush=True)
        return 0
    report.show("reading", rows(found), False)
    if worst := _worst(found):
        print("\n| least alike | F1 | reason |\n|---|---|---|")
        for one in worst:
            print(f"| {one.path} | {one.f1:.2f} | {one.reason} |")
    return 0


def rows(found: Sequence[Compared]) -> list[Row]:
    """Shares over all files, and by kind over those that can be compared."""
    compared = [one for one in found if one.f1 is not None]
    reasons = Counter(one.reason for one in found if one.reason)
    unnamed = sum(count for reason, count in reasons.items() if reason not in REASONS)
    unknown = 100 * reasons["unknown"] / max(1, len(found))
    alike = _share(compared)
    table = [
        Row("files", len(found), ""),
        Row(f"F1 of {ALIKE} or more, of {len(compared)} files", alike, "%", "at least 97 %", alike >= 97),
        Row("skipped or failed without a code of the list", unnamed, "files", "none", not unnamed),
        Row("unknown", unknown, "%", "at most 1 %", unknown <= 1),
    ]
    for kind in sorted({one.kind for one in compared}):
        some = [one for one in compared if one.kind == kind]
        table.append(Row(f"F1 of {ALIKE} or more, {kind}, of {len(some)}", _share(some), "%"))
    return [
        *table,
        *(Row(f"left out: {reason}", count, "files") for reason, count in sorted(reasons.items())),
    ]


def f1(ours: str, plain: str) -> float:
    """Of the words of two texts, each as often as it occurs, whatever their order and case."""
    mine, theirs = (Counter(_WORD.findall(text.casefold())) for text in (ours, plain))
    both = (mine & theirs).total()
    return 2 * both / (mine.total() + theirs.total()) if both else 0.0


def _share(some: Sequence[Compared]) -> float:
    return 100 * sum(one.is_alike for one in some) / len(some) if some else 0.0


def _worst(found: Sequence[Compared]) -> list[Compared]:
    bad = [one for one in found if one.f1 is not None and not one.is_alike]
    return sorted(bad, key=lambda one: (one.f1 or 0.0, one.path))[:_WORST]


def _compared(home: Home, folder: Path) -> Iterator[Compared]:
    ours = ReaderProcess(home)
    try:
        with _plain() as plain:
            for entry in sorted(scan([folder], home.root).entries.values(), key=lambda entry: entry.path):
                path = Path(entry.path)
                name, kind = path.relative_to(folder).as_posix(), path.suffix.lower().lstrip(".") or "none"
                if entry.reason:
                    yield Compared(name, kind, entry.reason)
                    continue
                result = next(ours.read_all(path)).result
                reason = "" if isinstance(result, Extract) else result.reason
                expected = plain(path) or ""
                if len("".join(expected.split())) < ENOUGH:
                    yield Compared(name, kind, reason)
                elif isinstance(result, Extract):
                    yield Compared(name, kind, "", f1(result.text, expected))
                else:
                    yield Compared(name, kind, reason, 0.0)
    finally:
        ours.close()


@contextmanager
def _plain() -> Iterator[Callable[[Path], str | None]]:
    """`bare_text.text` in a process of its own; None also for what it cannot read in time."""
    context = multiprocessing.get_context("spawn")
    pool = context.Pool(1)

    def text(path: Path) -> str | None:
        nonlocal pool
        try:
            return pool.apply_async(bare_text.text, (path,)).get(_SECONDS)
        except multiprocessing.TimeoutError:  # also where the process ended: nobody else says so
            pool.terminate()
            pool = context.Pool(1)
            return None
        except Exception:  # of any library: the plain arm has no text then
            return None

    try:
        yield text
    finally:
        pool.terminate()
        pool.join()
