"""Checks of machine and install, each with a hint how to mend what fails."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.contracts import Check
from engine.errors import EngineError
from engine.paths import Home
from engine.personalize import backends
from engine.workers import launch
from engine.workers.supervisor import Worker

FREE_DISK = 1 << 30
MEMORY = 2 << 30
PROBE_SECONDS = 300.0  # a hang guard: preparing the chat model is part of the first probe


def check(home: Home, answer: Worker) -> list[Check]:
    """All checks, in the order a person would mend them."""
    return [*_machine(home), *_models(answer), _window(), _trainer()]


def _machine(home: Home) -> Iterator[Check]:
    import psutil

    version = platform.python_version()
    yield Check("python", (3, 11) <= sys.version_info < (3, 14), version, "Use Python 3.11, 3.12 or 3.13.")
    folder = _existing(home.root)
    writable = os.access(folder, os.W_OK)
    yield Check("home", writable, str(home.root), "Make it writable, or pass another one with --home DIR.")
    free = shutil.disk_usage(folder).free
    yield Check("disk", free >= FREE_DISK, f"{free >> 20} MiB free", "Free at least 1 GiB.")
    memory = psutil.virtual_memory()
    total = f"{memory.available >> 20} of {memory.total >> 20} MiB available"
    yield Check("memory", memory.available >= MEMORY, total, "Close other programs.")


def _models(answer: Worker) -> Iterator[Check]:
    try:
        found = answer.submit("probe", {}).result(PROBE_SECONDS)
    except EngineError as error:
        yield Check("models", False, error.message, error.hint)
    except TimeoutError:
        yield Check(
            "models", False, "The answer process does not respond.", "See the log in the home folder."
        )
    else:
        for name, detail in found.items():
            yield Check(name, True, detail)


def _window() -> Check:
    reason = window_problem()
    return Check("window", reason is None, reason or "can be opened", "Use the commands in a terminal.")


def window_problem() -> str | None:
    """Why the window cannot start here, in one line; None if it can. Found out by trying, in a process."""
    try:
        tried = subprocess.run(
            launch.window_command(["--probe"]),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if tried.returncode == 0:
        return None
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"} & os.environ.keys():
        return "there is no display"
    said = [line.strip() for line in tried.stderr.splitlines() if line.strip()]
    return next(
        (line for line in said if "could not" in line or "Error" in line), said[0] if said else "no display"
    )


def _trainer() -> Check:
    backend = backends.suited()
    hint = "Only nights need it: pip install 'nocturne[personalize]'."
    detail = backend.name if backend.installed else f"{backend.name} is not installed"
    return Check("personalize", backend.installed, detail, hint)


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
