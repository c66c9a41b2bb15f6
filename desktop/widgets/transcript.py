"""The messages of a chat from top to bottom, of which only a window is built."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from desktop.style import COLUMN
from desktop.widgets.parts import button, disown

PAGE = 50


class Transcript(QScrollArea):
    """Real widgets, newest at the bottom. It follows the bottom while the person is there, and only then."""

    earlier_wanted = Signal()
    latest_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Conversation"))
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.messages: list[QWidget] = []
        self._follow = True
        self._cut = False
        self._from_bottom: int | None = None
        page = QWidget()
        page.setObjectName("page")
        self.column = QWidget()
        self.column.setObjectName("column")
        self.column.setMaximumWidth(COLUMN)
        outer = QHBoxLayout(page)
        outer.setContentsMargins(24, 12, 24, 12)
        outer.addStretch(0)
        outer.addWidget(self.column, 1)
        outer.addStretch(0)
        self._layout = QVBoxLayout(self.column)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(12)
        self._earlier = button(self.tr("Show earlier messages"), "pill")
        self._earlier.clicked.connect(self.earlier_wanted)
        self._earlier.hide()
        self._layout.addWidget(self._earlier, 0, Qt.AlignmentFlag.AlignHCenter)
        self._layout.addStretch(1)
        self.setWidget(page)
        self._latest = button(self.tr("Jump to latest"), "pill", "down")
        self._latest.setParent(self)
        self._latest.clicked.connect(self.go_to_latest)
        self._latest.hide()
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._range_changed)
        bar.valueChanged.connect(self._value_changed)
        self.viewport().installEventFilter(self)

    def append(self, message: QWidget) -> None:
        """Add a message below the last."""
        self.messages.append(message)
        self._layout.insertWidget(self._layout.count() - 1, message)

    def prepend(self, messages: Sequence[QWidget]) -> None:
        """Add older messages above; what is being read stays where it is."""
        if not self._follow:
            bar = self.verticalScrollBar()
            self._from_bottom = bar.maximum() - bar.value()
        for position, message in enumerate(messages):
            self._layout.insertWidget(1 + position, message)
        self.messages[:0] = messages

    def take(self, message: QWidget) -> None:
        """Remove a message without deleting it."""
        self.messages.remove(message)
        self._layout.removeWidget(message)
        message.hide()
        message.setParent(None)

    def cut_newest(self, kept: int) -> None:
        """Delete messages from the bottom until `kept` are left; "Jump to latest" asks for them again."""
        for message in self.messages[kept:]:
            self._layout.removeWidget(message)
            disown(message)
        del self.messages[kept:]
        self._cut = True

    def clear(self) -> None:
        """Remove and delete all messages."""
        for message in self.messages:
            self._layout.removeWidget(message)
            disown(message)
        self.messages = []
        self._follow = True
        self._cut = False
        self.offer_earlier(False)

    def offer_earlier(self, offered: bool) -> None:
        """Whether there are older messages to ask for."""
        self._earlier.setVisible(offered)

    def jump_to_latest(self) -> None:
        """Go to the bottom and follow it."""
        self._follow = True
        bar = self.verticalScrollBar()
        bar.setValue(bar.maximum())

    def go_to_latest(self) -> None:
        """Go to the bottom; newer messages that were cut off are asked for."""
        self.jump_to_latest()
        self.latest_wanted.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            size = self._latest.sizeHint()
            self._latest.setGeometry(
                (self.width() - size.width()) // 2,
                self.height() - size.height() - 10,
                size.width(),
                size.height(),
            )
        return super().eventFilter(watched, event)

    def _range_changed(self, _low: int, high: int) -> None:
        bar = self.verticalScrollBar()
        if self._follow:
            bar.setValue(high)
        elif self._from_bottom is not None:
            bar.setValue(high - self._from_bottom)
        self._show_latest()

    def _value_changed(self, value: int) -> None:
        bar = self.verticalScrollBar()
        self._follow = value >= bar.maximum() - 8
        if self._from_bottom is not None and bar.maximum() - value != self._from_bottom:
            self._from_bottom = None
        self._show_latest()

    def _show_latest(self) -> None:
        bar = self.verticalScrollBar()
        self._latest.setVisible(self._cut or bar.maximum() - bar.value() > self.height())
        self._latest.raise_()
