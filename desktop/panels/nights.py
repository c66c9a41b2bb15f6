"""Nights: what may be learned from, the night under way, and what every night was worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, cast

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from desktop import style
from desktop.item_models.nights import NightsModel, when
from desktop.tasks import Session, is_busy
from desktop.widgets.consent_row import ConsentRow
from desktop.widgets.night_card import NightCard
from desktop.widgets.night_details import NightDetails
from desktop.widgets.parts import button, column_page, disown, frame, label
from desktop.widgets.small_table import SmallTable
from engine.api import Engine, Job
from engine.contracts import FolderReport, NightReport, Status

MINUTES = (15, 30, 60, 120)
LISTED = 5  # nights to be seen at once; more scroll
LOOK_MS = 2000


class NightsPanel(QScrollArea):
    """`changed` when consent may have changed; `ended(report)` when a night came to its end."""

    changed = Signal()
    ended = Signal(object)
    noticed = Signal(object)
    add_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setAccessibleName(self.tr("Nights"))
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.card: NightCard | None = None
        self.rows: dict[str, ConsentRow] = {}
        self._ours = ""  # the night under way in this window
        self._running = ""  # the night under way in any process
        self._read_only = False
        self.minutes = QComboBox()
        self.minutes.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        for part in (self.minutes, self.minutes.view()):
            part.setAccessibleName(self.tr("How long the night may take"))
        for minutes in MINUTES:
            self.minutes.addItem(self.tr("{n} minutes").format(n=minutes), minutes)
        self.start_button = button(self.tr("Personalize"), "primary", "moon", "on_accent")
        self.start_button.clicked.connect(self.personalize)
        self.add_button = button(self.tr("Add folder…"), "", "plus")
        self.add_button.clicked.connect(self.add_wanted)
        self.in_use = label("", "muted")
        self.nights = NightsModel(self)
        self.table = SmallTable(self.tr("Nights so far"), self.nights, LISTED)
        self.table.selectionModel().currentRowChanged.connect(self._choose)
        self.details = NightDetails()
        self._folders = QVBoxLayout()
        self._job = QVBoxLayout()
        self._no_folders = self._make_no_folders()
        self._no_nights = label(self.tr("None yet."), "muted")
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self.refresh)
        self._lay_out()
        self._connect()
        self._show_nights([])

    def _make_no_folders(self) -> QWidget:
        made = QWidget()
        inner = QHBoxLayout(made)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(label(self.tr("There is no folder yet."), "muted"), 1)
        inner.addWidget(self.add_button)
        return made

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(label(self.tr("Nights"), size=1.6, bold=True), 1)
        top.addWidget(self.minutes)
        top.addWidget(self.start_button)
        consent = frame("card")
        inner = QVBoxLayout(consent)
        inner.setContentsMargins(16, 12, 16, 12)
        inner.setSpacing(8)
        inner.addWidget(label(self.tr("May be learned from"), bold=True))
        inner.addLayout(self._folders)
        inner.addWidget(self._no_folders)
        inner.addWidget(
            label(
                self.tr(
                    "Nothing is learned from a folder without its tick. Taking a tick away does not undo "
                    "earlier nights: roll those back or discard them."
                ),
                "muted",
                wrap=True,
            )
        )
        heading = QHBoxLayout()
        heading.addWidget(label(self.tr("Nights so far"), size=1.1, bold=True), 1)
        heading.addWidget(self.in_use)
        page, column = column_page()
        column.addLayout(top)
        column.addWidget(
            label(
                self.tr(
                    "Personalize makes questions from the files in the ticked folders and trains an adapter, "
                    "a small addition to the model, on them; it is switched on only if answers get better, "
                    "and nothing leaves this computer."
                ),
                "muted",
                wrap=True,
            )
        )
        column.addLayout(self._job)
        column.addWidget(consent)
        column.addLayout(heading)
        column.addWidget(self._no_nights)
        column.addWidget(self.table)
        column.addWidget(self.details)
        column.addStretch(1)
        self.setWidget(page)

    def _connect(self) -> None:
        self.details.use_wanted.connect(self._use)
        self.details.roll_back_wanted.connect(self._roll_back)
        self.details.resume_wanted.connect(self._resume)
        self.details.discard_wanted.connect(self._discard)
        self.details.steered.connect(self._steer)

    # -- running ---------------------------------------------------------------------------------

    def personalize(self) -> None:
        """Start a night over the ticked folders."""
        minutes = float(self.minutes.currentData())
        self._begin(lambda engine: ("", engine.personalize(minutes)))

    def _resume(self, night: str) -> None:
        self._begin(lambda engine: (night, engine.resume_night(night)))

    def _begin(self, start: Callable[[Engine], tuple[str, Job[NightReport]]]) -> None:
        self._allow_start(False)
        self._session.call(start, self._watch, self._refused)

    def _watch(self, begun: tuple[str, Job[NightReport]]) -> None:
        self._ours, job = begun
        self.card = NightCard(job)
        self.card.ended.connect(self._ended)
        self.card.failed.connect(self._session.problem)
        self.card.noticed.connect(self.noticed)
        self._job.addWidget(self.card)
        self.table.clearSelection()
        self.refresh()

    def _ended(self, card: NightCard, report: NightReport | None) -> None:
        self.card = None
        self._ours = ""
        self._job.removeWidget(card)
        disown(card)
        self.refresh()
        if report is not None:
            self.ended.emit(report)

    def _steer(self, how: str) -> None:
        wanted = cast(Literal["pause", "resume", "cancel"], how)
        self._session.call(lambda engine: engine.steer_night(wanted), self._done, self._refused)

    # -- choices ---------------------------------------------------------------------------------

    def _learn(self, path: str, learn: bool) -> None:
        self._session.call(lambda engine: engine.set_learn(path, learn), self._learned, self._refused)

    def _learned(self, _nothing: None) -> None:
        self.changed.emit()

    def _use(self, night: str) -> None:
        self._session.call(lambda engine: engine.use_adapter(night), self._done, self._refused)

    def _roll_back(self) -> None:
        self._session.call(lambda engine: engine.use_adapter(None), self._done, self._refused)

    def _discard(self, night: str) -> None:
        self._session.call(lambda engine: engine.discard_night(night), self._done, self._refused)

    def _done(self, _result: object) -> None:
        self.refresh()

    def _refused(self, error: BaseException) -> None:
        """Say it, and show again what is so: a tick that was not stored must not stay."""
        self._session.problem.emit(error)
        self.refresh()
        self.changed.emit()

    # -- showing ---------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the nights again."""
        self._session.call(lambda engine: engine.nights(), self._show_nights, self._unread)

    def _unread(self, error: BaseException) -> None:
        if is_busy(error):  # another process writes just now: look again a little later
            self._timer.start()
        else:
            self._timer.stop()
            self._session.problem.emit(error)

    def show_status(self, status: Status) -> None:
        """Show the folders and their ticks as the engine reports them."""
        self._read_only = bool(status.writer)
        present = {folder.path for folder in status.folders}
        for path in [path for path in self.rows if path not in present]:
            row = self.rows.pop(path)
            self._folders.removeWidget(row)
            disown(row)
        for folder in status.folders:
            self._show_folder(folder)
        self._no_folders.setVisible(not self.rows)

    def _show_folder(self, folder: FolderReport) -> None:
        if folder.path in self.rows:
            self.rows[folder.path].show_folder(folder)
            return
        row = ConsentRow(folder)
        row.chosen.connect(self._learn)
        self.rows[folder.path] = row
        self._folders.addWidget(row)

    def _show_nights(self, found: Sequence[NightReport]) -> None:
        nights = [night for night in found if night.state != "discarded"]
        self._running = self._find_running(nights)
        self._allow_start(not self._running)
        self._show_in_use(nights)
        chosen = self._chosen() or self._running
        if self.nights.show_nights(nights, self._running) and nights:
            self.table.selectRow(self.nights.row_of(chosen))
        self.table.setVisible(bool(nights))
        self._no_nights.setVisible(not nights)
        self._show_details(self.table.currentIndex().row())
        if self._running and not self._timer.isActive():
            self._timer.start()
        elif not self._running:
            self._timer.stop()

    def _allow_start(self, allow: bool) -> None:
        for part in (self.minutes, self.start_button):
            part.setEnabled(allow)
        style.set_icon(self.start_button, "moon", "on_accent" if allow else "muted")

    def _find_running(self, nights: Sequence[NightReport]) -> str:
        """The night that a process works on now: ours, or while another holds the home, its own."""
        if self.card is not None:
            if not self._ours and nights:
                self._ours = nights[0].id  # a new night is the newest
            return self._ours
        if not self._read_only:
            return ""
        return next((night.id for night in nights if night.state in ("running", "paused")), "")

    def _show_in_use(self, nights: Sequence[NightReport]) -> None:
        active = next((night for night in nights if night.active), None)
        if active is None:
            self.in_use.setText(self.tr("Nothing learned is in use"))
        else:
            self.in_use.setText(self.tr("In use: {when}").format(when=when(active)))

    def _chosen(self) -> str:
        chosen = self.table.selectionModel().selectedRows()
        return self.nights.nights[chosen[0].row()].id if chosen else ""

    def _choose(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self._show_details(current.row())

    def _show_details(self, row: int) -> None:
        if 0 <= row < len(self.nights.nights):
            night = self.nights.nights[row]
            self.details.show_night(night, night.id == self._running, self._read_only)
        else:
            self.details.hide()
