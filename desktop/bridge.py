"""The only crossing from the engine's threads to the window: events of jobs become signals."""

from __future__ import annotations

import threading
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from shiboken6 import isValid

from engine.api import Job
from engine.contracts import Event, FileDone, Found, Notice, Progress, Token
from engine.errors import Cancelled

# About thirty changes a second: faster than reading, slower than painting.
INTERVAL_MS = 33


class JobBridge(QObject):
    """Signals for one job, in order, at most every INTERVAL_MS; exactly one of the last three ends it.

    Tokens that came in between are joined, of several `Progress` only the last is passed on, and files
    are counted.
    """

    tokens = Signal(str)
    found = Signal(object)
    progress = Signal(object)
    notice = Signal(object)
    files = Signal(int)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    _woken = Signal()

    def __init__(self, job: Job[Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.job = job
        self._lock = threading.Lock()
        self._waiting: list[Event] = []
        self._ended = False
        self._over = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._drain)
        # Queued, so that whoever made the bridge can connect before the first event comes.
        self._woken.connect(self._wake, Qt.ConnectionType.QueuedConnection)
        job.subscribe(self._receive, self._receive_end)

    # -- the engine's threads --------------------------------------------------------------------

    def _receive(self, event: Event) -> None:
        with self._lock:
            first = not self._waiting
            self._waiting.append(event)
        if first and isValid(self):
            self._woken.emit()

    def _receive_end(self, _job: Job[Any]) -> None:
        with self._lock:
            self._ended = True
        if isValid(self):
            self._woken.emit()

    # -- the main thread -------------------------------------------------------------------------

    def _wake(self) -> None:
        if not self._timer.isActive():
            self._drain()

    def _drain(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
            ended = self._ended
        if self._over or not (waiting or ended):
            return
        self._timer.start()
        self._pass_on(waiting)
        if ended:
            self._over = True
            self._timer.stop()
            self._pass_end()

    def _pass_on(self, events: list[Event]) -> None:
        text: list[str] = []
        files = 0
        progress: Progress | None = None
        for event in events:
            match event:
                case Token():
                    text.append(event.text)
                case Progress():
                    progress = event
                case FileDone():
                    files += 1
                case Found():
                    text.clear()  # it belongs to an attempt that was given up
                    self.found.emit(event)
                case Notice():
                    self.notice.emit(event)
        if progress is not None:
            self.progress.emit(progress)
        if files:
            self.files.emit(files)
        if text:
            self.tokens.emit("".join(text))

    def _pass_end(self) -> None:
        try:
            result = self.job.result(0)
        except Cancelled:
            self.cancelled.emit()
        except Exception as error:
            self.failed.emit(error)
        else:
            self.succeeded.emit(result)
