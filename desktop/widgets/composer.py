"""The question box: Enter sends, Shift+Enter starts a new line, the button stops a running answer."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop import style
from desktop.widgets.folder_chooser import FolderChooser
from desktop.widgets.parts import tool

MAX_LINES = 8


class QuestionBox(QPlainTextEdit):
    """A text field that grows with its text up to MAX_LINES."""

    submitted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Question"))
        self.setAccessibleDescription(self.tr("Enter sends, Shift+Enter starts a new line"))
        self.setPlaceholderText(self.tr("Ask about your files…"))
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(4)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.submitted.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show_active(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._show_active(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _show_active(self, active: bool) -> None:
        parent = self.parentWidget()
        if parent is not None:
            parent.setProperty("active", active)
            parent.style().unpolish(parent)
            parent.style().polish(parent)

    def _fit(self) -> None:
        # A plain text layout counts lines, not pixels.
        lines = max(1, min(MAX_LINES, round(self.document().size().height())))
        self.setFixedHeight(
            round(lines * self.fontMetrics().lineSpacing() + 2 * self.document().documentMargin()) + 4
        )


class Composer(QFrame):
    """`asked(question)` and `stopped()`; while answering only stopping is possible, typing always is."""

    asked = Signal(str)
    stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("composer")
        self.box = QuestionBox()
        self.box.submitted.connect(self._submit)
        self.box.textChanged.connect(self._show_button)
        self.send_button = tool("send", self.tr("Ask"))
        self.send_button.setObjectName("send")
        self.send_button.clicked.connect(self._press)
        self.chooser = FolderChooser()
        line = QHBoxLayout()
        line.addWidget(self.box, 1)
        line.addWidget(self.send_button, 0, Qt.AlignmentFlag.AlignBottom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 8)
        layout.setSpacing(2)
        layout.addLayout(line)
        layout.addWidget(self.chooser, 0, Qt.AlignmentFlag.AlignLeft)
        self.setFocusProxy(self.box)
        self._answering = False
        self._show_button()

    @property
    def answering(self) -> bool:
        return self._answering

    def set_answering(self, answering: bool) -> None:
        """Whether the button stops an answer or sends a question."""
        self._answering = answering
        name = self.tr("Stop") if answering else self.tr("Ask")
        self.send_button.setAccessibleName(name)
        self.send_button.setToolTip(name)
        self._show_button()

    def give_back(self, question: str) -> None:
        """Put a question that could not be asked back in front of what was typed since."""
        since = self.box.toPlainText()
        self.box.setPlainText(f"{question}\n{since}" if since else question)
        cursor = self.box.textCursor()
        cursor.movePosition(cursor.MoveOperation.End)
        self.box.setTextCursor(cursor)

    def _press(self) -> None:
        if self._answering:
            self.stopped.emit()
        else:
            self._submit()

    def _submit(self) -> None:
        question = self.box.toPlainText().strip()
        if question and not self._answering:
            self.box.clear()
            self.asked.emit(question)

    def _show_button(self) -> None:
        self.send_button.setEnabled(self._answering or bool(self.box.toPlainText().strip()))
        usable = self.send_button.isEnabled()
        style.set_icon(
            self.send_button, "stop" if self._answering else "send", "on_accent" if usable else "muted"
        )
