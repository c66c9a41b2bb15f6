"""One message of a chat: the person's question, or an answer with its sources and actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QGuiApplication, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from desktop import style
from desktop.messages import file_name, number, place, source_name
from desktop.rich_text import plain_tip
from desktop.widgets.answer_body import AnswerBody
from desktop.widgets.elided import ElidedButton
from desktop.widgets.parts import button, disown, frame, label, tool
from engine.contracts import Answer, Citation, Found, Message, Nearest, Passage

Vote = Literal["up", "down"] | None
_FEW = 6  # sources listed below an answer until the person wants to see all


class QuestionMessage(QWidget):
    """What the person asked, in a bubble on the right."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = text
        self.setAccessibleName(self.tr("You asked: {text}").format(text=text))
        self._bubble = frame("bubble")
        self._label = QLabel(text)
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._label.setAccessibleName(self.tr("Your question"))
        inner = QHBoxLayout(self._bubble)
        inner.setContentsMargins(14, 9, 14, 9)
        inner.addWidget(self._label)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 6)
        layout.addStretch(1)
        layout.addWidget(self._bubble)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        metrics = self._label.fontMetrics()
        longest = max((metrics.horizontalAdvance(line) for line in self.text[:4000].splitlines()), default=0)
        self._bubble.setFixedWidth(min(round(self.width() * 0.8), longest + 34))


class AnswerMessage(QFrame):
    """An answer from its first moment to its last, or one read back from the store."""

    source_opened = Signal(object, str)
    nearest_opened = Signal(object)
    voted = Signal(str, object)
    followed = Signal(str)
    coverage_opened = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(self.tr("Answer"))
        self.answer: Answer | None = None
        self.message = ""
        self._vote: Vote = None
        self._sources: dict[int, Citation] = {}
        self._told: list[str] = []
        self._origin_icon = QLabel()
        self._origin_icon.setAccessibleName(self.tr("Where the answer comes from"))
        self._origin = label("", "muted")
        self._origin.setFont(style.scaled(self._origin, 0.92, bold=True))
        self.body = AnswerBody()
        self.body.cited.connect(self._open_number)
        self.body.followed.connect(self.followed)
        self._note = label("", "muted")
        self._note.setWordWrap(True)
        self._note.hide()
        self._links = QVBoxLayout()
        self._links.setSpacing(5)
        self._link_widgets: list[QWidget] = []
        self._foot = self._make_foot()
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self._origin_icon)
        top.addWidget(self._origin, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(18, 14, 18, 10)
        layout.setSpacing(8)
        layout.addLayout(top)
        layout.addWidget(self.body)
        layout.addWidget(self._note)
        layout.addLayout(self._links)
        layout.addWidget(self._foot)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)

    def _make_foot(self) -> QWidget:
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self.copy_button = tool("copy", self.tr("Copy this answer"))
        self.up_button = tool("thumb-up", self.tr("Good answer"), checkable=True)
        self.down_button = tool("thumb-down", self.tr("Bad answer"), checkable=True)
        self.copy_button.clicked.connect(self.copy)
        self.up_button.clicked.connect(self._vote_up)
        self.down_button.clicked.connect(self._vote_down)
        for made in (self.copy_button, self.up_button, self.down_button):
            row.addWidget(made)
        row.addStretch(1)
        self._coverage = button("", "link")
        self._coverage.setFont(style.scaled(self._coverage, 0.9))
        self._coverage.setToolTip(self.tr("Show the library, and what is left out of it"))
        self._coverage.clicked.connect(self.coverage_opened)
        row.addWidget(self._coverage)
        foot.hide()
        return foot

    @property
    def origin(self) -> str:
        """The line above the answer: where it comes from, or what is going on."""
        return self._origin.text()

    # -- while it is written ---------------------------------------------------------------------

    def show_state(self, text: str) -> None:
        """One quiet line about what is going on."""
        style.set_icon(self._origin_icon, "moon", "muted")
        self._origin.setText(text)

    def show_found(self, found: Found) -> None:
        """Passages were chosen: their numbers become clickable, and what was written before is given up."""
        self._sources = {n: _as_citation(n, passage) for n, passage in enumerate(found.passages, 1)}
        self.body.set_text("", self._sources, ())

    def add(self, text: str) -> None:
        """Continue the answer."""
        self.body.add(text)

    def tell(self, text: str) -> None:
        """Say below the answer what happened on the way to it."""
        self._told.append(text)
        self._say(" ".join(self._told))

    def show_stopped(self) -> None:
        """It was stopped before a word came."""
        self.show_state(self.tr("Stopped"))
        self._say(self.tr("You stopped this before the answer began."))

    # -- when it is there ------------------------------------------------------------------------

    def finish(self, answer: Answer, message: str = "", vote: Vote = None) -> None:
        """Show the finished, checked answer."""
        self.answer, self.message, self._vote = answer, message or answer.message, vote
        self._sources = {citation.n: citation for citation in answer.citations}
        self.body.set_text(answer.answer, self._sources, answer.sentences)
        self.body.setVisible(bool(answer.answer))
        unsupported = " ".join(sentence.text for sentence in answer.sentences if not sentence.supported)
        said = self.tr("Not supported by what was found: {text}").format(text=unsupported)
        self.setAccessibleDescription(said if unsupported else "")  # an underline is not heard
        name, colour, text = _origin(answer)
        style.set_icon(self._origin_icon, name, colour)
        self._origin.setText(text)
        self._say(" ".join(self._remarks(answer)))
        self._show_links(answer)
        searched = coverage(answer.searched_files, answer.total_files)
        self._coverage.setText(searched)
        self._coverage.setAccessibleName(searched)
        self._coverage.setVisible(answer.total_files > 0)
        for vote_button in (self.up_button, self.down_button):
            vote_button.setEnabled(bool(self.message))
        self._show_vote()
        self._foot.show()

    def _remarks(self, answer: Answer) -> list[str]:
        remarks = list(self._told)
        if answer.abstained and not answer.answer and answer.searched_files < answer.total_files:
            remarks.append(self.tr("Nothing in the files that could be searched answers this."))
        elif answer.abstained and not answer.answer:
            remarks.append(self.tr("Nothing in your files answers this."))
        if answer.stopped:
            remarks.append(self.tr("You stopped this answer; it is incomplete."))
        if self.body.unsupported_marked:
            remarks.append(self.tr("Underlined text is not supported by what was found."))
        if answer.note:
            remarks.append(answer.note)
        return remarks

    def _say(self, text: str) -> None:
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def _show_links(self, answer: Answer) -> None:
        for widget in self._link_widgets:
            self._links.removeWidget(widget)
            disown(widget)
        self._link_widgets = []
        if answer.abstained and answer.nearest:
            self._add_link(label(self.tr("The closest places to look:"), "muted"))
        if answer.abstained:
            for near in answer.nearest[:3]:
                source = SourceButton(near)
                source.opened.connect(self.nearest_opened)
                self._add_link(source)
        few = len(answer.citations) <= _FEW + 1
        self._add_sources(answer.citations if few else answer.citations[:_FEW])
        if not few:
            more = button(self.tr("Show all {n} sources").format(n=number(len(answer.citations))), "link")
            more.clicked.connect(self._show_all_sources)
            self._add_link(more)

    def _show_all_sources(self) -> None:
        more = self._link_widgets.pop()
        self._links.removeWidget(more)
        disown(more)
        if self.answer is not None:
            self._add_sources(self.answer.citations[_FEW:])
            self.source_buttons[_FEW].show()  # what is not shown yet takes no focus
            self.source_buttons[_FEW].setFocus()

    def _add_sources(self, citations: Sequence[Citation]) -> None:
        for citation in citations:
            source = SourceButton(citation)
            source.opened.connect(self._open_source)
            self._add_link(source)

    def _add_link(self, widget: QWidget) -> None:
        self._link_widgets.append(widget)
        ends_early = widget.objectName() == "link"
        self._links.addWidget(widget, 0, Qt.AlignmentFlag.AlignLeft if ends_early else Qt.AlignmentFlag(0))

    @property
    def source_buttons(self) -> Sequence[SourceButton]:
        return [widget for widget in self._link_widgets if isinstance(widget, SourceButton)]

    # -- actions ---------------------------------------------------------------------------------

    def copy(self) -> None:
        """Put the answer on the clipboard, as it was written."""
        QGuiApplication.clipboard().setText(self.body.text)

    def _open_number(self, n: int) -> None:
        if n in self._sources:
            self._open_source(self._sources[n])

    def _open_source(self, citation: Citation) -> None:
        self.source_opened.emit(citation, self.message)

    def _vote_up(self) -> None:
        self._set_vote(None if self._vote == "up" else "up")

    def _vote_down(self) -> None:
        self._set_vote(None if self._vote == "down" else "down")

    def _set_vote(self, vote: Vote) -> None:
        self._vote = vote
        self._show_vote()
        self.voted.emit(self.message, vote)

    def _show_vote(self) -> None:
        self.up_button.setChecked(self._vote == "up")
        self.down_button.setChecked(self._vote == "down")


