"""Asking, stopping, reopening, paging: the window on a scripted engine."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from desktop import style
from desktop.app import Desk, Options
from desktop.main_window import MainWindow
from desktop.panels.chat import MAX_BUILT
from desktop.widgets import links
from desktop.widgets.links import LinkQuestion
from desktop.widgets.message import AnswerMessage, QuestionMessage
from desktop.widgets.transcript import PAGE
from engine.api import Engine
from engine.contracts import Found, Nearest, Notice, Progress, Token
from engine.errors import EngineError
from engine.settings import Settings
from tests.desktop.conftest import close, open_window, settle
from tests.desktop.fakes import ANSWER, NOWHERE, PASSAGE, FakeEngine
from tests.desktop.test_answer import fragments


def ask(window: MainWindow, engine: FakeEngine, qtbot: Any, question: str) -> AnswerMessage:
    """Type a question, press Enter, and return the answer's widget once the engine was asked."""
    before = len(engine.asked)
    QTest.keyClicks(window.chat.composer.box, question)
    QTest.keyClick(window.chat.composer.box, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(engine.asked) == before + 1 and window.chat._live.bridge is not None)
    return answers(window)[-1]


def answers(window: MainWindow) -> list[AnswerMessage]:
    return [message for message in window.chat.transcript.messages if isinstance(message, AnswerMessage)]


def shown(window: MainWindow) -> list[str]:
    return [
        message.text if isinstance(message, QuestionMessage) else cast(AnswerMessage, message).body.text
        for message in window.chat.transcript.messages
    ]


