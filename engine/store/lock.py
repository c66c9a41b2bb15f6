"""One writer for each home: an operating-system lock, and beside it the name of who holds it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.paths import Home
from engine.store.database import from_os_error, make_folder

if TYPE_CHECKING:
    from filelock import BaseFileLock


class HomeLock:
    """Held until `release` or the end of the process, however it ends; the kernel frees it after a kill."""

    def __init__(self, home: Home, program: str = "Nocturne") -> None:
        self._home = home
        self._program = program
        self._lock: BaseFileLock | None = None

    @property
    def held(self) -> bool:
        return self._lock is not None

    def acquire(self) -> None:
        """Take the lock or raise at once: EngineError(home_locked | home_read_only | disk_full)."""
        from filelock import FileLock, Timeout

        if self.held:
            return
        make_folder(self._home.root)
        # Not thread_local: the thread that closes the engine may be another than the one that opened it.
        lock = FileLock(self._home.lock, timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            name, pid = holder(self._home) or ("Another program", 0)
            raise EngineError("home_locked", holder=name, pid=pid, path=str(self._home.root)) from None
        except OSError as error:
            raise from_os_error(error, self._home.root) from error
        try:
            note = {"holder": self._program, "pid": os.getpid()}
            _note(self._home).write_text(json.dumps(note), encoding="utf-8")
        except OSError as error:
            lock.release()
            raise from_os_error(error, self._home.root) from error
        self._lock = lock

    def release(self) -> None:
        """Give the lock back; may be called twice."""
        if self._lock is not None:
            _note(self._home).unlink(missing_ok=True)
            self._lock.release()
            self._lock = None

    def __enter__(self) -> HomeLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder(home: Home) -> tuple[str, int] | None:
    """Name and process id last written by a holder. After a kill it may be stale: only the lock decides."""
    try:
        note = json.loads(_note(home).read_text(encoding="utf-8"))
        return str(note["holder"]), int(note["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_held(home: Home) -> bool:
    """Whether the process that last wrote its name still runs."""
    import psutil

    found = holder(home)
    return found is not None and psutil.pid_exists(found[1])


def _note(home: Home) -> Path:
    return home.lock.with_name("lock.json")
