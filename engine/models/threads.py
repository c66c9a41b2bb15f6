"""How many threads a model may compute with."""

from __future__ import annotations

import os


def physical_cores() -> int:
    """Cores this process may use, hyper-threads not counted: more threads only wait for each other."""
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))
