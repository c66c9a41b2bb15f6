"""The window on the real engine, its worker processes and databases; only the models are fakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from desktop.app import Desk, Options
from desktop.main_window import MainWindow
from desktop.widgets.message import AnswerMessage, QuestionMessage
from engine.api import Engine
from engine.paths import Home
from engine.settings import Settings
from tests.desktop.conftest import close

pytestmark = pytest.mark.process
SLOW = 60_000  # a hang guard


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "lease.md").write_text("# Lease\n\nThe notice period of the lease is three months.\n")
    (folder / "garden.txt").write_text("The tulips were planted in October.\n")
    (folder / "empty.txt").write_text("")
    return folder


def open_desk(home: Home) -> Desk:
    desk = Desk(lambda: Engine(home.root), Settings())
    desk.start(Options())
    return desk


def drop(window: MainWindow, folder: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    event = QDropEvent(
        QPointF(300, 300),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    window.dropEvent(event)


def ask(window: MainWindow, question: str) -> AnswerMessage:
    window.show_chat()
    QTest.keyClicks(window.chat.composer.box, question)
    QTest.keyClick(window.chat.composer.box, Qt.Key.Key_Return)
    answer = window.chat.transcript.messages[-1]
    assert isinstance(answer, AnswerMessage)
    return answer


def test_drop_ask_see_the_source_close_and_reopen(
    app: QApplication, home: Home, papers: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOCTURNE_FAKE_MODELS", "1")
    desk = open_desk(home)
    window = desk.window
    drop(window, papers)
    said = "2 of 3 files can be searched. Left out: 1."
    qtbot.waitUntil(lambda: window.library.summary.text() == said, timeout=SLOW)
    qtbot.waitUntil(lambda: window.library.problems.rowCount() == 1, timeout=SLOW)
    qtbot.waitUntil(lambda: window.sidebar.folders.rowCount() == 1, timeout=SLOW)
    assert window.library.problems.index(0, 1).data() == "It is empty."
    assert window.sidebar.folders.index(0).data() == "papers"
    answer = ask(window, "What is the notice period of the lease?")
    qtbot.waitUntil(lambda: not window.chat.answering, timeout=SLOW)
    assert "three months" in answer.body.text and answer.origin == "From your files"
    assert window.banners.shown == []
    answer.source_buttons[0].click()
    qtbot.waitUntil(window.source.open_button.isEnabled, timeout=SLOW)
    assert (
        window.source.name.whole_text == "lease.md" and "three months" in window.source.passage.toPlainText()
    )
    assert not window.source.warning.isVisible()
    said = answer.body.text
    close(desk, qtbot)

    again = open_desk(home)
    transcript = again.window.chat.transcript
    qtbot.waitUntil(lambda: len(transcript.messages) == 2, timeout=SLOW)
    question, reopened = transcript.messages
    assert (
        isinstance(question, QuestionMessage) and question.text == "What is the notice period of the lease?"
    )
    assert isinstance(reopened, AnswerMessage) and reopened.body.text == said
    assert len(reopened.source_buttons) == 1
    close(again, qtbot)


def test_stop_keeps_and_stores_the_part(
    app: QApplication, home: Home, papers: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOCTURNE_FAKE_MODELS", "1")
    monkeypatch.setenv("NOCTURNE_FAKE_TOKEN_SECONDS", "0.2")
    monkeypatch.setenv("NOCTURNE_FAKE_REPLY", "The notice period of the lease is three months [1]. " * 40)
    desk = open_desk(home)
    window = desk.window
    drop(window, papers)
    qtbot.waitUntil(lambda: window.library.summary.isVisible(), timeout=SLOW)
    answer = ask(window, "Explain the notice period of the lease.")
    qtbot.waitUntil(lambda: "notice" in answer.body.text, timeout=SLOW)
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.chat.answering, timeout=SLOW)
    assert "You stopped this answer" in answer._note.text()
    chat = window.chat.chat
    assert chat is not None
    window.new_chat()
    window.open_chat(chat)
    qtbot.waitUntil(lambda: len(window.chat.transcript.messages) == 2, timeout=SLOW)
    stored = window.chat.transcript.messages[1]
    assert isinstance(stored, AnswerMessage) and stored.answer is not None and stored.answer.stopped
    close(desk, qtbot)


def test_consent_is_stored(
    app: QApplication, home: Home, papers: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOCTURNE_FAKE_MODELS", "1")
    desk = open_desk(home)
    window = desk.window
    drop(window, papers)
    qtbot.waitUntil(lambda: list(window.nights.rows) == [str(papers)], timeout=SLOW)
    window.show_nights()
    window.nights.rows[str(papers)].box.click()
    qtbot.waitUntil(lambda: window.sidebar.folders.folders[0].learn, timeout=SLOW)
    close(desk, qtbot)

    again = open_desk(home)
    qtbot.waitUntil(lambda: bool(again.window.nights.rows), timeout=SLOW)
    assert again.window.nights.rows[str(papers)].box.isChecked()
    assert again.window.banners.shown == []
    close(again, qtbot)


def test_a_second_window_on_the_home_reads_and_says_so(
    app: QApplication, home: Home, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOCTURNE_FAKE_MODELS", "1")
    with Engine(home.root, program="The other"):
        desk = open_desk(home)
        qtbot.waitUntil(lambda: len(desk.window.banners.shown) == 1, timeout=SLOW)
        said = desk.window.banners.shown[0].said
        assert said.message.startswith("This needs to write, and The other holds")
        close(desk, qtbot)


def test_a_damaged_user_db_is_a_banner_and_is_left_alone(app: QApplication, home: Home, qtbot: Any) -> None:
    home.root.mkdir(parents=True)
    home.user_db.write_bytes(b"not a database at all" * 100)
    before = home.user_db.read_bytes()
    desk = open_desk(home)
    qtbot.waitUntil(lambda: len(desk.window.banners.shown) == 1, timeout=SLOW)
    assert "there is no backup yet; nothing was changed" in desk.window.banners.shown[0].said.message
    close(desk, qtbot)
    assert home.user_db.read_bytes() == before
