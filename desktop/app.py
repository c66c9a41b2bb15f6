"""The composition root: home, settings, engine, window, wired together once."""

from __future__ import annotations

import faulthandler
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, Qt, QTimer, QTranslator, Signal
from PySide6.QtWidgets import QApplication

from desktop.crash import Crashes, open_log
from desktop.instance import FirstWindow, call_first
from desktop.main_window import MainWindow
from desktop.readiness import Readiness
from desktop.tasks import Session
from engine import settings as choices
from engine.api import Engine, find_home
from engine.errors import EngineError
from engine.settings import Settings
from resources import resource

PULSE_MS = 250


@dataclass(frozen=True)
class Options:
    """What `python -m desktop` was asked to do."""

    home: str = ""
    folder: str = ""
    ask: str = ""
    report_ready: bool = False


class Desk(QObject):
    """A window, its engine and their end. `finished` is the session's `closed`."""

    def __init__(
        self,
        open_engine: Callable[[], Engine],
        settings: Settings,
        log_path: str = "",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.session = Session(open_engine, self)
        self.finished = self.session.closed
        self.window = MainWindow(self.session, settings, log_path)
        self.window.closing.connect(self.session.close)
        self.window.dress()

    def start(self, options: Options) -> None:
        """Show the window at once; the engine is built meanwhile."""
        self.window.show()
        self.session.start()
        if options.report_ready:
            Readiness(self.window)
        if options.folder or options.ask:
            self.window.begin_with(options.folder, options.ask)

    def come_forward(self, folder: str, question: str) -> None:
        """A second start: raise this window and do what that one was asked."""
        self.window.setWindowState(self.window.windowState() & ~Qt.WindowState.WindowMinimized)
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()
        if folder or question:
            self.window.begin_with(folder, question)


class Ender(QObject):
    """`asked` when the system or the terminal wants the program to end; a second time it ends at once."""

    asked = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        # Python runs a signal's handler only between its own instructions: let there be some.
        self._pulse = QTimer(self)
        self._pulse.timeout.connect(self._look)
        self._pulse.start(PULSE_MS)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self._count += 1
        signal.signal(number, signal.SIG_DFL)

    def _look(self) -> None:
        if self._count:
            self._pulse.stop()
            self.asked.emit()


def run(options: Options) -> int:
    """Open the window and stay until it is closed. Returns the exit code."""
    app = make_app()
    home = find_home(options.home or None)
    answered = call_first(str(home.root), options.folder, options.ask)
    if answered:
        return 0
    if answered is False:
        said = EngineError("home_locked", holder="Nocturne", path=str(home.root), pid="?")
        print(f"{said.message} {said.hint}", file=sys.stderr)  # noqa: T201  # there is no window to say it in
        return said.exit_code
    if sys.stderr is not None:
        faulthandler.enable()
    crashes = Crashes()
    crashes.install()
    log_path = open_log(home.log)
    settings, refusal = _load_settings(home.settings)
    _translate(app, settings.language)
    desk = Desk(_opener(home.root), settings, log_path)
    crashes.caught.connect(desk.window.show_error)
    app.styleHints().colorSchemeChanged.connect(desk.window.dress)
    desk.finished.connect(app.quit)
    first = FirstWindow(str(home.root))
    first.called.connect(desk.come_forward)
    first.listen()
    if refusal is not None:
        desk.window.show_error(refusal)
    desk.start(options)
    ender = Ender(app)
    ender.asked.connect(desk.window.close)
    return app.exec()


def make_app() -> QApplication:
    """The one QApplication."""
    app = QApplication(sys.argv[:1])
    prepare(app)
    return app


def prepare(app: QApplication) -> None:
    """Name the program and choose what does not depend on a home."""
    app.setApplicationName("nocturne")
    app.setApplicationDisplayName("Nocturne")
    app.setDesktopFileName("nocturne")
    app.setQuitOnLastWindowClosed(False)
    app.setStyle("Fusion")
    if QLocale.system().language() == QLocale.Language.C:
        # The C locale writes 1040, people write 1,040.
        QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))


def _opener(home: Path) -> Callable[[], Engine]:
    def open_engine() -> Engine:
        return Engine(home)

    return open_engine


def _load_settings(path: Path) -> tuple[Settings, EngineError | None]:
    try:
        return choices.load(path), None
    except EngineError as error:
        return Settings(), error


def _translate(app: QApplication, language: str) -> None:
    """Install the translation of the chosen or the system's language, and Qt's own, where there is one."""
    locale = QLocale(language) if language else QLocale.system()
    ours, qt = QTranslator(app), QTranslator(app)
    if ours.load(locale, "nocturne", "_", str(resource("translations"))):
        app.installTranslator(ours)
    if qt.load(locale, "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        app.installTranslator(qt)
