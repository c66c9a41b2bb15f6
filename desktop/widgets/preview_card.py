"""What indexing something would mean, shown before it begins; much of it waits for a yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop import messages
from desktop.bridge import JobBridge
from desktop.messages import file_name, number
from desktop.rich_text import plain_tip
from desktop.widgets.parts import button, label, tool
from engine.api import Job
from engine.contracts import LeftOut, Preview, Progress

_SHOWN = 5  # reasons; the ledger has them all once it is indexed


class PreviewCard(QFrame):
    """`wanted(card, paths)` when it may begin: at once if it is little, else when the person says so."""

    wanted = Signal(object, object)
    dismissed = Signal(object)
    failed = Signal(object)

    def __init__(self, job: Job[Preview], paths: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(self.tr("Preview"))
        self.paths = list(paths)
        self.waits = True  # for the preview, or for the person
        self._job = job
        names = ", ".join(file_name(path) for path in self.paths[:3])
        self.title = label(self.tr("Looking at {names}…").format(names=names), bold=True, wrap=True)
        self.counts = label("", wrap=True)
        self.kinds = label("", "muted", wrap=True)
        self._left_out = QVBoxLayout()
        self._left_out.setSpacing(2)
        self.index_button = button(self.tr("Index them"), "primary")
        self.index_button.clicked.connect(self._accept)
        self.later_button = button(self.tr("Not now"))
        self.later_button.clicked.connect(self._dismiss)
        self.close_button = tool("close", self.tr("Close this preview"))
        self.close_button.clicked.connect(self._dismiss)
        self._lay_out()
        for part in (self.counts, self.kinds, self.index_button, self.later_button):
            part.hide()
        bridge = JobBridge(job, self)
        bridge.progress.connect(self._show_progress)
        bridge.succeeded.connect(self.show_preview)
        bridge.failed.connect(self._fail)
        bridge.cancelled.connect(self._dismiss)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.close_button)
        buttons = QHBoxLayout()
        buttons.addWidget(self.index_button)
        buttons.addWidget(self.later_button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 10, 12)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.counts)
        layout.addWidget(self.kinds)
        layout.addLayout(self._left_out)
        layout.addLayout(buttons)

    def _show_progress(self, progress: Progress) -> None:
        if progress.done:
            text = self.tr("Looking for files, {n} so far")
            self.counts.setText(text.format(n=number(progress.done)))
            self.counts.show()

    def show_preview(self, found: Preview) -> None:
        """Show the numbers, and begin if nobody needs to be asked."""
        names = ", ".join(file_name(path) for path in self.paths[:3])
        self.title.setText(names if not found.large else self.tr("{names}: that is much").format(names=names))
        self.counts.setText(
            self.tr("{readable} of {files} files can be read, {size}. They can be found in {time}.").format(
                readable=number(found.readable),
                files=number(found.files),
                size=messages.size(found.bytes),
                time=messages.span(found.seconds),
            )
        )
        self.counts.show()
        kinds = [f"{number(kind.files)} {messages.kind(kind.kind)}" for kind in found.kinds]
        self.kinds.setText(" · ".join(kinds))
        self.kinds.setVisible(bool(kinds))
        for left in found.left_out[:_SHOWN]:
            self._left_out.addWidget(_reason_line(left))
        for choice in (self.index_button, self.later_button):
            choice.setVisible(found.large)
        if not found.large:
            self._accept()

    def _accept(self) -> None:
        self.waits = False
        self.index_button.hide()
        self.later_button.hide()
        self.wanted.emit(self, self.paths)

    def _dismiss(self) -> None:
        self.waits = False
        self._job.cancel()
        self.dismissed.emit(self)

    def _fail(self, error: Any) -> None:
        self.failed.emit(error)
        self._dismiss()


def _reason_line(left: LeftOut) -> QWidget:
    said = messages.reason(left.reason)
    made = label(f"{number(left.files)} × {said.message}", "muted", wrap=True)
    examples = [example.path for example in left.examples]
    made.setToolTip(plain_tip("\n".join((*examples, said.hint))))
    return made
