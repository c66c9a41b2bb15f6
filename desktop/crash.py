"""What nobody caught: into the log, and one banner. Nothing is swallowed, nothing leaves this computer."""

from __future__ import annotations

import logging
import sys
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

log = logging.getLogger("nocturne.window")
LOG_BYTES = 1_000_000


class Crashes(QObject):
    """`caught(error)` on the main thread for every exception that reached the top of a thread."""

    caught = Signal(object)

    def install(self) -> None:
        """Take over the hooks of Python and Qt."""
        sys.excepthook = self._main_thread
        threading.excepthook = self._other_thread
        qInstallMessageHandler(_qt_message)

    def _main_thread(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self._report(error)

    def _other_thread(self, happened: threading.ExceptHookArgs) -> None:
        if happened.exc_value is not None:
            self._report(happened.exc_value)

    def _report(self, error: BaseException) -> None:
        log.error("uncaught %s", type(error).__name__, exc_info=error)
        self.caught.emit(error)


def _qt_message(kind: QtMsgType, _context: QMessageLogContext, text: str | None) -> None:
    level = logging.WARNING if kind != QtMsgType.QtInfoMsg and kind != QtMsgType.QtDebugMsg else logging.DEBUG
    log.log(level, "qt: %s", text)


def open_log(folder: Path) -> str:
    """Log to `folder`/window.log, and return its path; to stderr where it cannot be written."""
    path = folder / "window.log"
    handler: logging.Handler
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    return str(path)
