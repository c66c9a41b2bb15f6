"""A worker's boot and main loop. `python -m engine.workers.main ROLE HOME`.

The protocol gets the original fd 1; fd 1 itself then points at stderr, so that nothing a native library
prints can reach the pipe. Stdin is read on a thread of its own: end of file means that the parent is gone,
and the process exits at once, in the middle of whatever it does (every store survives that).
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from engine import __version__, net
from engine.contracts import Event, Progress
from engine.errors import Again, Cancelled, EngineError
from engine.paths import Home
from engine.wire import event_to_json
from engine.workers import priority
from engine.workers.channel import PROTOCOL, Channel

log = logging.getLogger(__name__)

TURN_SECONDS = 10.0  # that a job may take while others wait; looking for files does not count


class GaveWay(Exception):
    """The job stopped for another one and will be sent again."""


class Work:
    """The job a worker is on: where events go, and whether to pause or stop (`contracts.Control`).

    `is_crowded` says whether others wait. A job that takes `turns` then ends with GaveWay after its own.
    """

    def __init__(self, channel: Channel, job: str, turns: bool, is_crowded: Callable[[], bool]) -> None:
        self._channel = channel
        self.job = job
        self.turns = turns
        self._is_crowded = is_crowded
        self._gives_way = False
        self._turn_began: float | None = None
        self._cancelled = threading.Event()
        self._may_run = threading.Event()
        self._may_run.set()

    def emit(self, event: Event) -> None:
        # Each turn begins by looking for files again, so it must be followed by some work: at least one file,
        # or a mailbox that takes longer than a turn would be begun again for ever.
        if self._turn_began is None and isinstance(event, Progress) and event.phase != "scan" and event.done:
            self._turn_began = time.monotonic()
        self._channel.send({"type": "event", "job": self.job, "event": event_to_json(event)})

    def check(self) -> None:
        self._may_run.wait()
        if self._cancelled.is_set():
            raise Cancelled
        if self._gives_way or (self.turns and self._had_its_turn() and self._is_crowded()):
            raise GaveWay

    def _had_its_turn(self) -> bool:
        return self._turn_began is not None and time.monotonic() - self._turn_began > TURN_SECONDS

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set()

    def cancel(self) -> None:
        self._cancelled.set()
        self._may_run.set()

    def give_way(self) -> None:
        self._gives_way = True
        self._may_run.set()

    @property
    def paused(self) -> bool:
        return not self._may_run.is_set()

    def pause(self, paused: bool) -> None:
        if paused and not self.cancelled and not self._gives_way:
            self._may_run.clear()
        else:
            self._may_run.set()


class Role(Protocol):
    """What a worker does. Built once; `run` gets one verb at a time and returns a JSON-ready result."""

    background: bool

    def run(self, verb: str, params: dict[str, Any], work: Work) -> Any: ...

    def stop(self) -> None:
        """Called on the stdin thread when the running job is cancelled."""


def load_role(name: str, home: Home) -> Role:
    """Import and build a role: the only place that knows them, so that each process loads its own alone."""
    if name == "answer":
        from engine.workers.answer_role import AnswerRole

        return AnswerRole(home)
    if name == "index":
        from engine.workers.index_role import IndexRole

        return IndexRole(home)
    if name == "night":
        from engine.workers.night_role import NightRole

        return NightRole(home)
    raise ValueError(f"no such role: {name}")


class _Loop:
    def __init__(self, channel: Channel, role: Role) -> None:
        self._channel = channel
        self._role = role
        self._queue: SimpleQueue[tuple[Work, str, dict[str, Any]]] = SimpleQueue()
        self._works: dict[str, Work] = {}
        self._running: Work | None = None
        self._turn = threading.Lock()  # held while it changes which job runs

    def listen(self) -> None:
        while (message := self._channel.receive()) is not None:
            kind, job = message["type"], message.get("job", "")
            if kind == "start":
                work = Work(self._channel, job, message.get("turns", False), self._is_crowded)
                work.pause(message.get("paused", False))
                with self._turn:
                    self._works[job] = work
                self._queue.put((work, message["verb"], message["params"]))
                self._pass_paused()
            elif kind == "exit":
                break
            elif job in self._works:
                self._steer(self._works[job], kind)
        os._exit(0)

    def _steer(self, work: Work, kind: str) -> None:
        if kind == "cancel":
            self._cancel(work)
        elif kind == "give_way":
            self._give_way(work)
        else:
            work.pause(kind == "pause")
            self._pass_paused()

    def _is_crowded(self) -> bool:
        """Whether a job waits that could run."""
        with self._turn:
            return any(work is not self._running and not work.paused for work in self._works.values())

    def _pass_paused(self) -> None:
        """A paused job must not keep others from running."""
        running = self._running
        if running is not None and running.turns and running.paused and self._is_crowded():
            running.give_way()

    def _give_way(self, work: Work) -> None:
        with self._turn:
            if work is self._running:
                work.give_way()
                return
            waited = self._works.pop(work.job, None)
        if waited is not None:
            self._channel.send({"type": "gave_way", "job": work.job})

    def _cancel(self, work: Work) -> None:
        """End a waiting job at once: stopping the role would end the one that runs instead."""
        work.cancel()
        with self._turn:
            if work is self._running:
                self._role.stop()
                return
            waited = self._works.pop(work.job, None)
        if waited is not None:
            self._channel.send({"type": "cancelled", "job": work.job})

    def run(self) -> None:
        while True:
            work, verb, params = self._queue.get()
            with self._turn:
                if self._works.get(work.job) is not work:
                    continue
                self._running = work
            self._pass_paused()
            answer = self._run_one(work, verb, params)
            with self._turn:
                self._running = None
                del self._works[work.job]
            self._channel.send({"job": work.job, **answer})

    def _run_one(self, work: Work, verb: str, params: dict[str, Any]) -> dict[str, Any]:
        try:
            work.check()
            return {"type": "done", "result": self._role.run(verb, params, work)}
        except Cancelled:
            return {"type": "cancelled"}
        except GaveWay:
            return {"type": "gave_way"}
        except Again:
            return {"type": "again"}
        except EngineError as error:
            return {"type": "error", "code": error.code, "params": error.params}
        except Exception as error:
            log.exception("the verb %s failed", verb)
            return {"type": "error", "code": "bug", "params": {"detail": type(error).__name__}}


def boot(role_name: str, home: Home) -> None:
    """Be the worker `role_name` until stdin ends."""
    private = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    faulthandler.enable()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    net.guard(home.log / "network.log")
    if role_name == "reader":
        from engine.workers import reading

        reading.serve(sys.stdin.buffer, private)
    channel = Channel(sys.stdin.buffer, private)
    role = load_role(role_name, home)
    if role.background:
        priority.lower()
    channel.send({"type": "hello", "protocol": PROTOCOL, "role": role_name, "version": __version__})
    loop = _Loop(channel, role)
    threading.Thread(target=loop.listen, name="stdin", daemon=True).start()
    loop.run()


if __name__ == "__main__":
    boot(sys.argv[1], Home(Path(sys.argv[2])))
