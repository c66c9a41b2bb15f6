"""Files of the library with a sentence about each, under a title."""

from __future__ import annotations

from PySide6.QtCore import QAbstractItemModel
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from desktop.widgets.parts import label


class FileList(QWidget):
    """Columns as in `ProblemsModel`; `action` stands beside the title. Hidden until there is something."""

    def __init__(
        self, model: QAbstractItemModel, name: str, action: QPushButton | None = None, height: int = 220
    ) -> None:
        super().__init__()
        self.title = label("", size=1.1, bold=True)
        self.table = QTableView()
        self.table.setAccessibleName(name)
        self.table.setModel(model)
        self.table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setMinimumHeight(height)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        header = self.table.horizontalHeader()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setHighlightSections(False)
        for column, width in ((0, 170), (1, 290), (2, 260)):
            self.table.setColumnWidth(column, width)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        if action is not None:
            top.addWidget(action)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.table)
        self.hide()

    def show_count(self, title: str, files: int) -> None:
        """Show the list under `title` if there are `files` in it."""
        self.title.setText(title)
        self.setVisible(files > 0)
