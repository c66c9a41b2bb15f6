"""A night: the stages in order, each on the run folder alone, resumed at the first that is not done."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contracts import Control, Event, Progress
from engine.errors import Cancelled, EngineError
from engine.paths import Home
from engine.personalize.budget import Budget
from engine.personalize.run_folder import STAGES, RunFolder

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Steering:
    """Files in the run folder by which another process pauses or cancels a night."""

    run: RunFolder

    @property
    def pause(self) -> Path:
        return self.run.root / "pause"

    @property
    def cancel(self) -> Path:
        return self.run.root / "cancel"

    def clear(self) -> None:
        self.pause.unlink(missing_ok=True)
        self.cancel.unlink(missing_ok=True)


class NightControl:
    """`contracts.Control` that also obeys the files of `Steering`."""

    def __init__(self, inner: Control, run: RunFolder) -> None:
        self._inner = inner
        self._steering = Steering(run)
        self.waited = 0.0

    def check(self) -> None:
        """As `Control.check`; `waited` grows by the seconds that a pause took."""
        self._inner.check()
        began = time.monotonic()
        while self._steering.pause.exists() and not self._steering.cancel.exists():
            self._inner.check()
            time.sleep(POLL_SECONDS)
        self.waited += time.monotonic() - began
        if self._steering.cancel.exists():
            raise Cancelled


@dataclass(frozen=True)
class Night:
    """What every stage gets."""

    run: RunFolder
    home: Home
    control: NightControl
    emit: Callable[[Event], None]

    @property
    def plan(self) -> dict[str, Any]:
        plan: dict[str, Any] = self.run.read()["plan"]
        return plan

    @property
    def budget(self) -> Budget:
        """What was planned in the night's first stage."""
        return Budget(**self.run.read()["budget"])

    def left(self, kept: float) -> float:
        """Seconds of the person's minutes not used yet, but for a share `kept` for later stages."""
        used = sum(float(stage["minutes"]) for stage in self.run.read()["stages"].values())
        return 60 * (float(self.plan["minutes"]) * (1 - kept) - used)


Stage = Callable[[Night], Mapping[str, Any]]


def plan(
    run: RunFolder,
    *,
    minutes: float,
    folders: Sequence[str],
    used: Mapping[str, float],
    base: str,
    sources: Sequence[str] | None = None,
) -> None:
    """Write down what the night is to do, once, before anything runs. `sources` None: rows of every kind."""
    run.update(
        plan={
            "minutes": minutes,
            "folders": list(folders),
            "used": dict(used),
            "base": base,
            "sources": None if sources is None else list(sources),
        }
    )


def run_next(
    run: RunFolder,
    home: Home,
    stages: Mapping[str, Stage],
    control: Control,
    emit: Callable[[Event], None],
) -> bool:
    """Run the first stage that is not done; whether others remain.

    Raises Cancelled, EngineError; what is done stays done.
    """
    name = run.next_stage()
    if name is None:
        return False
    night = Night(run, home, NightControl(control, run), emit)
    emit(Progress(name, STAGES.index(name), len(STAGES)))
    began = time.monotonic()
    try:
        outcome = stages[name](night)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise EngineError("disk_full", path=str(run.root)) from error
        raise
    seconds = time.monotonic() - began - night.control.waited
    run.finish(name, minutes=round(seconds / 60, 4), peak_mb=peak_mb(), **outcome)
    return run.next_stage() is not None


def peak_mb() -> float:
    """The most memory this process has held, in MiB; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0.0
    if sys.platform == "linux":
        # What getrusage says is inherited from whoever started the process.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return round(int(status.split("VmHWM:")[1].split()[0]) / 2**10, 1)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)
