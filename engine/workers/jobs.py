"""A job: a long verb under way, seen from the process that asked for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from engine.contracts import Event
from engine.errors import Cancelled

T = TypeVar("T")


class Job(Generic[T]):
    """A verb running in a worker. Events come in order; then exactly one end: result, error or cancelled.

    Listeners run on the worker's reader thread and must not block. `cancel` and `pause` return at once.
    """

    def __init__(
        self,
        finish: Callable[[Any], T],
        on_cancel: Callable[[], None],
        on_pause: Callable[[bool], None] | None = None,
    ) -> None:
        self._finish = finish
        self._on_cancel = on_cancel
        self._on_pause = on_pause
        self._lock = threading.RLock()
        self._events: list[Event] = []
        self._event_listeners: list[Callable[[Event], None]] = []
        self._end_listeners: list[Callable[[Job[T]], None]] = []
        self._ended = threading.Event()
        self._result: T | None = None
        self._error: BaseException | None = None
        self.cancelling = False
        self.paused = False

    # -- the asking side -------------------------------------------------------------------------

    def subscribe(
        self,
        on_event: Callable[[Event], None] | None = None,
        on_end: Callable[[Job[T]], None] | None = None,
    ) -> None:
        """Call back for events so far, each later event, and the end (at once if already over)."""
        with self._lock:
            if on_event is not None:
                for event in self._events:
                    on_event(event)
                self._event_listeners.append(on_event)
            if on_end is not None and not self._ended.is_set():
                self._end_listeners.append(on_end)
                on_end = None
        if on_end is not None:
            on_end(self)

    def events(self) -> Iterator[Event]:
        """Events until the end; then returns. Ask `result()` for how it ended."""
        queue: SimpleQueue[Event | None] = SimpleQueue()
        self.subscribe(queue.put, lambda _job: queue.put(None))
        while (event := queue.get()) is not None:
            yield event

    def result(self, timeout: float | None = None) -> T:
        """Wait for the end. Raises EngineError, Cancelled, or TimeoutError after `timeout` seconds."""
        if not self._ended.wait(timeout):
            raise TimeoutError
        if self._error is not None:
            raise self._error
        return self._result  # type: ignore[return-value]  # set before `_ended`, whatever T is

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def cancel(self) -> None:
        """Ask to stop. A job that already ended stays as it is."""
        if not self.ended and not self.cancelling:
            self.cancelling = True
            self._on_cancel()

    def pause(self) -> None:
        self._set_paused(True)

    def resume(self) -> None:
        self._set_paused(False)

    def _set_paused(self, paused: bool) -> None:
        if not self.ended and self._on_pause is not None and self.paused != paused:
            self.paused = paused
            self._on_pause(paused)

    # -- the working side ------------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        with self._lock:
            self._events.append(event)
            listeners = list(self._event_listeners)
        for listener in listeners:
            listener(event)

    def succeed(self, raw: Any) -> None:
        try:
            self._result = self._finish(raw)
        except Exception as error:
            self._end(error)
        else:
            self._end(None)

    def fail(self, error: BaseException) -> None:
        """End with an error; after a request to cancel, any end is `Cancelled`."""
        self._end(Cancelled() if self.cancelling else error)

    def _end(self, error: BaseException | None) -> None:
        with self._lock:
            if self._ended.is_set():
                return
            self._error = error
            self._ended.set()
            listeners = list(self._end_listeners)
        for listener in listeners:
            listener(self)
