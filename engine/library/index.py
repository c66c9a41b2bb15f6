"""Brings index.db in step with folders: scan, then words file by file, then vectors, then text in pictures.

It may be killed at any moment. Each file's text and words are one transaction, each batch of vectors another,
and each page that is recognised, so the next run goes on where this one ended.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from engine.contracts import (
    Control,
    Event,
    FileDone,
    FolderRules,
    IndexSummary,
    Notice,
)
from engine.documents import formats, reader
from engine.library import carry, check, missing, preview, schema, summary, vector_cache, vectors, writer
from engine.library.intake import Intake, Reader, folder_of, reader_today
from engine.library.missing import is_below_any
from engine.library.progress import Meter
from engine.library.recognition import Recogniser, Recognition
from engine.library.scan import Entry, Scan, scan
from engine.library.writer import Known
from engine.models.embedder import Embedder
from engine.store.database import Database

# Pausing must work within 2 s, and a batch cannot be interrupted: 32 passages take about 1.2 s.
BATCH = 32
_WINDOW = 16 * BATCH  # passages sorted by length together, so that a batch needs little padding
_LARGE = 1_000_000  # bytes; larger files wait for the smaller ones
_LOOK = 1000  # rows of the ledger, compared in a few milliseconds
_TELLING = 2.0  # seconds of work until its rate says something about the machine
# What a scan sees without reading: once it no longer does, the file is read though it is the same.
_FROM_OUTSIDE = frozenset("ignored forgotten temporary cloud_only unreadable vanished".split())

T = TypeVar("T")


def index(
    database: Database,
    roots: Sequence[Path],
    embedder: Embedder,
    *,
    control: Control,
    emit: Callable[[Event], None],
    own: Path,
    rules: Mapping[str, FolderRules] | None = None,
    forgotten: Collection[str] = (),
    crashed: Mapping[str, int] | None = None,
    retry: bool | str = False,
    read: Reader = reader.read_all,
    recognise: Recogniser | None = None,
    now: Callable[[], float] = time.time,
    serving: Database | None = None,
) -> IndexSummary:
    """Index the folders and files `roots` (absolute paths).

    `own` is the home, never entered. `rules` say by root what is left out, `forgotten` which paths (by hash).
    `crashed` counts, by path, how often reading a file killed the process. `retry` reads again what was
    skipped or failed: everything, or what lies at or below one path. `read` yields a file and what lies in
    it, `recognise` also the text of its pictures; without it they wait. `now` is Unix time, which must go on
    between runs. `serving` is the index that `database` is to replace: it loses what is gone, and gets
    nothing new. Raises Cancelled from `control`, and EngineError
    from database and embedder; what was done stays done.
    """
    intake = Intake(database, embedder, read, crashed or {}, emit)
    with schema.diagnosed(database):
        run = _Run(database, embedder, intake, control, emit, crashed or {}, [str(root) for root in roots])
        if recognise:
            run.recognition = Recognition(database, intake, recognise, control, emit, crashed or {})
        return run.run(own, rules or {}, forgotten, retry, now(), serving)


def remove(
    database: Database, root: Path, keep: Sequence[Path] = (), look: Callable[[], None] = lambda: None
) -> int:
    """Forget a root and what was indexed from it, except what a root of `keep` holds too; how many files.

    `look` is called now and then, and may raise; then a part is done.
    """
    with schema.diagnosed(database):
        missing.forget(database, str(root))
        return _remove(database, root, keep, look)


def remove_from_copy(path: Path, root: Path, keep: Sequence[Path] = ()) -> int:
    """As `remove`, in a copy of an index that nobody has open."""
    database = schema.open_copy(path)
    try:
        with schema.diagnosed(database):
            return _remove(database, root, keep, lambda: None)
    finally:
        database.close()


def _remove(database: Database, root: Path, keep: Sequence[Path], look: Callable[[], None]) -> int:
    kept = [str(other) for other in keep]
    found = writer.known(database, [str(root)])
    doomed = [document.id for path, document in found if not is_below_any(path, kept)]
    writer.delete(database, doomed, look)
    database.execute("DELETE FROM roots WHERE path = ?", (str(root),))
    _purge(database)
    return len(doomed)


def keep_only(database: Database, roots: Sequence[Path], look: Callable[[], None] = lambda: None) -> None:
    """Remove every root that is not among `roots`: its removal was asked for, but cut short."""
    wanted = {str(root) for root in roots}
    for (path,) in database.execute("SELECT path FROM roots"):
        if path not in wanted:
            remove(database, Path(path), roots, look)


@dataclass(frozen=True, slots=True)
class _Task:
    entry: Entry
    known: Known | None


class _Run:
    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        intake: Intake,
        control: Control,
        emit: Callable[[Event], None],
        crashed: Mapping[str, int],
        roots: Sequence[str],
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._intake = intake
        self._control = control
        self._emit = emit
        self._crashed = crashed
        self._roots = roots
        self._began = time.monotonic()
        self.recognition: Recognition | None = None

    def run(
        self,
        own: Path,
        rules: Mapping[str, FolderRules],
        forgotten: Collection[str],
        retry: bool | str,
        now: float,
        serving: Database | None,
    ) -> IndexSummary:
        checked = check.begin(self._database, now)
        if checked.mended:
            self._emit(Notice("index_mended", {"rows": checked.mended}))
        vector_cache.mend(self._database)
        found = self._scan(own, rules, forgotten)
        also_removed, also_waiting = self._hand_over(serving, found, now) if serving else (0, {})
        # Nothing of a root that cannot be reached is touched; rows outside the roots are not looked at.
        ledger, settled = self._compare(found, retry)
        groups = missing.vanished(found, ledger)
        moved = self._move(found, ledger, groups, settled)
        removed, waiting = self._remove_vanished(found, ledger, groups, now)
        removed, waiting = max(removed, also_removed), {**waiting, **also_waiting}
        self._tell_vanished(found, waiting)
        tasks = self._plan(found, ledger, settled, retry)
        del ledger, settled, groups
        self._words(tasks)
        del tasks
        if self._intake.changed or removed or moved:
            _purge(self._database)
        self._meaning()
        self._recognise(found)
        rows = check.end(self._database)
        return replace(
            summary.of(self._database, found),
            seconds=round(time.monotonic() - self._began, 3),
            removed=removed,
            moved=moved,
            missing=sum(waiting.values()),
            mended=checked.mended,
            rows=rows,
        )

    # -- scan ------------------------------------------------------------------------------------

    def _scan(self, own: Path, rules: Mapping[str, FolderRules], forgotten: Collection[str]) -> Scan:
        meter = Meter("scan", 0, self._emit)
        known = {row[0]: row for row in self._database.execute("SELECT path, mounted, device FROM roots")}

        def visit(directory: str, found: int) -> None:
            self._control.check()
            meter.done = found
            meter.show_sometimes(directory)

        meter.show()
        found = scan(
            [Path(root) for root in self._roots],
            own,
            rules=rules,
            forgotten=forgotten,
            was_mounted=lambda root: root in known and bool(known[root][1]),
            visit=visit,
        )
        meter.done = len(found.entries)
        meter.show()
        for root in found.unavailable:
            if root in known and not known[root][1] and missing.is_gone(root, known[root][2]):
                found.gone.append(root)
            else:
                self._emit(Notice("folder_unavailable", {"path": root}))
        with self._database.transaction():
            self._database.many(
                "INSERT INTO roots VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET mounted = excluded.mounted, device = excluded.device",
                [(root, int(state), found.devices[root]) for root, state in found.mounted.items()],
            )
        return found

    # -- what is missing -------------------------------------------------------------------------

    def _move(
        self,
        found: Scan,
        ledger: dict[str, Known],
        groups: Mapping[str, list[str]],
        settled: Collection[str] = (),
    ) -> int:
        """Give files that were found elsewhere their new path, in the index and in `ledger`."""
        absent = {path: ledger[path] for paths in groups.values() for path in paths}
        if not absent:
            return 0
        new = [
            entry
            for path, entry in found.entries.items()
            if not entry.reason and path not in ledger and path not in settled
        ]
        moved = {}
        for known, old, entry in missing.moves(absent, new, self._control.check):
            writer.move(self._database, known.id, old, entry, folder_of(entry))
            moved[old] = ledger.pop(old)
            ledger[entry.path] = known.at(entry)
            self._emit(FileDone(entry.path, known.state))
        for paths in groups.values():
            paths[:] = [path for path in paths if path not in moved]
        return len(moved)

    def _remove_vanished(
        self, found: Scan, ledger: dict[str, Known], groups: Mapping[str, list[str]], now: float
    ) -> tuple[int, dict[str, int]]:
        """How many files were removed, and, by directory, how many are kept until a second look."""
        gone, waiting = missing.to_be_removed(self._database, groups, self._roots, now)
        writer.delete(self._database, [ledger.pop(path).id for path in gone], self._control.check)
        return len(gone), waiting

    def _hand_over(self, serving: Database, found: Scan, now: float) -> tuple[int, dict[str, int]]:
        """Follow in the index that serves what was moved, is gone, or is left out now; take over what only it
        can have. Nothing is added to it. What was removed, and what waits, as from `_remove_vanished`.
        """
        run = _Run(serving, self._embedder, self._intake, self._control, self._emit, {}, self._roots)
        with schema.diagnosed(serving):
            vector_cache.mend(serving)
            ledger = dict(writer.known(serving, (*found.mounted, *found.gone)))
            groups = missing.vanished(found, ledger)
            changed = run._move(found, ledger, groups)
            removed, waiting = run._remove_vanished(found, ledger, groups, now)
            for path, known in list(ledger.items()):
                entry = found.entries.get(path)
                if entry is not None and entry.reason and not run._is_settled(entry, known, False):
                    self._control.check()
                    writer.settle(serving, entry, entry.state, entry.reason, entry.detail)
                    del ledger[path]
                    changed += 1
            if changed or removed:
                _purge(serving)
            unread = carry.out_of_reach(serving, found, ledger)
        carry.take_over(serving, self._database, unread, self._control.check)
        return removed, waiting

    def _tell_vanished(self, found: Scan, waiting: Mapping[str, int]) -> None:
        for directory, files in waiting.items():
            self._emit(Notice("folder_missing_yet", {"path": directory, "files": files}))
        for root in found.gone:
            if root not in waiting:
                self._emit(Notice("folder_gone", {"path": root}))

    # -- words -----------------------------------------------------------------------------------

    def _compare(self, found: Scan, retry: bool | str) -> tuple[dict[str, Known], set[str]]:
        """What the ledger says of files that are not as it says, and the paths of all others.

        These are nearly all: of them no more is held.
        """
        ledger: dict[str, Known] = {}
        settled: set[str] = set()
        outdated = writer.holding_outdated(self._database)
        unread = writer.holding_unread(self._database) if retry else set[int]()
        rows = writer.known(self._database, (*found.mounted, *found.gone))
        for number, (path, known) in enumerate(rows):
            if number % _LOOK == 0:
                self._control.check()
            if known.id in outdated or (known.id in unread and _is_again(path, retry)):
                known = replace(known, reader="")  # it is read again, though it is the same
            entry = found.entries.get(path)
            if entry is not None and self._is_settled(entry, known, retry):
                settled.add(entry.path)
            else:
                ledger[path] = known
        return ledger, settled

    def _plan(
        self, found: Scan, ledger: Mapping[str, Known], settled: Collection[str], retry: bool | str
    ) -> list[_Task]:
        """What must be read: harmless, small and recent files first, the roots in turn.

        Until then new files show as waiting.
        """
        changed = [
            _Task(entry, known)
            for path, entry in found.entries.items()
            if path not in settled and not self._is_settled(entry, known := ledger.get(path), retry)
        ]
        for part in writer.parts([task for task in changed if task.entry.reason], self._control.check):
            with self._database.transaction():
                for task in part:
                    entry = task.entry
                    self._intake.settle(entry, task.known, entry.state, entry.reason, entry.detail)
        tasks = [task for task in changed if not task.entry.reason]
        new = [task.entry for task in tasks if task.known is None]
        for entries in writer.parts(new, self._control.check):
            with self._database.transaction():
                writer.expect(self._database, entries)
        tasks.sort(key=lambda task: -task.entry.mtime_ns)
        return _in_turn(
            tasks,
            lambda task: (self._crashed.get(task.entry.path, 0), task.entry.size > _LARGE),
            lambda task: task.entry.root,
        )

    @staticmethod
    def _is_settled(entry: Entry, known: Known | None, retry: bool | str) -> bool:
        """Whether the ledger already says all that reading the file would."""
        if known is None or known.state == "waiting":
            return False
        unchanged = (entry.size, entry.mtime_ns, entry.inode) == (known.size, known.mtime_ns, known.inode)
        if entry.reason:
            # A file moved to the cloud, or one that may not be looked at just now, is as it was.
            is_hidden = entry.reason == "unreadable" or (entry.reason == "cloud_only" and unchanged)
            same = (known.reason, known.detail) == (entry.reason, entry.detail)
            return same or (known.has_text and is_hidden)
        if known.has_text:
            return unchanged and formats.is_current(known.reader)
        if known.reason in _FROM_OUTSIDE:
            return False
        return unchanged and not _is_again(entry.path, retry) and known.reader == reader_today(entry)

    def _words(self, tasks: Sequence[_Task]) -> None:
        meter = Meter("words", len(tasks), self._emit)
        spent = 0.0
        for task in tasks:
            self._control.check()
            # Named before it is touched: if this process dies now, the supervisor knows of which file.
            meter.show(task.entry.path)
            began = time.monotonic()
            self._intake.take(task.entry, task.known, partial(self._look, meter, task.entry.path))
            spent += time.monotonic() - began
            meter.done += 1
        meter.show()
        if spent > _TELLING:
            preview.remember(self._database, files=len(tasks) / spent)

    def _look(self, meter: Meter, path: str) -> None:
        """In the middle of a file that holds many."""
        self._control.check()
        meter.show_sometimes(path)

    # -- meaning ---------------------------------------------------------------------------------

    def _meaning(self) -> None:
        row = self._database.one("SELECT count(*) FROM passages WHERE embedded = 0")
        meter = Meter("meaning", int(row[0]) if row else 0, self._emit)
        meter.show()
        spent = 0.0
        vector_cache.follow(self._database, self._control.check)
        for window in self._pending():
            window.sort(key=lambda passage: len(passage[2]))
            for start in range(0, len(window), BATCH):
                self._control.check()
                began = time.monotonic()
                self._embed(window[start : start + BATCH])
                spent += time.monotonic() - began
                meter.done += len(window[start : start + BATCH])
                meter.show_sometimes()
            vector_cache.follow(self._database, self._control.check)
        meter.show()
        if spent > _TELLING:
            preview.remember(self._database, passages=meter.done / spent)

    def _pending(self) -> Iterator[list[tuple[int, int, str]]]:
        """Windows of (passage, document, text to embed) without a vector: newest documents first, the roots
        in turn.
        """
        window: list[tuple[int, int, str]] = []
        waiting = self._database.each(
            "SELECT id, path FROM documents WHERE id IN (SELECT document FROM passages WHERE embedded = 0)"
            " ORDER BY mtime_ns DESC, id DESC"
        )
        documents = [(document, self._root_of(path)) for document, path in waiting]
        for document, _root in _in_turn(documents, lambda _: (), lambda row: row[1]):
            after = -1
            while rows := self._database.execute(
                "SELECT p.ordinal, p.id, p.document, p.header || char(10) || w.body"
                " FROM passages AS p JOIN words AS w ON w.rowid = p.id"
                " WHERE p.document = ? AND p.ordinal > ? AND p.embedded = 0 ORDER BY p.ordinal LIMIT ?",
                (document, after, _WINDOW - len(window)),
            ):
                after = rows[-1][0]
                window += [(passage, owner, text) for _, passage, owner, text in rows]
                if len(window) == _WINDOW:
                    yield window
                    window = []
        if window:
            yield window

    def _root_of(self, path: str) -> str:
        return next((root for root in self._roots if is_below_any(path, (root,))), "")

    def _embed(self, batch: Sequence[tuple[int, int, str]]) -> None:
        found = self._embedder.embed([text for _, _, text in batch])
        with self._database.transaction():
            ids = [passage for passage, _, _ in batch]
            vectors.add(self._database, ids, found)
            vector_cache.append(self._database, ids, found)
            writer.mark_meaning(self._database, {document for _, document, _ in batch})

    # -- text in pictures ------------------------------------------------------------------------

    def _recognise(self, found: Scan) -> None:
        """Last of all, since a page takes seconds."""
        files = 0
        for _path in self.recognition.run(found.entries) if self.recognition else ():
            self._meaning()
            files += 1
        if files:
            _purge(self._database)


def _is_again(path: str, retry: bool | str) -> bool:
    return retry is True or (isinstance(retry, str) and is_below_any(path, (retry,)))


def _in_turn(
    items: Iterable[T], class_of: Callable[[T], tuple[int, ...]], group_of: Callable[[T], str]
) -> list[T]:
    """By class; within one the groups take turns, so that no large one starves a small one.

    What belongs to one group stays in its order.
    """
    turns: Counter[tuple[object, ...]] = Counter()
    ranked = []
    for item in items:
        key = (class_of(item), group_of(item))
        ranked.append((class_of(item), turns[key], item))
        turns[key] += 1
    return [item for *_rank, item in sorted(ranked, key=lambda row: row[:2])]


def _purge(database: Database) -> None:
    """Make deleted text leave the files: SQLite keeps it in the log until then."""
    vector_cache.erase(database)
    database.checkpoint()
    schema.forget_damaged(database.path)
