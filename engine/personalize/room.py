"""Is there room for a night, in memory and on the disk? Asked before it begins, and again before it trains.

Measured: training on the built-in model, a base file of 145 MB (Q8_0, 135M parameters), peaked at 2.3 GiB.
How much of that grows with the model is an estimate: one size alone was measured. About 1 GiB is the
interpreter, torch and what oneDNN keeps; the rest is the base in bf16 and what a step keeps for its gradient.
On the disk the same model takes 20 MB of weights, 10 MB of adapter and 59 MB a checkpoint, of which there are
two while one replaces the other: as much as the base file, besides the copy of the index and the rows.
"""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from engine.errors import EngineError
from engine.models import catalog, files, prepare
from engine.paths import Home

_GIB, _GB = 2**30, 10**9
FIXED_MEMORY, MEMORY_A_BYTE = _GIB, 9.5
DISK_A_BYTE, ROWS_DISK = 1.1, 64 * 2**20
MARGIN = 1.1
_PREPARED = 1.5  # prepared form / source, of the built-in model


def check(home: Home, copies_index: bool = True) -> None:
    """Raises EngineError: night_no_memory, night_no_disk, and what finding the model may raise.

    What the system does not tell refuses nothing. `copies_index`: the night has yet to copy it.
    """
    base, unprepared = _base_bytes(home)
    index = home.index_db.stat().st_size if copies_index and home.index_db.exists() else 0
    memory, disk = memory_needed(base), disk_needed(base, index) + unprepared
    free = free_memory()
    if free is not None and free < memory:
        raise EngineError("night_no_memory", needed=_up(memory), free=_down(free))
    free = free_disk(home.root)
    if free is not None and free < disk:
        raise EngineError("night_no_disk", needed=_up(disk), free=_down(free), path=str(home.root))


def memory_needed(base: int) -> int:
    """Bytes that a night on a base file of `base` bytes holds at most; training is the peak."""
    return round(MARGIN * (FIXED_MEMORY + MEMORY_A_BYTE * base))


def disk_needed(base: int, index: int) -> int:
    """Bytes that its run folder takes at most, with a copy of the `index` bytes of the library."""
    return round(MARGIN * (index + DISK_A_BYTE * base + ROWS_DISK))


def free_memory() -> int | None:
    """Bytes that programs may take without swapping; None where the system does not say."""
    import psutil

    try:
        return int(psutil.virtual_memory().available)
    except (OSError, RuntimeError):
        return None


def free_disk(path: Path) -> int | None:
    """Bytes free where `path` is or will be; None where the system does not say."""
    while not path.exists() and path != path.parent:
        path = path.parent
    try:
        return shutil.disk_usage(path).free
    except OSError:
        return None


def _base_bytes(home: Home) -> tuple[int, int]:
    """Size of the base file, and how much of it has still to be written."""
    card = catalog.default("chat")
    source = files.locate(card, home)
    if not card.prepare:
        return source.stat().st_size, 0
    if path := prepare.ready(card, home):
        return path.stat().st_size, 0
    guess = round(_PREPARED * source.stat().st_size)
    return guess, guess


def _up(size: int) -> str:
    return f"{math.ceil(10 * size / _GB) / 10:.1f}"


def _down(size: int) -> str:
    return f"{math.floor(10 * size / _GB) / 10:.1f}"
