"""One folder and the tick by which a person allows nights to learn from it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.messages import file_name
from desktop.widgets.elided import ElidedLabel
from desktop.widgets.parts import Tick
from engine.contracts import FolderReport


class ConsentRow(QWidget):
    """`chosen(path, learn)` when the person changed the tick."""

    chosen = Signal(str, bool)

    def __init__(self, folder: FolderReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = folder.path
        self.box = Tick(file_name(folder.path).replace("&", "&&"))
        self.box.setAccessibleName(self.tr("Nights may learn from {folder}").format(folder=folder.path))
        self.box.clicked.connect(self._choose)
        path = ElidedLabel(folder.path, Qt.TextElideMode.ElideMiddle)
        path.setObjectName("muted")
        path.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(self.box)
        layout.addWidget(path, 1)
        self.show_folder(folder)

    def show_folder(self, folder: FolderReport) -> None:
        """Show what is stored for the same folder."""
        self.box.setChecked(folder.learn)

    def _choose(self, learn: bool) -> None:
        self.chosen.emit(self.path, learn)
