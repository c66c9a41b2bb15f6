"""The window as a whole: what it looks like, says and does at start and end."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from typing import Any, cast

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QAccessible, QAction, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QApplication,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QTextBrowser,
    QWidget,
)

from desktop import style
from desktop.app import Desk, Options
from desktop.crash import Crashes
from desktop.main_window import MainWindow
from desktop.messages import problem
from desktop.widgets.elided import ElidedLabel
from engine.api import Engine
from engine.contracts import FileReport, FolderReport, FolderRules, NightReport, Progress
from engine.errors import PROBLEMS, EngineError
from engine.settings import Settings
from tests.desktop.conftest import close, open_window, settle
from tests.desktop.fakes import ANSWER, NOW, FakeEngine
from tests.desktop.pseudo import Pseudo


@pytest.fixture
def busy(desk: Desk, engine: FakeEngine, qtbot: Any) -> MainWindow:
    """A window in which every kind of control is there."""
    engine.fill("lease", "Lease questions", 60)
    rules = FolderRules(("*.log",))
    engine.folder_list = [
        FolderReport("/data/papers", files=12, meaning=5, waiting=7, rules=rules),
        FolderReport("/data/letters", files=2, meaning=2),
    ]
    engine.problem_list = [FileReport("/data/papers/a.pdf", "failed", "password")]
    engine.night_list = [NightReport("n", "kept", NOW, reason="Worse.", arms={"base": {"fact": 0.5}})]
    window = open_window(desk, engine, qtbot)
    window.nights.refresh()
    qtbot.waitUntil(lambda: window.nights.nights.rowCount() == 1)
    window.nights.start_button.click()
    qtbot.waitUntil(lambda: window.nights.card is not None)
    qtbot.waitUntil(lambda: len(window.chat.transcript.messages) == 50 and len(window.library.jobs) == 1)
    engine.indexing[0].emit(Progress("words", 5, 12, "/data/papers/b.pdf", 2, 4))
    row = window.library.rows["/data/papers"]
    row.rules_button.click()
    qtbot.waitUntil(lambda: row.editor is not None and row.editor.meaning.text()[:1] == "7")
    window._show_source(ANSWER.citations[0], "m")
    window.show_error(EngineError("disk_full", path="/data"))
    qtbot.waitUntil(window.source.open_button.isEnabled)
    return window


def colours_of(widget: QWidget) -> Counter[int]:
    """How many pixels of the painted widget have which colour, as 0xRRGGBB."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = memoryview(image.constBits()).cast("B").cast("I")
    return Counter({colour & 0xFFFFFF: count for colour, count in Counter(pixels).items()})


def spoken(widget: QWidget) -> str:
    """All names of the accessible tree, as a screen reader would find them."""
    found: list[str] = []

    def walk(item: Any) -> None:
        found.append(item.text(QAccessible.Text.Name))
        for child in range(item.childCount()):
            below = item.child(child)
            if below is not None:
                walk(below)

    walk(QAccessible.queryAccessibleInterface(widget))
    return "\n".join(found)


@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_the_window_is_not_empty(busy: MainWindow, appearance: Any, qtbot: Any) -> None:
    busy.choose_appearance(appearance)
    qtbot.wait(20)
    colours = colours_of(busy)
    (background, most), *_rest = colours.most_common(1)
    scheme = style.DARK if appearance == "dark" else style.LIGHT
    assert len(colours) > 100
    assert most / colours.total() < 0.98
    assert background in {int(name[1:], 16) for name in (scheme.window, scheme.surface, scheme.sidebar)}
    for part in (busy.sidebar, busy.chat.composer, busy.chat.transcript, busy.source, busy.statusBar()):
        assert len(colours_of(part)) > 8
    said = spoken(busy)
    for words in (
        "Lease questions",
        "New chat",
        "Library",
        "Question",
        "Answer",
        "Nothing leaves this computer",
    ):
        assert words in said
    assert "Source 1, lease.pdf, page 14, checked against the file" in said


def test_an_empty_window_would_be_noticed(app: QApplication, qtbot: Any) -> None:
    blank = QWidget()
    qtbot.addWidget(blank)
    blank.resize(400, 300)
    assert len(colours_of(blank)) < 8


def test_every_control_has_a_name(busy: MainWindow) -> None:
    kinds = (
        QAbstractButton,
        QAbstractItemView,
        QPlainTextEdit,
        QTextBrowser,
        QLineEdit,
        QProgressBar,
        QAbstractScrollArea,
    )
    nameless = []
    for widget in busy.findChildren(QWidget):
        inside_qt = widget.objectName().startswith("qt_") or type(widget).__name__ in (
            "QHeaderView",
            "QTableCornerButton",
        )
        if isinstance(widget, kinds) and not inside_qt:
            name = QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
            if not name:
                nameless.append(f"{type(widget).__name__} {widget.objectName()}")
    assert nameless == []


