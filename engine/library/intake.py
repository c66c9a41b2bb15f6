"""Takes in one file: reads it, cuts it and writes it, or settles why not; what lies in it goes with it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from engine.contracts import Event, FileDone, FileState
from engine.documents import formats, passages
from engine.documents.extract import Extract, Unreadable
from engine.documents.passages import PassageSpan
from engine.documents.reader import Read
from engine.errors import EXHAUSTED
from engine.library import writer
from engine.library.scan import Entry
from engine.library.writer import Known
from engine.models.embedder import Embedder
from engine.store.database import Database, from_os_error, storable

QUARANTINE = 2  # crashes of the reading process on one file
# A disk went away, or a program has the file open: that says nothing about its text.
_AWAY = frozenset("unreadable vanished".split())
# Reasons a person can do something about; the others are how things are.
_FAILURES = frozenset(
    "unreadable password damaged vanished crashed_reader timeout memory unknown bad_name".split()
)

# Seconds of writing what lies in one file, in one transaction: pausing must work within 2 s.
_SLICE = 0.5

Reader = Callable[[Path], Iterator[Read]]


class Intake:
    """`changed`: whether text was taken out of the index, which then is to be purged."""

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        read: Reader,
        crashed: Mapping[str, int],
        emit: Callable[[Event], None],
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._read = read
        self._crashed = crashed
        self._emit = emit
        self.changed = False

    def take(self, entry: Entry, known: Known | None, look: Callable[[], None] = lambda: None) -> None:
        """Bring the index in step with one file. A file that cannot be read gets its reason.

        `look` is called every now and then in the middle of a file that holds many, and may raise: what was
        taken stays, and the next run goes on. Raises EngineError where the computer is to blame.
        """
        if self._crashed.get(entry.path, 0) >= QUARANTINE:
            self.settle(entry, known, "failed", "crashed_reader")
            return
        try:
            path = Path(entry.path)
            entry, sha256 = _look_again(entry, path), ""
            if known is not None and known.has_text:
                sha256 = file_hash(path)
                if sha256 == known.sha256 and formats.is_current(known.reader):
                    writer.touch(self._database, known.id, entry)
                    return
            state = self._replace(entry, path, sha256, look)
        except Unreadable as problem:
            self._refuse(entry, known, problem)
        except OSError as error:
            if error.errno in EXHAUSTED:
                raise from_os_error(error, self._database.path) from error
            reason = "vanished" if isinstance(error, FileNotFoundError) else "unreadable"
            self._refuse(entry, known, Unreadable(reason, error.strerror or ""))
        else:
            self.changed |= known is not None and known.has_text
            self._emit(FileDone(entry.path, state))

    def settle(
        self,
        entry: Entry,
        known: Known | None,
        state: FileState,
        reason: str,
        detail: str = "",
        scans: int = 0,
    ) -> None:
        """Give a path its state without text; text it had is removed."""
        writer.settle(self._database, entry, state, reason, detail, reader_today(entry), scans=scans)
        self.changed |= known is not None and known.has_text
        self._emit(FileDone(entry.path, state, reason))

    def _refuse(self, entry: Entry, known: Known | None, problem: Unreadable) -> None:
        """Settle a file that could not be read; text of one that cannot be looked at just now is kept."""
        if known is not None and known.has_text and (problem.reason in _AWAY or not is_same(entry)):
            self._emit(FileDone(entry.path, known.state))
        else:
            self.settle(entry, known, state_of(problem), problem.reason, problem.detail, problem.scans)

    def rewrite(self, entry: Entry, document: int, path: str, result: Extract | Unreadable) -> None:
        """Write the file whose id is `document`, or what lies in it at `path`, anew; the rest stays."""
        if path != entry.path:
            self.write_member(entry, document, path.removeprefix(f"{entry.path}!/"), result)
        elif isinstance(result, Unreadable):
            self.settle(entry, None, state_of(result), result.reason, result.detail)
        else:
            _document, state = self.write_file(entry, result, file_hash(Path(path)))
            self._emit(FileDone(path, state))
        self.changed = True

    def _replace(self, entry: Entry, path: Path, sha256: str, look: Callable[[], None]) -> FileState:
        """Write the file and all that lies in it. Raises Unreadable if the file itself has no text."""
        documents = self._read(path)
        try:
            result = next(documents).result
            if isinstance(result, Unreadable):
                raise result
            sha256 = sha256 or file_hash(path)
            with self._database.transaction():
                document, state = self.write_file(entry, result, sha256)
                # Until all that lies in it is there, wherever this run ends.
                writer.distrust(self._database, document)
            self._write_members(entry, document, sha256, documents, look)
            return state
        finally:
            # What a reader unpacked must not outlast it, whatever went wrong.
            if isinstance(documents, Generator):
                documents.close()

    def _write_members(
        self, entry: Entry, document: int, sha256: str, members: Iterator[Read], look: Callable[[], None]
    ) -> None:
        """Bring what lies in a file in step, some at a time: what is as it was is not written again."""
        earlier = writer.held(self._database, document)
        taken: set[str] = set()
        more = is_whole = True
        while more:
            with self._database.transaction():
                until = time.monotonic() + _SLICE
                more = False
                for member in members:
                    name, result = name_in_ledger(member.member, taken), member.result
                    known = earlier.pop(f"{entry.path}!/{name}", None)
                    is_away = isinstance(result, Unreadable) and result.reason in _AWAY
                    is_whole &= not is_away
                    if known is None or not known.has_text or not (is_away or _is_as_it_was(known, result)):
                        self.write_member(entry, document, name, result)
                    if more := time.monotonic() >= until:
                        break
            if more:
                look()
        if not is_whole:
            return  # the next run reads it again, and keeps what it knows
        writer.delete(self._database, [known.id for known in earlier.values()])
        if is_same(entry):  # else it was written meanwhile, and the next run reads it again
            writer.trust(self._database, document, entry, sha256)

    def write_file(self, entry: Entry, extract: Extract, sha256: str) -> tuple[int, FileState]:
        """Write the file itself; what lies in it stays. Its id and state."""
        folder = folder_of(entry)
        spans = self._cut(extract, Path(entry.path).stem, folder)
        return writer.write(self._database, entry, extract, spans, sha256=sha256, folder=folder)

    def write_member(self, entry: Entry, parent: int, member: str, result: Extract | Unreadable) -> None:
        """Write what lies in the file whose id is `parent`, or why it has no text."""
        child = Entry(f"{entry.path}!/{member}", entry.root, mtime_ns=entry.mtime_ns)
        if isinstance(result, Unreadable):
            state = state_of(result)
            writer.settle(
                self._database, child, state, result.reason, result.detail, parent=parent, scans=result.scans
            )
            return
        folder = writer.inside(folder_of(entry), Path(entry.path).name)
        writer.write(
            self._database,
            child,
            result,
            self._cut(result, Path(member).stem, folder),
            sha256=_text_hash(result),
            folder=folder,
            parent=parent,
        )

    def _cut(self, extract: Extract, name: str, folder: str) -> list[PassageSpan]:
        return passages.cut(
            extract,
            name=name,
            folder=folder,
            count_tokens=self._embedder.count_tokens,
            window=self._embedder.window,
        )


def state_of(problem: Unreadable) -> FileState:
    return "failed" if problem.reason in _FAILURES else "skipped"


def reader_today(entry: Entry) -> str:
    """The "name@version" that would read it, as far as its name tells."""
    return formats.current_reader(Path(entry.path)) or ""


def _is_as_it_was(known: Known, result: Extract | Unreadable) -> bool:
    return isinstance(result, Extract) and (known.sha256, known.reader) == (_text_hash(result), result.reader)


def _text_hash(extract: Extract) -> str:
    return hashlib.sha256(extract.text.encode()).hexdigest()


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_of(entry: Entry) -> str:
    """The folder as a reader of the passage would name it: the last two names, the root's included."""
    root = Path(entry.root)
    parts = Path(entry.path).relative_to(root.parent).parts[:-1]
    return "/".join(parts[-2:])


def is_same(entry: Entry) -> bool:
    """Whether the file is there, and as it was when `entry` was made."""
    try:
        return _look_again(entry, Path(entry.path)) == entry
    except OSError:
        return False


def _look_again(entry: Entry, path: Path) -> Entry:
    status = path.stat()
    return replace(entry, size=status.st_size, mtime_ns=status.st_mtime_ns)


def name_in_ledger(member: str, taken: set[str]) -> str:
    """An archive may hold a name twice; the ledger may not."""
    member = storable(member)
    name, number = member, 1
    while name in taken:
        number += 1
        name = f"{member} ({number})"
    taken.add(name)
    return name
