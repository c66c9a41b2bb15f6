"""Adding, watching, pausing, removing; what was left out and why."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QFileDialog

from desktop import messages
from desktop.app import Desk
from desktop.item_models.problems import PAGE
from desktop.main_window import MainWindow
from desktop.widgets.job_card import JobCard
from engine.contracts import Coverage, FileReport, FolderReport, IndexSummary, Notice, Progress
from engine.errors import EngineError
from engine.workers.jobs import Job
from tests.desktop.conftest import open_window, settle
from tests.desktop.fakes import PREVIEW, FakeEngine

SUMMARY = IndexSummary(
    files=10, indexed=7, skipped=2, failed=1, children=0, passages=70, seconds=1.5, redacted=3
)


def drop(window: MainWindow, *urls: QUrl) -> tuple[QDragEnterEvent, QDropEvent]:
    data = QMimeData()
    data.setUrls(list(urls))
    action, button, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(300, 300), action, data, button, none)
    window.dragEnterEvent(enter)
    event = QDropEvent(QPointF(300, 300), action, data, button, none)
    if enter.isAccepted():
        assert window._hint.isVisible()
        window.dropEvent(event)
    return enter, event


def watch(window: MainWindow, engine: FakeEngine, qtbot: Any) -> JobCard:
    """Index a folder and return the card of the job."""
    window.index(["/data/papers"])
    qtbot.waitUntil(lambda: len(window.library.jobs) == 1)
    return window.library.jobs[0]


def test_dropping_a_folder_indexes_it(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    enter, event = drop(window, QUrl.fromLocalFile("/data/papers"), QUrl.fromLocalFile("/data/one.pdf"))
    assert enter.isAccepted() and event.isAccepted() and not window._hint.isVisible()
    qtbot.waitUntil(lambda: engine.called("index") == [("index", ["/data/papers", "/data/one.pdf"])])
    qtbot.waitUntil(lambda: window.sidebar.folders.rowCount() == 2)
    assert window.pages.currentWidget() is window.library


def test_dropping_a_web_address_does_nothing(
    window: MainWindow, engine: FakeEngine, desk: Desk, qtbot: Any
) -> None:
    enter, _event = drop(window, QUrl("https://example.com/a.pdf"))
    settle(desk, qtbot)
    assert not enter.isAccepted() and engine.called("index") == []


def test_leaving_the_window_takes_the_hint_away(window: MainWindow) -> None:
    window._hint.cover(window.rect())
    window.dragLeaveEvent(QDragLeaveEvent())
    assert not window._hint.isVisible()


def test_the_dialog_is_not_modal_to_the_program(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    window.menus.add_folder.trigger()
    dialog = window.library._dialog
    assert isinstance(dialog, QFileDialog) and dialog.fileMode() == QFileDialog.FileMode.Directory
    dialog.filesSelected.emit(["/data/papers"])
    dialog.reject()
    qtbot.waitUntil(lambda: engine.called("index") == [("index", ["/data/papers"])])


def test_progress_shows_what_how_far_and_how_long(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    card = watch(window, engine, qtbot)
    job = engine.indexing[0]
    job.emit(Progress("scan", 1234, 0))
    qtbot.waitUntil(lambda: card.title.text() == "Looking for files, 1,234 so far")
    assert card.bar.maximum() == 0
    job.emit(Progress("words", 812, 1040, "/data/papers/annex.docx", 12.34, 130))
    qtbot.waitUntil(lambda: card.title.text() == "Reading 812 of 1,040 files")
    assert card.detail.text() == "78.1 % · 12 a second · about 2 min left"
    assert card.current.whole_text == "/data/papers/annex.docx"
    assert (card.bar.value(), card.bar.maximum()) == (812, 1040)
    job.emit(Progress("meaning", 1, 4, "", 0.5))
    qtbot.waitUntil(lambda: card.detail.text() == "25.0 % · 0.5 a second")


def test_events_from_before_the_card_are_shown(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    make = engine.index

    def index(paths: Any = ()) -> Any:
        job = make(paths)
        job.emit(Progress("words", 1, 2))
        return job

    engine.index = index
    card = watch(window, engine, qtbot)
    qtbot.waitUntil(lambda: card.title.text() == "Reading 1 of 2 files")


def test_pause_and_continue(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    card = watch(window, engine, qtbot)
    engine.indexing[0].emit(Progress("words", 1, 2, "", 1, 1))
    qtbot.waitUntil(lambda: card.title.text() == "Reading 1 of 2 files")
    card.pause_button.click()
    assert engine.indexing[0].paused and card.title.text() == "Paused"
    assert card.pause_button.accessibleName() == "Continue"
    card.pause_button.click()
    assert not engine.indexing[0].paused and card.title.text() == "Reading 1 of 2 files"


def test_cancel_ends_the_job_and_says_nothing(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    card = watch(window, engine, qtbot)
    assert window._timer.isActive()
    card.cancel_button.click()
    qtbot.waitUntil(lambda: window.library.jobs == [])
    assert engine.indexing[0].cancelling and window.banners.shown == []
    assert not window._timer.isActive() and window.library.summary.isHidden()


def test_the_end_is_summed_up(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    watch(window, engine, qtbot)
    engine.indexing[0].emit(Notice("quarantined", {"path": "/data/papers/bad.pdf"}))
    engine.indexing[0].succeed(SUMMARY)
    qtbot.waitUntil(lambda: window.library.jobs == [])
    assert window.library.summary.text() == (
        "7 of 10 files can be searched. Left out: 3. Passwords and keys blacked out: 3."
    )
    assert (
        window.banners.shown[0].said.message
        == "/data/papers/bad.pdf stopped the reader twice and is left out."
    )


def test_an_error_of_a_job_is_a_banner(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    watch(window, engine, qtbot)
    engine.indexing[0].fail(EngineError("disk_full", path="/data"))
    qtbot.waitUntil(lambda: window.library.jobs == [])
    assert window.banners.shown[0].said.message == "The disk that holds /data is full."


def test_a_path_that_is_refused_is_a_banner(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    engine.failing["index"] = EngineError("path_missing", path="/nowhere")
    window.index(["/nowhere"])
    qtbot.waitUntil(lambda: len(window.banners.shown) == 1)
    assert window.banners.shown[0].said.message == "There is no file or folder at /nowhere."


def test_a_busy_index_is_asked_again_without_a_word(
    window: MainWindow, engine: FakeEngine, desk: Desk, qtbot: Any
) -> None:
    engine.failing = {
        verb: EngineError("database_busy", path="/h/index.db") for verb in ("status", "problems")
    }
    window._later.setInterval(10)
    window.ask_status()
    window.library.problems.reload()
    qtbot.waitUntil(lambda: len(engine.called("status")) >= 4)
    assert window.banners.shown == []
    engine.failing = {}
    engine.folder_list = [FolderReport("/data/papers", files=1, meaning=1)]
    qtbot.waitUntil(lambda: window.coverage.text() == "1 of 1 files can be searched")


def test_files_with_hidden_text_are_listed_apart(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.folder_list = [FolderReport("/data", files=2, meaning=2)]
    engine.hidden_list = [FileReport("/data/cv.html", "meaning", "hidden_text", "57 characters")]
    window = open_window(desk, engine, qtbot)
    window.show_library()
    qtbot.waitUntil(lambda: window.library.unseen.rowCount() == 1)
    assert window.library.unseen_list.isVisible() and not window.library.trouble.isVisible()
    assert window.library.unseen_list.title.text() == "Hidden text was left out of these files: 1"
    cells = [window.library.unseen.index(0, column).data() for column in range(3)]
    assert cells == [
        "cv.html",
        "Text in it that nobody sees was left out.",
        "Nothing needs doing.",
    ]
    engine.hidden_list = []
    window.ask_status()
    qtbot.waitUntil(lambda: not window.library.unseen_list.isVisible())


def test_problems_are_paged_and_explained(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.problem_list = [
        FileReport(f"/data/{n}.pdf", "failed", "password", "locked") for n in range(PAGE + 30)
    ]
    window = open_window(desk, engine, qtbot)
    model = window.library.problems
    tester = QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    qtbot.waitUntil(lambda: model.rowCount() == PAGE)
    assert [model.index(0, column).data() for column in range(3)] == [
        "0.pdf",
        "It is protected by a password.",
        "Save a copy without the password.",
    ]
    assert model.index(0, 0).data(Qt.ItemDataRole.ToolTipRole) == (
        "/data/0.pdf\nlocked\nIt is protected by a password.\nSave a copy without the password."
    )
    window.show_library()
    window.library.trouble.table.scrollToBottom()
    qtbot.waitUntil(lambda: model.rowCount() == PAGE + 30)
    assert not model.canFetchMore(model.index(-1, -1))
    assert window.library.trouble.title.text() == "Files left out: 230"
    assert engine.called("problems")[-1] == ("problems", PAGE, PAGE)
    window.library.retry_button.click()
    qtbot.waitUntil(lambda: engine.called("retry") == [("retry", None)])
    del tester


def test_folders_are_listed_removed_and_brought_back(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.folder_list = [
        FolderReport("/data/papers", files=12, meaning=5, words=2, waiting=3, skipped=1, failed=1),
        FolderReport("/mnt/away", files=4, meaning=4, available=False),
    ]
    window = open_window(desk, engine, qtbot)
    qtbot.waitUntil(lambda: len(window.library.rows) == 2)
    row = window.library.rows["/data/papers"]
    assert row._counts.text() == (
        "7 of 12 files searchable · 2 by words only so far · 3 waiting · 2 left out"
    )
    assert "not reachable" in window.library.rows["/mnt/away"]._counts.text()
    assert window.coverage.text() == "11 of 14 files can be searched"
    row.remove_wanted.emit(row.path)
    qtbot.waitUntil(lambda: list(window.library.rows) == ["/mnt/away"])
    assert engine.called("remove_folder") == [("remove_folder", "/data/papers")]
    asked = len(engine.called("status"))
    engine.removing[0].succeed(None)
    qtbot.waitUntil(lambda: len(engine.called("status")) > asked)  # the counts changed only now
    window.toast.undo_button.click()
    qtbot.waitUntil(lambda: engine.called("index")[-1] == ("index", ["/data/papers"]))


def test_a_removal_that_fails_is_said(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.folder_list = [FolderReport("/data/papers", files=1, meaning=1)]
    window = open_window(desk, engine, qtbot)
    qtbot.waitUntil(lambda: len(window.library.rows) == 1)
    window.library.rows["/data/papers"].remove_wanted.emit("/data/papers")
    qtbot.waitUntil(lambda: len(engine.removing) == 1)
    engine.removing[0].fail(EngineError("disk_full", path="/data"))
    qtbot.waitUntil(lambda: any("/data is full" in shown.said.message for shown in window.banners.shown))


def test_the_empty_library_invites(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    window.show_library()
    assert window.library._empty.isVisible() and window.chat.welcome.add_button.isVisibleTo(window.chat)
    assert window.coverage.text() == "No folder added yet"
    window.index(["/data/papers"])
    qtbot.waitUntil(lambda: not window.library._empty.isVisible() and len(window.library.rows) == 1)
    assert not window.chat.welcome.add_button.isVisibleTo(window.chat)


def test_known_folders_are_brought_up_to_date_once(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.folder_list = [FolderReport("/data/papers", files=1, meaning=1)]
    window = open_window(desk, engine, qtbot)
    qtbot.waitUntil(lambda: engine.called("index") == [("index", [])])
    window.ask_status()
    settle(desk, qtbot)
    assert len(engine.called("index")) == 1


@pytest.mark.parametrize("folders", [[], [FolderReport("/data/papers", files=1, meaning=1)]])
def test_a_home_held_by_another_is_only_read(
    desk: Desk, engine: FakeEngine, qtbot: Any, folders: list[FolderReport]
) -> None:
    engine.writable = False
    engine.folder_list = folders
    window = open_window(desk, engine, qtbot)
    qtbot.waitUntil(lambda: len(window.banners.shown) == 1)
    assert "Other holds" in window.banners.shown[0].said.message
    assert engine.called("index") == []


def test_what_is_dropped_is_previewed_and_begins_by_itself(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    window.index(["/data/papers"])
    qtbot.waitUntil(lambda: engine.called("index") == [("index", ["/data/papers"])])
    assert engine.called("preview") == [("preview", ["/data/papers"])]
    (card,) = window.library.previews
    assert card.title.text() == "papers"
    assert card.counts.text() == "7 of 10 files can be read, 1.5 MB. They can be found in about 2 min."
    assert card.kinds.text() == "5 PDF · 2 text"
    assert not card.index_button.isVisibleTo(card)
    qtbot.waitUntil(lambda: len(window.library.jobs) == 1)
    engine.indexing[0].succeed(SUMMARY)
    qtbot.waitUntil(lambda: window.library.previews == [])


def test_much_waits_for_a_yes(window: MainWindow, engine: FakeEngine, desk: Desk, qtbot: Any) -> None:
    engine.previewed = replace(PREVIEW, large=True)
    for answer in ("no", "yes"):
        window.index(["/data/papers"])
        qtbot.waitUntil(
            lambda: bool(window.library.previews) and bool(window.library.previews[0].kinds.text())
        )
        (card,) = window.library.previews
        assert card.index_button.isVisibleTo(card) and card.title.text() == "papers: that is much"
        settle(desk, qtbot)
        assert engine.called("index") == [] and window._timer.isActive() is False
        (card.later_button if answer == "no" else card.index_button).click()
        assert bool(window.library.previews) is (answer == "yes")
    qtbot.waitUntil(lambda: engine.called("index") == [("index", ["/data/papers"])])


def test_a_preview_can_be_closed_while_it_looks(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    engine.previewed = None
    window.index(["/data/papers"])
    qtbot.waitUntil(lambda: len(window.library.previews) == 1)
    (card,) = window.library.previews
    engine.previewing[0].emit(Progress("scan", 1234, 0))
    qtbot.waitUntil(lambda: card.counts.text() == "Looking for files, 1,234 so far")
    assert window.library.busy
    card.close_button.click()
    assert engine.previewing[0].cancelling and window.library.previews == [] and not window.library.busy


def test_a_preview_that_fails_is_a_banner(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    engine.previewed = None
    window.index(["/data/papers"])
    qtbot.waitUntil(lambda: len(engine.previewing) == 1)
    engine.previewing[0].fail(EngineError("worker_crashed", role="index", log="x"))
    qtbot.waitUntil(lambda: len(window.banners.shown) == 1 and window.library.previews == [])


def test_one_file_left_out_can_be_tried_again(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    time = "2026-11-24T09:30:00.000+00:00"
    engine.problem_list = [FileReport("/data/a.zip!/b.pdf", "failed", "damaged", "at byte 7", time)]
    window = open_window(desk, engine, qtbot)
    library = window.library
    qtbot.waitUntil(lambda: library.problems.rowCount() == 1)
    assert library.problems.index(0, 3).data() == messages.moment(time) != ""
    assert library.retry_button.text() == "Try these again"
    library.trouble.table.selectRow(0)
    assert library.retry_button.text() == "Try this one again"
    library.retry_button.click()
    qtbot.waitUntil(lambda: engine.called("retry") == [("retry", "/data/a.zip")])


def test_what_the_watcher_does_is_shown_once_it_does_something(
    window: MainWindow, engine: FakeEngine, qtbot: Any
) -> None:
    window.show_library()
    qtbot.waitUntil(lambda: engine.called("watch") == [("watch",)])
    job: Job[IndexSummary] = Job(lambda raw: raw, lambda: None)
    worker = threading.Thread(target=engine.followers[0], args=(job,))
    worker.start()
    worker.join()
    qtbot.waitUntil(lambda: len(window.library.jobs) == 1)
    (card,) = window.library.jobs
    job.emit(Progress("scan", 5, 0))
    qtbot.waitUntil(lambda: card.title.text() == "Looking for files, 5 so far")
    assert not card.isVisible()
    job.emit(Progress("words", 0, 1, "/data/new.md"))
    qtbot.waitUntil(card.isVisible)
    job.succeed(SUMMARY)
    qtbot.waitUntil(lambda: window.library.jobs == [])
    assert window.library.summary.isHidden(), "nobody asked for it"
    engine.followers[1](Notice("not_watched", {"path": "/data"}))
    qtbot.waitUntil(lambda: len(window.banners.shown) == 1)


def test_who_only_reads_follows_nothing(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.writable = False
    open_window(desk, engine, qtbot)
    settle(desk, qtbot)
    assert engine.called("watch") == []


def test_a_new_index_under_way_is_said_once(
    window: MainWindow, engine: FakeEngine, desk: Desk, qtbot: Any
) -> None:
    engine.remaking = Coverage(files=10, meaning=3)
    window.ask_status()
    qtbot.waitUntil(lambda: len(window.banners.shown) == 1)
    assert window.banners.shown[0].said.message.startswith("Another model reads your files now")
    asked = len(engine.called("status"))
    window.ask_status()
    qtbot.waitUntil(lambda: len(engine.called("status")) > asked)
    settle(desk, qtbot)
    assert len(window.banners.shown) == 1


def test_files_that_failed_count_as_not_searched(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    engine.folder_list = [FolderReport("/data/papers", files=1040, meaning=812, waiting=225, failed=3)]
    engine.problem_list = [FileReport(f"/data/{n}.pdf", "failed", "password") for n in range(3)]
    window.ask_status()
    qtbot.waitUntil(lambda: window.coverage.text() == "812 of 1,040 files can be searched")
