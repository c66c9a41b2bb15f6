"""The library: add folders, watch them being indexed, see what was left out and why."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from desktop.bridge import JobBridge
from desktop.item_models.problems import ProblemsModel
from desktop.messages import number
from desktop.tasks import Session
from desktop.widgets.file_list import FileList
from desktop.widgets.folder_row import FolderRow
from desktop.widgets.job_card import JobCard
from desktop.widgets.parts import button, column_page, disown, frame, icon_label, label
from desktop.widgets.preview_card import PreviewCard
from engine.api import Engine, Job
from engine.contracts import FolderReport, IndexSummary, Notice, Preview, Status


class LibraryPanel(QScrollArea):
    """`changed` whenever what the engine would report about the library may have changed."""

    changed = Signal()
    removed = Signal(str)
    noticed = Signal(object)
    _followed = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setAccessibleName(self.tr("Library"))
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.jobs: list[JobCard] = []
        self.previews: list[PreviewCard] = []
        self.rows: dict[str, FolderRow] = {}
        self.problems = ProblemsModel(session, lambda engine, *page: engine.problems(*page), self)
        self.unseen = ProblemsModel(session, lambda engine, *page: engine.hidden_text(*page), self)
        self.add_button = button(self.tr("Add folder…"), "primary", "plus", "on_accent")
        self.add_button.clicked.connect(self.choose_folder)
        self.files_button = button(self.tr("Add files…"), "", "file")
        self.files_button.clicked.connect(self.choose_files)
        self.summary = label("", "muted", wrap=True)
        self.summary.hide()
        self._jobs = QVBoxLayout()
        self._folders = QVBoxLayout()
        self._folders.setSpacing(10)
        self._empty = self._make_empty()
        self.trouble = self._make_problems()
        self.unseen_list = FileList(self.unseen, self.tr("Files with hidden text"), height=110)
        self._dialog: QFileDialog | None = None
        self._lay_out()
        self._followed.connect(self._watch_quietly)

    def _make_empty(self) -> QWidget:
        middle = Qt.AlignmentFlag.AlignHCenter
        made = frame("drop")
        inner = QVBoxLayout(made)
        inner.setContentsMargins(24, 44, 24, 44)
        inner.setSpacing(10)
        inner.addWidget(icon_label("folder", "accent", 36), 0, middle)
        inner.addWidget(label(self.tr("Add a folder to ask about it."), size=1.25, bold=True), 0, middle)
        hint = label(
            self.tr("Drop a folder or a file here. It is read on this computer only."), "muted", wrap=True
        )
        hint.setAlignment(middle)
        inner.addWidget(hint)
        return made

    def _make_problems(self) -> FileList:
        self.retry_button = button(self.tr("Try these again"), "", "retry")
        self.retry_button.clicked.connect(self.retry)
        made = FileList(self.problems, self.tr("Files that are left out"), self.retry_button)
        made.table.selectionModel().selectionChanged.connect(self._show_retry)
        return made

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(label(self.tr("Library"), size=1.6, bold=True), 1)
        top.addWidget(self.files_button)
        top.addWidget(self.add_button)
        page, inner = column_page()
        inner.addLayout(top)
        inner.addWidget(self.summary)
        inner.addLayout(self._jobs)
        inner.addWidget(self._empty)
        inner.addLayout(self._folders)
        inner.addWidget(self.trouble)
        inner.addWidget(self.unseen_list)
        inner.addStretch(1)
        self.setWidget(page)

    # -- adding ----------------------------------------------------------------------------------

    def choose_folder(self) -> None:
        """Ask for a folder with the system's dialog."""
        self._choose(QFileDialog.FileMode.Directory, self.tr("Choose a folder to ask about"))

    def choose_files(self) -> None:
        """Ask for single files with the system's dialog."""
        self._choose(QFileDialog.FileMode.ExistingFiles, self.tr("Choose files to ask about"))

    def _choose(self, mode: QFileDialog.FileMode, title: str) -> None:
        self._dialog = QFileDialog(self.window(), title)
        self._dialog.setFileMode(mode)
        self._dialog.filesSelected.connect(self.add)
        self._dialog.open()

    def add(self, paths: Sequence[str]) -> None:
        """Show what indexing folders or files would mean, then index them; much of it after asking."""
        chosen = list(paths)
        if chosen:
            self._session.call(
                lambda engine: (engine.preview(chosen), chosen), self._show_preview, self._refused
            )

    def _show_preview(self, found: tuple[Job[Preview], list[str]]) -> None:
        card = PreviewCard(*found)
        card.wanted.connect(self._index_previewed)
        card.dismissed.connect(self._drop_preview)
        card.failed.connect(self._session.problem)
        self.previews.append(card)
        self._jobs.addWidget(card)
        self._empty.hide()
        self.changed.emit()

    def _index_previewed(self, _card: PreviewCard, paths: list[str]) -> None:
        self.index(paths)

    def _drop_preview(self, card: PreviewCard) -> None:
        if card in self.previews:
            self.previews.remove(card)
            self._jobs.removeWidget(card)
            disown(card)
            self.changed.emit()

    @property
    def busy(self) -> bool:
        """Whether something is being looked at or indexed that the person waits for."""
        return bool(self.jobs) or any(card.waits for card in self.previews)

    def index(self, paths: Sequence[str]) -> None:
        """Index folders or files without another word."""
        chosen = list(paths)
        self._session.call(lambda engine: engine.index(chosen), self.watch, self._refused)

    def follow(self) -> None:
        """From now on show what the engine does to stay in step with the folders."""

        here = weakref.ref(self)  # the engine keeps these, and must not keep a closed window

        def followed(job: Job[IndexSummary]) -> None:
            panel = here()
            if panel is not None and isValid(panel):
                panel._followed.emit(job)

        def noticed(notice: Notice) -> None:
            panel = here()
            if panel is not None and isValid(panel):
                panel.noticed.emit(notice)

        self._session.call(lambda engine: engine.watch(followed, noticed))

    def _refused(self, error: BaseException) -> None:
        self._session.problem.emit(error)
        self.changed.emit()

    def refresh(self) -> None:
        """Bring the index in step with all folders."""
        self._session.call(lambda engine: engine.index(), self.watch)

    def retry(self) -> None:
        """Try again what was left out: the chosen file, or all."""
        path = self._chosen_problem()
        self._session.call(lambda engine: engine.retry(path), self.watch)

    def _chosen_problem(self) -> str | None:
        rows = self.trouble.table.selectionModel().selectedRows()
        # A member is read with the file it lies in.
        return self.problems.rows[rows[0].row()].path.partition("!/")[0] if rows else None

    def _show_retry(self) -> None:
        one = self._chosen_problem() is not None
        self.retry_button.setText(self.tr("Try this one again") if one else self.tr("Try these again"))

    def _watch_quietly(self, job: Job[IndexSummary]) -> None:
        self.watch(job, quiet=True)

    def watch(self, job: Job[IndexSummary], *, quiet: bool = False) -> None:
        """Show a job of the library until it ends; a quiet one only if it has something to do."""
        if not quiet:
            self.summary.hide()
        card = JobCard(job, quiet=quiet)
        card.ended.connect(self._ended)
        card.failed.connect(self._session.problem)
        card.noticed.connect(self.noticed)
        self.jobs.append(card)
        self._jobs.addWidget(card)
        self.changed.emit()

    def _ended(self, card: JobCard, summary: IndexSummary | None) -> None:
        self.jobs.remove(card)
        self._jobs.removeWidget(card)
        disown(card)
        if summary is not None and summary.files and not card.quiet:
            self.summary.setText(self._summarize(summary))
            self.summary.show()
        for preview in [preview for preview in self.previews if not preview.waits and not self.jobs]:
            self._drop_preview(preview)
        self.changed.emit()

    def _summarize(self, summary: IndexSummary) -> str:
        text = self.tr("{indexed} of {files} files can be searched. Left out: {left}.").format(
            indexed=number(summary.indexed),
            files=number(summary.files),
            left=number(summary.skipped + summary.failed),
        )
        if summary.redacted:
            text += " " + self.tr("Passwords and keys blacked out: {n}.").format(n=number(summary.redacted))
        return text

    # -- showing ---------------------------------------------------------------------------------

    def show_status(self, status: Status) -> None:
        """Show folders and the files left out as the engine reports them."""
        self._show_folders(status.folders)
        self._empty.setVisible(not status.folders and not self.jobs and not self.previews)
        left_out = status.coverage.skipped + status.coverage.failed
        self.trouble.show_count(self.tr("Files left out: {n}").format(n=number(left_out)), left_out)
        self.problems.reload()
        unseen = status.coverage.hidden
        title = self.tr("Hidden text was left out of these files: {n}")
        self.unseen_list.show_count(title.format(n=number(unseen)), unseen)
        if unseen:
            self.unseen.reload()

    def _show_folders(self, folders: Sequence[FolderReport]) -> None:
        present = {folder.path for folder in folders}
        for path in [path for path in self.rows if path not in present]:
            row = self.rows.pop(path)
            self._folders.removeWidget(row)
            disown(row)
        for folder in folders:
            known = self.rows.get(folder.path)
            if known is not None:
                known.show_folder(folder)
                continue
            row = FolderRow(self._session, folder)
            row.remove_wanted.connect(self._remove)
            row.rules_changed.connect(self._index_again)
            self.rows[folder.path] = row
            self._folders.addWidget(row)

    def _index_again(self, path: str) -> None:
        self.index([path])

    def _remove(self, path: str) -> None:
        def remove(engine: Engine) -> tuple[str, Job[None]]:
            return path, engine.remove_folder(path)

        self._session.call(remove, self._removed)

    def _removed(self, removal: tuple[str, Job[None]]) -> None:
        path, job = removal
        bridge = JobBridge(job, self)
        bridge.succeeded.connect(self._removal_ended)
        bridge.cancelled.connect(self._removal_ended)
        bridge.failed.connect(self._session.problem)
        bridge.failed.connect(self._removal_ended)
        self.removed.emit(path)
        self.changed.emit()

    def _removal_ended(self, _how: object = None) -> None:
        bridge = self.sender()
        if bridge is not None:
            bridge.deleteLater()
        self.changed.emit()
