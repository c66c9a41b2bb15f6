"""Files the library has something to say about, loaded page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from desktop.messages import file_name, moment, reason
from desktop.rich_text import plain_tip
from desktop.tasks import Session, is_busy
from engine.api import Engine
from engine.contracts import FileReport

PAGE = 200
Index = QModelIndex | QPersistentModelIndex


class ProblemsModel(QAbstractTableModel):
    """Columns: file, why, what to do, since. `read(engine, offset, limit)` gives rows one scrolls to."""

    def __init__(
        self,
        session: Session,
        read: Callable[[Engine, int, int], list[FileReport]],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._read = read
        self.rows: list[FileReport] = []
        self._more = False
        self._loading = False
        self._headers = (self.tr("File"), self.tr("Why"), self.tr("What you can do"), self.tr("Since"))

    def reload(self) -> None:
        """Read the list again from its start."""
        self._loading = True
        self._session.call(lambda engine: (0, self._read(engine, 0, PAGE)), self._loaded, self._refused)

    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self._more and not self._loading

    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent):
            self._loading = True
            offset = len(self.rows)
            self._session.call(
                lambda engine: (offset, self._read(engine, offset, PAGE)), self._loaded, self._refused
            )

    def _loaded(self, page: tuple[int, list[FileReport]]) -> None:
        offset, rows = page
        self._loading = False
        self._more = len(rows) == PAGE
        if offset == 0:
            if rows != self.rows:
                self.beginResetModel()
                self.rows = rows
                self.endResetModel()
        elif rows and offset == len(self.rows):
            self.beginInsertRows(QModelIndex(), offset, offset + len(rows) - 1)
            self.rows = [*self.rows, *rows]
            self.endInsertRows()

    def _refused(self, error: BaseException) -> None:
        self._loading = False
        if not is_busy(error):  # the next status reads the list again
            self._session.problem.emit(error)

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self._headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self._headers[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        report = self.rows[index.row()]
        said = reason(report.reason)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            cells = (file_name(report.path), said.message, said.hint, moment(report.time))
            return cells[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            # A cell may be too narrow for its sentence.
            return plain_tip("\n".join(filter(None, (report.path, report.detail, said.message, said.hint))))
        return None
