"""What a run found, counted from the ledger. Rows are counted as they come: nothing is held for each file."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence

from engine.contracts import FileReport, IndexSummary
from engine.library.missing import is_below_any
from engine.library.scan import Scan
from engine.library.writer import below
from engine.store.database import Database

_PROBLEMS = 200  # files that are named; the ledger has them all


def of(database: Database, found: Scan) -> IndexSummary:
    """Of the files of the scan `found`, and all that lies in files below its roots; no time has passed."""
    # None twice: a root may lie in another.
    roots = [root for root in found.mounted if not is_below_any(root, found.mounted.keys() - {root})]
    states: Counter[str] = Counter()
    passages = redacted = children = 0
    for condition, params in map(below, roots):
        for path, state, cut, hidden in database.each(
            f"SELECT path, state, passages, redacted FROM documents WHERE parent IS NULL AND {condition}",
            params,
        ):
            if path in found.entries:
                states[state] += 1
                passages += cut
                redacted += hidden
        for members, cut, hidden in database.execute(
            "SELECT count(*), ifnull(sum(passages), 0), ifnull(sum(redacted), 0) FROM documents"
            f" WHERE parent IS NOT NULL AND {condition}",
            params,
        ):
            children += members
            passages += cut
            redacted += hidden
    return IndexSummary(
        files=len(found.entries),
        indexed=states["words"] + states["meaning"],
        skipped=states["skipped"],
        failed=states["failed"],
        children=children,
        passages=passages,
        seconds=0.0,
        redacted=redacted,
        problems=tuple(heapq.nsmallest(_PROBLEMS, _problems(database, found, roots), key=_failed_first)),
    )


def _problems(database: Database, found: Scan, roots: Sequence[str]) -> Iterator[FileReport]:
    for condition, params in map(below, roots):
        for path, state, reason, detail, time in database.each(
            "SELECT path, state, reason, detail, indexed_at FROM documents"
            f" WHERE parent IS NULL AND state IN ('skipped', 'failed') AND {condition}",
            params,
        ):
            if path in found.entries:
                yield FileReport(path, state, reason, detail, time)


def _failed_first(report: FileReport) -> tuple[bool, str]:
    return report.state != "failed", report.path
