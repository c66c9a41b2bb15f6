"""Tests of what may not be read or written, also where they run as root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ordinary_user(folder: Path) -> Iterator[None]:
    """Root may write anywhere: be nobody for a moment, able to reach `folder`."""
    if os.geteuid() != 0:
        yield
        return
    parents = [
        folder,
        *(parent for parent in folder.parents if parent.owner() == "root" and "pytest" in str(parent)),
    ]
    modes = [(parent, parent.stat().st_mode) for parent in parents]
    for parent in parents:
        parent.chmod(0o755)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        for parent, mode in modes:
            parent.chmod(mode)
