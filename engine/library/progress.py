"""How far a phase is: counts become Progress events with a rate and the time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from engine.contracts import Event, Phase, Progress

_EVERY = 0.2  # seconds between events that name nothing new
_SETTLED = 2.0  # seconds before a rate means anything


class Meter:
    """Counts one phase of one run. `total` 0: not known."""

    def __init__(self, phase: Phase, total: int, emit: Callable[[Event], None]) -> None:
        self._phase = phase
        self._total = total
        self._emit = emit
        self._began = self._last = time.monotonic()
        self.done = 0

    def show(self, current: str = "") -> None:
        """Emit how far it is, and on what."""
        self._last = time.monotonic()
        spent = self._last - self._began
        rate = self.done / spent if spent > 0 else 0.0
        left = (self._total - self.done) / rate if self._total and rate and spent > _SETTLED else None
        self._emit(Progress(self._phase, self.done, self._total, current, round(rate, 2), left))

    def show_sometimes(self, current: str = "") -> None:
        """As `show`, but not more often than a person can read."""
        if time.monotonic() - self._last >= _EVERY:
            self.show(current)
