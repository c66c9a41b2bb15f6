"""What an empty chat says: what can be done here, and that nothing leaves this computer."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.widgets.parts import button, icon_label, label


class Welcome(QWidget):
    """The invitation of an empty chat. With no folder yet it offers to add one."""

    add_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        middle = Qt.AlignmentFlag.AlignHCenter
        title = label(self.tr("Ask anything. Nothing leaves this computer."), size=1.55, bold=True, wrap=True)
        title.setAlignment(middle)
        self._hint = label("", "muted", wrap=True)
        self._hint.setAlignment(middle)
        self.add_button = button(self.tr("Add folder…"), "primary", "plus", "on_accent")
        self.add_button.clicked.connect(self.add_wanted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(40, 20, 40, 20)
        layout.setSpacing(12)
        layout.addStretch(3)
        layout.addWidget(icon_label("moon", "accent", 44), 0, middle)
        layout.addWidget(title)
        layout.addWidget(self._hint)
        layout.addSpacing(6)
        layout.addWidget(self.add_button, 0, middle)
        layout.addStretch(4)
        self.show_folders(0)

    def show_folders(self, folders: int) -> None:
        """Say what fits: with folders there is something to ask about."""
        self.add_button.setVisible(folders == 0)
        self._hint.setText(
            self.tr("Answers come from your own files, with the passages they rest on.")
            if folders
            else self.tr("Add a folder to ask about it. You can also drop one anywhere on this window.")
        )
