"""Background work gives way: the lowest priority the platform offers, inherited by children."""

from __future__ import annotations

import contextlib
import os
import sys


def lower() -> None:
    """Put this process (and every thread and child it starts from now on) behind everything else."""
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.IDLE_PRIORITY_CLASS)
        return
    os.nice(19)
    if sys.platform == "linux":
        # SCHED_IDLE may be refused inside a sandbox; nice 19 alone then has to do.
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        with contextlib.suppress(Exception):
            import psutil

            psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
