"""One night: what came of it, the scorecard behind that, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMessageBox, QPushButton, QVBoxLayout, QWidget

from desktop.item_models.nights import ScorecardModel, minutes, result, when
from desktop.messages import number
from desktop.widgets.parts import button, label
from desktop.widgets.small_table import SmallTable
from engine.contracts import NightReport


class NightDetails(QFrame):
    """Says what is wanted; changes nothing itself. Signals carry the night's id, `steered` how."""

    use_wanted = Signal(str)
    roll_back_wanted = Signal()
    resume_wanted = Signal(str)
    discard_wanted = Signal(str)
    steered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._night: NightReport | None = None
        self._question: DiscardQuestion | None = None
        self.title = label("", size=1.1, bold=True)
        self.reason = label("", wrap=True)
        self.stale = label(
            self.tr(
                "It learned from files that were forgotten since. Discard it; another night learns without "
                "them."
            ),
            wrap=True,
        )
        self.cost = label("", "muted", wrap=True)
        self.scorecard = ScorecardModel(self)
        self.table = SmallTable(self.tr("Scorecard"), self.scorecard, most=4)
        self.table.setSelectionMode(SmallTable.SelectionMode.NoSelection)
        self.explanation = label(
            self.tr(
                "Plain model and adapter were asked the same; with files, as much of it as time allowed. "
                "Facts: about your files, in wordings the night did not train on. Absent: your files do not "
                "say, so right is to say so. General: what everyone knows."
            ),
            "muted",
            wrap=True,
        )
        self.use_button = self._action(self.tr("Use"), self._use)
        self.use_button.setToolTip(self.tr("Let what this night learned take part in every answer"))
        self.back_button = self._action(self.tr("Roll back"), self._roll_back)
        self.back_button.setToolTip(self.tr("Answer with the plain model again; the night is kept"))
        self.resume_button = self._action(self.tr("Resume"), self._resume)
        self.resume_button.setToolTip(self.tr("Go on with the first step that is not done"))
        self.pause_button = self._action(self.tr("Pause"), self._pause)
        self.continue_button = self._action(self.tr("Continue"), self._continue)
        self.cancel_button = self._action(self.tr("Cancel"), self._cancel)
        self.discard_button = self._action(self.tr("Discard…"), self._discard)
        self._lay_out()

    def _action(self, text: str, does: Callable[[], None]) -> QPushButton:
        made = button(text)
        made.clicked.connect(does)
        return made

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.title, 1)
        for made in (
            self.use_button, self.back_button, self.resume_button, self.pause_button,
            self.continue_button, self.cancel_button, self.discard_button,
        ):  # fmt: skip
            top.addWidget(made)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 12, 14)
        layout.setSpacing(10)
        layout.addLayout(top)
        for part in (self.reason, self.stale, self.cost, self.table, self.explanation):
            layout.addWidget(part)

    def show_night(self, night: NightReport, running: bool, elsewhere: bool) -> None:
        """Show a night. `running`: a process works on it now; `elsewhere`: that is not this window's."""
        self._night = night
        paused, done = night.state == "paused", night.state in ("kept", "promoted")
        self.setAccessibleName(self.tr("Night of {when}").format(when=when(night)))
        self.title.setText(f"{when(night)} · {result(night, running)}")
        self.reason.setText(night.reason)
        self.reason.setVisible(bool(night.reason) and not running)
        self.stale.setVisible(night.stale)
        self.cost.setText(self._cost(night))
        self.cost.setVisible(bool(night.minutes))
        self.scorecard.show_arms(night.arms, night.asked)
        for part in (self.table, self.explanation):
            part.setVisible(bool(night.arms))
        self.use_button.setVisible(done and not night.active)
        self.back_button.setVisible(night.active)
        self.resume_button.setVisible(not running and not done and not elsewhere)
        self.pause_button.setVisible(running and elsewhere and not paused)
        self.continue_button.setVisible(running and paused)
        self.cancel_button.setVisible(running and elsewhere)
        self.discard_button.setVisible(not running)
        # A night of this window is told by its card, unless another process paused it.
        self.setVisible(not running or elsewhere or paused)

    def _cost(self, night: NightReport) -> str:
        if not night.rows:
            return self.tr("{minutes} minutes so far").format(minutes=minutes(night))
        return self.tr("{rows} rows trained, {minutes} minutes in all").format(
            rows=number(night.rows), minutes=minutes(night)
        )

    # -- choices ---------------------------------------------------------------------------------

    @property
    def _id(self) -> str:
        return self._night.id if self._night is not None else ""

    def _use(self) -> None:
        self.use_wanted.emit(self._id)

    def _roll_back(self) -> None:
        self.roll_back_wanted.emit()

    def _resume(self) -> None:
        self.resume_wanted.emit(self._id)

    def _pause(self) -> None:
        self.steered.emit("pause")

    def _continue(self) -> None:
        self.steered.emit("resume")

    def _cancel(self) -> None:
        self.steered.emit("cancel")

    def _discard(self) -> None:
        if self._night is not None:
            self._question = DiscardQuestion(self._night, self.window())
            self._question.agreed.connect(self.discard_wanted)
            self._question.open()


class DiscardQuestion(QMessageBox):
    """ "Discard what this night learned?" Not modal to the program. `agreed(id)` only after a yes."""

    agreed = Signal(str)

    def __init__(self, night: NightReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._night = night.id
        self.setIcon(QMessageBox.Icon.Question)
        self.setWindowTitle(self.tr("Discard a night"))
        self.setText(self.tr("Discard the night of {when}?").format(when=when(night)))
        said = self.tr("What it learned is deleted and cannot be brought back. Your files stay as they are.")
        if night.active:
            said += " " + self.tr("It is in use now: from then on the plain model answers.")
        self.setInformativeText(said)
        self.setStandardButtons(QMessageBox.StandardButton.Discard | QMessageBox.StandardButton.Cancel)
        self.setDefaultButton(QMessageBox.StandardButton.Cancel)
        self.finished.connect(self._decide)

    @Slot(int)
    def _decide(self, answer: int) -> None:
        if answer == QMessageBox.StandardButton.Discard:
            self.agreed.emit(self._night)
        self.deleteLater()
