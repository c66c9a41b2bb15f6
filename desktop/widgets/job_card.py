"""A long job: what it is on, how far, how long, and how to pause or cancel it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from desktop import style
from desktop.bridge import JobBridge
from desktop.messages import duration, number
from desktop.widgets.elided import ElidedLabel
from desktop.widgets.parts import label, tool
from engine.api import Job
from engine.contracts import Progress


class JobCard(QFrame):
    """A job of the library. `ended(card, result)`: the result is None after cancelling or an error.

    A `quiet` one, which nobody asked for, is hidden until it finds something to do.
    """

    ended = Signal(object, object)
    failed = Signal(object)
    noticed = Signal(object)

    def __init__(self, job: Job[Any], parent: QWidget | None = None, *, quiet: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(self.tr("Indexing"))
        self.quiet = quiet
        if quiet:
            self.hide()
        self.job = job
        self._last: Progress | None = None
        self.title = label(self.tr("Looking for files…"), bold=True)
        self.detail = label("", "muted")
        self.current = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self.current.setObjectName("muted")
        self.current.hide()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.bar.setAccessibleName(self.tr("Progress of indexing"))
        self.pause_button = tool("pause", self.tr("Pause"))
        self.pause_button.clicked.connect(self._toggle_pause)
        self.cancel_button = tool("close", self.tr("Cancel; what is indexed so far stays"))
        self.cancel_button.clicked.connect(self._cancel)
        self._lay_out()
        self._bridge = JobBridge(job, self)
        self._bridge.progress.connect(self.show_progress)
        self._bridge.notice.connect(self.noticed)
        self._bridge.succeeded.connect(self._succeeded)
        self._bridge.failed.connect(self._failed)
        self._bridge.cancelled.connect(self._cancelled)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.detail)
        top.addSpacing(6)
        top.addWidget(self.pause_button)
        top.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 10, 10, 12)
        layout.setSpacing(6)
        layout.addLayout(top)
        layout.addWidget(self.bar)
        layout.addWidget(self.current)

    def show_progress(self, progress: Progress) -> None:
        """Show how far the job is."""
        self._last = progress
        if self.quiet and progress.phase != "scan" and progress.total:
            self.show()
        known = self._is_measured(progress)
        self.bar.setRange(0, progress.total if known else 0)
        self.bar.setValue(progress.done)
        self.title.setText(self.tr("Paused") if self.job.paused else self._phase(progress))
        self.detail.setText(" · ".join(self._pace(progress)) if known and not self.job.paused else "")
        current = self._current(progress)
        self.current.set_whole_text(current)
        self.current.setVisible(bool(current))

    # -- what a card for another kind of job says differently ------------------------------------

    def _is_measured(self, progress: Progress) -> bool:
        return progress.total > 0

    def _phase(self, progress: Progress) -> str:
        return phase(progress)

    def _pace(self, progress: Progress) -> list[str]:
        return pace(progress)

    def _current(self, progress: Progress) -> str:
        return progress.current

    # -- steering and the end --------------------------------------------------------------------

    def _toggle_pause(self) -> None:
        if self.job.paused:
            self.job.resume()
        else:
            self.job.pause()
        paused = self.job.paused
        style.set_icon(self.pause_button, "play" if paused else "pause", "muted")
        name = self.tr("Continue") if paused else self.tr("Pause")
        self.pause_button.setAccessibleName(name)
        self.pause_button.setToolTip(name)
        if self._last is not None:
            self.show_progress(self._last)
        elif paused:
            self.title.setText(self.tr("Paused"))

    def _cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.title.setText(self.tr("Stopping…"))
        self.job.cancel()

    def _succeeded(self, result: object) -> None:
        self.ended.emit(self, result)

    def _failed(self, error: BaseException) -> None:
        self.failed.emit(error)
        self.ended.emit(self, None)

    def _cancelled(self) -> None:
        self.ended.emit(self, None)


def phase(progress: Progress) -> str:
    """ "Reading 812 of 1,040 files" """
    done, total = number(progress.done), number(progress.total)
    translate = QCoreApplication.translate
    if progress.phase == "scan" or not progress.total:
        text = translate("Job", "Looking for files, {done} so far")
    elif progress.phase == "words":
        text = translate("Job", "Reading {done} of {total} files")
    elif progress.phase == "meaning":
        text = translate("Job", "Learning what {done} of {total} passages are about")
    elif progress.phase == "recognise":
        text = translate("Job", "Recognising text, {done} of {total} pages")
    else:
        text = translate("Job", "Preparing, {done} of {total}")
    return text.format(done=done, total=total)


def pace(progress: Progress) -> list[str]:
    """Percent with one decimal, rate and time left, as far as they are known."""
    said = [f"{100 * progress.done / progress.total:.1f} %"]
    if progress.rate > 0:
        rate = number(round(progress.rate)) if progress.rate >= 10 else f"{progress.rate:.1f}"
        said.append(QCoreApplication.translate("Job", "{n} a second").format(n=rate))
    if progress.seconds_left is not None:
        said.append(duration(progress.seconds_left))
    return said