def test_every_control_can_be_reached_by_keyboard(busy: MainWindow) -> None:
    unreachable = [
        widget.accessibleName()
        for widget in busy.findChildren(QAbstractButton)
        if widget.isVisible()
        and not widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.objectName().startswith("qt_")
        and type(widget).__module__ != "PySide6.QtWidgets"
    ]
    assert unreachable == []


def test_every_word_can_be_translated(
    pseudo: Pseudo, app: QApplication, engine: FakeEngine, qtbot: Any
) -> None:
    desk = Desk(lambda: cast(Engine, engine), Settings())
    window = open_window(desk, engine, qtbot)
    window.index(["/data/papers"])
    qtbot.waitUntil(lambda: len(window.library.jobs) == 1)
    engine.night_list = [
        NightReport("n", state, NOW, active=state == "kept", reason="deposit", arms={"base": {}}, rows=2)
        for state in ("kept", "promoted", "failed", "cancelled")
    ]
    window.nights.start_button.click()
    qtbot.waitUntil(lambda: len(engine.training) == 1)
    engine.training[0].emit(Progress("evaluate", 1, 4, "adapter"))
    qtbot.waitUntil(lambda: window.nights.card is not None and not window.nights.card.current.isHidden())
    window.nights.details._discard()
    window.chat.ask("⟦my words⟧")
    qtbot.waitUntil(lambda: len(engine.asked) == 1)
    engine.asked[0].succeed(ANSWER)
    qtbot.waitUntil(lambda: not window.chat.answering)
    window.show_error(EngineError("disk_full", path="/data"))
    window.toast.offer(window.tr("Deleted"), "chat:x")
    theirs = ("papers", "lease.pdf", "/data", "Nocturne", "[1]", "deposit", "25.0 %")
    foreign = []
    for widget in window.findChildren(QWidget):
        texts = [widget.toolTip(), widget.accessibleName()]
        if isinstance(widget, ElidedLabel):
            texts.append(widget.whole_text)
        elif isinstance(widget, QLabel | QAbstractButton):
            texts.append(widget.text())
        foreign += [
            text for text in texts if text and "⟦" not in text and not any(word in text for word in theirs)
        ]
    foreign += [
        text
        for text in (action.text() for action in window.findChildren(QAction))
        if text and "⟦" not in text and not any(word in text for word in theirs)
    ]
    assert foreign == []
    close(desk, qtbot)


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_error_is_a_banner_with_a_next_step(window: MainWindow, code: str) -> None:
    window.show_error(EngineError(code))
    banner = window.banners.shown[0]
    words = [label.text() for label in banner.findChildren(QLabel)]
    assert problem(code, {}).message in words and problem(code, {}).hint in words
    assert banner.isVisible() and QApplication.activeModalWidget() is None


def test_banners_do_not_pile_up_and_can_be_dismissed(window: MainWindow, qtbot: Any) -> None:
    for code in ("disk_full", "disk_full", "no_memory", "worker_crashed", "home_locked"):
        window.show_error(EngineError(code))
    assert len(window.banners.shown) == 3
    while window.banners.shown:
        window.banners.shown[0].findChild(QAbstractButton).click()
    assert not window.banners.isVisible()


