"""The most memory that processes have held, seen from outside."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY = 0.05  # seconds; a process that lives shorter is missed


def peak_bytes(pid: int) -> int:
    """The most physical memory a running process has held; on systems that do not say, what it holds now.

    Raises psutil.Error once it is gone.
    """
    import psutil

    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        memory = psutil.Process(pid).memory_info()
        return int(getattr(memory, "peak_wset", memory.rss))
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), None)
    if line is None:  # it has ended, and waits to be noticed
        raise psutil.NoSuchProcess(pid)
    return int(line.split()[1]) * 1024


class Peaks:
    """While it is entered: in `own` the peak of a process, in `children` the largest of its children's."""

    def __init__(self, pid: int) -> None:
        self.own = self.children = 0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peaks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        import psutil

        with contextlib.suppress(psutil.Error):
            self.own = max(self.own, peak_bytes(self._pid))
            for child in psutil.Process(self._pid).children(recursive=True):
                self.children = max(self.children, peak_bytes(child.pid))
