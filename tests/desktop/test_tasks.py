"""Calls run off the main thread in order; results arrive on it; closing is bounded."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QObject, QThread
from PySide6.QtWidgets import QApplication

from desktop import tasks
from desktop.tasks import Session
from engine.api import Engine
from engine.errors import EngineError
from tests.desktop.fakes import FakeEngine


class Receiver(QObject):
    """Remembers what it was given and on which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []
        self.on_main: list[bool] = []

    def take(self, value: Any) -> None:
        self.got.append(value)
        self.on_main.append(QThread.currentThread() is QCoreApplication.instance().thread())


@pytest.fixture
def session(app: QApplication, engine: FakeEngine) -> Session:
    return Session(lambda: cast(Engine, engine))


def finish(session: Session, qtbot: Any) -> None:
    with qtbot.waitSignal(session.closed):
        session.close()


def test_calls_made_before_the_engine_wait_for_it(session: Session, qtbot: Any) -> None:
    receiver = Receiver()
    session.call(lambda engine: threading.current_thread().name, receiver.take)
    assert receiver.got == []
    session.start()
    qtbot.waitUntil(lambda: receiver.got == ["engine-calls"])
    assert receiver.on_main == [True]
    finish(session, qtbot)


def test_results_keep_their_order(session: Session, qtbot: Any) -> None:
    receiver = Receiver()
    session.start()
    for number in range(50):
        session.call(lambda engine, number=number: number, receiver.take)
    qtbot.waitUntil(lambda: len(receiver.got) == 50)
    assert receiver.got == list(range(50))
    finish(session, qtbot)


def test_an_error_goes_to_its_receiver_or_to_all(session: Session, engine: FakeEngine, qtbot: Any) -> None:
    engine.failing["chats"] = EngineError("chat_missing", chat="x")
    receiver, heard = Receiver(), Receiver()
    session.problem.connect(heard.take)
    session.start()
    session.call(lambda engine: engine.chats(), receiver.take, receiver.take)
    session.call(lambda engine: engine.chats(), receiver.take)
    qtbot.waitUntil(lambda: len(heard.got) == 1)
    assert [error.code for error in receiver.got + heard.got] == ["chat_missing", "chat_missing"]
    finish(session, qtbot)


def test_nothing_is_delivered_to_a_deleted_receiver(session: Session, qtbot: Any) -> None:
    gone, receiver = Receiver(), Receiver()
    session.call(lambda engine: 1, gone.take)
    session.call(lambda engine: 2, receiver.take)
    gone.deleteLater()
    QCoreApplication.sendPostedEvents(gone, QEvent.Type.DeferredDelete)
    session.start()
    qtbot.waitUntil(lambda: receiver.got == [2])
    assert gone.got == []
    finish(session, qtbot)


def test_an_engine_that_cannot_open_says_so_once(app: QApplication, qtbot: Any) -> None:
    def refuse() -> Engine:
        raise EngineError("home_read_only", path="/x")

    session = Session(refuse)
    receiver, heard = Receiver(), Receiver()
    session.problem.connect(heard.take)
    session.start()
    session.call(lambda engine: engine.chats())
    session.call(lambda engine: engine.chats(), None, receiver.take)
    qtbot.waitUntil(lambda: len(receiver.got) == 1)
    assert [error.code for error in heard.got] == ["home_read_only"]
    finish(session, qtbot)


def test_closing_drops_waiting_calls_and_closes_the_engine(
    session: Session, engine: FakeEngine, qtbot: Any
) -> None:
    receiver = Receiver()
    started, go_on = threading.Event(), threading.Event()

    def hold(_engine: Engine) -> None:
        started.set()
        go_on.wait(30)

    session.start()
    session.call(hold)
    session.call(lambda engine: 1, receiver.take)
    assert started.wait(30)
    with qtbot.waitSignal(session.closed):
        session.close()
        go_on.set()
    assert engine.closed and receiver.got == []


def test_closing_does_not_wait_for_a_call_that_hangs(
    session: Session, engine: FakeEngine, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CLOSE_MS", 50)
    started, go_on = threading.Event(), threading.Event()

    def hang(_engine: Engine) -> None:
        started.set()
        go_on.wait(30)

    session.start()
    session.call(hang)
    assert started.wait(30)
    with qtbot.waitSignal(session.closed):
        session.close()
    assert not engine.closed
    go_on.set()
    session._thread.join(30)


def test_closing_before_the_start(session: Session, qtbot: Any) -> None:
    with qtbot.waitSignal(session.closed):
        session.close()
