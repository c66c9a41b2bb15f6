"""How our processes are started: the argv of each, in a source tree, installed, and frozen."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.paths import Home


def worker_command(role: str, home: Home) -> list[str]:
    """argv of the worker `role` for `home`."""
    return [*_program("nocturne", "engine.workers.main"), *_worker_word(), role, str(home.root)]


def window_command(arguments: Sequence[str]) -> list[str]:
    """argv that opens the window."""
    return [*_program("nocturne-window", "desktop"), *arguments]


def _frozen() -> bool:
    return bool(getattr(sys, "frozen", False))


def _program(executable: str, module: str) -> list[str]:
    if _frozen():
        suffix = ".exe" if sys.platform == "win32" else ""
        return [str(Path(sys.executable).with_name(executable + suffix))]
    return [sys.executable, "-m", module]


def _worker_word() -> list[str]:
    # The frozen command line is one executable: a first word tells it to be a worker.
    return ["worker"] if _frozen() else []


def environment() -> dict[str, str]:
    """The environment of a worker: ours, with the hub clients of third parties told to stay offline."""
    return {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONUTF8": "1",
    }