def test_delete_and_undo(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.fill("a", "Apples", 2)
    window = open_window(desk, engine, qtbot)
    qtbot.waitUntil(lambda: window.chat.chat == "a" and len(window.chat.transcript.messages) == 2)
    window.chat.delete_button.click()
    qtbot.waitUntil(lambda: window.sidebar.chats.rowCount() == 0)
    assert window.chat.chat is None and window.toast.isVisible()
    assert engine.called("delete_chat") == [("delete_chat", "a")]
    window.toast.undo_button.click()
    qtbot.waitUntil(
        lambda: window.sidebar.chats.rowCount() == 1 and len(window.chat.transcript.messages) == 2
    )
    assert engine.called("restore_chat") == [("restore_chat", "a")] and not window.toast.isVisible()


def test_delete_by_key_in_the_list(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.fill("a", "Apples", 2)
    engine.fill("b", "Bees", 2)
    window = open_window(desk, engine, qtbot)
    qtbot.waitUntil(lambda: window.chat.chat == "b")
    view = window.sidebar.chats_view
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.keyClick(view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: engine.called("delete_chat") == [("delete_chat", "a")])
    assert window.chat.chat == "b"


def test_rename_in_place(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.fill("a", "Apples", 2)
    window = open_window(desk, engine, qtbot)
    qtbot.waitUntil(lambda: window.chat.chat == "a")
    window.menus.rename.trigger()
    editor = window.sidebar.chats_view.findChild(QLineEdit)
    window.ask_chats()
    settle(desk, qtbot)
    assert editor.text() == "Apples"
    editor.setText("  Pears ")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.chat.title.whole_text == "Pears")
    assert engine.called("rename_chat") == [("rename_chat", "a", "Pears")]


def test_an_empty_title_changes_nothing(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.fill("a", "Apples", 2)
    window = open_window(desk, engine, qtbot)
    index = window.sidebar.chats.index(0)
    assert not window.sidebar.chats.setData(index, "   ") and not window.sidebar.chats.setData(
        index, "Apples"
    )


def test_shortcuts_are_unique_and_in_the_menus(window: MainWindow) -> None:
    keys = [key.toString() for action in window.findChildren(QAction) for key in action.shortcuts()]
    keys = [key for key in keys if key and key != "Del"]
    assert len(keys) == len(set(keys))
    assert {"Ctrl+N", "Ctrl+O", "Esc"} <= set(keys)


def test_appearance_is_followed_and_remembered(
    window: MainWindow, engine: FakeEngine, app: QApplication, desk: Desk, qtbot: Any
) -> None:
    window.menus.appearances["dark"].trigger()
    settle(desk, qtbot)
    assert app.palette().window().color().name() == style.DARK.window
    assert engine.settings.appearance == "dark"
    window.menus.appearances["light"].trigger()
    settle(desk, qtbot)
    assert app.palette().window().color().name() == style.LIGHT.window
    assert engine.settings.appearance == "light"


def test_a_folder_and_a_question_given_at_the_start(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    desk.start(Options(folder="/data/sample", ask="When does it end?"))
    qtbot.waitUntil(lambda: len(engine.indexing) == 1 and len(desk.window.library.jobs) == 1)
    assert engine.called("ask") == []
    engine.indexing[0].cancel()
    qtbot.waitUntil(lambda: engine.called("ask") == [("ask", "When does it end?", None)])
    assert engine.called("index") == [("index", ["/data/sample"])]


def test_a_second_start_raises_the_window_and_asks(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    window = open_window(desk, engine, qtbot)
    window.showMinimized()
    desk.come_forward("", "Asked by the second?")
    qtbot.waitUntil(lambda: engine.called("ask") == [("ask", "Asked by the second?", None)])
    assert not window.isMinimized()


def test_an_engine_that_cannot_open_leaves_a_window_that_says_why(app: QApplication, qtbot: Any) -> None:
    def refuse() -> Engine:
        raise EngineError("user_db_corrupt", path="/h/user.db", backup="/h/backups/new.db")

    desk = Desk(refuse, Settings())
    desk.start(Options())
    qtbot.waitUntil(lambda: len(desk.window.banners.shown) == 1)
    said = desk.window.banners.shown[0].said
    assert said.hint == "Restore the newest backup: copy /h/backups/new.db over /h/user.db."
    desk.window.chat.ask("Still there?")
    qtbot.waitUntil(lambda: desk.window.chat.composer.box.toPlainText() == "Still there?")
    close(desk, qtbot)


def test_what_nobody_caught_is_shown_and_logged(
    window: MainWindow, qtbot: Any, caplog: pytest.LogCaptureFixture
) -> None:
    crashes = Crashes()
    crashes.caught.connect(window.show_error)
    try:
        raise ZeroDivisionError("in a slot")
    except ZeroDivisionError as error:
        crashes._main_thread(type(error), error, error.__traceback__)
    assert "Something went wrong inside Nocturne" in window.banners.shown[0].said.message
    assert "in a slot" in caplog.text


def test_closing_closes_the_engine_off_the_main_thread(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    window = open_window(desk, engine, qtbot)
    with qtbot.waitSignal(desk.finished):
        window.close()
        assert not window.isVisible()
    assert engine.closed_on == "engine-calls"


def test_a_closed_window_is_freed(app: QApplication, engine: FakeEngine, qtbot: Any) -> None:
    engine.fill("a", "Apples", 6)
    desk = Desk(lambda: cast(Engine, engine), Settings())
    window = open_window(desk, engine, qtbot)
    settle(desk, qtbot)
    assert len(window.chat.transcript.messages) == 6
    parts = (window, window.chat, window.library, window.nights, window.source, window.sidebar)
    alive = [weakref.ref(part) for part in parts]
    del parts
    close(desk, qtbot)
    engine.asked.clear()
    del desk, window
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    assert [part() for part in alive] == [None] * len(alive)
