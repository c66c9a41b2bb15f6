"""The left side: new chat, library, nights, the chats and the folders."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt, Signal
from PySide6.QtGui import QAction, QColor, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QListView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from desktop import style
from desktop.item_models.lists import COUNT_ROLE, ChatsModel, FoldersModel
from desktop.widgets.parts import button, label
from engine.contracts import ChatSummary, FolderReport


class CountDelegate(QStyledItemDelegate):
    """Draws a folder's count at the end of its row."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        count = str(index.data(COUNT_ROLE) or "")
        width = option.fontMetrics.horizontalAdvance(count) + 18
        box = QRect(option.rect)
        option.rect = box.adjusted(0, 0, -width, 0)
        super().paint(painter, option, index)
        painter.setPen(QColor(style.colours().muted))
        place = box.adjusted(box.width() - width, 0, -8, 0)
        painter.drawText(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, count)


class Sidebar(QWidget):
    """Says what was chosen; changes nothing itself."""

    new_wanted = Signal()
    library_wanted = Signal()
    nights_wanted = Signal()
    opened = Signal(str)
    renamed = Signal(str, str)
    deleted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("sidebar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._waiting: Sequence[ChatSummary] | None = None
        self._current = ""
        self.new_button = button(self.tr("New chat"), "side", "plus")
        self.new_button.clicked.connect(self.new_wanted)
        self.library_button = button(self.tr("Library"), "side", "library")
        self.library_button.setCheckable(True)
        self.library_button.clicked.connect(self.library_wanted)
        self.nights_button = button(self.tr("Nights"), "side", "moon")
        self.nights_button.setCheckable(True)
        self.nights_button.clicked.connect(self.nights_wanted)
        self.chats = ChatsModel(self)
        self.chats.renamed.connect(self.renamed)
        self.chats_view = self._list(self.tr("Chats"))
        self.chats_view.setModel(self.chats)
        self.chats_view.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.chats_view.clicked.connect(self._open)
        self.chats_view.activated.connect(self._open)
        self.chats_view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.chats_view.customContextMenuRequested.connect(self._show_menu)
        self.chats_view.itemDelegate().closeEditor.connect(self._editor_closed)
        self.folders = FoldersModel(self)
        self.folders_view = self._list(self.tr("Folders"))
        self.folders_view.setModel(self.folders)
        self.folders_view.setItemDelegate(CountDelegate(self.folders_view))
        self.folders_view.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.folders_view.clicked.connect(self.library_wanted)
        self.folders_view.activated.connect(self.library_wanted)
        self._make_menu()
        self._lay_out()

    def _list(self, name: str) -> QListView:
        view = QListView()
        view.setAccessibleName(name)
        view.setUniformItemSizes(True)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        view.setMouseTracking(True)
        return view

    def _make_menu(self) -> None:
        self.rename_action = QAction(self.tr("Rename"), self)
        self.rename_action.triggered.connect(self.rename_chosen)
        self.delete_action = QAction(self.tr("Delete"), self)
        self.delete_action.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        self.delete_action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        self.delete_action.triggered.connect(self.delete_chosen)
        self.chats_view.addAction(self.delete_action)
        self._menu = QMenu(self)
        self._menu.setAccessibleName(self.tr("Chat"))
        self._menu.addActions([self.rename_action, self.delete_action])

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 12, 10, 10)
        layout.setSpacing(4)
        layout.addWidget(self.new_button)
        layout.addWidget(self.library_button)
        layout.addWidget(self.nights_button)
        layout.addSpacing(12)
        layout.addWidget(self._section(self.tr("Chats")))
        layout.addWidget(self.chats_view, 3)
        layout.addSpacing(8)
        layout.addWidget(self._section(self.tr("Folders")))
        layout.addWidget(self.folders_view, 1)

    def _section(self, text: str) -> QWidget:
        made = label(text, "section", size=0.9, bold=True)
        made.setContentsMargins(8, 0, 0, 2)
        return made

    # -- content ---------------------------------------------------------------------------------

    def show_chats(self, chats: Sequence[ChatSummary]) -> None:
        """List the chats; a title being edited is left alone until that is over."""
        if self.chats_view.state() == QAbstractItemView.State.EditingState:
            self._waiting = chats
            return
        self.chats.show_chats(chats)
        self.show_current(self._current)

    def show_folders(self, folders: Sequence[FolderReport]) -> None:
        self.folders.show_folders(folders)

    def show_current(self, chat: str) -> None:
        """Mark the chat on view; "" for none."""
        self._current = chat
        index = self.chats.row_of(chat)
        self.chats_view.setCurrentIndex(index)
        if not index.isValid():
            self.chats_view.clearSelection()

    # -- choices ---------------------------------------------------------------------------------

    def rename_chosen(self) -> None:
        """Edit the title of the marked chat in place."""
        index = self.chats_view.currentIndex()
        if index.isValid():
            self.chats_view.setFocus()
            self.chats_view.edit(index)

    def delete_chosen(self) -> None:
        index = self.chats_view.currentIndex()
        if index.isValid():
            self.deleted.emit(self.chats.chats[index.row()].id)

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(self.chats.chats[index.row()].id)

    def _show_menu(self, position: object) -> None:
        index = self.chats_view.currentIndex()
        if index.isValid():
            self._menu.popup(
                self.chats_view.viewport().mapToGlobal(self.chats_view.visualRect(index).center())
            )

    def _editor_closed(self, _editor: QWidget, _hint: QAbstractItemDelegate.EndEditHint) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.chats.show_chats(waiting)
            self.show_current(self._current)
