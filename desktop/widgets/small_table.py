"""A table without edit, grid or empty space: as high as its rows, up to a few."""

from __future__ import annotations

from PySide6.QtCore import QAbstractTableModel, QEvent, Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHeaderView, QTableView, QWidget

ROUND = 8  # below the last row, so that its marking stays within the rounded corners


class SmallTable(QTableView):
    """Columns share the width evenly. More than `most` rows scroll."""

    def __init__(
        self, name: str, model: QAbstractTableModel, most: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._most = most
        self.setAccessibleName(name)
        self.setModel(model)
        model.modelReset.connect(self.fit)
        self.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.setEditTriggers(QTableView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setHighlightSections(False)
        self.fit()

    def fit(self) -> None:
        """Take the height of the rows."""
        rows = min(self._most, self.model().rowCount())
        inside = self.horizontalHeader().sizeHint().height() + sum(self.rowHeight(row) for row in range(rows))
        self.setFixedHeight(inside + 2 * self.frameWidth() + ROUND)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.fit()
