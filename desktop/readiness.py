"""`--report-ready`: says when a person could type and saw the last chat, then closes the window."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from desktop.main_window import MainWindow

POLL_MS = 5


class Readiness(QObject):
    """Looks every few milliseconds; prints {"time": seconds since the epoch, "peak_mib": ...} once."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_MS)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        if not (self._window.has_last_chat and self._takes_a_key()):
            return
        self._timer.stop()
        # Painted, not only scheduled to be.
        self._window.repaint()
        report = {"time": time.time(), "peak_mib": _peak_mib()}
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()
        self._window.close()

    def _takes_a_key(self) -> bool:
        """Type a letter as a keyboard would and see whether it arrives."""
        composer = self._window.chat.composer
        box = self._window.focusWidget()
        if box is None or not composer.isAncestorOf(box):
            return False
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(box, QKeyEvent(kind, Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier, "a"))
        return "a" in composer.box.toPlainText()


def _peak_mib() -> float:
    """The most memory this process held, where the system says so; getrusage would count its parent's too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) / 1024, 1)
