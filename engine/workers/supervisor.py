"""One worker process seen from its parent: start, handshake, jobs, cancel ladder, restart, end.

Every worker leads a process group of its own *within our session*: when this process dies, however it
dies, its group becomes orphaned, and POSIX then continues even a stopped worker, which reads the end of
its stdin and exits (`_exit`, section "Consequences of Process Termination").
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from engine import __version__
from engine.contracts import Event, Notice, Progress
from engine.errors import Cancelled, EngineError
from engine.paths import Home
from engine.wire import event_from_json
from engine.workers import launch
from engine.workers.channel import PROTOCOL, Channel
from engine.workers.jobs import Job

log = logging.getLogger(__name__)

GRACE_SECONDS = 2.0  # from the request to stop until the process is ended for it
HELLO_SECONDS = 60.0  # a hang guard: a cold disk may take long to load the libraries
RESTARTS = 3  # in a row, without one file finished, or one step further than ever, in between
POISON = 2  # crashes on one file until it is left out

# What a verb is given; a function is asked each time the job is sent, so that it says what holds then.
Params = dict[str, Any] | Callable[[], dict[str, Any]]

_ids = itertools.count(1)


class _Process:
    """One life of a worker: the system's process, its pipes, and why it was refused, if it was."""

    def __init__(self, command: list[str], log_path: str) -> None:
        group: dict[str, Any] = {"process_group": 0} if sys.platform != "win32" else {}
        with _log_file(log_path) as stderr:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=launch.environment(),
                **group,
            )
        assert self.popen.stdin is not None and self.popen.stdout is not None
        self._streams = (self.popen.stdin, self.popen.stdout)
        self.channel = Channel(self.popen.stdout, self.popen.stdin)
        self.greeted = False
        self.refused: EngineError | None = None
        self.ended_by_us = False  # not by a crash: what it had not finished is sent again

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def send(self, message: dict[str, Any]) -> None:
        # A dead worker is noticed by its reader thread, which also ends or repeats the job.
        with contextlib.suppress(OSError, ValueError):
            self.channel.send(message)

    def signal(self, name: str) -> None:
        """Send a POSIX signal to the whole group; on Windows, which has none, do nothing."""
        if sys.platform != "win32" and self.alive:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.killpg(self.popen.pid, getattr(signal, name))
                if name == "SIGSTOP":
                    # Until it has stopped, our death would not make the kernel continue it: see above.
                    os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def end(self, grace: float) -> None:
        """Wait `grace` seconds, then ask the system to terminate, then kill the group."""
        for patience, step in ((grace, self.popen.terminate), (1.0, self._kill)):
            try:
                self.popen.wait(patience)
                return
            except subprocess.TimeoutExpired:
                step()
        self.popen.wait()

    def _kill(self) -> None:
        self.signal("SIGKILL")
        self.popen.kill()

    def reap(self) -> None:
        self.popen.wait()
        for stream in self._streams:
            with contextlib.suppress(OSError):
                stream.close()


