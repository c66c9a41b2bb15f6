"""The text of one answer as a column of blocks. While it is written only the open tail is drawn again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from desktop.markdown import Block, Code, Stream, blocks
from desktop.style import colours
from desktop.widgets.code import CodeView
from desktop.widgets.parts import disown
from desktop.widgets.prose import ProseView
from engine.contracts import AnswerSentence, Citation


class BlockColumn(QWidget):
    """Blocks from top to bottom; neighbouring prose is one text, so that it can be selected together."""

    cited = Signal(int)
    followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(6)
        self.parts: list[ProseView | CodeView] = []

    def append(self, drawn: Sequence[Block], sources: Mapping[int, Citation]) -> None:
        """Draw more blocks; those drawn before are not touched, except that the last text grows."""
        prose: list[Block] = []
        for block in drawn:
            if isinstance(block, Code):
                self._append_prose(prose, sources)
                prose = []
                self._add(CodeView(block))
            else:
                prose.append(block)
        self._append_prose(prose, sources)

    def replace(self, drawn: Sequence[Block], sources: Mapping[int, Citation]) -> None:
        """Draw these blocks instead, in the widgets there are if they fit."""
        last = drawn[-1] if drawn else None
        same = self.parts[-1] if len(self.parts) == 1 else None
        if isinstance(last, Code) and len(drawn) == 1 and isinstance(same, CodeView):
            same.show_code(last)
        elif isinstance(same, ProseView) and drawn and not any(isinstance(block, Code) for block in drawn):
            same.replace_blocks(drawn, sources)
        else:
            self.clear()
            self.append(drawn, sources)

    def clear(self) -> None:
        for part in self.parts:
            self._layout.removeWidget(part)
            disown(part)
        self.parts = []

    def _append_prose(self, drawn: Sequence[Block], sources: Mapping[int, Citation]) -> None:
        if not drawn:
            return
        view = self.parts[-1] if self.parts else None
        if not isinstance(view, ProseView):
            view = ProseView()
            view.cited.connect(self.cited)
            view.followed.connect(self.followed)
            self._add(view)
        view.append_blocks(drawn, sources)

    def _add(self, part: ProseView | CodeView) -> None:
        self.parts.append(part)
        self._layout.addWidget(part)


class AnswerBody(QWidget):
    """An answer, growing or finished. `cited(n)` and `followed(target)` say what was clicked."""

    cited = Signal(int)
    followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.closed = BlockColumn()
        self.tail = BlockColumn()
        for column in (self.closed, self.tail):
            column.cited.connect(self.cited)
            column.followed.connect(self.followed)
            layout.addWidget(column)
        self._stream = Stream()
        self._text = ""
        self._sources: Mapping[int, Citation] = {}
        self._sentences: Sequence[AnswerSentence] = ()
        self._drawn_in = colours()
        self.unsupported_marked = 0

    @property
    def text(self) -> str:
        """The Markdown shown so far."""
        return self._text

    def add(self, text: str) -> None:
        """Continue the text."""
        self._text += text
        closed, tail = self._stream.add(text)
        if closed:
            self.closed.append(closed, self._sources)
        self.tail.replace(tail, self._sources)

    def set_text(
        self, text: str, sources: Mapping[int, Citation], sentences: Sequence[AnswerSentence] = ()
    ) -> None:
        """Show the finished answer."""
        self._text, self._sources, self._sentences = text, sources, sentences
        self._stream = Stream()
        self.tail.clear()
        self.closed.clear()
        self.closed.append(blocks(text), sources)
        self.unsupported_marked = sum(
            part.mark(sentences) for part in self.closed.parts if isinstance(part, ProseView)
        )
        self._drawn_in = colours()

    def plain_text(self) -> str:
        """The words as drawn."""
        parts = [*self.closed.parts, *self.tail.parts]
        return "\n".join(
            part.toPlainText() if isinstance(part, ProseView) else part.text.toPlainText() for part in parts
        )

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._drawn_in is not colours():
            # A text being written is drawn whole once more; the stream then goes on after it.
            growing = bool(self.tail.parts)
            text = self._text
            self.set_text(text, self._sources, self._sentences)
            if growing:
                self.closed.clear()
                self._text = ""
                self.add(text)
