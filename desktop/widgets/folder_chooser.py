"""Which folder a question is about: all of them, or one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from desktop import style
from desktop.messages import file_name
from engine.contracts import FolderReport

_WIDTH = 260  # pixels of a name, until it is shortened


class FolderChooser(QToolButton):
    """`chosen(path)` when the person chose, with None for all folders. Hidden while there is no choice."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("chooser")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        style.set_icon(self, "folder", "muted")
        self._folder: str | None = None
        self._names: dict[str, str] = {}
        self._menu = QMenu(self)
        self.setMenu(self._menu)
        self._group = QActionGroup(self)
        self._group.triggered.connect(self._choose)
        self.show_folders(())

    @property
    def folder(self) -> str | None:
        """The folder chosen; None for all."""
        return self._folder

    def show_folders(self, folders: Sequence[FolderReport]) -> None:
        """Offer these; one that was chosen and is no longer there gives way to all."""
        names = _names([folder.path for folder in folders])
        if names == self._names and self._group.actions():
            return
        self._names = names
        self._menu.clear()
        for path in (None, *names):
            action = self._menu.addAction(self._name(path).replace("&", "&&"))
            action.setCheckable(True)
            action.setData(path)
            self._group.addAction(action)
        self.setVisible(len(names) > 1)
        self.choose(self._folder)

    def choose(self, folder: str | None) -> None:
        """Show a folder as chosen, or all where it is not among them."""
        self._folder = folder if folder in self._names else None
        for action in self._group.actions():
            action.setChecked(action.data() == self._folder)
        name = self._name(self._folder)
        shown = self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, _WIDTH)
        self.setText(f"{shown.replace('&', '&&')} \u25be")
        self.setAccessibleName(self.tr("Asked about: {folder}").format(folder=name))
        self.setToolTip(self._folder or self.tr("Questions are about all folders"))

    def _name(self, path: str | None) -> str:
        return self.tr("All folders") if path is None else self._names[path]

    def _choose(self, action: QAction) -> None:
        self.choose(action.data())
        self.chosen.emit(self._folder)


def _names(paths: Sequence[str]) -> dict[str, str]:
    """A name for each path: its last part, or all of it where others end alike."""
    counts = Counter(map(file_name, paths))
    return {path: file_name(path) if counts[file_name(path)] == 1 else path for path in paths}