class SourceButton(ElidedButton):
    """A numbered source, or a file that came close."""

    opened = Signal(object)

    def __init__(self, source: Citation | Nearest, parent: QWidget | None = None) -> None:
        label = [file_name(source.path), place(source), source.heading]
        if isinstance(source, Citation):
            label[0] = f"{source.n}   {label[0]}"
        super().__init__("  ·  ".join(part for part in label if part), parent)
        self.setObjectName("source")
        self.source = source
        checked = isinstance(source, Citation) and source.verified
        name = source_name(source) if isinstance(source, Citation) else ", ".join(filter(None, label[:2]))
        if checked:
            name = self.tr("{source}, checked against the file").format(source=name)
        self.setAccessibleName(name)
        self.setToolTip(plain_tip(f"{name}\n{source.path}"))
        style.set_icon(self, "check" if checked else "file", "good" if checked else "muted")
        self.clicked.connect(self._open)

    def _open(self) -> None:
        self.opened.emit(self.source)


def from_store(message: Message) -> QuestionMessage | AnswerMessage:
    """The widget for a stored message."""
    if message.role == "user":
        return QuestionMessage(message.text)
    widget = AnswerMessage()
    widget.finish(message.answer or Answer(message.text, "general", False), message.id, message.vote)
    return widget


def coverage(searched: int, total: int) -> str:
    """ "searched 812 of 1,040 files" """
    text = QCoreApplication.translate("Coverage", "searched {searched} of {total} files")
    return text.format(searched=number(searched), total=number(total))


def _origin(answer: Answer) -> tuple[str, str, str]:
    """Icon, colour and label for where an answer comes from."""
    if answer.abstained:
        return "info", "warn", QCoreApplication.translate("Answer", "Not in your files")
    if answer.source == "files":
        return "file", "good", QCoreApplication.translate("Answer", "From your files")
    if answer.source == "memory":
        return "moon", "accent", QCoreApplication.translate("Answer", "From memory")
    return "info", "warn", QCoreApplication.translate("Answer", "Not from your files")


def _as_citation(n: int, passage: Passage) -> Citation:
    return Citation(
        n, passage.path, passage.page, passage.text, passage.start, passage.end, False,
        passage.heading, passage.sha256, passage.reader,
    )  # fmt: skip
