"""Keeps the library in step while a program runs: the system's hints of changes, and looks without a hint.

Hints come from watchdog. They are never trusted alone: a system has a limited number of them, some get lost,
and network drives send none. Where they cannot be had, that is said once, and the looks go on.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts import Event, IndexSummary, Notice, Progress
from engine.errors import Cancelled, EngineError
from engine.workers.jobs import Job
from engine.workers.schedule import EVERY, EVERY_REMOTE, Schedule

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

log = logging.getLogger(__name__)

_TICK = 5.0  # seconds until a folder that was added or removed is noticed
_SECOND_LOOK = 61.0  # what is missing is given up when it is missing twice, a minute apart
_LAST = 3.0  # seconds that the end may take
_REMOTE = frozenset("nfs nfs4 cifs smb smb2 smb3 smbfs afpfs webdav davfs 9p afs ncpfs sshfs".split())


class Watcher:
    """`folders` are asked again and again; `look` sends the job that brings some in step, with or without
    recognising text in pictures.

    `is_noise(path, folder)` tells what is not worth a look. `on_job` and `on_notice` are called on this
    watcher's thread.
    """

    def __init__(
        self,
        folders: Callable[[], list[str]],
        look: Callable[[list[str], bool], Job[IndexSummary]],
        is_noise: Callable[[str, str], bool],
        on_job: Callable[[Job[IndexSummary]], None],
        on_notice: Callable[[Notice], None],
        every: float = EVERY,
    ) -> None:
        self._folders = folders
        self._look = look
        self._is_noise = is_noise
        self._on_job = on_job
        self._on_notice = on_notice
        self._every = every
        self._schedule = Schedule()
        self._observers: dict[str, BaseObserver | None] = {}
        self._refused: dict[str, float] = {}  # when a folder without watches may ask for them again
        self._changed = threading.Condition()
        self._job: Job[IndexSummary] | None = None
        self._recognising: Job[IndexSummary] | None = None
        self._postponed: set[str] = set()  # folders looked at without recognition meanwhile
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; a job under way goes on. A folder on a drive that does not answer is not waited for."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(_LAST)

    @property
    def watched(self) -> list[str]:
        """Folders from which hints come."""
        return sorted(path for path, observer in self._observers.items() if observer is not None)

    def _run(self) -> None:
        try:
            while not self._stopped:
                try:
                    self._round()
                except Exception:  # whatever the system said: the next round comes
                    log.exception("a round of the watcher failed")
                with self._changed:
                    if not self._stopped:
                        self._changed.wait(self._patience())
        finally:
            for observer in self._observers.values():
                _end(observer)

    def _round(self) -> None:
        self._follow()
        with self._changed:
            due = [] if self._job is not None else self._schedule.due(time.monotonic())
        if due:
            for path in due:
                self._doubt(path)
            self._begin(due)

    def _patience(self) -> float:
        due = self._schedule.next_due()
        if due is None or self._job is not None:
            return _TICK
        return min(_TICK, max(0.0, due - time.monotonic()))

    # -- hints -----------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Have hints of all folders that are remembered now, and of no others."""
        folders = self._folders()
        for gone in self._observers.keys() - set(folders):
            _end(self._observers.pop(gone))
            self._refused.pop(gone, None)
        remote = {path: is_remote(path) for path in folders if path not in self._observers}
        for path in remote:
            self._observers[path] = None if remote[path] else self._observe(path)
        for path, observer in self._observers.items():
            if observer is not None and not Path(path).exists():
                # Watches of a folder that went away do not come back with it.
                _end(observer)
                self._observers[path] = None
            elif observer is None and path not in remote and self._may_ask(path):
                self._observers[path] = self._observe(path)
        with self._changed:
            every = {path: min(self._every, self._pause(path)) for path in folders}
            self._schedule.follow(every, time.monotonic())

    def _pause(self, path: str) -> float:
        return EVERY if self._observers[path] is not None else EVERY_REMOTE

    def _may_ask(self, path: str) -> bool:
        is_time = self._refused.get(path, 0.0) <= time.monotonic()
        return is_time and Path(path).exists() and not is_remote(path)

    def _observe(self, path: str) -> BaseObserver | None:
        from watchdog import events
        from watchdog.observers import Observer

        watcher = self

        class Hints(events.FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                watcher._hint(path, event)

        # Not the opening and closing of files: reading them for the index would be a hint.
        kinds: list[type[FileSystemEvent]] = [
            events.FileCreatedEvent, events.FileModifiedEvent, events.FileMovedEvent, events.FileDeletedEvent,
            events.DirCreatedEvent, events.DirMovedEvent, events.DirDeletedEvent,
        ]  # fmt: skip
        if not Path(path).exists():
            return None
        observer = None
        is_file = Path(path).is_file()
        try:
            observer = Observer()
            place = str(Path(path).parent) if is_file else path
            observer.schedule(Hints(), place, recursive=not is_file, event_filter=kinds)
            observer.start()
            _need_watches(observer)
        except OSError as error:
            _end(observer)
            self._refuse(path, error)
            return None
        self._refused.pop(path, None)
        return observer

    def _doubt(self, path: str) -> None:
        """See whether a folder that grew is still watched as a whole."""
        observer = self._observers.get(path)
        if observer is not None:
            try:
                _need_watches(observer)
            except OSError as error:
                _end(observer)
                self._observers[path] = None
                self._refuse(path, error)

    def _refuse(self, path: str, error: OSError) -> None:
        """Say once that no hints come from a folder, and do not walk it for them again too soon."""
        is_news = path not in self._refused
        self._refused[path] = time.monotonic() + EVERY_REMOTE
        if is_news:
            log.warning("no hints of changes: %s", error)
            self._on_notice(Notice("not_watched", {"path": path}))

    def _hint(self, folder: str, event: FileSystemEvent) -> None:
        paths = [os.fsdecode(path) for path in (event.src_path, event.dest_path) if path]
        if not any(self._is_hint(path, folder) for path in paths):
            return
        with self._changed:
            self._schedule.hint(folder, time.monotonic())
            self._changed.notify()

    def _is_hint(self, path: str, folder: str) -> bool:
        # A single file is followed through the folder it lies in.
        inside = path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
        return inside and not self._is_noise(path, folder)

    # -- looks -----------------------------------------------------------------------------------

    def _begin(self, due: list[str]) -> None:
        began = time.monotonic()
        recognise = self._recognising is None

        def heard(event: Event) -> None:
            # To recognise text in pictures may take hours: the look itself is over, and others may follow.
            if isinstance(event, Progress) and event.phase == "recognise":
                with self._changed:
                    if self._job is job:
                        self._job, self._recognising = None, job
                        now = time.monotonic()
                        self._schedule.looked(due, now, now - began)
                        self._changed.notify()

        def ended(job: Job[IndexSummary]) -> None:
            missing = False
            try:
                missing = job.result(0).missing > 0
            except (Cancelled, EngineError) as error:
                log.info("a look ended with %s", type(error).__name__)
            except Exception:  # an answer that cannot be read, say: the next look comes all the same
                log.exception("a look failed")
            now = time.monotonic()
            again_in = _SECOND_LOOK if missing else None
            with self._changed:
                if self._recognising is job:
                    self._recognising = None
                    self._schedule.looked(due, now, 0.0, again_in)
                    self._schedule.looked(self._postponed, now, 0.0, 0.0)
                    self._postponed.clear()
                else:
                    self._job = None
                    self._postponed.update(() if recognise else due)
                    self._schedule.looked(due, now, now - began, again_in)
                self._changed.notify()

        job = self._job = self._look(due, recognise)
        job.subscribe(heard, ended)  # first, for a listener that fails must not hide the end
        self._on_job(job)


def is_remote(path: str) -> bool:
    """Whether `path` lies on a network drive, whose changes no system tells of."""
    import psutil

    place = os.path.realpath(path)
    mounts = [
        part
        for part in psutil.disk_partitions(all=True)
        if place == part.mountpoint or place.startswith(part.mountpoint.rstrip(os.sep) + os.sep)
    ]
    if not mounts:
        return False
    kind = max(mounts, key=lambda part: len(part.mountpoint)).fstype.lower()
    return kind in _REMOTE or kind.removeprefix("fuse.") in _REMOTE or kind.startswith("fuse.rclone")


def _need_watches(observer: BaseObserver) -> None:
    """Raise OSError if the system has no watch left.

    Linux needs one for each folder, and those that were refused below the first are not told of by watchdog.
    """
    from watchdog.events import FileSystemEventHandler

    if sys.platform != "linux":
        return
    try:
        place = tempfile.mkdtemp()
    except OSError:
        return  # a full disk says nothing about watches
    try:
        observer.unschedule(observer.schedule(FileSystemEventHandler(), place))
    finally:
        Path(place).rmdir()


def _end(observer: BaseObserver | None) -> None:
    if observer is None:
        return
    observer.stop()
    if observer.is_alive():
        observer.join()
