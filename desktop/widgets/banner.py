"""Sentences about what happened: banners that stay until dismissed, a toast that offers to undo."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.messages import Said
from desktop.widgets.parts import button, disown, icon_label, label, tool

Kind = Literal["bad", "warn", "info"]
TOAST_MS = 10_000
MAX_BANNERS = 3
_ICONS: dict[Kind, str] = {"bad": "warning", "warn": "warning", "info": "info"}


class Banner(QFrame):
    """One sentence, its next step, and a button to dismiss it."""

    dismissed = Signal(object)

    def __init__(self, said: Said, kind: Kind, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setProperty("kind", kind)
        self.said = said
        self.setAccessibleName(f"{said.message} {said.hint}".strip())
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label(said.message, bold=True, wrap=True))
        if said.hint:
            words.addWidget(label(said.hint, wrap=True))
        close = tool("close", self.tr("Dismiss"))
        close.clicked.connect(self._dismiss)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(14, 10, 8, 10)
        layout.setSpacing(10)
        layout.addWidget(icon_label(_ICONS[kind], "text"))
        layout.addLayout(words, 1)
        layout.addWidget(close)

    def _dismiss(self) -> None:
        self.dismissed.emit(self)


class Banners(QWidget):
    """The latest few banners, newest on top; saying the same twice shows it once."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(24, 12, 24, 0)
        self.shown: list[Banner] = []
        self.hide()

    def say(self, said: Said, kind: Kind = "bad") -> None:
        """Show a sentence without interrupting anything."""
        for old in [banner for banner in self.shown if banner.said == said]:
            self._remove(old)
        banner = Banner(said, kind)
        banner.dismissed.connect(self._remove)
        self.shown.insert(0, banner)
        self._layout.insertWidget(0, banner)
        for old in self.shown[MAX_BANNERS:]:
            self._remove(old)
        self.show()

    def _remove(self, banner: Banner) -> None:
        self.shown.remove(banner)
        self._layout.removeWidget(banner)
        disown(banner)
        self.setVisible(bool(self.shown))


class Toast(QFrame):
    """ "Chat deleted." with Undo, for TOAST_MS. `undone(key)` names what is to be brought back."""

    undone = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("toast")
        self._key = ""
        self._label = label()
        self.undo_button = button(self.tr("Undo"), "pill")
        self.undo_button.clicked.connect(self._undo)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 8, 8, 8)
        layout.addWidget(self._label)
        layout.addWidget(self.undo_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOAST_MS)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def offer(self, text: str, key: str) -> None:
        """Show `text` with Undo for `key`."""
        self._key = key
        self._label.setText(text)
        self.setAccessibleName(text)
        self.show()
        self.place()
        self._timer.start()

    def place(self) -> None:
        """Sit at the bottom of the parent, in the middle."""
        self.adjustSize()
        parent = self.parentWidget()
        if parent is not None:
            self.move((parent.width() - self.width()) // 2, parent.height() - self.height() - 96)
        self.raise_()

    def _undo(self) -> None:
        self._timer.stop()
        self.hide()
        self.undone.emit(self._key)
