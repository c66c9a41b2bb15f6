"""A night under way: its step of six, how far that is, and how to pause or cancel it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtWidgets import QWidget

from desktop.item_models.nights import ARMS, arm_name
from desktop.widgets.job_card import JobCard, pace
from desktop.widgets.parts import label
from engine.api import Job
from engine.contracts import NightReport, Phase, Progress

STEPS: tuple[Phase, ...] = ("select", "compose", "train", "export", "evaluate", "decide")


class NightCard(JobCard):
    """`ended(card, report)` at the end, as every card."""

    def __init__(self, job: Job[NightReport], parent: QWidget | None = None) -> None:
        super().__init__(job, parent)
        self.setAccessibleName(self.tr("The night under way"))
        self.bar.setAccessibleName(self.tr("Progress of this step"))
        self.title.setText(self.tr("Getting ready…"))
        cancel = self.tr("Cancel; what is done stays, and it can be resumed")
        self.cancel_button.setAccessibleName(cancel)
        self.cancel_button.setToolTip(cancel)
        note = label(
            self.tr("You can go on working. Closing the window stops the night; it can be resumed later."),
            "muted",
            wrap=True,
        )
        layout = self.layout()
        if layout is not None:
            layout.addWidget(note)

    def _is_measured(self, progress: Progress) -> bool:
        # A step's own progress names what it is on; without that it says only that the step began.
        return progress.total > 0 and bool(progress.current)

    def _phase(self, progress: Progress) -> str:
        names: dict[Phase, str] = {
            "select": self.tr("choosing what to learn"),
            "compose": self.tr("writing questions from your files"),
            "train": self.tr("training"),
            "export": self.tr("saving and checking what was learned"),
            "evaluate": self.tr("measuring what it is worth"),
            "decide": self.tr("deciding"),
        }
        if progress.phase not in names:
            return self.tr("Getting ready…")
        return self.tr("Step {n} of {total}: {step}").format(
            n=STEPS.index(progress.phase) + 1, total=len(STEPS), step=names[progress.phase]
        )

    def _pace(self, progress: Progress) -> list[str]:
        return pace(replace(progress, rate=0.0))  # tokens a second mean nothing to most people

    def _current(self, progress: Progress) -> str:
        if progress.current not in ARMS:
            return ""
        return self.tr("{arm}, {n} of {total}").format(
            arm=arm_name(progress.current), n=ARMS.index(progress.current) + 1, total=len(ARMS)
        )
