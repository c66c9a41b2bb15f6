"""Dropping files and folders on the window."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, QRect, Qt
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from desktop.widgets.parts import icon_label, label


def dropped_paths(data: QMimeData) -> list[str]:
    """The local files and folders in what is being dragged."""
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile() and url.toLocalFile()]


class DropHint(QFrame):
    """Covers the window while something is dragged over it, and says what dropping does."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("dropOver")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        middle = Qt.AlignmentFlag.AlignHCenter
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(icon_label("folder", "accent", 44), 0, middle)
        layout.addWidget(label(self.tr("Drop to ask about it"), size=1.5, bold=True), 0, middle)
        layout.addWidget(label(self.tr("It is read on this computer and stays where it is.")), 0, middle)
        layout.addStretch(1)
        self.hide()

    def cover(self, area: QRect) -> None:
        """Show over `area` of the window."""
        self.setGeometry(area.adjusted(12, 12, -12, -12))
        self.raise_()
        self.show()
