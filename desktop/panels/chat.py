"""One chat: its messages, the answer being written, and the question box."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from desktop import messages, style
from desktop.bridge import JobBridge
from desktop.messages import number
from desktop.panels.welcome import Welcome
from desktop.tasks import Session
from desktop.widgets.composer import Composer
from desktop.widgets.elided import ElidedLabel
from desktop.widgets.links import ask_to_open
from desktop.widgets.message import AnswerMessage, QuestionMessage, from_store
from desktop.widgets.parts import disown, tool
from desktop.widgets.transcript import PAGE, Transcript
from engine.api import Engine, Job
from engine.contracts import Answer, Found, Message, Notice, Progress

MAX_BUILT = 2 * PAGE
CHUNK = 8  # messages built without letting the window breathe


@dataclass
class Live:
    """The one answer under way. `chat` is None while the chat is new and has no id yet."""

    chat: str | None
    question: QuestionMessage
    answer: AnswerMessage
    folder: str | None = None
    bridge: JobBridge | None = None
    stopping: bool = False
    summarising: bool = False
    shown: bool = True


class ChatPanel(QWidget):
    """Shows a chat and asks questions in it. An answer goes on while another chat is looked at."""

    chat_shown = Signal(str)
    chats_changed = Signal()
    source_wanted = Signal(object, str)
    nearest_wanted = Signal(object)
    noticed = Signal(object)
    coverage_wanted = Signal()
    rename_wanted = Signal()
    delete_wanted = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._session = session
        self._chat: str | None = None
        self._oldest: str | None = None
        self._cut_off = False
        self._live: Live | None = None
        self._unbuilt: list[Message] = []
        self._folders: dict[str, str | None] = {}  # by chat, the folder it was last asked about
        self._builder = QTimer(self)
        self._builder.setSingleShot(True)
        self._builder.timeout.connect(self._build)
        self.title = ElidedLabel()
        self.title.setFont(style.scaled(self.title, 1.05, bold=True))
        self.rename_button = tool("pencil", self.tr("Rename this chat"))
        self.delete_button = tool("trash", self.tr("Delete this chat"))
        self.rename_button.clicked.connect(self.rename_wanted)
        self.delete_button.clicked.connect(self.delete_wanted)
        self.transcript = Transcript()
        self.transcript.earlier_wanted.connect(self._show_earlier)
        self.transcript.latest_wanted.connect(self._reload)
        self.welcome = Welcome()
        self._stack = QStackedWidget()
        self._stack.addWidget(self.welcome)
        self._stack.addWidget(self.transcript)
        self.composer = Composer()
        self.composer.asked.connect(self.ask)
        self.composer.stopped.connect(self.stop)
        self.composer.chooser.chosen.connect(self._choose_folder)
        self.composer.setMaximumWidth(style.COLUMN)
        self.setFocusProxy(self.composer)
        self._lay_out()
        self.new_chat()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(24, 10, 16, 6)
        top.addWidget(self.title, 1)
        top.addWidget(self.rename_button)
        top.addWidget(self.delete_button)
        bottom = QHBoxLayout()
        bottom.setContentsMargins(24, 4, 24, 18)
        bottom.addStretch(0)
        bottom.addWidget(self.composer, 1)
        bottom.addStretch(0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(self._stack, 1)
        layout.addLayout(bottom)

    @property
    def chat(self) -> str | None:
        """The id of the chat shown; None for a new one."""
        return self._chat

    @property
    def answering(self) -> bool:
        return self._live is not None

    def show_title(self, title: str) -> None:
        """The name above the chat; a new chat has none."""
        self.title.set_whole_text(title)
        for button in (self.rename_button, self.delete_button):
            button.setVisible(self._chat is not None)

    # -- which chat ------------------------------------------------------------------------------

    def new_chat(self) -> None:
        """Show an empty chat; it exists once something was asked."""
        self._leave(None)
        self.show_title("")
        self._stack.setCurrentWidget(self.welcome)
        self.composer.setFocus()
        self.chat_shown.emit("")

    def open_chat(self, chat: str) -> None:
        """Show the newest messages of a stored chat."""
        self._leave(chat)
        self._stack.setCurrentWidget(self.transcript)
        self._session.call(lambda engine: (chat, engine.messages(chat, limit=PAGE)), self._opened)
        self.composer.setFocus()
        self.chat_shown.emit(chat)

    def _leave(self, chat: str | None) -> None:
        if self._live is not None and self._live.shown:
            self._live.shown = False
            self.transcript.take(self._live.question)
            self.transcript.take(self._live.answer)
        self.transcript.clear()
        self._builder.stop()
        self._unbuilt = []
        self._chat, self._oldest, self._cut_off = chat, None, False
        self.composer.chooser.choose(self._folders.get(chat or ""))

    def _choose_folder(self, folder: str | None) -> None:
        if self._chat is not None:
            self._folders[self._chat] = folder

    def _opened(self, loaded: tuple[str, list[Message]]) -> None:
        chat, stored = loaded
        if chat != self._chat or self._oldest is not None:
            return
        live = self._live if self._live is not None and self._live.chat == chat else None
        if live is not None and stored and stored[-1].role == "user":
            stored_question = stored[-1].text == live.question.text
            stored = stored[:-1] if stored_question else stored
        self._remember_oldest(stored)
        self._unbuilt = stored
        self._build()
        if live is not None and not live.shown:
            self._show_live(live)

    def _show_earlier(self) -> None:
        chat, before = self._chat, self._oldest
        if chat is not None and before is not None:
            self.transcript.offer_earlier(False)
            self._session.call(
                lambda engine: (chat, before, engine.messages(chat, limit=PAGE, before=before)), self._earlier
            )

    def _earlier(self, loaded: tuple[str, str, list[Message]]) -> None:
        chat, before, stored = loaded
        if chat != self._chat or before != self._oldest:
            return
        self._remember_oldest(stored)
        self._unbuilt = stored
        self._build()

    def _build(self) -> None:
        """Build some of the loaded messages, the newest first, and the rest when the window is idle."""
        chunk, self._unbuilt = self._unbuilt[-CHUNK:], self._unbuilt[:-CHUNK]
        widgets = [from_store(message) for message in chunk]
        for widget in widgets:
            self._connect(widget)
        self.transcript.prepend(widgets)
        if self._unbuilt:
            self._builder.start()
        elif len(self.transcript.messages) > MAX_BUILT and self._live is None:
            self.transcript.cut_newest(MAX_BUILT)
            self._cut_off = True

    def _remember_oldest(self, stored: list[Message]) -> None:
        self._oldest = stored[0].id if stored else self._oldest
        self.transcript.offer_earlier(len(stored) >= PAGE)

    def _reload(self) -> None:
        if self._cut_off and self._chat is not None:
            self.open_chat(self._chat)

    def _connect(self, widget: QuestionMessage | AnswerMessage) -> None:
        if isinstance(widget, AnswerMessage):
            widget.source_opened.connect(self.source_wanted)
            widget.nearest_opened.connect(self.nearest_wanted)
            widget.voted.connect(self._vote)
            widget.followed.connect(self._follow)
            widget.coverage_opened.connect(self.coverage_wanted)

    # -- asking ----------------------------------------------------------------------------------

    def ask(self, question: str) -> None:
        """Ask in this chat. Before the engine is ready the question waits for it."""
        if self._live is not None:
            return
        self._reload()
        chat, folder = self._chat, self.composer.chooser.folder
        live = Live(chat, QuestionMessage(question), AnswerMessage(), folder, shown=False)
        self._live = live
        live.answer.show_state(self.tr("Searching your files…"))
        self._connect(live.answer)
        self._show_live(live)
        self.composer.set_answering(True)

        def begin(engine: Engine) -> tuple[Job[Answer], str | None]:
            job = engine.ask(question, chat, folder=folder)
            # The question is stored by now: a new chat is the newest one.
            return job, chat or (engine.chats(1)[0].id if engine.writable else None)

        self._session.call(begin, self._started, self._failed)

    def stop(self) -> None:
        """Stop the answer; what was written stays."""
        if self._live is not None:
            self._live.stopping = True
            if self._live.bridge is not None:
                self._live.bridge.job.cancel()

    def _show_live(self, live: Live) -> None:
        live.shown = True
        self._stack.setCurrentWidget(self.transcript)
        self.transcript.append(live.question)
        self.transcript.append(live.answer)
        live.question.show()
        live.answer.show()
        self.transcript.jump_to_latest()

    def _started(self, begun: tuple[Job[Answer], str | None]) -> None:
        live = self._live
        if live is None:
            return
        job, live.chat = begun
        if live.chat is not None:
            self._folders.setdefault(live.chat, live.folder)
        if live.shown and self._chat != live.chat:
            self._chat = live.chat
            self.chat_shown.emit(live.chat or "")
        self.chats_changed.emit()
        live.bridge = bridge = JobBridge(job, self)
        bridge.found.connect(self._found)
        bridge.progress.connect(self._progress)
        bridge.notice.connect(self._notice)
        bridge.tokens.connect(self._tokens)
        bridge.succeeded.connect(self._succeeded)
        bridge.failed.connect(self._failed)
        bridge.cancelled.connect(self._cancelled)
        if live.stopping:
            job.cancel()

    def _found(self, found: Found) -> None:
        if self._live is not None:
            self._live.summarising = False
            self._live.answer.show_found(found)
            self._live.answer.show_state(self.tr("Reading what was found…"))

    def _progress(self, progress: Progress) -> None:
        if self._live is None:
            return
        self._live.summarising = progress.phase == "summarise"
        state = {
            "prepare": self.tr("Preparing the model, {percent} %"),
            "prompt": self.tr("Reading, {percent} %"),
            "think": self.tr("Thinking, about {words} words so far…"),
            "summarise": self.tr("Summarising, step {step} of {total}"),
        }.get(progress.phase)
        if state and progress.total:
            self._live.answer.show_state(
                state.format(
                    percent=round(100 * progress.done / progress.total),
                    words=number(progress.done // 10 * 10),
                    step=number(min(progress.done + 1, progress.total)),
                    total=number(progress.total),
                )
            )

    def _notice(self, notice: Notice) -> None:
        if notice.code == "preparing_model" and self._live is not None:
            self._live.answer.show_state(messages.notice(notice))
        elif notice.code == "turns_shortened" and self._live is not None:  # true of this answer
            self._live.answer.tell(messages.notice(notice))
        else:
            self.noticed.emit(notice)

    def _tokens(self, text: str) -> None:
        if self._live is not None:
            if not self._live.summarising:  # its points come between steps, which say more
                self._live.answer.show_state(self.tr("Writing…"))
            self._live.answer.add(text)

    def _succeeded(self, answer: Answer) -> None:
        live = self._end()
        live.answer.finish(answer)
        self._put_away(live)
        self.chats_changed.emit()
        spoken = self.tr("Answer complete. {origin}").format(origin=live.answer.origin)
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self, spoken))

    def _cancelled(self) -> None:
        live = self._end()
        live.answer.show_stopped()
        self._put_away(live)
        self.chats_changed.emit()

    def _failed(self, error: BaseException) -> None:
        live = self._end()
        if live.shown:
            self.transcript.take(live.answer)
            disown(live.answer)
            if live.bridge is None:  # it was not even stored
                self.transcript.take(live.question)
                disown(live.question)
        else:
            self._put_away(live)
        if not self.transcript.messages:
            self._stack.setCurrentWidget(self.welcome)
        self.composer.give_back(live.question.text)
        self._session.problem.emit(error)

    def _end(self) -> Live:
        live = self._live
        assert live is not None
        self._live = None
        self.composer.set_answering(False)
        if live.bridge is not None:
            live.bridge.deleteLater()
        return live

    def _put_away(self, live: Live) -> None:
        if not live.shown:
            disown(live.question)
            disown(live.answer)

    # -- actions in answers ----------------------------------------------------------------------

    def _vote(self, message: str, vote: object) -> None:
        if vote in ("up", "down", None):
            self._session.call(lambda engine: engine.vote(message, vote))

    def _follow(self, target: str) -> None:
        ask_to_open(target, self)
