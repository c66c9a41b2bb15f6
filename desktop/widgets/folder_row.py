"""One indexed folder in the library: how much of it can be searched, what is left out, a way to remove it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop.messages import file_name, number
from desktop.tasks import Session
from desktop.widgets.elided import ElidedLabel
from desktop.widgets.parts import disown, icon_label, label, tool
from desktop.widgets.rules_editor import RulesEditor
from engine.contracts import FolderReport


class FolderRow(QFrame):
    """`remove_wanted(path)` when the person wants it out of the library; the files stay where they are.

    `rules_changed(path)` once the engine keeps other rules for it.
    """

    remove_wanted = Signal(str)
    rules_changed = Signal(str)

    def __init__(self, session: Session, folder: FolderReport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.path = folder.path
        self._session = session
        self._folder = folder
        self.editor: RulesEditor | None = None
        self._name = label(file_name(folder.path), bold=True)
        self._counts = label("", "muted")
        path = ElidedLabel(folder.path, Qt.TextElideMode.ElideMiddle)
        path.setObjectName("muted")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName(
            self.tr("Share of {folder} that can be searched").format(folder=self.path)
        )
        self._rules = ElidedLabel()
        self._rules.setObjectName("muted")
        self.rules_button = tool(
            "pencil", self.tr("Choose what is left out of {folder}").format(folder=self.path), checkable=True
        )
        self.rules_button.clicked.connect(self._show_editor)
        if folder.kind == "file":
            self.rules_button.hide()  # and never shown here: without a parent yet it would be a window
        remove = tool("trash", self.tr("Remove {folder} from the library").format(folder=self.path))
        remove.clicked.connect(self._remove)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(icon_label(folder.kind))
        top.addWidget(self._name)
        top.addStretch(1)
        top.addWidget(self._counts)
        top.addWidget(self.rules_button)
        top.addWidget(remove)
        self._layout = layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 10, 12)
        layout.setSpacing(4)
        layout.addLayout(top)
        layout.addWidget(path)
        layout.addWidget(self._rules)
        layout.addWidget(self._bar)
        self.show_folder(folder)

    def show_folder(self, folder: FolderReport) -> None:
        """Show new numbers of the same folder."""
        self._folder = folder
        searchable = folder.words + folder.meaning
        self.setAccessibleName(folder.path)
        if folder.available:
            text = self.tr("{n} of {total} files searchable")
        else:
            text = self.tr("{n} of {total} files kept; the folder is not reachable now")
        said = [text.format(n=number(searchable), total=number(folder.files))]
        if folder.words:
            said.append(self.tr("{n} by words only so far").format(n=number(folder.words)))
        if folder.waiting:
            said.append(self.tr("{n} waiting").format(n=number(folder.waiting)))
        left_out = folder.skipped + folder.failed
        if left_out:
            said.append(self.tr("{n} left out").format(n=number(left_out)))
        self._counts.setText(" · ".join(said))
        readable = max(0, folder.files - left_out)
        self._bar.setVisible(searchable < readable)
        self._bar.setRange(0, max(1, readable))
        self._bar.setValue(searchable)
        patterns = " · ".join(folder.rules.ignore)
        self._rules.set_whole_text(self.tr("Left out by you: {patterns}").format(patterns=patterns))
        self._rules.setVisible(bool(patterns))

    def _show_editor(self, wanted: bool) -> None:
        if not wanted:
            self._close_editor()
            return
        self.editor = RulesEditor(self._session, self._folder)
        self.editor.saved.connect(self._rules_saved)
        self.editor.closed.connect(self._close_editor)
        self._layout.addWidget(self.editor)
        self.editor.setFocus()

    def _close_editor(self) -> None:
        if self.editor is not None:
            self._layout.removeWidget(self.editor)
            disown(self.editor)
            self.editor = None
            self.rules_button.setChecked(False)
            self.rules_button.setFocus()

    def _rules_saved(self) -> None:
        self._close_editor()
        self.rules_changed.emit(self.path)

    def _remove(self) -> None:
        self.remove_wanted.emit(self.path)
