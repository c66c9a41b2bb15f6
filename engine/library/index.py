"""Brings index.db in step with folders: scan, then words file by file, then vectors in the background.

It may be killed at any moment. Each file's text and words are one transaction, each batch of vectors another,
so the next run goes on where this one ended.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.contracts import Control, Event, FileDone, FileReport, FileState, IndexSummary, Notice
from engine.documents import formats, passages, reader
from engine.documents.extract import Extract, Unreadable
from engine.library import schema, vector_cache, vectors, writer
from engine.library.progress import Meter
from engine.library.scan import Entry, Scan, scan
from engine.library.writer import Known, below
from engine.models.embedder import Embedder
from engine.store.database import Database

QUARANTINE = 2  # crashes of the reading process on one file
# Pausing must work within 2 s, and a batch cannot be interrupted: 32 passages take about 1.2 s.
BATCH = 32
_WINDOW = 16 * BATCH  # passages sorted by length together, so that a batch needs little padding
_LARGE = 1_000_000  # bytes; larger files wait for the smaller ones
_PROBLEMS = 200  # rows in the summary; the ledger has them all


def index(
    database: Database,
    roots: Sequence[Path],
    embedder: Embedder,
    *,
    control: Control,
    emit: Callable[[Event], None],
    own: Path,
    crashed: Mapping[str, int] | None = None,
    retry: bool | str = False,
) -> IndexSummary:
    """Index the folders and files `roots` (absolute paths).

    `own` is the home, never entered. `crashed` counts, by path, how often reading a file killed the process.
    `retry` reads again what was skipped or failed: everything, or what lies at or below one path. Raises
    Cancelled from `control`, and EngineError from database and embedder; what was done stays done.
    """
    with schema.diagnosed(database):
        return _Run(database, embedder, control, emit, crashed or {}).run(roots, own, retry)


def remove(database: Database, root: Path, keep: Sequence[Path] = ()) -> int:
    """Forget a root and what was indexed from it, except what a root of `keep` holds too; how many files."""
    with schema.diagnosed(database):
        kept = {path for other in keep for path in writer.known(database, [str(other)])}
        found = writer.known(database, [str(root)])
        doomed = [document.id for path, document in found.items() if path not in kept]
        writer.delete(database, doomed)
        database.execute("DELETE FROM roots WHERE path = ?", (str(root),))
        _purge(database)
        return len(doomed)


def remove_from_copy(path: Path, root: Path, keep: Sequence[Path] = ()) -> int:
    """As `remove`, in a copy of an index that nobody has open."""
    database = schema.open_copy(path)
    try:
        return remove(database, root, keep)
    finally:
        database.close()


def keep_only(database: Database, roots: Sequence[Path]) -> None:
    """Remove every root that is not among `roots`: its removal was asked for, but cut short."""
    wanted = {str(root) for root in roots}
    for (path,) in database.execute("SELECT path FROM roots"):
        if path not in wanted:
            remove(database, Path(path), roots)


@dataclass(frozen=True, slots=True)
class _Task:
    entry: Entry
    known: Known | None


class _Run:
    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        control: Control,
        emit: Callable[[Event], None],
        crashed: Mapping[str, int],
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._control = control
        self._emit = emit
        self._crashed = crashed
        self._began = time.monotonic()
        self._dirty = False

    def run(self, roots: Sequence[Path], own: Path, retry: bool | str) -> IndexSummary:
        vector_cache.mend(self._database)
        found = self._scan(roots, own)
        # Nothing of a root that cannot be reached is touched; rows outside the roots are not looked at.
        ledger = writer.known(self._database, found.mounted)
        removed = self._remove_vanished(found, ledger)
        tasks = self._plan(found, ledger, retry)
        self._words(tasks)
        if self._dirty:
            _purge(self._database)
        self._meaning()
        return self._summary(found, removed)

    # -- scan ------------------------------------------------------------------------------------

    def _scan(self, roots: Sequence[Path], own: Path) -> Scan:
        meter = Meter("scan", 0, self._emit)
        mounted: dict[str, int] = dict(self._database.execute("SELECT path, mounted FROM roots"))

        def visit(directory: str, found: int) -> None:
            self._control.check()
            meter.done = found
            meter.show_sometimes(directory)

        meter.show()
        found = scan(roots, own, was_mounted=lambda root: bool(mounted.get(root)), visit=visit)
        meter.done = len(found.entries)
        meter.show()
        for root in found.unavailable:
            self._emit(Notice("folder_unavailable", {"path": root}))
        with self._database.transaction():
            self._database.many(
                "INSERT INTO roots VALUES (?, ?) ON CONFLICT DO UPDATE SET mounted = excluded.mounted",
                [(root, int(state)) for root, state in found.mounted.items()],
            )
        return found

    def _remove_vanished(self, found: Scan, ledger: dict[str, Known]) -> int:
        unread = tuple(found.unread)
        vanished = [path for path in ledger if path not in found.entries and not _is_below_any(path, unread)]
        writer.delete(self._database, [ledger.pop(path).id for path in vanished])
        self._dirty |= bool(vanished)
        return len(vanished)

    def _plan(self, found: Scan, ledger: dict[str, Known], retry: bool | str) -> list[_Task]:
        """What must be read: harmless, small and recent files first. Until then new files show as waiting."""
        tasks = []
        with self._database.transaction():
            for entry in found.entries.values():
                known = ledger.get(entry.path)
                if self._is_settled(entry, known, retry):
                    continue
                if entry.reason:
                    self._settle(entry, known, entry.state, entry.reason, entry.detail)
                    continue
                tasks.append(_Task(entry, known))
                if known is None:
                    writer.settle(self._database, entry, "waiting")
        tasks.sort(
            key=lambda task: (
                self._crashed.get(task.entry.path, 0), task.entry.size > _LARGE, -task.entry.mtime_ns
            )
        )  # fmt: skip
        return tasks

    @staticmethod
    def _is_settled(entry: Entry, known: Known | None, retry: bool | str) -> bool:
        """Whether the ledger already says all that reading the file would."""
        if known is None or known.state == "waiting":
            return False
        unchanged = (entry.size, entry.mtime_ns, entry.inode) == (known.size, known.mtime_ns, known.inode)
        if entry.reason:
            # A file moved to the cloud, or one that may not be looked at just now, is as it was.
            is_hidden = entry.reason == "unreadable" or (entry.reason == "cloud_only" and unchanged)
            return known.reason == entry.reason or (known.has_text and is_hidden)
        if known.has_text:
            return unchanged and formats.is_current(known.reader)
        again = retry is True or (isinstance(retry, str) and _is_below_any(entry.path, (retry,)))
        return unchanged and not again and known.reader == _reader_today(entry)

    # -- words -----------------------------------------------------------------------------------

    def _words(self, tasks: Sequence[_Task]) -> None:
        meter = Meter("words", len(tasks), self._emit)
        for task in tasks:
            self._control.check()
            # Named before it is touched: if this process dies now, the supervisor knows of which file.
            meter.show(task.entry.path)
            self._file(task.entry, task.known)
            meter.done += 1
        meter.show()

    def _file(self, entry: Entry, known: Known | None) -> None:
        if self._crashed.get(entry.path, 0) >= QUARANTINE:
            self._settle(entry, known, "failed", "crashed_reader")
            return
        try:
            path = Path(entry.path)
            entry, sha256 = _look_again(entry, path), ""
            if known is not None and known.has_text:
                sha256 = _sha256(path)
                if sha256 == known.sha256 and formats.is_current(known.reader):
                    writer.touch(self._database, known.id, entry)
                    return
            extract = reader.read(path)
            sha256 = sha256 or _sha256(path)
            if _look_again(entry, path) != entry:
                # It was written while it was read: what was read is shown, and the next run reads it again.
                sha256 = ""
        except Unreadable as problem:
            state: FileState = "failed" if problem.reason in _FAILURES else "skipped"
            self._settle(entry, known, state, problem.reason, problem.detail)
        except OSError as error:
            reason = "vanished" if isinstance(error, FileNotFoundError) else "unreadable"
            self._settle(entry, known, "failed", reason, error.strerror or "")
        else:
            self._write(entry, known, extract, sha256)

    def _write(self, entry: Entry, known: Known | None, extract: Extract, sha256: str) -> None:
        folder = _folder(entry)
        spans = passages.cut(
            extract,
            name=Path(entry.path).stem,
            folder=folder,
            count_tokens=self._embedder.count_tokens,
            window=self._embedder.window,
        )
        if not sha256:
            entry = Entry(entry.path, entry.root, -1)
        state = writer.write(self._database, entry, extract, spans, sha256=sha256, folder=folder)
        self._dirty |= known is not None and known.has_text
        self._emit(FileDone(entry.path, state))

    def _settle(
        self, entry: Entry, known: Known | None, state: FileState, reason: str, detail: str = ""
    ) -> None:
        writer.settle(self._database, entry, state, reason, detail, _reader_today(entry))
        self._dirty |= known is not None and known.has_text
        self._emit(FileDone(entry.path, state, reason))

    # -- meaning ---------------------------------------------------------------------------------

    def _meaning(self) -> None:
        row = self._database.one("SELECT count(*) FROM passages WHERE embedded = 0")
        meter = Meter("meaning", int(row[0]) if row else 0, self._emit)
        meter.show()
        vector_cache.follow(self._database, self._control.check)
        for window in self._pending():
            window.sort(key=lambda passage: len(passage[2]))
            for start in range(0, len(window), BATCH):
                self._control.check()
                self._embed(window[start : start + BATCH])
                meter.done += len(window[start : start + BATCH])
                meter.show_sometimes()
            vector_cache.follow(self._database, self._control.check)
        meter.show()

    def _pending(self) -> Iterator[list[tuple[int, int, str]]]:
        """Windows of (passage, document, text to embed) without a vector, newest documents first."""
        window: list[tuple[int, int, str]] = []
        documents = self._database.execute(
            "SELECT id FROM documents WHERE id IN (SELECT document FROM passages WHERE embedded = 0)"
            " ORDER BY mtime_ns DESC, id DESC"
        )
        for (document,) in documents:
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

    def _embed(self, batch: Sequence[tuple[int, int, str]]) -> None:
        found = self._embedder.embed([text for _, _, text in batch])
        with self._database.transaction():
            ids = [passage for passage, _, _ in batch]
            vectors.add(self._database, ids, found)
            vector_cache.append(self._database, ids, found)
            writer.mark_meaning(self._database, {document for _, document, _ in batch})

    # -- the end ---------------------------------------------------------------------------------

    def _summary(self, found: Scan, removed: int) -> IndexSummary:
        states: Counter[str] = Counter()
        totals: Counter[str] = Counter()
        problems: list[FileReport] = []
        for path, state, reason, detail, cut, redacted in self._rows(found):
            if path not in found.entries:
                continue
            states[state] += 1
            totals.update(passages=cut, redacted=redacted)
            if state in {"skipped", "failed"}:
                problems.append(FileReport(path, state, reason, detail))
        problems.sort(key=lambda report: (report.state != "failed", report.path))
        return IndexSummary(
            files=len(found.entries),
            indexed=states["words"] + states["meaning"],
            skipped=states["skipped"],
            failed=states["failed"],
            children=0,
            passages=totals["passages"],
            seconds=round(time.monotonic() - self._began, 3),
            redacted=totals["redacted"],
            removed=removed,
            problems=tuple(problems[:_PROBLEMS]),
        )

    def _rows(self, found: Scan) -> set[tuple[str, FileState, str, str, int, int]]:
        rows: set[tuple[str, FileState, str, str, int, int]] = set()
        for root in found.mounted:
            condition, params = below(root)
            rows.update(
                self._database.execute(
                    "SELECT path, state, reason, detail, passages, redacted FROM documents"
                    f" WHERE parent IS NULL AND {condition}",
                    params,
                )
            )
        return rows


# Reasons a person can do something about; the others are how things are.
_FAILURES = frozenset("unreadable password damaged vanished crashed_reader timeout unknown bad_name".split())


def _purge(database: Database) -> None:
    """Make deleted text leave the files: SQLite keeps it in the log until then."""
    vector_cache.erase(database)
    database.checkpoint()
    schema.forget_damaged(database.path)


def _is_below_any(path: str, roots: Sequence[str]) -> bool:
    return any(Path(path).is_relative_to(root) for root in roots)


def _reader_today(entry: Entry) -> str:
    return formats.current_reader(Path(entry.path)) or ""


def _folder(entry: Entry) -> str:
    """The folder as a reader of the passage would name it: the last two names, the root's included."""
    root = Path(entry.root)
    parts = Path(entry.path).relative_to(root.parent).parts[:-1]
    return "/".join(parts[-2:])


def _look_again(entry: Entry, path: Path) -> Entry:
    status = path.stat()
    return Entry(entry.path, entry.root, status.st_size, status.st_mtime_ns, entry.inode)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
