"""Consent, a night under way, what nights were worth, and which of them answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox

from desktop.app import Desk
from desktop.item_models.nights import ARMS, NightsModel, ScorecardModel, percent, result, when
from desktop.main_window import MainWindow
from desktop.panels.nights import NightsPanel
from desktop.widgets.night_card import NightCard
from engine.contracts import FolderReport, NightReport, Notice, Progress
from engine.errors import EngineError
from tests.desktop.conftest import open_window, settle
from tests.desktop.fakes import NOW, FakeEngine
from tests.desktop.test_window import colours_of

CARD = {
    "base": {"fact": 0.05, "absent": 0.8, "general": 0.5},
    "base+files": {"fact": 0.62, "absent": 0.9},
    "adapter": {"fact": 0.31, "absent": 0.85, "general": 0.49},
    "adapter+files": {"fact": 0.64, "absent": 1.0, "general": 0.44},
}
PASSED = NightReport(
    "20261123-010000",
    "promoted",
    "2026-11-23T01:00:00.000+00:00",
    active=True,
    promoted=True,
    reason="It answers more questions about your files.",
    arms=CARD,
    minutes={"compose": 4.25, "train": 6.5, "evaluate": 3},
    rows=1234,
)
KEPT = NightReport(
    "20261122-010000", "kept", "2026-11-22T01:00:00.000+00:00", reason="It did not surely learn."
)
CANCELLED = NightReport("20261121-010000", "cancelled", "2026-11-21T01:00:00.000+00:00", reason="Cancelled.")


@pytest.fixture
def panel(desk: Desk, engine: FakeEngine, qtbot: Any) -> NightsPanel:
    """The panel on view, with two folders, one of them ticked, and three nights."""
    engine.folder_list = [
        FolderReport("/data/papers", files=3, meaning=3, learn=True),
        FolderReport("/data/letters", files=2, meaning=2),
    ]
    engine.night_list = [PASSED, KEPT, CANCELLED]
    window = open_window(desk, engine, qtbot)
    window.show_nights()
    qtbot.waitUntil(lambda: window.nights.nights.rowCount() == 3 and len(window.nights.rows) == 2)
    engine.indexing[0].cancel()  # while the library works, the window looks at it by itself
    qtbot.waitUntil(lambda: not window.library.jobs and not window._timer.isActive())
    settle(desk, qtbot)
    return window.nights


def start(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> NightCard:
    """Start a night and return its card."""
    panel.start_button.click()
    qtbot.waitUntil(lambda: panel.card is not None and panel.details.isHidden())
    assert panel.card is not None
    return panel.card


def choose(panel: NightsPanel, night: NightReport) -> None:
    panel.table.selectRow(panel.nights.row_of(night.id))
    assert when(night) in panel.details.title.text()


def banner(panel: NightsPanel) -> str:
    """The words of the newest banner of its window."""
    said = window_of(panel).banners.shown[0].said
    return f"{said.message} {said.hint}"


def window_of(panel: NightsPanel) -> MainWindow:
    window = panel.window()
    assert isinstance(window, MainWindow)
    return window


# -- reaching it ---------------------------------------------------------------------------------


def test_the_sidebar_and_the_menu_lead_to_it(window: MainWindow, engine: FakeEngine, qtbot: Any) -> None:
    for way in (window.sidebar.nights_button.click, window.menus.nights_page.trigger):
        window.show_chat()
        assert not window.sidebar.nights_button.isChecked()
        asked = len(engine.called("nights"))
        way()
        assert window.pages.currentWidget() is window.nights and window.sidebar.nights_button.isChecked()
        assert not window.sidebar.library_button.isChecked()
        qtbot.waitUntil(lambda asked=asked: len(engine.called("nights")) == asked + 1)
    assert window.menus.nights_page.shortcut().toString() == "Ctrl+3"


def test_an_empty_panel_says_what_is_missing(window: MainWindow, desk: Desk, qtbot: Any) -> None:
    window.show_nights()
    settle(desk, qtbot)
    panel = window.nights
    assert panel._no_folders.isVisible() and panel._no_nights.isVisible()
    assert not panel.table.isVisible() and not panel.details.isVisible()
    assert "nothing leaves this computer" in " ".join(label.text() for label in panel.findChildren(QLabel))
    panel.add_button.click()
    assert window.pages.currentWidget() is window.library and window.library._dialog is not None
    window.library._dialog.reject()


# -- consent -------------------------------------------------------------------------------------


def test_a_tick_is_consent(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    letters, papers = panel.rows["/data/letters"].box, panel.rows["/data/papers"].box
    assert papers.isChecked() and not letters.isChecked()
    assert letters.accessibleName() == "Nights may learn from /data/letters"
    asked = len(engine.called("status"))
    QTest.keyClick(letters, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: len(engine.called("status")) > asked)
    papers.click()
    qtbot.waitUntil(lambda: len(engine.called("set_learn")) == 2)
    assert engine.called("set_learn") == [
        ("set_learn", "/data/letters", True),
        ("set_learn", "/data/papers", False),
    ]
    qtbot.waitUntil(lambda: letters.isChecked() and not papers.isChecked())


def test_a_tick_that_was_not_stored_does_not_stay(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    engine.failing["set_learn"] = EngineError("read_only", holder="Other", path="/h")
    letters = panel.rows["/data/letters"].box
    letters.click()
    qtbot.waitUntil(lambda: not letters.isChecked())
    assert "Other holds /h" in banner(panel)


def test_folders_come_and_go(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    engine.folder_list = [FolderReport("/data/R&D", files=1, meaning=1, learn=True)]
    window_of(panel).ask_status()
    qtbot.waitUntil(lambda: list(panel.rows) == ["/data/R&D"])
    assert panel.rows["/data/R&D"].box.text() == "R&&D" and panel.rows["/data/R&D"].box.isChecked()


@pytest.mark.parametrize("appearance", ["light", "dark"])
def test_a_tick_can_be_seen(panel: NightsPanel, appearance: Any, app: QApplication, qtbot: Any) -> None:
    from desktop import style

    window_of(panel).choose_appearance(appearance)
    qtbot.wait(20)
    scheme = style.DARK if appearance == "dark" else style.LIGHT
    ticked, empty = (colours_of(panel.rows[path].box) for path in ("/data/papers", "/data/letters"))
    assert ticked[int(scheme.accent[1:], 16)] > 20 and empty[int(scheme.accent[1:], 16)] == 0
    assert empty[int(scheme.control[1:], 16)] > 20


# -- a night under way ---------------------------------------------------------------------------


def test_personalize_starts_a_night_of_the_chosen_minutes(
    panel: NightsPanel, engine: FakeEngine, qtbot: Any
) -> None:
    card = start(panel, engine, qtbot)
    assert engine.called("personalize") == [("personalize", 15.0)]
    assert not panel.start_button.isEnabled() and not panel.minutes.isEnabled()
    assert panel.nights.index(0, 1).data() == "Running"
    card.cancel_button.click()
    qtbot.waitUntil(panel.start_button.isEnabled)
    panel.minutes.setCurrentIndex(1)
    start(panel, engine, qtbot)
    assert engine.called("personalize")[-1] == ("personalize", 30.0)


def test_progress_shows_the_step_how_far_and_how_long(
    panel: NightsPanel, engine: FakeEngine, qtbot: Any
) -> None:
    card = start(panel, engine, qtbot)
    job = engine.training[0]
    job.emit(Progress("select", 0, 6))
    qtbot.waitUntil(lambda: card.title.text() == "Step 1 of 6: choosing what to learn")
    assert card.bar.maximum() == 0 and card.detail.text() == ""
    job.emit(Progress("train", 31, 80, "2.113", 41.2, 190))
    qtbot.waitUntil(lambda: card.title.text() == "Step 3 of 6: training")
    assert (card.bar.value(), card.bar.maximum()) == (31, 80)
    assert card.detail.text() == "38.8 % · about 3 min left" and card.current.isHidden()
    job.emit(Progress("evaluate", 3, 12, "base+files"))
    qtbot.waitUntil(lambda: card.detail.text() == "25.0 %")
    assert card.current.whole_text == "Plain model with files, 2 of 4"
    assert card.title.text() == "Step 5 of 6: measuring what it is worth"


def test_pause_and_continue(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    card = start(panel, engine, qtbot)
    card.pause_button.click()
    assert engine.training[0].paused and card.title.text() == "Paused"
    card.pause_button.click()
    assert not engine.training[0].paused


def test_a_cancelled_night_can_be_resumed(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    start(panel, engine, qtbot).cancel_button.click()
    qtbot.waitUntil(panel.details.resume_button.isVisible)
    assert panel.card is None and window_of(panel).banners.shown == []
    assert panel.nights.index(0, 1).data() == "Not finished" and not panel._timer.isActive()
    night = engine.night_list[0].id
    panel.details.resume_button.click()
    qtbot.waitUntil(lambda: engine.called("resume_night") == [("resume_night", night)])
    qtbot.waitUntil(lambda: panel.card is not None)


def test_an_older_night_is_resumed_as_itself(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    choose(panel, CANCELLED)
    panel.details.resume_button.click()
    qtbot.waitUntil(lambda: panel.nights.index(2, 1).data() == "Running")
    assert engine.called("resume_night") == [("resume_night", CANCELLED.id)]
    assert panel.nights.index(0, 1).data() == "In use"


def test_the_end_of_a_night_shows_its_result(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    start(panel, engine, qtbot)
    night = engine.night_list[0].id
    engine.training[0].emit(Notice("worker_restarted", {"role": "night"}))
    engine.training[0].succeed(replace(KEPT, id=night, started=NOW, reason="Worse than before."))
    qtbot.waitUntil(lambda: panel.details.reason.isVisible())
    assert panel.card is None and panel.start_button.isEnabled()
    assert panel.details.reason.text() == "Worse than before."
    assert [shown.said.message for shown in window_of(panel).banners.shown] == [
        "The night process stopped and was started again."
    ]


def test_the_end_is_said_on_another_page(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    start(panel, engine, qtbot)
    window = window_of(panel)
    window.show_chat()
    engine.training[0].succeed(replace(KEPT, id=engine.night_list[0].id))
    qtbot.waitUntil(lambda: len(window.banners.shown) == 1)
    assert banner(panel) == f"The night is over. {KEPT.reason}"


@pytest.mark.parametrize(
    ("error", "said", "step"),
    [
        (EngineError("no_consent"), "No folder may be learned from yet.", "Tick a folder"),
        (EngineError("no_trainer", packages="torch"), "not installed: torch.", "pip install"),
        (EngineError("night_running"), "A night is already under way.", "Wait for it"),
    ],
)
def test_a_night_that_cannot_start_is_a_banner(
    panel: NightsPanel, engine: FakeEngine, qtbot: Any, error: EngineError, said: str, step: str
) -> None:
    engine.failing["personalize"] = error
    panel.start_button.click()
    qtbot.waitUntil(lambda: len(window_of(panel).banners.shown) == 1)
    assert said in banner(panel) and step in banner(panel)
    assert panel.card is None
    qtbot.waitUntil(panel.start_button.isEnabled)


def test_a_night_that_fails_is_a_banner(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    start(panel, engine, qtbot)
    night = engine.night_list[0].id
    engine.change_night(night, replace(CANCELLED, id=night, state="failed"))
    engine.training[0].fail(EngineError("too_few_rows", rows=8, passages=9, needed=30, why="little"))
    qtbot.waitUntil(lambda: panel.nights.index(0, 1).data() == "Failed")
    assert "Only 8 training rows" in banner(panel) and "Tick more folders" in banner(panel)
    assert panel.card is None and panel.details.resume_button.isVisible()


def test_a_night_of_another_process_is_steered(desk: Desk, engine: FakeEngine, qtbot: Any) -> None:
    engine.writable = False
    engine.night_list = [replace(CANCELLED, state="running")]
    window = open_window(desk, engine, qtbot)
    details = window.nights.details
    window.show_nights()
    qtbot.waitUntil(details.pause_button.isVisible)
    assert not window.nights.start_button.isEnabled() and not details.resume_button.isVisible()
    details.pause_button.click()
    qtbot.waitUntil(details.continue_button.isVisible)
    details.continue_button.click()
    qtbot.waitUntil(details.pause_button.isVisible)
    details.cancel_button.click()
    qtbot.waitUntil(window.nights.start_button.isEnabled)
    assert not details.resume_button.isVisible()  # it takes who may write to run it
    assert [call[1] for call in engine.called("steer_night")] == ["pause", "resume", "cancel"]


def test_a_pause_from_elsewhere_is_seen_and_can_be_ended(
    panel: NightsPanel, engine: FakeEngine, qtbot: Any
) -> None:
    start(panel, engine, qtbot)
    engine.steer_night("pause")
    panel._timer.setInterval(10)
    qtbot.waitUntil(panel.details.continue_button.isVisible)
    panel.details.continue_button.click()
    qtbot.waitUntil(lambda: engine.night_list[0].state == "running" and panel.details.isHidden())


# -- what nights were worth ----------------------------------------------------------------------


def test_the_newest_night_is_shown_with_its_scorecard(panel: NightsPanel) -> None:
    details = panel.details
    assert details.title.text() == f"{when(PASSED)} · In use"
    assert details.reason.text() == PASSED.reason
    assert details.cost.text() == "1,234 rows trained, 13.8 minutes in all"
    model = details.scorecard
    assert [model.headerData(n, Qt.Orientation.Horizontal) for n in range(4)] == [
        "Answered by",
        "Facts right",
        "Absent refused",
        "General right",
    ]
    cells = [[model.index(row, column).data() for column in range(4)] for row in range(model.rowCount())]
    assert cells == [
        ["Plain model", "5 %", "80 %", "50 %"],
        ["Plain model with files", "62 %", "90 %", "–"],
        ["Adapter", "31 %", "85 %", "49 %"],
        ["Adapter with files", "64 %", "100 %", "44 %"],
    ]
    spoken = model.index(2, 1).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Adapter, Facts right: 31 %"
    # A share of few questions says less, so it says of how many it is one.
    model.show_arms(CARD, {"adapter": {"fact": 45}, "adapter+files": {"fact": 5}})
    assert [model.index(row, 1).data() for row in range(4)] == ["5 %", "62 %", "31 % of 45", "64 % of 5"]


def test_tables_are_as_high_as_their_rows(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    for table in (panel.table, panel.details.table):
        model = table.model()
        qtbot.waitUntil(lambda table=table: table.viewport().height() > 0)
        last = table.visualRect(model.index(model.rowCount() - 1, 0))
        assert 0 <= table.viewport().height() - last.bottom() < last.height() / 2
        assert not table.verticalScrollBar().isVisible()
    three = panel.table.height()
    engine.night_list = [replace(KEPT, id=f"n{number}") for number in range(9, 0, -1)]
    panel.refresh()
    qtbot.waitUntil(lambda: panel.nights.rowCount() == 9)
    assert panel.table.height() == three + 2 * panel.table.rowHeight(0)


def test_an_adapter_that_knows_a_forgotten_file_says_so(panel: NightsPanel) -> None:
    assert panel.details.stale.isHidden()
    panel.details.show_night(replace(PASSED, stale=True), running=False, elsewhere=False)
    assert panel.details.stale.isVisible() and "forgotten" in panel.details.stale.text()


def test_choosing_a_night_shows_it(panel: NightsPanel, engine: FakeEngine, desk: Desk, qtbot: Any) -> None:
    choose(panel, KEPT)
    assert panel.details.reason.text() == KEPT.reason and not panel.details.table.isVisible()
    engine.night_list = [replace(PASSED, id="20261130-010000"), *engine.night_list]
    panel.refresh()
    qtbot.waitUntil(lambda: panel.nights.rowCount() == 4)
    assert panel._chosen() == KEPT.id and panel.details.reason.text() == KEPT.reason


def test_using_and_rolling_back(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    details = panel.details
    assert panel.in_use.text() == f"In use: {when(PASSED)}"
    assert panel.nights.index(0, 1).data(Qt.ItemDataRole.DecorationRole) is not None
    assert details.back_button.isVisible() and not details.use_button.isVisible()
    details.back_button.click()
    qtbot.waitUntil(details.use_button.isVisible)
    assert panel.in_use.text() == "Nothing learned is in use" and not details.back_button.isVisible()
    assert panel.nights.index(0, 1).data() == "Passed, not in use"
    choose(panel, KEPT)
    details.use_button.click()
    qtbot.waitUntil(lambda: panel.in_use.text() == f"In use: {when(KEPT)}")
    assert engine.called("use_adapter") == [("use_adapter", None), ("use_adapter", KEPT.id)]
    choose(panel, CANCELLED)
    assert not details.use_button.isVisible() and not details.back_button.isVisible()


def test_an_adapter_that_cannot_be_used_is_a_banner(
    panel: NightsPanel, engine: FakeEngine, qtbot: Any
) -> None:
    engine.failing["use_adapter"] = EngineError("night_other_model", night=KEPT.id)
    choose(panel, KEPT)
    panel.details.use_button.click()
    qtbot.waitUntil(lambda: len(window_of(panel).banners.shown) == 1)
    assert "belongs to another model" in banner(panel)
    assert panel.in_use.text() == f"In use: {when(PASSED)}"


def test_discarding_is_asked_first(panel: NightsPanel, engine: FakeEngine, desk: Desk, qtbot: Any) -> None:
    panel.details.discard_button.click()
    question = panel.details._question
    assert question is not None and question.isVisible() and "in use now" in question.informativeText()
    question.button(QMessageBox.StandardButton.Cancel).click()
    settle(desk, qtbot)
    assert engine.called("discard_night") == [] and panel.nights.rowCount() == 3
    panel.details.discard_button.click()
    question = panel.details._question
    assert question is not None
    question.button(QMessageBox.StandardButton.Discard).click()
    qtbot.waitUntil(lambda: panel.nights.rowCount() == 2)
    assert engine.called("discard_night") == [("discard_night", PASSED.id)]
    assert panel.nights.nights == [KEPT, CANCELLED] and when(KEPT) in panel.details.title.text()


def test_a_night_cut_short_by_a_kill_can_be_resumed(
    panel: NightsPanel, engine: FakeEngine, qtbot: Any
) -> None:
    engine.night_list = [replace(CANCELLED, state="running")]
    panel.refresh()
    qtbot.waitUntil(lambda: panel.nights.rowCount() == 1)
    assert panel.nights.index(0, 1).data() == "Not finished" and panel.details.resume_button.isVisible()
    assert panel.start_button.isEnabled() and not panel._timer.isActive()


def test_a_busy_database_is_asked_again_without_a_word(
    panel: NightsPanel, engine: FakeEngine, qtbot: Any
) -> None:
    engine.failing["nights"] = EngineError("database_busy", path="/h/user.db")
    panel._timer.setInterval(10)
    panel.refresh()
    asked = len(engine.called("nights"))
    qtbot.waitUntil(lambda: len(engine.called("nights")) > asked + 2)
    assert window_of(panel).banners.shown == []
    engine.failing, engine.night_list = {}, [KEPT]
    qtbot.waitUntil(lambda: panel.nights.rowCount() == 1 and not panel._timer.isActive())


def test_a_broken_database_is_said(panel: NightsPanel, engine: FakeEngine, qtbot: Any) -> None:
    engine.failing["nights"] = EngineError("database_failed", path="/h/user.db", detail="x")
    panel.refresh()
    qtbot.waitUntil(lambda: len(window_of(panel).banners.shown) == 1)
    assert "/h/user.db reported" in banner(panel)
    assert not panel._timer.isActive()


@pytest.mark.parametrize(
    ("state", "running", "active", "said"),
    [
        ("running", True, False, "Running"),
        ("paused", True, False, "Paused"),
        ("paused", False, False, "Not finished"),
        ("promoted", False, False, "Passed, not in use"),
        ("kept", False, True, "In use"),
        ("failed", False, False, "Failed"),
    ],
)
def test_results_in_words(state: str, running: bool, active: bool, said: str) -> None:
    assert result(NightReport("n", state, NOW, active=active), running) == said


def test_models_are_sound_tables(app: QApplication) -> None:
    nights, card = NightsModel(), ScorecardModel()
    testers = [
        QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
        for model in (nights, card)
    ]
    assert nights.show_nights([PASSED, KEPT], "") and not nights.show_nights([PASSED, KEPT], "")
    assert nights.show_nights([PASSED, KEPT], KEPT.id) and nights.index(1, 1).data() == "Running"
    card.show_arms(CARD, {})
    assert (nights.rowCount(), card.rowCount(), percent(None)) == (2, len(ARMS), "–")
    del testers
