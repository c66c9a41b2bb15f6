"""The sidebar's lists: chats, which can be renamed in place, and folders with their counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from desktop.messages import file_name, number
from desktop.rich_text import plain_tip
from engine.contracts import ChatSummary, FolderReport

Index = QModelIndex | QPersistentModelIndex
COUNT_ROLE = Qt.ItemDataRole.UserRole + 1


class ChatsModel(QAbstractListModel):
    """Chats, newest first. Editing a title emits `renamed(id, title)`."""

    renamed = Signal(str, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.chats: list[ChatSummary] = []

    def show_chats(self, chats: Sequence[ChatSummary]) -> None:
        self.beginResetModel()
        self.chats = list(chats)
        self.endResetModel()

    def row_of(self, chat: str) -> QModelIndex:
        """The index of a chat, invalid if it is not listed."""
        row = next((row for row, item in enumerate(self.chats) if item.id == chat), -1)
        return self.index(row) if row >= 0 else QModelIndex()

    def title_of(self, chat: str) -> str:
        return next((item.title for item in self.chats if item.id == chat), "")

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.chats)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        chat = self.chats[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return chat.title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(chat.title)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.tr("Chat: {title}").format(title=chat.title)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        title = str(value).strip()
        if not index.isValid() or not title or title == self.chats[index.row()].title:
            return False
        self.renamed.emit(self.chats[index.row()].id, title)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable


class FoldersModel(QAbstractListModel):
    """Indexed folders with the number of files that can be searched."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folders: list[FolderReport] = []

    def show_folders(self, folders: Sequence[FolderReport]) -> None:
        if list(folders) != self.folders:
            self.beginResetModel()
            self.folders = list(folders)
            self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:
        return 0 if parent.isValid() else len(self.folders)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        folder = self.folders[index.row()]
        name, searchable = file_name(folder.path), number(folder.words + folder.meaning)
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role == COUNT_ROLE:
            return searchable
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(folder.path)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self.tr("{folder}, {n} files can be searched").format(folder=name, n=searchable)
        return None