def test_ask_stream_cite_and_see_the_source(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    answer = ask(window, engine, qtbot, "When can I leave?")
    assert answer.origin == "Searching your files…"
    job = engine.asked[0]
    job.emit(Found((PASSAGE,), 812, 1040))
    for token in ("With three ", "months' notice ", "[1]."):
        job.emit(Token(token))
    qtbot.waitUntil(lambda: answer.body.text == "With three months' notice [1].")
    assert window.chat.composer.answering
    job.succeed(ANSWER)
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert answer.origin == "From your files"
    assert not window.source.isVisible()
    answer.source_buttons[0].click()
    qtbot.waitUntil(lambda: window.source.passage.toPlainText().startswith("Before. either party"))
    assert window.source.isVisible() and window.source.name.whole_text == "lease.pdf"
    assert window.source.where.text() == "page 14 · Term"
    qtbot.waitUntil(lambda: bool(engine.called("record")))
    assert engine.called("record") == [
        ("record", "opened_citation", answer.message, ANSWER.citations[0].path)
    ]


def test_the_new_chat_is_listed_and_titled_while_it_is_answered(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    ask(window, engine, qtbot, "What is due?")
    qtbot.waitUntil(lambda: window.chat.title.whole_text == "What is due?")
    assert window.sidebar.chats_view.currentIndex().data() == "What is due?"
    engine.asked[0].succeed(ANSWER)
    qtbot.waitUntil(lambda: not window.chat.answering)
    ask(window, engine, qtbot, "And then?")
    assert engine.called("ask")[-1] == ("ask", "And then?", window.chat.chat)
    engine.asked[1].succeed(ANSWER)
    qtbot.waitUntil(lambda: not window.chat.answering)


def test_enter_sends_and_shift_enter_starts_a_line(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    box = window.chat.composer.box
    height = box.height()
    QTest.keyClicks(box, "one")
    QTest.keyClick(box, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(box, "two")
    assert box.toPlainText() == "one\ntwo" and box.height() > height
    QTest.keyClick(box, Qt.Key.Key_Enter)
    qtbot.waitUntil(lambda: len(engine.called("ask")) == 1)
    assert engine.called("ask")[0][1] == "one\ntwo" and box.toPlainText() == ""


def test_an_empty_question_is_not_sent(
    window: MainWindow, engine: FakeEngine, desk: Desk, qtbot: Any
) -> None:
    QTest.keyClicks(window.chat.composer.box, "   ")
    QTest.keyClick(window.chat.composer.box, Qt.Key.Key_Return)
    settle(desk, qtbot)
    assert engine.called("ask") == [] and not window.chat.composer.send_button.isEnabled()


def test_stop_keeps_what_was_written(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    answer = ask(window, engine, qtbot, "Long?")
    engine.asked[0].emit(Token("Half an ans"))
    qtbot.waitUntil(lambda: answer.body.text == "Half an ans")
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert answer.body.text == "Half an ans" and "You stopped" in answer._note.text()
    assert not window.chat.composer.answering


def test_stop_before_the_first_word(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    answer = ask(window, engine, qtbot, "Slow?")
    window.chat.composer.send_button.click()
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert answer.origin == "Stopped" and shown(window) == ["Slow?", ""]
    assert window.banners.shown == []


def test_a_question_waits_for_the_engine_and_can_be_stopped_before_it(
    app: QApplication, engine: FakeEngine, qtbot: Any
) -> None:
    opened = threading.Event()

    def slow() -> Engine:
        assert opened.wait(30)
        return cast(Engine, engine)

    desk = Desk(slow, Settings())
    desk.start(Options())
    qtbot.waitExposed(desk.window)
    qtbot.waitUntil(lambda: desk.window.chat.composer.box.hasFocus())
    QTest.keyClicks(app.focusWidget(), "ready yet?")
    QTest.keyClick(app.focusWidget(), Qt.Key.Key_Return)
    assert shown(desk.window) == ["ready yet?", ""] and engine.calls == []
    desk.window.chat.stop()
    opened.set()
    qtbot.waitUntil(lambda: not desk.window.chat.answering)
    assert engine.called("ask") == [("ask", "ready yet?", None)] and engine.asked[0].cancelling
    close(desk, qtbot)


def test_a_failed_question_is_given_back(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    engine.failing["ask"] = EngineError("question_too_long", tokens=9000, limit=4000)
    QTest.keyClicks(window.chat.composer.box, "far too long")
    QTest.keyClick(window.chat.composer.box, Qt.Key.Key_Return)
    QTest.keyClicks(window.chat.composer.box, "and more")
    qtbot.waitUntil(lambda: bool(window.banners.shown))
    assert window.banners.shown[0].said.message == "The question is too long: 9000 tokens, at most 4000 fit."
    assert window.chat.composer.box.toPlainText() == "far too long\nand more"
    assert shown(window) == [] and not window.chat.composer.answering


def test_a_crash_while_answering_keeps_the_question(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    ask(window, engine, qtbot, "Crash?")
    engine.asked[0].fail(EngineError("worker_crashed", role="answer", log="/l"))
    qtbot.waitUntil(lambda: bool(window.banners.shown))
    assert shown(window) == ["Crash?"] and window.chat.composer.box.toPlainText() == "Crash?"


def test_reopening_a_chat_shows_what_was_said(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    ask(window, engine, qtbot, "Who?")
    engine.asked[0].succeed(NOWHERE)
    qtbot.waitUntil(lambda: not window.chat.answering)
    chat = window.chat.chat
    window.menus.new.trigger()
    assert shown(window) == [] and window.chat.chat is None
    qtbot.waitUntil(lambda: window.sidebar.chats.rowCount() == 1)
    view = window.sidebar.chats_view
    QTest.mouseClick(
        view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(view.model().index(0, 0)).center()
    )
    qtbot.waitUntil(lambda: shown(window) == ["Who?", NOWHERE.answer])
    assert window.chat.chat == chat and answers(window)[0].origin == "Not in your files"


def test_an_answer_goes_on_while_another_chat_is_read(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    engine.fill("other", "Other", 2)
    answer = ask(window, engine, qtbot, "Slow one?")
    chat = window.chat.chat
    window.open_chat("other")
    qtbot.waitUntil(lambda: shown(window) == ["Question 0?", "Answer 1 [1]."])
    engine.asked[0].emit(Token("Still "))
    qtbot.waitUntil(lambda: answer.body.text == "Still ")
    window.open_chat(chat)
    qtbot.waitUntil(lambda: shown(window) == ["Slow one?", "Still "])
    engine.asked[0].succeed(ANSWER)
    qtbot.waitUntil(lambda: shown(window) == ["Slow one?", ANSWER.answer])


def test_an_answer_that_ends_unseen_is_there_later(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    ask(window, engine, qtbot, "Slow one?")
    chat = window.chat.chat
    window.new_chat()
    engine.asked[0].succeed(ANSWER)
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert shown(window) == [] and window.chat.chat is None
    window.open_chat(chat)
    qtbot.waitUntil(lambda: shown(window) == ["Slow one?", ANSWER.answer])


def test_ten_thousand_messages_are_paged(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.fill("big", "Big", 10_000)
    window = open_window(desk, engine, qtbot)
    transcript = window.chat.transcript
    qtbot.waitUntil(lambda: len(transcript.messages) == PAGE)
    assert engine.called("messages") == [("messages", "big", PAGE, None)]
    built = window.findChildren(QuestionMessage) + window.findChildren(AnswerMessage)
    assert len(built) <= 60
    assert transcript.messages[-1].body.text == "Answer 9999 [1]."
    bar = transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    bar.setValue(0)
    first = transcript.messages[0]
    place = first.mapTo(transcript.viewport(), first.rect().topLeft()).y()
    transcript._earlier.click()
    qtbot.waitUntil(lambda: len(transcript.messages) == 2 * PAGE)
    qtbot.waitUntil(lambda: abs(first.mapTo(transcript.viewport(), first.rect().topLeft()).y() - place) < 60)
    for _page in range(3):
        bar.setValue(0)
        oldest = transcript.messages[0]
        qtbot.waitUntil(transcript._earlier.isVisible)
        transcript._earlier.click()
        qtbot.waitUntil(
            lambda oldest=oldest: transcript.messages[0] is not oldest and not window.chat._unbuilt
        )
        assert len(transcript.messages) <= MAX_BUILT
    assert len(engine.called("messages")) == 5
    assert transcript._latest.isVisible()
    transcript._latest.click()
    qtbot.waitUntil(lambda: shown(window)[-1:] == ["Answer 9999 [1]."] and len(shown(window)) == PAGE)


def test_scrolled_up_stays_put_while_writing(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    engine.fill("long", "Long", 30)
    window.open_chat("long")
    transcript = window.chat.transcript
    qtbot.waitUntil(lambda: len(transcript.messages) == 30)
    ask(window, engine, qtbot, "More?")
    bar = transcript.verticalScrollBar()
    engine.asked[0].emit(Token("word\n\n" * 30))
    qtbot.waitUntil(
        lambda: answers(window)[-1].body.text.count("word") == 30 and bar.value() == bar.maximum()
    )
    bar.setValue(50)
    engine.asked[0].emit(Token("more\n\n" * 30))
    high = bar.maximum()
    qtbot.waitUntil(lambda: bar.maximum() > high)
    assert bar.value() == 50 and transcript._latest.isVisible()
    window.menus.latest.trigger()
    assert bar.value() == bar.maximum()


def test_votes_reach_the_engine(window: MainWindow, engine: FakeEngine, desk: Desk, qtbot: Any) -> None:
    answer = ask(window, engine, qtbot, "Good?")
    engine.asked[0].succeed(ANSWER)
    qtbot.waitUntil(lambda: not window.chat.answering)
    answer.up_button.click()
    settle(desk, qtbot)
    assert engine.called("vote") == [("vote", answer.message, "up")]


def test_notices_and_preparation_are_shown(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    answer = ask(window, engine, qtbot, "First?")
    engine.asked[0].emit(Notice("preparing_model", {"model": "chat", "seconds": 20}))
    qtbot.waitUntil(lambda: answer.origin.startswith("Preparing the chat model"))
    engine.asked[0].emit(Progress("prepare", 1, 2))
    qtbot.waitUntil(lambda: answer.origin == "Preparing the model, 50 %")
    engine.asked[0].emit(Notice("toy_model"))
    qtbot.waitUntil(lambda: len(window.banners.shown) == 1)
    engine.asked[0].emit(Notice("toy_model"))
    engine.asked[0].succeed(ANSWER)
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert len(window.banners.shown) == 1


def test_reading_and_thinking_are_shown(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    answer = ask(window, engine, qtbot, "Long?")
    job = engine.asked[0]
    job.emit(Found((PASSAGE,), 1, 1))
    qtbot.waitUntil(lambda: answer.origin == "Reading what was found…")
    job.emit(Progress("prompt", 640, 1600))
    qtbot.waitUntil(lambda: answer.origin == "Reading, 40 %")
    job.emit(Progress("think", 57, 2304))
    qtbot.waitUntil(lambda: answer.origin == "Thinking, about 50 words so far…")
    job.emit(Token("Yes."))
    qtbot.waitUntil(lambda: answer.origin == "Writing…")
    job.succeed(ANSWER)
    qtbot.waitUntil(lambda: not window.chat.answering)


def test_a_summary_says_how_far_it_is_also_between_its_points(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    answer = ask(window, engine, qtbot, "Summarise long.md")
    job = engine.asked[0]
    job.emit(Progress("summarise", 0, 12, "long.md"))
    qtbot.waitUntil(lambda: answer.origin == "Summarising, step 1 of 12")
    job.emit(Progress("summarise", 1, 12, "long.md"))
    job.emit(Token("- A boat is bought.\n"))
    qtbot.waitUntil(lambda: "boat" in answer.body.text)
    assert answer.origin == "Summarising, step 2 of 12"
    QTest.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert answer.body.text == "- A boat is bought.\n"
    assert "You stopped this answer" in answer._note.text()


def test_links_are_shown_and_asked_for_before_they_open(
    window: MainWindow, engine: FakeEngine, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(links.QDesktopServices, "openUrl", lambda url: opened.append(url.toString()) or True)
    answer = ask(window, engine, qtbot, "Where?")
    engine.asked[0].succeed(replace(ANSWER, answer="[here](https://example.com/a)"))
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert answer.body.plain_text() == "here (https://example.com/a)"
    answer.body.followed.emit("file:///etc/passwd")
    assert window.findChildren(LinkQuestion) == []
    answer.body.followed.emit("https://example.com/a")
    (question,) = window.findChildren(LinkQuestion)
    assert question.informativeText() == "https://example.com/a\nSite: example.com" and opened == []
    question.button(LinkQuestion.StandardButton.Open).click()
    assert opened == ["https://example.com/a"]


def test_nearest_files_open_the_source_pane(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    answer = ask(window, engine, qtbot, "King?")
    engine.asked[0].succeed(NOWHERE)
    qtbot.waitUntil(lambda: not window.chat.answering)
    answer.source_buttons[0].click()
    assert window.source.passage.toPlainText() == "The lease is between ..."
    assert marked_in(window) == ""
    near = NOWHERE.nearest[0]
    qtbot.waitUntil(lambda: window.source.passage.toPlainText() == f"Before. {near.text} After.")
    assert marked_in(window) == "" and engine.called("record") == []
    assert window.source.warning.text() == "This file is gone. What was found in it is shown below."
    assert not window.source.open_button.isEnabled()
    window.source.close_button.click()
    assert not window.source.isVisible()


def test_a_nearest_file_that_is_there_opens(window: MainWindow, qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    window._show_nearest(Nearest(str(tmp_path / "a.txt"), None, "", "x"))
    qtbot.waitUntil(window.source.open_button.isEnabled)
    assert not window.source.warning.isVisible()


def test_the_coverage_of_an_answer_leads_to_the_library(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    answer = ask(window, engine, qtbot, "King?")
    engine.asked[0].succeed(NOWHERE)
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert answer._coverage.accessibleName() == "searched 812 of 1,040 files"
    answer._coverage.click()
    assert window.pages.currentWidget() is window.library


def test_an_answer_says_that_older_turns_were_shortened(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    answer = ask(window, engine, qtbot, "And then?")
    engine.asked[0].emit(Notice("turns_shortened"))
    said = "This chat is long: the model reads its oldest turns in short."
    qtbot.waitUntil(lambda: answer._note.text() == said)
    engine.asked[0].succeed(replace(ANSWER, sentences=()))
    qtbot.waitUntil(lambda: not window.chat.answering)
    assert answer._note.text() == said and window.banners.shown == []


def marked_in(window: MainWindow) -> str:
    """The highlighted part of the source, in the colour of the scheme."""
    mark = style.colours().mark
    found = fragments(window.source.passage.document())
    return "".join(text for text, look in found if look.background().color().name() == mark)


def test_the_quote_is_marked_in_both_schemes(window: MainWindow, qtbot: Any) -> None:
    window._show_source(ANSWER.citations[0], "m1")
    qtbot.waitUntil(window.source.open_button.isEnabled)
    for appearance in ("dark", "light"):
        window.menus.appearances[appearance].trigger()
        assert marked_in(window) == ANSWER.citations[0].quote


@pytest.mark.parametrize(
    ("change", "said"), [({"changed": True}, "has changed"), ({"missing": True}, "is gone"), ({}, "")]
)
def test_the_source_says_if_the_file_changed(
    window: MainWindow, engine: FakeEngine, qtbot: Any, change: dict[str, bool], said: str
) -> None:
    view = engine.view_of
    engine.view_of = lambda citation: replace(view(citation), **change)
    window._show_source(ANSWER.citations[0], "m1")
    qtbot.waitUntil(lambda: window.source.passage.toPlainText().startswith("Before."))
    assert said in window.source.warning.text()
    assert window.source.warning.isVisible() == bool(said)
    assert window.source.open_button.isEnabled() != ("missing" in change)


def test_opening_the_file_is_remembered(
    window: MainWindow, engine: FakeEngine, desk: Desk, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        links.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True
    )
    window._show_source(ANSWER.citations[0], "m1")
    qtbot.waitUntil(window.source.open_button.isEnabled)
    window.source.open_button.click()
    window.source.folder_button.click()
    settle(desk, qtbot)
    assert opened == ["/home/ada/Leases/lease.pdf", "/home/ada/Leases"]
    assert engine.called("record")[-1] == ("record", "opened_file", "m1", "/home/ada/Leases/lease.pdf")


@pytest.mark.parametrize(
    ("cited", "opens"),
    [
        ("a.zip!/b.txt", "a.zip"),
        ("a.zip!/inner.zip!/b.txt", "a.zip"),
        ("new!/note.md", "new!/note.md"),
        ("new!/c.zip!/b.txt", "new!/c.zip"),
        ("gone.zip!/b.txt", "gone.zip"),
    ],
)
def test_what_lies_in_a_file_opens_with_it(
    window: MainWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cited: str, opens: str
) -> None:
    (tmp_path / "new!").mkdir()
    for name in ("a.zip", "new!/note.md", "new!/c.zip"):
        (tmp_path / name).write_bytes(b"")
    opened: list[str] = []
    monkeypatch.setattr(
        links.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()) or True
    )
    window._show_source(replace(ANSWER.citations[0], path=str(tmp_path / cited)), "m1")
    qtbot.waitUntil(window.source.open_button.isEnabled)
    window.source.open_button.click()
    window.source.folder_button.click()
    assert opened == [str(tmp_path / opens), str((tmp_path / opens).parent)]


def test_a_file_no_program_opens_is_said(
    window: MainWindow, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links.QDesktopServices, "openUrl", lambda url: False)
    window._show_source(ANSWER.citations[0], "m1")
    qtbot.waitUntil(window.source.open_button.isEnabled)
    window.source.open_button.click()
    assert window.banners.shown[0].said.message == "No program could open /home/ada/Leases/lease.pdf."


def test_no_widget_is_left_behind_by_closed_chats(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    engine.fill("a", "A", 10)
    engine.fill("b", "B", 10)
    for chat in "abab":
        window.open_chat(chat)
        qtbot.waitUntil(lambda: len(window.chat.transcript.messages) == 10)
    app = cast(QApplication, QApplication.instance())
    qtbot.waitUntil(lambda: len(messages_alive(app)) == 10)


def messages_alive(app: QApplication) -> list[QWidget]:
    return [widget for widget in app.allWidgets() if isinstance(widget, QuestionMessage | AnswerMessage)]
