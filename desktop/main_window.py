"""The window: places the panels, menus and status bar, and passes on what one panel says to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from desktop import messages, style
from desktop.bridge import JobBridge
from desktop.drop import DropHint, dropped_paths
from desktop.menus import Menus
from desktop.messages import Said, number
from desktop.panels.chat import ChatPanel
from desktop.panels.library import LibraryPanel
from desktop.panels.nights import NightsPanel
from desktop.panels.sidebar import Sidebar
from desktop.panels.source import SourcePane
from desktop.tasks import Session, is_busy
from desktop.widgets.banner import Banners, Kind, Toast
from desktop.widgets.parts import icon_label, label
from engine.api import Job
from engine.contracts import ChatSummary, Citation, Nearest, NightReport, Notice, Status
from engine.settings import Appearance, Settings

STATUS_MS = 1500
NOTICE_MS = 10_000
_NEWS = frozenset({"toy_model", "index_beside"})  # notices of nothing that went wrong


class MainWindow(QMainWindow):
    """One window on one home. `closing` when the person closed it and the engine has to end."""

    closing = Signal()

    def __init__(self, session: Session, settings: Settings, log_path: str = "") -> None:
        super().__init__()
        self.setWindowTitle("Nocturne")
        self.setWindowIcon(style.app_icon())
        self.resize(1180, 780)
        self.setMinimumSize(720, 480)
        self.setAcceptDrops(True)
        self._session = session
        self._settings = settings
        self._log_path = log_path
        self._asked_status = False
        self._status_again = False
        self._writable = False
        self._came_up_to_date = False
        self._opened_first = False
        self._first_question = ""
        self._warming: JobBridge | None = None
        self._told: set[Said] = set()
        self.sidebar = Sidebar()
        self.chat = ChatPanel(session)
        self.library = LibraryPanel(session)
        self.nights = NightsPanel(session)
        self.source = SourcePane(session)
        self.banners = Banners()
        self.pages = QStackedWidget()
        self.pages.addWidget(self.chat)
        self.pages.addWidget(self.library)
        self.pages.addWidget(self.nights)
        self._middle = QWidget()
        self._middle.setObjectName("page")
        self.toast = Toast(self._middle)
        self._hint = DropHint(self)
        self._lay_out()
        self.coverage = label()
        self._make_status_bar()
        self.menus = Menus(self, settings.appearance)
        self._timer = QTimer(self)
        self._timer.setInterval(STATUS_MS)
        self._timer.timeout.connect(self.ask_status)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(STATUS_MS)
        self._later.timeout.connect(self.ask_status)
        self._connect()
        self.chat.setFocus()

    def _lay_out(self) -> None:
        inner = QVBoxLayout(self._middle)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self.banners)
        inner.addWidget(self.pages, 1)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        for part, width in ((self.sidebar, 240), (self._middle, 620), (self.source, 340)):
            self.splitter.addWidget(part)
            part.setMinimumWidth(min(width, 260) if part is not self.sidebar else 170)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([240, 600, 340])
        self.source.hide()
        self.setCentralWidget(self.splitter)

    def _make_status_bar(self) -> None:
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        bar.addWidget(self.coverage, 1)
        bar.addPermanentWidget(icon_label("lock", "good", 14))
        bar.addPermanentWidget(label(self.tr("Nothing leaves this computer")))

    def _connect(self) -> None:
        self._session.ready.connect(self._ready)
        self._session.problem.connect(self.show_error)
        side, chat, library, nights = self.sidebar, self.chat, self.library, self.nights
        side.new_wanted.connect(self.new_chat)
        side.library_wanted.connect(self.show_library)
        side.nights_wanted.connect(self.show_nights)
        side.opened.connect(self.open_chat)
        side.renamed.connect(self._rename)
        side.deleted.connect(self.delete_chat)
        chat.chat_shown.connect(self._chat_shown)
        chat.chats_changed.connect(self.ask_chats)
        chat.chats_changed.connect(self.ask_status)
        chat.source_wanted.connect(self._show_source)
        chat.nearest_wanted.connect(self._show_nearest)
        chat.noticed.connect(self.show_notice)
        chat.coverage_wanted.connect(self.show_library)
        chat.rename_wanted.connect(self.rename_current)
        chat.delete_wanted.connect(self.delete_current)
        chat.welcome.add_wanted.connect(self.add_folder)
        library.changed.connect(self._library_changed)
        library.removed.connect(self._folder_removed)
        library.noticed.connect(self.show_notice)
        nights.changed.connect(self.ask_status)
        nights.ended.connect(self._night_ended)
        nights.noticed.connect(self.show_notice)
        nights.add_wanted.connect(self.add_folder)
        self.source.closed.connect(self.source.hide)
        self.source.said.connect(self.banners.say)
        self.toast.undone.connect(self._undo)

    # -- the engine ------------------------------------------------------------------------------

    def _ready(self, writable: bool) -> None:
        self._writable = writable
        self.ask_chats()
        self.ask_status()
        self._session.call(lambda engine: engine.warm(), self._watch_warming)
        if writable:
            self.library.follow()

    def _watch_warming(self, job: Job[None]) -> None:
        self._warming = JobBridge(job, self)
        self._warming.notice.connect(self.show_notice)
        self._warming.failed.connect(self._warming_failed)
        self._warming.succeeded.connect(self._warmed)

    def _warmed(self, _nothing: None) -> None:
        self.statusBar().clearMessage()

    def _warming_failed(self, error: BaseException) -> None:
        if not is_busy(error):  # the index is being made just now; the first question opens it again
            self.show_error(error)

    @property
    def has_last_chat(self) -> bool:
        """True once the last chat's newest messages are in the window, or it is known that there is none."""
        return self._opened_first and (self.chat.chat is None or bool(self.chat.transcript.messages))

    def ask_chats(self) -> None:
        """Read the list of chats again."""
        self._session.call(lambda engine: engine.chats(), self._show_chats)

    def ask_status(self) -> None:
        """Read the state of the library again; while one such question is under way, once more after it."""
        if self._asked_status:
            self._status_again = True
            return
        self._asked_status = True
        self._session.call(lambda engine: engine.status(), self._show_status, self._status_failed)

    def _show_chats(self, chats: list[ChatSummary]) -> None:
        self.sidebar.show_chats(chats)
        self.chat.show_title(self.sidebar.chats.title_of(self.chat.chat or ""))
        # The last chat is painted at the start, unless the person was faster.
        if not self._opened_first and chats and self.chat.chat is None and not self.chat.answering:
            self.chat.open_chat(chats[0].id)
        self._opened_first = True

    def _show_status(self, status: Status) -> None:
        self._asked_status = False
        self.sidebar.show_folders(status.folders)
        self.chat.welcome.show_folders(len(status.folders))
        self.chat.composer.chooser.show_folders(status.folders)
        self.library.show_status(status)
        self.nights.show_status(status)
        self._show_coverage(status)
        if status.coverage.remaking:
            self.show_notice(Notice("index_beside"))
        for sentence in status.notices:
            self._tell(Said(sentence), "info")
        if not self._writable:
            self._tell(messages.problem("read_only", {"holder": status.writer, "path": status.home}), "warn")
        elif not self._came_up_to_date:
            self._came_up_to_date = True
            # Files without a folder: a removal was cut short, and this finishes it.
            if status.folders or status.coverage.files:
                self.library.refresh()
        if self._status_again:
            self._status_again = False
            self.ask_status()

    def _show_coverage(self, status: Status) -> None:
        found = status.coverage
        readable = found.words + found.meaning + found.waiting + found.failed  # as answers count them
        if not status.folders:
            self.coverage.setText(self.tr("No folder added yet"))
            return
        self.coverage.setText(
            self.tr("{done} of {total} files can be searched").format(
                done=number(found.words + found.meaning), total=number(readable)
            )
        )

    def _status_failed(self, error: BaseException) -> None:
        self._asked_status = self._status_again = False
        if is_busy(error):  # a worker opens or closes the index just now: nothing the person asked for failed
            self._later.start()
        else:
            self.show_error(error)

    # -- chats -----------------------------------------------------------------------------------

    def new_chat(self) -> None:
        self._show_page(self.chat)
        self.chat.new_chat()

    def open_chat(self, chat: str) -> None:
        self._show_page(self.chat)
        self.chat.open_chat(chat)

    def begin_with(self, folder: str, question: str) -> None:
        """Index `folder`, then ask `question`; either may be empty."""
        self._opened_first = True
        self._first_question = question
        self.chat.new_chat()
        if folder:
            self._came_up_to_date = True
            self.show_library()
            self.library.index([folder])
        else:
            self._ask_first()

    def _ask_first(self) -> None:
        question, self._first_question = self._first_question, ""
        if question:
            self._show_page(self.chat)
            self.chat.ask(question)

    def _chat_shown(self, chat: str) -> None:
        self.sidebar.show_current(chat)
        self.chat.show_title(self.sidebar.chats.title_of(chat))
        self.menus.show_chat(bool(chat))

    def rename_current(self) -> None:
        """Edit the title of the chat on view in the sidebar."""
        if not self.sidebar.chats_view.hasFocus():
            self.sidebar.show_current(self.chat.chat or "")
        self.sidebar.show()
        self.sidebar.rename_chosen()

    def _rename(self, chat: str, title: str) -> None:
        self._session.call(lambda engine: engine.rename_chat(chat, title))
        self.ask_chats()

    def delete_current(self) -> None:
        if self.chat.chat is not None:
            self.delete_chat(self.chat.chat)

    def delete_chat(self, chat: str) -> None:
        """Hide a chat and offer to bring it back."""
        if chat == self.chat.chat:
            self.chat.stop()
            self.chat.new_chat()
        self._session.call(lambda engine: engine.delete_chat(chat))
        self.ask_chats()
        title = self.sidebar.chats.title_of(chat)
        self.toast.offer(self.tr("Deleted “{title}”.").format(title=title[:40]), f"chat:{chat}")

    def _undo(self, key: str) -> None:
        kind, _colon, name = key.partition(":")
        if kind == "chat":
            self._session.call(lambda engine: engine.restore_chat(name))
            self.ask_chats()
            self.open_chat(name)
        else:
            self.library.index([name])

    # -- library and sources ---------------------------------------------------------------------

    def show_chat(self) -> None:
        self._show_page(self.chat)

    def show_library(self) -> None:
        self._show_page(self.library)

    def show_nights(self) -> None:
        self._show_page(self.nights)
        self.nights.refresh()

    def _night_ended(self, report: NightReport) -> None:
        if self.pages.currentWidget() is not self.nights:
            self.banners.say(Said(self.tr("The night is over."), report.reason), "info")

    def add_folder(self) -> None:
        self.show_library()
        self.library.choose_folder()

    def add_files(self) -> None:
        self.show_library()
        self.library.choose_files()

    def index(self, paths: Sequence[str]) -> None:
        """Preview what was dropped or given at the start, then index it."""
        self.library.add(paths)

    def _library_changed(self) -> None:
        if self.library.jobs:
            self._timer.start()
        elif not self.library.busy:
            self._timer.stop()
            self._ask_first()
        self.ask_status()

    def _folder_removed(self, path: str) -> None:
        name = messages.file_name(path)
        self.toast.offer(self.tr("Removed {folder} from the library.").format(folder=name), f"folder:{path}")

    def _show_source(self, citation: Citation, message: str) -> None:
        self.source.show()
        self.source.show_citation(citation, message)

    def _show_nearest(self, near: Nearest) -> None:
        self.source.show()
        self.source.show_nearest(near)

    def _show_page(self, page: QWidget) -> None:
        self.pages.setCurrentWidget(page)
        self.sidebar.library_button.setChecked(page is self.library)
        self.sidebar.nights_button.setChecked(page is self.nights)
        self.sidebar.show_current(self.chat.chat or "" if page is self.chat else "")
        if page is self.chat:
            self.chat.setFocus()

    # -- saying ----------------------------------------------------------------------------------

    def show_error(self, error: BaseException) -> None:
        """A banner with what happened and the next step."""
        self.banners.say(messages.error(error, self._log_path), "bad")

    def show_notice(self, notice: Notice) -> None:
        """A notice of a job, each once."""
        said = messages.notice(notice)
        if notice.code == "preparing_model":  # over in seconds: not worth dismissing
            self.statusBar().showMessage(said, NOTICE_MS)
        else:
            self._tell(Said(said), "info" if notice.code in _NEWS else "warn")

    def _tell(self, said: Said, kind: Kind) -> None:
        if said not in self._told:
            self._told.add(said)
            self.banners.say(said, kind)

    def choose_appearance(self, appearance: Appearance) -> None:
        """Dress the window and remember it."""
        self._settings = replace(self._settings, appearance=appearance)
        self.dress()
        settings = self._settings
        self._session.call(lambda engine: engine.change_settings(settings))

    def dress(self) -> None:
        """Follow the chosen or the system's colours."""
        app = QApplication.instance()
        if isinstance(app, QApplication):
            style.apply(app, self._settings.appearance)

    # -- Qt --------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_paths(event.mimeData()):
            event.acceptProposedAction()
            self._hint.cover(self.rect())

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self._hint.hide()

    def dropEvent(self, event: QDropEvent) -> None:
        self._hint.hide()
        paths = dropped_paths(event.mimeData())
        if paths:
            event.acceptProposedAction()
            self.show_library()
            self.index(paths)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.toast.place()

    def closeEvent(self, event: QCloseEvent) -> None:
        event.accept()
        self.hide()
        self.closing.emit()