def _log_file(path: str) -> IO[bytes]:
    """The worker's log; nothing where none can be written: reading must work in a home that is read-only."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path).open("ab")
    except OSError:
        return Path(os.devnull).open("ab")


class _Task:
    """A job on its way through the worker, and what is needed to send it again after a crash."""

    def __init__(self, verb: str, params: Params, restartable: bool, urgent: bool) -> None:
        self.id = f"j{next(_ids)}"
        self.verb = verb
        self.params = params
        self.restartable = restartable
        self.urgent = urgent
        self.giving_way = False
        self.job: Job[Any]
        self.process: _Process | None = None
        self.current = ""
        self.furthest: dict[str, int] = {}  # per phase, over all lives: what is done again is no progress
        self.crashed: dict[str, int] = {}
        self.crashes_in_a_row = 0


class Worker:
    """The process of one role: started when first needed, and again after a crash."""

    def __init__(self, role: str, home: Home, command: list[str] | None = None) -> None:
        self.role = role
        self._home = home
        self._command = command or launch.worker_command(role, home)
        self._lock = threading.RLock()
        self._process: _Process | None = None
        self._reader: threading.Thread | None = None
        self._tasks: dict[str, _Task] = {}
        self._suspended = False
        self._closing = False

    # -- verbs -----------------------------------------------------------------------------------

    def submit(
        self,
        verb: str,
        params: Params,
        finish: Callable[[Any], Any] = lambda raw: raw,
        *,
        restartable: bool = False,
        urgent: bool = False,
    ) -> Job[Any]:
        """Run a verb. A `restartable` one goes on after a crash, without the file that caused it twice.

        Restartable ones take turns, and give way at once to an `urgent` one; then they are sent again.
        """
        task = _Task(verb, params, restartable, urgent)
        task.job = Job(finish, lambda: self._cancel(task), lambda paused: self._pause(task, paused))
        with self._lock:
            self._tasks[task.id] = task
            if urgent:
                self._make_way()
            self._send_start(task)
        return task.job

    def suspend(self) -> None:
        """Stop the process where it is, children included, until `resume`."""
        with self._lock:
            self._suspended = True
            if self._process is not None:
                self._process.signal("SIGSTOP")

    def resume(self) -> None:
        with self._lock:
            self._suspended = False
            if self._process is not None:
                self._process.signal("SIGCONT")

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    @property
    def pid(self) -> int | None:
        """Process id while the worker runs."""
        process = self._process
        return process.popen.pid if process is not None and process.alive else None

    def close(self) -> None:
        """Cancel what runs and end the process, by force after `GRACE_SECONDS`; its jobs have ended then."""
        with self._lock:
            self._closing = True
            self.resume()
            for task in self._tasks.values():
                task.job.cancelling = True
            process = self._process
        if process is not None:
            process.send({"type": "exit"})
            process.end(GRACE_SECONDS)
        # What listens to the end of a job may still write: nothing is closed under it.
        if self._reader is not None and self._reader is not threading.current_thread():
            self._reader.join(GRACE_SECONDS)

    # -- starting --------------------------------------------------------------------------------

    @property
    def _log_path(self) -> str:
        return str(self._home.log / f"{self.role}.log")

    def _running(self) -> _Process:
        if self._process is None or not self._process.alive:
            self._process = _Process(self._command, self._log_path)
            if self._suspended:
                self._process.signal("SIGSTOP")
            threading.Thread(
                target=self._read, args=(self._process,), name=f"{self.role}-reader", daemon=True
            ).start()
        return self._process

    def _send_start(self, task: _Task) -> None:
        try:
            params = task.params() if callable(task.params) else task.params
            task.process = self._running()
        except EngineError as error:
            del self._tasks[task.id]
            task.job.fail(error)
        except OSError as error:
            log.error("the %s worker did not start: %s", self.role, error)
            del self._tasks[task.id]
            task.job.fail(EngineError("worker_silent", role=self.role, log=self._log_path))
        else:
            if task.restartable:
                params = {**params, "crashed": task.crashed}
            start = {"type": "start", "job": task.id, "verb": task.verb, "params": params}
            turns = task.restartable and not task.urgent
            task.process.send({**start, "paused": task.job.paused, "turns": turns})

    # -- reading ---------------------------------------------------------------------------------

    def _read(self, process: _Process) -> None:
        self._expect_hello(process)
        while (message := process.channel.receive()) is not None:
            if message["type"] == "hello":
                process.greeted = self._greet(process, message)
            elif process.greeted:
                self._dispatch(message)
        process.reap()
        self._exited(process)

    def _expect_hello(self, process: _Process) -> None:
        """Refuse a process that never speaks. While stopped it cannot, and gets more time."""

        def look() -> None:
            if self._suspended:
                self._expect_hello(process)
            elif not process.greeted and process.alive:
                self._refuse(process, "worker_silent", {})

        guard = threading.Timer(HELLO_SECONDS, look)
        guard.daemon = True
        guard.start()

    def _greet(self, process: _Process, hello: dict[str, Any]) -> bool:
        found, known = (hello.get("protocol"), hello.get("version")), (PROTOCOL, __version__)
        if found == known:
            return True
        self._refuse(process, "worker_mismatch", {"found": str(found), "known": str(known)})
        return False

    def _refuse(self, process: _Process, code: str, params: dict[str, Any]) -> None:
        process.refused = EngineError(code, role=self.role, log=self._log_path, **params)
        process.popen.kill()

    def _dispatch(self, message: dict[str, Any]) -> None:
        task = self._tasks.get(message.get("job", ""))
        if task is None:
            return
        kind = message["type"]
        if kind == "event":
            event = event_from_json(message["event"])
            self._follow(task, event)
            task.job.emit(event)
            return
        if kind == "again":
            self._renew(task)
            return
        if kind == "gave_way" and not task.job.cancelling:
            self._put_last(task)
            return
        with self._lock:
            del self._tasks[task.id]
        if kind == "done":
            task.job.succeed(message["result"])
        elif kind in {"cancelled", "gave_way"}:
            task.job.fail(Cancelled())
        else:
            task.job.fail(EngineError(message["code"], **{"log": self._log_path, **message["params"]}))

    @staticmethod
    def _renew(task: _Task) -> None:
        """A part of the job is done: end its process, whose end sends the job to a fresh one."""
        assert task.process is not None
        task.crashes_in_a_row = 0
        task.process.ended_by_us = True
        task.process.send({"type": "exit"})

    @staticmethod
    def _follow(task: _Task, event: Event) -> None:
        """Remember the file under work: if the process dies now, that file did it."""
        if not isinstance(event, Progress):
            return
        further = event.done > task.furthest.get(event.phase, -1)
        if further:
            task.furthest[event.phase] = event.done
        names_file = event.phase in {"words", "recognise"}
        if names_file:
            further = event.current != task.current and task.current not in task.crashed
        if further:
            task.crashes_in_a_row = 0
        task.current = event.current if names_file else ""

    # -- crashes ---------------------------------------------------------------------------------

    def _exited(self, process: _Process) -> None:
        error = process.refused or EngineError("worker_crashed", role=self.role, log=self._log_path)
        notices: list[tuple[_Task, Notice]] = []
        with self._lock:
            if self._process is process:
                self._process = None
            lost = [task for task in self._tasks.values() if task.process is process]
            again = [task for task in lost if self._may_repeat(task, process)]
            for task in lost:
                if task not in again:
                    del self._tasks[task.id]
                    continue
                task.giving_way = False
                if not process.ended_by_us:
                    notices += [(task, notice) for notice in self._after_crash(task)]
                    log.warning("the %s worker ended with %s", self.role, process.popen.returncode)
                self._send_start(task)
        for task, notice in notices:
            task.job.emit(notice)
        for task in lost:
            if task not in again:
                task.job.fail(error)

    def _may_repeat(self, task: _Task, process: _Process) -> bool:
        if task.job.cancelling or self._closing or process.refused is not None:
            return False
        return process.ended_by_us or (task.restartable and task.crashes_in_a_row < RESTARTS)

    def _after_crash(self, task: _Task) -> list[Notice]:
        task.crashes_in_a_row += 1
        notices = [Notice("worker_restarted", {"role": self.role})]
        if task.current:
            task.crashed[task.current] = task.crashed.get(task.current, 0) + 1
            if task.crashed[task.current] == POISON:
                notices.append(Notice("quarantined", {"path": task.current}))
                task.crashes_in_a_row = 0
            task.current = ""
        return notices

    # -- turns -----------------------------------------------------------------------------------

    def _make_way(self) -> None:
        """Ask what takes turns to stop where it can go on later; what does not is ended for it."""
        for task in [task for task in self._tasks.values() if task.restartable and not task.urgent]:
            # Behind the urgent one, also should the process end before it gave way.
            self._tasks[task.id] = self._tasks.pop(task.id)
            if task.process is not None:
                task.giving_way = True
                task.process.send({"type": "give_way", "job": task.id})
                self._expect_way(task, task.process)

    def _put_last(self, task: _Task) -> None:
        with self._lock:
            task.giving_way = False
            self._tasks[task.id] = self._tasks.pop(task.id)
            self._send_start(task)

    def _expect_way(self, task: _Task, process: _Process) -> None:
        def look() -> None:
            if self._suspended:
                self._expect_way(task, process)
            elif task.giving_way and task.process is process and not task.job.ended:
                process.ended_by_us = True
                process.end(0.0)

        ladder = threading.Timer(GRACE_SECONDS, look)
        ladder.daemon = True
        ladder.start()

    # -- steering --------------------------------------------------------------------------------

    def _cancel(self, task: _Task) -> None:
        with self._lock:
            self.resume()
            process = task.process
        if process is not None:
            process.send({"type": "cancel", "job": task.id})
            ladder = threading.Timer(GRACE_SECONDS, self._insist, (task, process))
            ladder.daemon = True
            ladder.start()

    @staticmethod
    def _insist(task: _Task, process: _Process) -> None:
        if not task.job.ended:
            process.ended_by_us = True
            process.end(0.0)

    @staticmethod
    def _pause(task: _Task, paused: bool) -> None:
        if task.process is not None:
            task.process.send({"type": "pause" if paused else "resume", "job": task.id})
