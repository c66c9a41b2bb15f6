"""What is left out of a folder, and which folder a question is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from desktop.app import Desk
from desktop.main_window import MainWindow
from desktop.widgets.folder_row import FolderRow
from desktop.widgets.rules_editor import RulesEditor
from engine.contracts import FileReport, FolderReport, FolderRules, LeftOut
from engine.errors import EngineError
from tests.desktop.conftest import open_window, settle
from tests.desktop.fakes import ANSWER, PREVIEW, FakeEngine
from tests.desktop.test_chat import ask

PAPERS, LETTERS = "/data/papers", "/data/letters"
IGNORED = LeftOut("ignored", 2, (FileReport("/data/papers/a.log", "skipped", "ignored"),))


@pytest.fixture
def two(desk: Desk, engine: FakeEngine, qtbot: Any) -> MainWindow:
    """A window on two folders, one of them with a rule, and on a single file."""
    engine.folder_list = [
        FolderReport(PAPERS, files=10, meaning=10, rules=FolderRules(("*.log",), False)),
        FolderReport(LETTERS, files=3, meaning=1, words=1, waiting=1),
        FolderReport("/data/one.pdf", files=1, meaning=1, kind="file"),
    ]
    engine.previewed = replace(PREVIEW, left_out=(IGNORED,))
    return open_window(desk, engine, qtbot)


def opened(window: MainWindow, qtbot: Any) -> tuple[FolderRow, RulesEditor]:
    window.show_library()
    row = window.library.rows[PAPERS]
    row.rules_button.click()
    assert row.editor is not None
    return row, row.editor


# -- rules -----------------------------------------------------------------------------------------


def test_rules_are_shown_tried_and_kept(two: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    row, editor = opened(two, qtbot)
    assert row._rules.whole_text == "Left out by you: *.log" and not row._rules.isHidden()
    assert two.library.rows[LETTERS]._rules.isHidden()
    counts = two.library.rows[LETTERS]._counts.text()
    assert counts == "2 of 3 files searchable · 1 by words only so far · 1 waiting"
    assert editor.box.toPlainText() == "*.log" and not editor.gitignore.isChecked()
    qtbot.waitUntil(lambda: editor.meaning.text().startswith("7 of 10"))
    QTest.keyClick(editor.box, Qt.Key.Key_End)
    QTest.keyClick(editor.box, Qt.Key.Key_Return)
    QTest.keyClicks(editor.box, "  drafts/ ")
    editor.gitignore.click()
    wanted = FolderRules(("*.log", "drafts/"), True)
    qtbot.waitUntil(lambda: engine.calls[-1] == ("preview", [PAPERS], wanted))
    assert editor.meaning.text() == "7 of 10 files can be read; rules leave out 2 files and folders."
    editor.save_button.click()
    qtbot.waitUntil(lambda: engine.called("index")[-1:] == [("index", [PAPERS])])
    assert engine.called("set_rules") == [("set_rules", PAPERS, wanted)]
    assert row.editor is None and not row.rules_button.isChecked()
    qtbot.waitUntil(lambda: row._rules.whole_text == "Left out by you: *.log · drafts/")


@pytest.mark.parametrize("verb", ["preview", "set_rules"])
def test_a_pattern_that_matches_nothing_is_a_sentence_and_nothing_is_lost(
    two: MainWindow, engine: FakeEngine, qtbot: Any, verb: str
) -> None:
    _row, editor = opened(two, qtbot)
    qtbot.waitUntil(lambda: editor.meaning.text().startswith("7 of 10"))
    engine.failing[verb] = EngineError("bad_pattern", pattern="# words")
    editor.box.setPlainText("# words")
    if verb == "set_rules":
        editor.save_button.click()
    qtbot.waitUntil(lambda: editor.meaning.objectName() == "bad")
    assert editor.meaning.text().startswith("# words is not a pattern that can match a file. Write it as in")
    assert two.banners.shown == []
    assert engine.folder_list[0].rules == FolderRules(("*.log",), False)
    engine.failing.clear()
    editor.box.setPlainText("words")
    qtbot.waitUntil(lambda: editor.meaning.text().startswith("7 of 10"))
    assert editor.meaning.objectName() == "muted"


def test_escape_puts_the_editor_away_and_keeps_what_was(
    two: MainWindow, engine: FakeEngine, qtbot: Any, desk: Desk
) -> None:
    engine.previewed = None
    row, editor = opened(two, qtbot)
    qtbot.waitUntil(lambda: len(engine.previewing) == 1)
    settle(desk, qtbot)
    editor.box.setPlainText("*")
    QTest.keyClick(editor.box, Qt.Key.Key_Escape)
    settle(desk, qtbot)
    assert row.editor is None and engine.called("set_rules") == [] and engine.previewing[0].cancelling


def test_what_was_found_for_other_rules_is_not_shown(
    two: MainWindow, engine: FakeEngine, qtbot: Any, desk: Desk
) -> None:
    engine.previewed = None
    _row, editor = opened(two, qtbot)
    qtbot.waitUntil(lambda: editor._bridge is not None)
    first = engine.previewing[0]
    engine.failing["preview"] = EngineError("bad_pattern", pattern="#")
    editor.box.setPlainText("#")
    qtbot.waitUntil(lambda: editor.meaning.objectName() == "bad")
    first.succeed(PREVIEW)
    settle(desk, qtbot)
    assert editor.meaning.objectName() == "bad"


def test_a_single_file_has_no_rules(two: MainWindow) -> None:
    two.show_library()
    assert two.library.rows[PAPERS].rules_button.isVisible()
    assert not two.library.rows["/data/one.pdf"].rules_button.isVisible()


# -- which folder a question is about --------------------------------------------------------------


def choose(window: MainWindow, name: str) -> None:
    (action,) = [a for a in window.chat.composer.chooser._group.actions() if a.text() == name]
    action.trigger()


def test_a_question_is_about_the_folder_that_was_chosen(
    two: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    chooser = two.chat.composer.chooser
    assert chooser.isVisible() and chooser.text() == "All folders ▾"
    assert chooser.accessibleName() == "Asked about: All folders"
    choose(two, "letters")
    assert (chooser.text(), chooser.accessibleName()) == ("letters ▾", "Asked about: letters")
    ask(two, engine, qtbot, "Who wrote?")
    assert engine.called("ask") == [("ask", "Who wrote?", None, LETTERS)]
    engine.asked[0].succeed(ANSWER)
    qtbot.waitUntil(lambda: not two.chat.answering)
    chat = two.chat.chat
    assert chat is not None and chooser.folder == LETTERS
    two.new_chat()
    assert chooser.folder is None
    ask(two, engine, qtbot, "And now?")
    assert engine.called("ask")[-1] == ("ask", "And now?", None)
    two.open_chat(chat)
    assert chooser.folder == LETTERS


def test_a_folder_that_is_removed_gives_way_to_all(two: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    chooser = two.chat.composer.chooser
    choose(two, "letters")
    engine.folder_list = [folder for folder in engine.folder_list if folder.path != LETTERS]
    two.ask_status()
    qtbot.waitUntil(lambda: chooser.folder is None)
    engine.folder_list = engine.folder_list[:1]
    two.ask_status()
    qtbot.waitUntil(chooser.isHidden)


def test_folders_of_one_name_are_told_apart(two: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    engine.folder_list = [FolderReport("/data/a&b"), FolderReport("/a/notes"), FolderReport("/b/notes")]
    two.ask_status()
    chooser = two.chat.composer.chooser
    names = ["All folders", "a&&b", "/a/notes", "/b/notes"]
    qtbot.waitUntil(lambda: [action.text() for action in chooser._group.actions()] == names)
    choose(two, "a&&b")
    assert chooser.text() == "a&&b ▾" and chooser.accessibleName() == "Asked about: a&b"
