"""A window on a scripted engine; Qt's own warnings fail a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from desktop.app import Desk, Options, prepare
from desktop.main_window import MainWindow
from engine.api import Engine
from engine.settings import Settings
from tests.desktop.fakes import FakeEngine
from tests.desktop.pseudo import Pseudo

# Wayland and X11 tell apart what the offscreen screen cannot.
_HARMLESS = ("This plugin does not support propagateSizeHints()", "This plugin does not support raise()")


@pytest.fixture(autouse=True)
def no_qt_warnings(request: pytest.FixtureRequest, qtlog: Any) -> Iterator[None]:
    """Fail on anything Qt complains about."""
    yield
    said = [record.message for record in qtlog.records if record.type_name != "QtDebugMsg"]
    assert not [message for message in said if message not in _HARMLESS]


@pytest.fixture
def app(qapp: QApplication) -> QApplication:
    prepare(qapp)
    return qapp


@pytest.fixture
def pseudo(app: QApplication) -> Iterator[Pseudo]:
    made = Pseudo(app)
    app.installTranslator(made)
    yield made
    app.removeTranslator(made)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def desk(app: QApplication, engine: FakeEngine, qtbot: Any) -> Iterator[Desk]:
    """A window that is shown; its engine is built when the test starts it."""
    made = Desk(lambda: cast(Engine, engine), Settings())
    yield made
    close(made, qtbot)


@pytest.fixture
def window(desk: Desk, engine: FakeEngine, qtbot: Any) -> MainWindow:
    """A window whose engine is ready and whose first lists are shown."""
    return open_window(desk, engine, qtbot)


def open_window(desk: Desk, engine: FakeEngine, qtbot: Any) -> MainWindow:
    desk.start(Options())
    qtbot.waitUntil(lambda: bool(engine.called("warm")))
    settle(desk, qtbot)
    return desk.window


def settle(desk: Desk, qtbot: Any) -> None:
    """Wait until the engine's thread has nothing left and its answers were delivered."""
    for _round in range(3):
        with qtbot.waitSignal(_Echo(desk).came):
            pass


class _Echo:
    """A signal that comes back through the engine's thread."""

    def __init__(self, desk: Desk) -> None:
        from PySide6.QtCore import QObject, Signal

        class Echo(QObject):
            came = Signal()

            def done(self, _value: object) -> None:
                self.came.emit()

        self._echo = Echo(desk)
        self.came = self._echo.came
        desk.session.call(lambda engine: None, self._echo.done)


def close(desk: Desk, qtbot: Any) -> None:
    if desk.session.is_open:
        with qtbot.waitSignal(desk.finished):
            desk.window.close()
    desk.window.deleteLater()
    desk.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
