"""What is left out of one folder: patterns as in a .gitignore, and what they would mean."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from desktop import messages, style
from desktop.bridge import JobBridge
from desktop.messages import number
from desktop.tasks import Session
from desktop.widgets.parts import Tick, button, label
from engine.api import Job
from engine.contracts import FolderReport, FolderRules, Preview

PAUSE_MS = 500  # of typing, until it is looked at what the patterns mean
_LINES = 5


class RulesEditor(QWidget):
    """`saved` once the engine keeps the rules, `closed` when the person wants none of it."""

    saved = Signal()
    closed = Signal()

    def __init__(self, session: Session, folder: FolderReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._path = folder.path
        self._bridge: JobBridge | None = None
        title = label(self.tr("Left out, one pattern a line, as in a .gitignore:"))
        self.box = QPlainTextEdit("\n".join(folder.rules.ignore))
        self.box.setObjectName("patterns")
        self.box.setFont(style.fixed_font())
        self.box.setAccessibleName(self.tr("What is left out of {folder}").format(folder=folder.path))
        self.box.setAccessibleDescription(self.tr("One pattern a line, as in a .gitignore"))
        self.box.setPlaceholderText("*.log\ndrafts/")
        self.box.setTabChangesFocus(True)
        self.box.setFixedHeight(_LINES * self.box.fontMetrics().lineSpacing() + 12)
        title.setBuddy(self.box)
        self.gitignore = Tick(self.tr("Also what its .gitignore files say"))
        self.gitignore.setChecked(folder.rules.gitignore)
        self.meaning = label(self.tr("Looking at the folder…"), "muted", wrap=True)
        self.save_button = button(self.tr("Save and index"), "primary")
        self.save_button.clicked.connect(self._save)
        self.cancel_button = button(self.tr("Cancel"))
        self.cancel_button.clicked.connect(self._close)
        buttons = QHBoxLayout()
        buttons.addWidget(self.save_button)
        buttons.addWidget(self.cancel_button)
        buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 6, 0)
        layout.setSpacing(6)
        for part in (title, self.box, self.gitignore, self.meaning):
            layout.addWidget(part)
        layout.addLayout(buttons)
        self.setFocusProxy(self.box)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._try)
        self.box.textChanged.connect(self._timer.start)
        self.gitignore.clicked.connect(self._timer.start)
        self._try()

    @property
    def rules(self) -> FolderRules:
        """What stands in the editor now."""
        lines = (line.strip() for line in self.box.toPlainText().splitlines())
        return FolderRules(tuple(filter(None, lines)), self.gitignore.isChecked())

    def _try(self) -> None:
        """Ask what these rules would leave out; an earlier question is taken back."""
        self._take_back()
        path, rules = self._path, self.rules
        self._session.call(lambda engine: engine.preview([path], rules), self._previewing, self._refused)

    def _take_back(self) -> None:
        if self._bridge is not None:
            self._bridge.blockSignals(True)  # what it found belongs to other rules
            self._bridge.job.cancel()
            self._bridge.deleteLater()
            self._bridge = None

    def _previewing(self, job: Job[Preview]) -> None:
        self._take_back()
        self._bridge = bridge = JobBridge(job, self)
        bridge.succeeded.connect(self._show_preview)
        bridge.failed.connect(self._refused)

    def _show_preview(self, found: Preview) -> None:
        by_rules = sum(left.files for left in found.left_out if left.reason == "ignored")
        text = self.tr("{readable} of {files} files can be read; rules leave out {n} files and folders.")
        self._say(
            text.format(readable=number(found.readable), files=number(found.files), n=number(by_rules)),
            "muted",
        )

    def _refused(self, error: BaseException) -> None:
        self._take_back()
        said = messages.error(error)
        self._say(f"{said.message} {said.hint}", "bad")
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, self.meaning.text()))

    def _say(self, text: str, kind: str) -> None:
        self.meaning.setText(text)
        self.meaning.setObjectName(kind)
        self.meaning.style().unpolish(self.meaning)
        self.meaning.style().polish(self.meaning)

    def _save(self) -> None:
        path, rules = self._path, self.rules
        self._session.call(lambda engine: engine.set_rules(path, rules), self._saved, self._refused)

    def _saved(self, _nothing: None) -> None:
        self._take_back()
        self.saved.emit()

    def _close(self) -> None:
        self._take_back()
        self.closed.emit()

    def event(self, event: QEvent) -> bool:
        # Here Escape puts the editor away; elsewhere in the window it stops an answer.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and event.key() == Qt.Key.Key_Escape
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._close()
        else:
            super().keyPressEvent(event)
