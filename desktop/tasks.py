"""Run engine calls one after another on one thread; their results arrive on the main thread.

The engine itself is built by the first call, so a question asked before it is ready simply waits its turn.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QTimer, Signal
from shiboken6 import isValid

from engine.api import Engine
from engine.errors import EngineError

T = TypeVar("T")
Done = Callable[[T], object]
Failed = Callable[[BaseException], object]
_Call = tuple[Callable[[Engine], Any], Done[Any] | None, Failed | None]

CLOSE_MS = 5000
log = logging.getLogger("nocturne.window")


class Session(QObject):
    """The window's way to the engine.

    `ready(engine.writable)` and `problem(error)` come on the main thread; `problem` for every failed call
    that named no `failed` of its own.
    """

    ready = Signal(bool)
    problem = Signal(object)
    closed = Signal()
    _delivered = Signal(object, object)
    _engine_closed = Signal()

    def __init__(self, open_engine: Callable[[], Engine], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open_engine = open_engine
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._engine: Engine | None = None
        self._closing = False
        self._deadline = QTimer(self)
        self._deadline.setSingleShot(True)
        self._deadline.timeout.connect(self.closed)
        self._delivered.connect(self._deliver)
        self._engine_closed.connect(self._finish)
        # A daemon: a call that hangs on a dead disk must not keep the program from ending.
        self._thread = threading.Thread(target=self._work, name="engine-calls", daemon=True)

    def start(self) -> None:
        """Begin to build the engine; calls made before are kept and follow."""
        self._thread.start()

    @property
    def is_open(self) -> bool:
        """Whether calls are still taken."""
        return not self._closing

    def call(
        self, work: Callable[[Engine], T], done: Done[T] | None = None, failed: Failed | None = None
    ) -> None:
        """Run `work(engine)` off the main thread, then `done(result)` or `failed(error)` on it.

        `done` and `failed` are methods of QObjects; they are not called once their object is deleted.
        """
        if not self._closing:
            self._calls.put((work, done, failed))

    def close(self) -> None:
        """Drop waiting calls and close the engine; `closed` follows within CLOSE_MS even if it hangs."""
        if self._closing:
            return
        self._closing = True
        try:
            while True:
                self._calls.get_nowait()
        except Empty:
            self._calls.put(None)
        if self._thread.is_alive():
            self._deadline.start(CLOSE_MS)
        else:
            self.closed.emit()

    # -- the thread ------------------------------------------------------------------------------

    def _work(self) -> None:
        refusal = self._open()
        while (call := self._calls.get()) is not None:
            work, done, failed = call
            try:
                if refusal is not None:
                    raise refusal
                assert self._engine is not None
                result = work(self._engine)
            except Exception as error:
                if refusal is None:
                    self._post(failed or self.problem.emit, error)
                elif failed is not None:
                    self._post(failed, error)
            else:
                if done is not None:
                    self._post(done, result)
        self._close_engine()

    def _open(self) -> BaseException | None:
        try:
            self._engine = self._open_engine()
            self._post(self.ready.emit, self._engine.writable)
        except Exception as error:
            self._post(self.problem.emit, error)
            return error
        return None

    def _close_engine(self) -> None:
        try:
            if self._engine is not None:
                self._engine.close()
        except Exception:
            log.exception("closing the engine failed")
        if isValid(self):
            self._engine_closed.emit()

    def _post(self, receiver: Callable[[Any], object], value: Any) -> None:
        if isValid(self):
            self._delivered.emit(receiver, value)

    # -- the main thread -------------------------------------------------------------------------

    def _deliver(self, receiver: Callable[[Any], object], value: Any) -> None:
        owner = getattr(receiver, "__self__", None)
        if not isinstance(owner, QObject) or isValid(owner):
            receiver(value)

    def _finish(self) -> None:
        if self._deadline.isActive():
            self._deadline.stop()
            self.closed.emit()


def is_busy(error: BaseException) -> bool:
    """Whether a database was only in use at that moment."""
    return isinstance(error, EngineError) and error.code == "database_busy"
