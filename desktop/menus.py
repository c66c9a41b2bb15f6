"""The menu bar: every command of the window, with the platform's own shortcuts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QMessageBox

from engine.settings import Appearance

if TYPE_CHECKING:
    from desktop.main_window import MainWindow

Key = QKeySequence.StandardKey


class Menus(QObject):
    """File, Chat, View and Help of one window."""

    def __init__(self, window: MainWindow, appearance: Appearance) -> None:
        super().__init__(window)
        self._window = window
        self._about: QMessageBox | None = None
        self._file()
        self._chat()
        self._view(appearance)
        self._help()

    def show_chat(self, stored: bool) -> None:
        """Whether there is a stored chat that can be renamed and deleted."""
        self.rename.setEnabled(stored)
        self.delete.setEnabled(stored)

    def _menu(self, title: str) -> QMenu:
        menu = self._window.menuBar().addMenu(title)
        menu.setAccessibleName(title.replace("&", ""))
        return menu

    def _add(self, menu: QMenu, text: str, key: QKeySequence | Key | None = None) -> QAction:
        action = menu.addAction(text)
        if key is not None:
            action.setShortcut(QKeySequence(key))
        return action

    def _file(self) -> None:
        menu = self._menu(self.tr("&File"))
        self.new = self._add(menu, self.tr("&New chat"), Key.New)
        self.new.triggered.connect(self._window.new_chat)
        menu.addSeparator()
        self.add_folder = self._add(menu, self.tr("Add &folder…"), Key.Open)
        self.add_folder.triggered.connect(self._window.add_folder)
        self.add_files = self._add(menu, self.tr("&Add files…"), QKeySequence("Ctrl+Shift+O"))
        self.add_files.triggered.connect(self._window.add_files)
        self.refresh = self._add(menu, self.tr("Look for &changes in all folders"), Key.Refresh)
        self.refresh.triggered.connect(self._window.library.refresh)
        menu.addSeparator()
        self.quit = self._add(menu, self.tr("&Quit"), Key.Quit)
        self.quit.setMenuRole(QAction.MenuRole.QuitRole)
        self.quit.triggered.connect(self._window.close)

    def _chat(self) -> None:
        menu = self._menu(self.tr("&Chat"))
        self.stop = self._add(menu, self.tr("&Stop answering"), Key.Cancel)
        self.stop.triggered.connect(self._window.chat.stop)
        self.latest = self._add(menu, self.tr("&Jump to latest"), Key.MoveToEndOfDocument)
        self.latest.triggered.connect(self._window.chat.transcript.go_to_latest)
        menu.addSeparator()
        self.rename = self._add(menu, self.tr("&Rename…"), QKeySequence("F2"))
        self.rename.triggered.connect(self._window.rename_current)
        self.delete = self._add(menu, self.tr("&Delete"))
        self.delete.triggered.connect(self._window.delete_current)
        self.show_chat(False)

    def _view(self, appearance: Appearance) -> None:
        menu = self._menu(self.tr("&View"))
        self.chat_page = self._add(menu, self.tr("&Chat"), QKeySequence("Ctrl+1"))
        self.chat_page.triggered.connect(self._window.show_chat)
        self.library_page = self._add(menu, self.tr("&Library"), QKeySequence("Ctrl+2"))
        self.library_page.triggered.connect(self._window.show_library)
        self.nights_page = self._add(menu, self.tr("&Nights"), QKeySequence("Ctrl+3"))
        self.nights_page.triggered.connect(self._window.show_nights)
        self.sidebar = self._add(menu, self.tr("&Sidebar"), QKeySequence("F9"))
        self.sidebar.setCheckable(True)
        self.sidebar.setChecked(True)
        self.sidebar.toggled.connect(self._window.sidebar.setVisible)
        menu.addSeparator()
        self.appearances: dict[Appearance, QAction] = {}
        group = QActionGroup(self)
        names: tuple[tuple[Appearance, str], ...] = (
            ("system", self.tr("Colours of the s&ystem")),
            ("light", self.tr("L&ight")),
            ("dark", self.tr("&Dark")),
        )
        for choice, text in names:
            action = self._add(menu, text)
            action.setCheckable(True)
            action.setChecked(choice == appearance)
            group.addAction(action)
            self.appearances[choice] = action
        group.triggered.connect(self._choose_appearance)

    def _choose_appearance(self, action: QAction) -> None:
        for choice, known in self.appearances.items():
            if known is action:
                self._window.choose_appearance(choice)

    def _help(self) -> None:
        menu = self._menu(self.tr("&Help"))
        self.about = self._add(menu, self.tr("&About Nocturne"))
        self.about.setMenuRole(QAction.MenuRole.AboutRole)
        self.about.triggered.connect(self._show_about)

    def _show_about(self) -> None:
        self._about = QMessageBox(self._window)
        self._about.setWindowTitle(self.tr("About Nocturne"))
        self._about.setText(self.tr("Your files by day, your model by night."))
        self._about.setInformativeText(
            self.tr(
                "Nocturne reads your folders and answers from them on this computer. "
                "It opens no connection unless you ask for a download."
            )
        )
        self._about.open()
