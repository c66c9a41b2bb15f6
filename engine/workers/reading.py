"""Files are read in a process of their own: a hang, a crash or too much memory there costs one file.

Both ends are here. The pipe carries frames: four bytes of length, then a message as MessagePack. What a
reader leaves on disk while it works (members of archives) lies in one directory, emptied whenever a
process starts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, Full, Queue, SimpleQueue
from typing import IO, NoReturn, TypeVar, cast

import msgspec

from engine.documents import ocr, reader
from engine.documents.extract import Extract, Unreadable, storable
from engine.documents.ocr import Page, Picture
from engine.documents.reader import Read
from engine.documents.secrets import redact
from engine.errors import EXHAUSTED, EngineError
from engine.paths import Home
from engine.store.database import from_os_error, make_folder
from engine.workers import launch

T = TypeVar("T")

_TICK = 0.1  # seconds between two looks at a process that reads
_PATIENCE = 1.0  # seconds a process gets to finish a file whose rest nobody wants
_AHEAD = 4  # documents of a file that may wait to be stored
_FRAME = 1 << 30  # bytes; nothing a reader may return is longer
_TRIES = 2  # a process that breaks is not always the file's fault, two are
_CULPRITS = 3  # pages of a file that may break the process; the rest of it is then left alone
_BROKEN = 10  # documents in a file that may; what lies behind them is then not looked at


@dataclass(frozen=True)
class Limits:
    """Of one document: seconds until it must be there, more for large files; bytes the process may hold.

    Above `keep` bytes a process is replaced once its file is done: some libraries never give memory back.
    """

    seconds: float = 30.0
    seconds_per_mb: float = 3.0
    memory: int = 1 << 30
    keep: int = 400 << 20

    def time_for(self, size: int) -> float:
        """Seconds for a document of so many bytes."""
        return self.seconds + self.seconds_per_mb * size / 1e6


# Of one page that is recognised: a dense one takes 11 s of a processor, the models 0.5 GB.
RECOGNISING = Limits(seconds=300.0, seconds_per_mb=0.0, memory=1 << 30, keep=800 << 20)
_PAGE_WORK = 200.0  # seconds of a processor, all threads together


@dataclass(frozen=True)
class _Question:
    """A file to be read; `known` pages as they stand, others recognised if `recognise` says so.

    Documents that are `broken`, by their number, are left alone.
    """

    path: str
    known: list[Page] | None = None
    recognise: bool = False
    broken: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class _Answer:
    """A document of the file asked for, or that one of `size` bytes is begun; a `page` that is done, or only
    `begun`; or that it was the `last`, perhaps because the computer is `exhausted` (an errno).
    """

    member: str = ""
    extract: Extract | None = None
    reason: str = ""
    detail: str = ""
    scans: int = 0
    begun: Page | None = None
    page: Page | None = None
    size: int | None = None
    last: bool = False
    exhausted: int = 0

    @property
    def result(self) -> Extract | Unreadable:
        return self.extract or Unreadable(self.reason, self.detail, self.scans)


# -- the asking side -------------------------------------------------------------------------------


class ReaderProcess:
    """Reads files elsewhere. Use it from one thread, and `close` it."""

    def __init__(
        self,
        home: Home,
        limits: Limits | None = None,
        command: list[str] | None = None,
        recognising: Limits = RECOGNISING,
    ) -> None:
        self._home = home
        self._scratch = home.cache / "reading"
        self._limits = limits or Limits()
        self._recognising = recognising
        self._command = command or launch.worker_command("reader", home)
        self._child: _Child | None = None

    def read_all(self, path: Path) -> Generator[Read, None, None]:
        """As `reader.read_all`, within the limits. What breaks them twice is named and left alone, and what
        lies behind it is read; after some of those the rest of the file is given up, under one name.

        Raises EngineError if reading is not possible at all.
        """
        return cast(Generator[Read, None, None], self._everything(path, None))

    def recognise(self, path: Path, known: Sequence[Page]) -> Iterator[Page | Read]:
        """As `read_all`, text in pictures included: each page once it is recognised, then its document.

        Pages that are `known` are taken as they are. A page that breaks the limits twice is left out, with
        the reason; after a few of those the rest of the file is read without recognition.
        """
        return self._everything(path, list(known))

    def _everything(self, path: Path, pages: list[Page] | None) -> Generator[Page | Read, None, None]:
        times: Counter[tuple[int, ...]] = Counter()  # how often it broke, by document or by page
        broken: dict[int, Unreadable] = {}
        seen = breaks = culprits = 0
        while True:
            begun: Page | None = None
            problem: Unreadable | None = None
            number = 0
            question = _Question(str(path), pages, culprits < _CULPRITS, list(broken))
            for said in self._ask(question):
                if isinstance(said, Unreadable):
                    problem = said
                elif said.begun is not None:
                    begun = said.begun
                elif said.page is not None and pages is not None:
                    begun = None
                    pages.append(said.page)
                    yield said.page
                else:
                    number += 1
                    if number > seen:
                        seen = number
                        yield Read(said.member, broken.get(number - 1, said.result))
            if problem is None:
                return
            place = (begun.member, begun.number) if begun else (seen,)
            times[place] += 1
            breaks += begun is None
            if times[place] < _TRIES and breaks <= _TRIES * _BROKEN:
                continue
            if begun is not None and pages is not None:
                culprits += 1
                pages.append(replace(begun, reason=problem.reason))
                yield pages[-1]
            elif not seen or seen in broken or len(broken) == _BROKEN:
                yield Read(reader.REST if seen else "", problem)
                return
            else:
                broken[seen] = problem

    def close(self) -> None:
        """End the process and remove what it left on disk."""
        if self._child is not None:
            self._child.end()
            self._child = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _ask(self, question: _Question) -> Iterator[_Answer | Unreadable]:
        """What there is to say of a file; at the end an Unreadable if the process did not survive it."""
        limits = self._limits if question.known is None else self._recognising
        whole = self._limits.time_for(_size(Path(question.path)))
        child = self._running()
        child.ask(question)
        seconds = document = whole
        while True:
            answer = child.answer(seconds, limits.memory)
            if isinstance(answer, Unreadable):
                self.close()
                yield answer
                return
            if answer.exhausted:
                raise from_os_error(OSError(answer.exhausted, os.strerror(answer.exhausted)), self._scratch)
            if answer.last:
                break
            if answer.size is not None:
                seconds = document = self._limits.time_for(answer.size)
                continue
            if not answer.begun and not answer.page:
                document = whole  # the next one may have to be found and unpacked
            seconds = limits.seconds if answer.begun else document
            yield answer
        if child.memory() > limits.keep:
            self.close()

    def _running(self) -> _Child:
        # Who asked before may have given up half way: the rest of that answer is not for this question.
        if self._child is not None and not self._child.is_idle(_PATIENCE):
            self.close()
        if self._child is None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            make_folder(self._scratch)
            try:
                self._child = _Child(self._command, self._scratch)
            except OSError as error:
                if error.errno in EXHAUSTED:
                    raise from_os_error(error, self._scratch) from error
                raise EngineError("worker_silent", role="reading", log=str(self._home.log)) from error
        return self._child


class _Child:
    """One reading process: its pipes, and a thread that takes in what it says."""

    def __init__(self, command: list[str], scratch: Path) -> None:
        places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        self._popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**launch.environment(), **places}
        )
        self._said: Queue[_Answer | None] = Queue(_AHEAD)
        self._ended = threading.Event()
        self._asked = False
        self._worked = 0.0  # seconds of a processor until the last tick
        threading.Thread(target=self._listen, name="reading", daemon=True).start()

    def ask(self, question: _Question) -> None:
        assert self._popen.stdin is not None
        self._asked = True
        with contextlib.suppress(OSError):  # a dead process is noticed by the missing answer
            _send(self._popen.stdin, question)

    def answer(self, seconds: float, memory: int) -> _Answer | Unreadable:
        """The next answer, or why there is none. Raises nothing: a process ends in many ways."""
        # Ticks are counted, not seconds: while both processes stand still for an answer no time passes.
        left = seconds
        while left > 0:
            try:
                said = self._said.get(timeout=_TICK)
            except Empty:
                if self.memory() > memory:
                    return Unreadable("memory", f"more than {memory >> 20} MB")
                left -= self._passed()
            else:
                self._asked = said is not None and not said.last
                return said or Unreadable("crashed_reader")
        return Unreadable("timeout", f"{seconds:.0f} seconds")

    def is_idle(self, seconds: float) -> bool:
        """Whether it is done with what it was asked, within `seconds`; what it still says is dropped."""
        began = time.monotonic()
        while self._asked:
            answer = self.answer(seconds, sys.maxsize)
            if isinstance(answer, Unreadable) or time.monotonic() - began > seconds:
                return False
        return True

    def _passed(self) -> float:
        """What a tick counts. To whoever could work but gets no processor, for other programs have them all,
        only as much time passes as it was given: at the lowest priority that may be next to none.
        """
        import psutil

        if sys.platform != "linux":  # others call a process that sleeps running, too
            return _TICK
        try:
            process = psutil.Process(self._popen.pid)
            could_work = process.status() == psutil.STATUS_RUNNING
            times = process.cpu_times()
        except psutil.Error:
            return _TICK
        worked, self._worked = times.user + times.system - self._worked, times.user + times.system
        return min(worked, _TICK) if could_work else _TICK

    def memory(self) -> int:
        """Bytes it holds now; 0 once it has ended."""
        import psutil

        try:
            return int(psutil.Process(self._popen.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def end(self) -> None:
        self._ended.set()
        self._popen.kill()
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()

    def _listen(self) -> None:
        assert self._popen.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # closed under us: it was ended
            while (said := _receive(self._popen.stdout, _Answer)) is not None:
                self._put(said)
        self._put(None)

    def _put(self, said: _Answer | None) -> None:
        while not self._ended.is_set():
            with contextlib.suppress(Full):
                self._said.put(said, timeout=_TICK)
                return


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# -- the reading side ------------------------------------------------------------------------------


def serve(incoming: IO[bytes], outgoing: IO[bytes], limits: Limits | None = None) -> NoReturn:
    """Be the reading process until `incoming` ends, and then end at once, whatever is being read."""
    limits = limits or Limits()
    wanted: SimpleQueue[_Question] = SimpleQueue()

    def listen() -> None:
        while (question := _receive(incoming, _Question)) is not None:
            wanted.put(question)
        os._exit(0)

    threading.Thread(target=listen, name="stdin", daemon=True).start()
    while True:
        question = wanted.get()
        exhausted = 0
        try:
            _tell(question, outgoing, limits)
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            exhausted = error.errno
        _send(outgoing, _Answer(last=True, exhausted=exhausted))


def _tell(question: _Question, outgoing: IO[bytes], limits: Limits) -> None:
    """Read a file and send what there is in it. Raises OSError as `reader.read_all`."""
    path = Path(question.path)
    reading = _Reading(question, outgoing, limits)
    page_text = None if question.known is None else reading.page_text
    reading.limit(_size(path))
    for read in reader.read_all(path, page_text, broken=question.broken, begin=reading.begin):
        reading.member += 1
        member, found = storable(read.member), read.result
        if isinstance(found, Extract):
            _send(outgoing, _Answer(member, found))
        else:
            _send(outgoing, _Answer(member, None, found.reason, storable(found.detail), found.scans))
        reading.limit(_size(path))


class _Reading:
    """One file under way: tells what is begun, renews what it may cost, and has the texts of pages that are
    pictures: what is known of them, or is recognised now and told at once.
    """

    def __init__(self, question: _Question, outgoing: IO[bytes], limits: Limits) -> None:
        self._known = {(page.member, page.number): page.text for page in question.known or ()}
        self._recognise = question.recognise
        self._outgoing = outgoing
        self._limits = limits
        self._seconds = 0.0  # of work on the document around the pages
        self.member = 0

    def begin(self, size: int) -> None:
        self.limit(size)
        _send(self._outgoing, _Answer(size=size))

    def limit(self, size: int) -> None:
        """Allow the work for so many bytes: each document has its own, however many lie in a small file."""
        self._seconds = 2 * self._limits.time_for(size)
        _limit_processor(self._seconds)

    def page_text(self, number: int, picture: Callable[[], Picture]) -> str:
        known = self._known.get((self.member, number))
        if known is not None or not self._recognise:
            return known or ""
        begun = Page(self.member, number)
        _send(self._outgoing, _Answer(begun=begun))
        _limit_processor(_PAGE_WORK)
        try:
            text, redacted = redact(storable(ocr.page_text(picture())))
            page = replace(begun, text=text, redacted=redacted)
        except Exception as error:  # one broken page must not take the others with it
            page = replace(begun, reason=reader.named(error).reason)
        _limit_processor(self._seconds)
        _send(self._outgoing, _Answer(page=page))
        return page.text


def _limit_processor(seconds: float) -> None:
    """Let the system end this process after so much more work: a native loop hears of nothing else."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    if hard == resource.RLIM_INFINITY or soft <= hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


# -- frames ----------------------------------------------------------------------------------------


def _send(stream: IO[bytes], message: object) -> None:
    data = msgspec.msgpack.encode(message)
    stream.write(len(data).to_bytes(4, "big") + data)
    stream.flush()


def _receive(stream: IO[bytes], kind: type[T]) -> T | None:
    """The next message; None when the other end is gone. Raises ValueError on what is no frame."""
    head = stream.read(4)
    size = int.from_bytes(head, "big")
    if len(head) < 4:
        return None
    if size > _FRAME:
        raise ValueError(f"a frame of {size} bytes")
    data = stream.read(size)
    return msgspec.msgpack.decode(data, type=kind) if len(data) == size else None
