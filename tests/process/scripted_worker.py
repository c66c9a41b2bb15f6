"""A real worker process whose role does what its parameters say. argv: HOME [noise]."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from engine.contracts import Progress, Token
from engine.errors import Again
from engine.paths import Home
from engine.workers import main


class ScriptedRole:
    background = True

    def run(self, verb: str, params: dict[str, Any], work: main.Work) -> Any:
        return getattr(self, verb)(params, work)

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def until_stopped(self, params: dict[str, Any], work: main.Work) -> Any:
        work.emit(Token("begun"))
        self._stopped.wait()
        return "stopped" if work.cancelled else "stopped by another job's cancel"

    def echo(self, params: dict[str, Any], work: main.Work) -> Any:
        work.emit(Token("heard"))
        print("a library prints here")
        os.write(1, b"and native code there\n")
        return params["value"]

    def bug(self, params: dict[str, Any], work: main.Work) -> Any:
        raise KeyError("surprise")

    def count(self, params: dict[str, Any], work: main.Work) -> Any:
        """Count until cancelled, looking at the flag each time."""
        for number in range(1_000_000):
            work.check()
            work.emit(Progress("scan", number, 0))
            time.sleep(0.01)

    def steps(self, params: dict[str, Any], work: main.Work) -> Any:
        """Take steps until cancelled, and say in which of its turns it is and what it was given for it."""
        work.emit(Token(str(params["value"])))
        for number in range(1_000_000):
            work.check()
            work.emit(Progress("words", number, 0))
            time.sleep(0.01)

    def begin(self, params: dict[str, Any], work: main.Work) -> Any:
        """Say when it began, then wait to be cancelled."""
        work.emit(Token(str(time.monotonic())))
        while not work.cancelled:
            time.sleep(0.01)

    def stubborn(self, params: dict[str, Any], work: main.Work) -> Any:
        """Ignore everything that can be ignored."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        work.emit(Token("stuck"))
        time.sleep(600)

    def files(self, params: dict[str, Any], work: main.Work) -> Any:
        """ "Read" files; those in `deadly` kill the process while they are read."""
        left_out = []
        for number, name in enumerate(params["names"]):
            if params["crashed"].get(name, 0) >= 2:
                left_out.append(name)
                continue
            work.emit(Progress("words", number, len(params["names"]), name))
            if name in params["deadly"]:
                os.kill(os.getpid(), signal.SIGKILL)
        return {"left_out": left_out, "pid": os.getpid()}

    def stages(self, params: dict[str, Any], work: main.Work) -> Any:
        """One line into a file for each process, until there are as many as asked for."""
        path = Path(params["path"])
        with path.open("a") as file:
            file.write(f"{os.getpid()}\n")
        work.emit(Token("stage"))
        work.check()
        if len(path.read_text().splitlines()) < params["count"]:
            raise Again
        return path.read_text().split()

    def fragile(self, params: dict[str, Any], work: main.Work) -> Any:
        """Train to the end, but for a kill at the step that is listed for each life."""
        path = Path(params["path"])
        with path.open("a") as file:
            file.write("life\n")
        life = len(path.read_text().splitlines()) - 1
        for step in range(10):
            work.emit(Progress("train", step, 10, f"{1 / (step + 1):.3f}"))
            if step == dict(enumerate(params["deadly"])).get(life):
                os.kill(os.getpid(), signal.SIGKILL)
        return life

    def who(self, params: dict[str, Any], work: main.Work) -> Any:
        return {"pid": os.getpid(), "nice": os.nice(0), "scheduler": os.sched_getscheduler(0)}

    def connect(self, params: dict[str, Any], work: main.Work) -> Any:
        import socket

        socket.create_connection(("192.0.2.1", 80), timeout=1)


if __name__ == "__main__":
    if "noise" in sys.argv:
        os.write(1, b'printed before boot\n{"no": "type"}\n')
    if "short" in sys.argv:
        main.TURN_SECONDS = 0.05
    if "old" in sys.argv:
        main.PROTOCOL = 0
    main.load_role = lambda name, home: ScriptedRole()
    main.boot("scripted", Home(Path(sys.argv[1])))
