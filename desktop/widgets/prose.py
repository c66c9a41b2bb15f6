"""Text of an answer: as high as its content, selectable, loading nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, QUrl, Signal
from PySide6.QtGui import QResizeEvent, QTextCursor, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QTextBrowser, QWidget

from desktop.markdown import Block
from desktop.rich_text import CITE, mark_unsupported, write
from engine.contracts import AnswerSentence, Citation


class ProseView(QTextBrowser):
    """Paragraphs, lists and tables. `cited(n)` and `followed(target)` say what was clicked."""

    cited = Signal(int)
    followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setUndoRedoEnabled(False)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setTabChangesFocus(True)
        self.setAccessibleName(self.tr("Answer text"))
        self.document().setDocumentMargin(0)
        self.anchorClicked.connect(self._click)

    def append_blocks(self, drawn: Sequence[Block], sources: Mapping[int, Citation]) -> None:
        """Draw more blocks below."""
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        write(cursor, drawn, sources)
        cursor.endEditBlock()
        self.fit()

    def replace_blocks(self, drawn: Sequence[Block], sources: Mapping[int, Citation]) -> None:
        """Draw these blocks and nothing else."""
        self.document().clear()
        self.append_blocks(drawn, sources)

    def mark(self, sentences: Sequence[AnswerSentence]) -> int:
        """Mark unsupported sentences; returns how many were found here."""
        return mark_unsupported(self.document(), sentences)

    def fit(self) -> None:
        """Take the height the text needs at the present width."""
        width = self.viewport().width()
        if width > 0:
            self.document().setTextWidth(width)
            self.setFixedHeight(max(1, round(self.document().size().height() + 0.5)))

    def sizeHint(self) -> QSize:
        return QSize(400, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the transcript scrolls, not the paragraph

    def loadResource(self, kind: int, name: QUrl | str) -> Any:
        """Nothing, ever: an answer must not make this computer read or ask for anything."""
        return None

    def doSetSource(self, name: QUrl | str, kind: Any = None) -> None:
        """A document is never opened in place of the text."""

    def _click(self, target: QUrl) -> None:
        address = target.toString(QUrl.ComponentFormattingOption.FullyEncoded)
        if address.startswith(CITE):
            self.cited.emit(int(address.removeprefix(CITE)))
        else:
            self.followed.emit(address)
