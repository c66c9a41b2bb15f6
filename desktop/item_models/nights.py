"""Nights as tables: the list of them, and the scorecard of one; and the words for both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QDateTime,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
)

from desktop import style
from desktop.messages import number
from engine.contracts import NightReport

Index = QModelIndex | QPersistentModelIndex
ARMS = ("base", "base+files", "adapter", "adapter+files")
KINDS = ("fact", "absent", "general")
Shares = Mapping[str, Mapping[str, float]]
Counts = Mapping[str, Mapping[str, int]]


def when(night: NightReport) -> str:
    """When it began, in the person's time and language."""
    began = QDateTime.fromString(night.started, Qt.DateFormat.ISODateWithMs)
    return QLocale().toString(began.toLocalTime(), QLocale.FormatType.ShortFormat)


def minutes(night: NightReport) -> str:
    """How long its stages took together, with one decimal."""
    return QLocale().toString(float(sum(night.minutes.values())), "f", 1)


def result(night: NightReport, running: bool) -> str:
    """What came of it, in a few words. `running`: a process works on it now."""
    translate = QCoreApplication.translate
    if running:
        return translate("Night", "Paused") if night.state == "paused" else translate("Night", "Running")
    if night.active:
        return translate("Night", "In use")
    if night.state == "promoted":
        return translate("Night", "Passed, not in use")
    if night.state == "kept":
        return translate("Night", "Stayed off")
    if night.state == "failed":
        return translate("Night", "Failed")
    return translate("Night", "Not finished")


def arm_name(arm: str) -> str:
    """Who answered, in words; an unknown arm is named as it is."""
    translate = QCoreApplication.translate
    names = {
        "base": translate("Night", "Plain model"),
        "base+files": translate("Night", "Plain model with files"),
        "adapter": translate("Night", "Adapter"),
        "adapter+files": translate("Night", "Adapter with files"),
    }
    return names.get(arm, arm)


def percent(share: float | None) -> str:
    """ "62 %", or a dash for what was not measured."""
    return "–" if share is None else f"{number(round(100 * share))} %"


class _Table(QAbstractTableModel):
    """What both tables share: they are short, flat, and their headers stand above their cells."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.headers: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.headers[section]
        if role == Qt.ItemDataRole.ToolTipRole and self.notes:
            return self.notes[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(self.alignment(section))
        return None

    def alignment(self, _column: int) -> Qt.AlignmentFlag:
        return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


class NightsModel(_Table):
    """Columns: night, result, minutes. Newest first, as the engine lists them."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.nights: list[NightReport] = []
        self._running = ""
        self.headers = (self.tr("Night"), self.tr("Result"), self.tr("Minutes"))

    def show_nights(self, nights: Sequence[NightReport], running: str) -> bool:
        """List `nights`, of which `running` (an id, or "") is under way. Returns whether anything changed."""
        if (list(nights), running) == (self.nights, self._running):
            return False
        self.beginResetModel()
        self.nights, self._running = list(nights), running
        self.endResetModel()
        return True

    def row_of(self, night: str) -> int:
        """The row of a night, 0 if it is not listed."""
        return next((row for row, item in enumerate(self.nights) if item.id == night), 0)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.nights)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        night = self.nights[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            words = (when(night), result(night, night.id == self._running), minutes(night))
            return words[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 1 and night.active:
            return style.icon("check", style.colours().good)
        if role == Qt.ItemDataRole.ToolTipRole:
            return night.reason or None
        return None


class ScorecardModel(_Table):
    """Rows: the four arms. Columns: who answered, then the share of right answers by kind of question."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.arms: Shares = {}
        self.asked: Counts = {}
        self.headers = (
            self.tr("Answered by"),
            self.tr("Facts right"),
            self.tr("Absent refused"),
            self.tr("General right"),
        )
        self.notes = (
            self.tr("The model as it came, or with what this night learned; without and with your files."),
            self.tr("Questions about your files, in wordings the night did not train on."),
            self.tr("Questions your files do not answer: right is to say so."),
            self.tr("Questions of general knowledge: they show what was forgotten."),
        )

    def show_arms(self, arms: Shares, asked: Counts) -> None:
        """Show the shares of arm -> kind, and of how many questions each is one."""
        if (arms, asked) != (self.arms, self.asked):
            self.beginResetModel()
            self.arms, self.asked = arms, asked
            self.endResetModel()

    def _score(self, arm: str, kind: str) -> str:
        share, count = percent(self.arms.get(arm, {}).get(kind)), self.asked.get(arm, {}).get(kind)
        return (
            share if count is None else self.tr("{share} of {count}").format(share=share, count=number(count))
        )

    def alignment(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() or not self.arms else len(ARMS)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        arm, column = ARMS[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._score(arm, KINDS[column - 1]) if column else arm_name(arm)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            said = str(self.data(index))
            return f"{arm_name(arm)}, {self.headers[column]}: {said}" if column else said
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(self.alignment(column))
        if role == Qt.ItemDataRole.ToolTipRole:
            return self.notes[column]
        return None
