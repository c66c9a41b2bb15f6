"""Events of a job reach the main thread in order, joined, and end exactly once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QObject, QThread
from PySide6.QtWidgets import QApplication

from desktop.bridge import JobBridge
from engine.contracts import FileDone, Found, Notice, Progress, Token
from engine.errors import EngineError
from engine.workers.jobs import Job


class Ear(QObject):
    """Everything a bridge said, in order."""

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self.heard: list[tuple[str, Any]] = []
        self.foreign = 0
        self.bridge = bridge
        bridge.tokens.connect(self.tokens)
        bridge.progress.connect(self.progress)
        bridge.found.connect(self.found)
        bridge.notice.connect(self.notice)
        bridge.files.connect(self.files)
        bridge.succeeded.connect(self.succeeded)
        bridge.failed.connect(self.failed)
        bridge.cancelled.connect(self.cancelled)

    def _hear(self, kind: str, value: Any) -> None:
        self.heard.append((kind, value))
        self.foreign += QThread.currentThread() is not QCoreApplication.instance().thread()

    def tokens(self, text: str) -> None:
        self._hear("tokens", text)

    def progress(self, progress: Progress) -> None:
        self._hear("progress", progress.done)

    def found(self, found: Found) -> None:
        self._hear("found", found)

    def notice(self, notice: Notice) -> None:
        self._hear("notice", notice.code)

    def files(self, count: int) -> None:
        self._hear("files", count)

    def succeeded(self, result: object) -> None:
        self._hear("succeeded", result)

    def failed(self, error: object) -> None:
        self._hear("failed", error)

    def cancelled(self) -> None:
        self._hear("cancelled", None)


@pytest.fixture
def job(app: QApplication) -> Job[Any]:
    def cancel() -> None:
        made.fail(EngineError("bug"))

    made: Job[Any] = Job(lambda raw: raw, cancel)
    return made


def test_events_before_and_after_from_another_thread(job: Job[Any], qtbot: Any) -> None:
    job.emit(Token("before "))
    ear = Ear(JobBridge(job))

    def work() -> None:
        for number in range(1000):
            job.emit(Token(f"{number} "))
        job.succeed("done")

    thread = threading.Thread(target=work)
    thread.start()
    qtbot.waitUntil(lambda: ("succeeded", "done") in ear.heard)
    thread.join()
    said = "".join(value for kind, value in ear.heard if kind == "tokens")
    assert said == "before " + "".join(f"{number} " for number in range(1000))
    assert ear.heard[-1] == ("succeeded", "done") and ear.foreign == 0


def test_what_comes_in_between_is_joined(job: Job[Any], qtbot: Any) -> None:
    ear = Ear(JobBridge(job))
    for number in range(5):
        job.emit(Token(str(number)))
        job.emit(Progress("words", number, 5))
        job.emit(FileDone("/a", "words"))
    job.emit(Notice("toy_model"))
    qtbot.waitUntil(lambda: len(ear.heard) == 4)
    assert ear.heard == [("notice", "toy_model"), ("progress", 4), ("files", 5), ("tokens", "01234")]


def test_later_events_wait_for_the_interval(job: Job[Any], qtbot: Any) -> None:
    ear = Ear(JobBridge(job))
    job.emit(Token("a"))
    qtbot.waitUntil(lambda: len(ear.heard) == 1)
    assert ear.bridge._timer.interval() >= 30
    job.emit(Token("b"))
    job.emit(Token("c"))
    qtbot.waitUntil(lambda: len(ear.heard) == 2)
    assert ear.heard == [("tokens", "a"), ("tokens", "bc")]


def test_tokens_of_an_attempt_that_was_given_up_are_dropped(job: Job[Any], qtbot: Any) -> None:
    ear = Ear(JobBridge(job))
    nothing = Found((), 1, 1)
    job.emit(Token("a"))
    job.emit(nothing)
    job.emit(Token("b"))
    qtbot.waitUntil(lambda: ("tokens", "b") in ear.heard)
    assert ear.heard == [("found", nothing), ("tokens", "b")]


def test_an_error_and_a_cancelled_job(job: Job[Any], qtbot: Any) -> None:
    ear = Ear(JobBridge(job))
    job.emit(Token("x"))
    job.cancel()
    qtbot.waitUntil(lambda: len(ear.heard) == 2)
    assert ear.heard == [("tokens", "x"), ("cancelled", None)]
    other: Job[Any] = Job(lambda raw: raw, lambda: None)
    error = EngineError("no_memory", model="m")
    other.fail(error)
    late = Ear(JobBridge(other))
    qtbot.waitUntil(lambda: late.heard == [("failed", error)])
