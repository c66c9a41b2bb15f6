"""The passage a citation rests on, in its surroundings, with ways to its file."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QColor, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop import messages, style
from desktop.messages import Said, file_name
from desktop.tasks import Session
from desktop.widgets.elided import ElidedLabel
from desktop.widgets.links import could_not_open, open_file
from desktop.widgets.parts import button, label, tool
from engine.api import Engine
from engine.contracts import Citation, Nearest, PassageView


class SourcePane(QFrame):
    """Opens on a citation or a near miss; `closed` when the person puts it away."""

    closed = Signal()
    said = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("pane")
        self._session = session
        self._wanted: Citation | Nearest | None = None
        self._view: PassageView | None = None
        self._message: str | None = None
        self.name = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.name.setFont(style.scaled(self.name, 1.1, bold=True))
        self.where = label("", "muted", wrap=True)
        self.folder = ElidedLabel(mode=Qt.TextElideMode.ElideLeft)
        self.folder.setObjectName("muted")
        self.warning = label("", "warn", wrap=True)
        self.passage = QPlainTextEdit()
        self.passage.setObjectName("passage")
        self.passage.setReadOnly(True)
        self.passage.document().setDocumentMargin(12)
        self.passage.setAccessibleName(self.tr("Passage"))
        self.passage.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.close_button = tool("close", self.tr("Close the source"))
        self.close_button.clicked.connect(self.closed)
        self.open_button = button(self.tr("Open file"), "", "file")
        self.open_button.clicked.connect(self._open_file)
        self.folder_button = button(self.tr("Show in folder"), "", "folder")
        self.folder_button.clicked.connect(self._show_in_folder)
        self._lay_out()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.name, 1)
        top.addWidget(self.close_button)
        bottom = QHBoxLayout()
        bottom.addWidget(self.open_button)
        bottom.addWidget(self.folder_button)
        bottom.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 12, 16)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.where)
        layout.addWidget(self.folder)
        layout.addWidget(self.warning)
        layout.addWidget(self.passage, 1)
        layout.addLayout(bottom)

    def show_citation(self, citation: Citation, message: str) -> None:
        """Fetch and show the cited passage, and remember that it was looked at."""
        self._wanted, self._message = citation, message or None
        self._show(
            PassageView(citation.path, citation.page, citation.heading, "", citation.quote, ""),
            complete=False,
        )
        self._session.call(lambda engine: (citation, engine.view(citation)), self._viewed)
        self._record("opened_citation", citation.path)

    def show_nearest(self, near: Nearest) -> None:
        """Show a passage that came close to the question."""
        self._wanted, self._message = near, None
        self._show(PassageView(near.path, near.page, near.heading, "", near.text, ""), complete=False)
        self._session.call(lambda engine: (near, _near_view(engine, near)), self._viewed)

    def _viewed(self, loaded: tuple[Citation | Nearest, PassageView]) -> None:
        source, view = loaded
        if source is self._wanted:
            self._show(view)

    def _show(self, view: PassageView, *, complete: bool = True) -> None:
        self._view = view
        self.name.set_whole_text(file_name(view.path))
        place = " · ".join(part for part in (messages.place(view), view.heading) if part)
        self.where.setText(place)
        self.where.setVisible(bool(place))
        self.folder.set_whole_text(str(Path(_file_of(view.path)).parent))
        self.warning.setText(self._warning(view))
        self.warning.setVisible(bool(self.warning.text()))
        self.open_button.setEnabled(complete and not view.missing)
        self.folder_button.setEnabled(complete)
        self._draw(view)

    def _warning(self, view: PassageView) -> str:
        if view.missing:
            if isinstance(self._wanted, Nearest):
                return self.tr("This file is gone. What was found in it is shown below.")
            return self.tr("This file is gone. What was cited from it is shown below.")
        if view.changed:
            return self.tr("This file has changed since the answer was written.")
        return ""

    def _draw(self, view: PassageView) -> None:
        chosen = style.colours()
        self.passage.clear()
        cursor = QTextCursor(self.passage.document())
        lines = QTextBlockFormat()
        lines.setLineHeight(125, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        cursor.setBlockFormat(lines)
        around, quote = QTextCharFormat(), QTextCharFormat()
        around.setForeground(QColor(chosen.muted))
        quote.setForeground(QColor(chosen.text))
        if isinstance(self._wanted, Citation):
            quote.setBackground(QColor(chosen.mark))
        cursor.insertText(view.before, around)
        start = cursor.position()
        cursor.insertText(view.quote, quote)
        cursor.insertText(view.after, around)
        cursor.setPosition(start)
        self.passage.setTextCursor(cursor)
        self.passage.centerCursor()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self._view is not None:
            self._draw(self._view)

    # -- ways to the file ------------------------------------------------------------------------

    def _open_file(self) -> None:
        if self._view is None:
            return
        path = _file_of(self._view.path)
        if open_file(path):
            self._record("opened_file", self._view.path)
        else:
            self.said.emit(Said(could_not_open(path)))

    def _show_in_folder(self) -> None:
        folder = self.folder.whole_text
        if not open_file(folder):
            self.said.emit(Said(could_not_open(folder)))

    def _record(self, kind: Literal["opened_citation", "opened_file"], path: str) -> None:
        message = self._message
        self._session.call(lambda engine: engine.record(kind, message, path), None, self._ignore)

    def _ignore(self, error: BaseException) -> None:
        """A reader of someone else's home may look at sources too; only the remembering is refused."""
        if getattr(error, "code", "") != "read_only":
            self._session.problem.emit(error)


def _near_view(engine: Engine, near: Nearest) -> PassageView:
    """What came close in its surroundings. It claims nothing, so only that the file is gone matters.

    Of a file that could not be read the library has no text, and `near` says why.
    """
    cited = Citation(0, near.path, near.page, near.text, -1, -1, False, near.heading)
    gone = not Path(_file_of(near.path)).exists()
    return replace(engine.view(cited), changed=False, missing=gone)


def _file_of(path: str) -> str:
    """The file on disk that `path` is, or lies in as FILE!/MEMBER. The name of a folder may end so, too."""
    if "!/" not in path:
        return path
    ends = (*(found.start() for found in re.finditer("!/", path)), len(path))
    return next((path[:end] for end in ends if Path(path[:end]).is_file()), path[: ends[0]])
