"""What nights keep of a file that is to be forgotten: rows.db, and the run folders with what they copied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os.path import sep
from pathlib import Path
from typing import TypeVar

from engine.library import index
from engine.personalize import rows
from engine.personalize.evaluate import Outcome, Probe
from engine.personalize.run_folder import RunFolder

T = TypeVar("T")
Gone = Callable[[str], bool]


def at_or_below(root: str, keep: Sequence[str] = ()) -> Gone:
    """Whether a path is `root`, lies below it or is a member of it, and of none of `keep`."""

    def within(path: str, top: str) -> bool:
        return path == top or path.startswith((top.rstrip(sep) + sep, top + "!/"))

    return lambda path: within(path, root) and not any(within(path, other) for other in keep)


def holds(run: RunFolder, gone: Gone) -> bool:
    """Whether the night chose a passage of such a file."""
    return run.lessons.exists() and any(gone(lesson.path) for lesson in rows.read_lessons(run.lessons))


def remove_copies(run: RunFolder, root: Path, keep: Sequence[str], is_over: bool) -> None:
    """Take `root` out of the copy of the index; a night that is over needs none of it."""
    if is_over:
        for suffix in ("", "-wal", "-shm"):
            run.passages.with_name(run.passages.name + suffix).unlink(missing_ok=True)
    elif run.passages.exists():
        index.remove_from_copy(run.passages, root, [Path(other) for other in keep])


def learned(run: RunFolder, gone: Gone) -> bool:
    """Whether the night trained on a row of such a file."""
    return run.rows.exists() and any(
        gone(row.path) and row.split == "train" for row in rows.read_rows(run.rows)
    )


def remove_rows(run: RunFolder, gone: Gone) -> None:
    """Delete passages, rows, questions and answers of such files. Passages last: by them a night `holds`."""
    if not run.record.exists():
        return
    doomed: set[str] = set()
    if run.rows.exists():
        doomed = {row.id for row in rows.read_rows(run.rows) if gone(row.path)}
    _without(run.tokens, rows.TokenRow, lambda row: row.row in doomed)
    _without(run.rows, rows.Row, lambda row: row.id in doomed)
    _without(run.outcomes, Outcome, lambda outcome: gone(outcome.document))
    _without(run.probes, Probe, lambda probe: gone(probe.document))
    plan = run.read().get("plan", {})
    if any(map(gone, plan.get("used", {}))):
        run.update(plan={**plan, "used": {path: n for path, n in plan["used"].items() if not gone(path)}})
    _without(run.lessons, rows.Lesson, lambda lesson: gone(lesson.path))


def _without(path: Path, kind: type[T], is_doomed: Callable[[T], bool]) -> None:
    if not path.exists():
        return
    found = list(rows.read_lines(path, kind))
    kept = [item for item in found if not is_doomed(item)]
    if len(kept) < len(found):
        rows.write_lines(path, kept)
