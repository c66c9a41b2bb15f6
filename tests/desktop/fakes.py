"""An engine that does only what a test tells it to: same verbs, no files, no models, real jobs."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from engine.contracts import (
    Answer,
    AnswerSentence,
    ChatSummary,
    Citation,
    Coverage,
    FileReport,
    FolderReport,
    FolderRules,
    IndexSummary,
    KindCount,
    LeftOut,
    Message,
    Nearest,
    NightReport,
    Passage,
    PassageView,
    Preview,
    Status,
    Token,
)
from engine.errors import EngineError
from engine.settings import Settings
from engine.workers.jobs import Job

NOW = "2026-11-23T09:00:00Z"
LEASE = "/home/ada/Leases/lease.pdf"
CITATION = Citation(
    1,
    LEASE,
    14,
    "either party may end this lease with three months' notice",
    40,
    97,
    True,
    "Term",
    "ab",
    "pdf-1",
)
ANSWER = Answer(
    "You can end it with three months' notice [1]. The deposit is doubled.",
    "files",
    False,
    citations=(CITATION,),
    sentences=(
        AnswerSentence("You can end it with three months' notice.", True, (1,)),
        AnswerSentence("The deposit is doubled.", False),
    ),
    searched_files=812,
    total_files=1040,
)
NOWHERE = Answer(
    "I could not find this in your files.",
    "none",
    True,
    nearest=(
        Nearest(LEASE, 3, "Parties", "The lease is between ..."),
        Nearest("/home/ada/a.txt", None, "", "x"),
    ),
    searched_files=812,
    total_files=1040,
)
PASSAGE = Passage(1, LEASE, 14, "Term", "... three months' notice ...", 0, 28, 1.0)


PREVIEW = Preview(
    ("/data/papers",), 10, 7, 1_500_000, (KindCount("pdf", 5, 1_400_000), KindCount("text", 2, 100_000)),
    (LeftOut("binary", 3, (FileReport("/data/papers/film.mp4", "skipped", "binary"),)),), 12.0, 150.0, False
)  # fmt: skip


class FakeEngine:
    """Records every call in `calls`; jobs wait in `asked` and `indexing` until the test ends them."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.asked: list[Job[Answer]] = []
        self.indexing: list[Job[IndexSummary]] = []
        self.previewing: list[Job[Preview]] = []
        self.previewed: Preview | None = PREVIEW
        self.removing: list[Job[None]] = []
        self.training: list[Job[NightReport]] = []
        self.night_list: list[NightReport] = []
        self.stored: dict[str, list[Message]] = {}
        self.titles: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.folder_list: list[FolderReport] = []
        self.problem_list: list[FileReport] = []
        self.hidden_list: list[FileReport] = []
        self.remaking: Coverage | None = None
        self.settings = Settings()
        self.writable = True
        self.failing: dict[str, Exception] = {}
        self.closed = False
        self.closed_on = ""
        self.view_of: Callable[[Citation], PassageView] = lambda c: PassageView(
            c.path, c.page, c.heading, "Before. ", c.quote, " After."
        )
        self._ids = itertools.count(1)

    def _note(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] in self.failing:
            raise self.failing[call[0]]

    def called(self, verb: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == verb]

    def close(self) -> None:
        self._note("close")
        self.closed = True
        self.closed_on = threading.current_thread().name

    # -- library

    def preview(self, paths: Sequence[str], rules: FolderRules | None = None) -> Job[Preview]:
        """A job that has ended with `previews`' answer for these paths, or waits in `previewing`."""
        self._note("preview", list(paths), *([rules] if rules else []))
        job: Job[Preview] = Job(lambda raw: raw, lambda: job.fail(RuntimeError()))
        self.previewing.append(job)
        if self.previewed is not None:
            job.succeed(self.previewed)
        return job

    def watch(self, on_job: Callable[[Job[IndexSummary]], None], on_notice: Callable[[Any], None]) -> None:
        self._note("watch")
        self.followers = (on_job, on_notice)

    def index(self, paths: Sequence[str] = ()) -> Job[IndexSummary]:
        self._note("index", list(paths))
        known = {folder.path for folder in self.folder_list}
        new = [str(path) for path in paths if str(path) not in known]
        self.folder_list += [FolderReport(path, files=3, meaning=2, waiting=1) for path in new]
        job: Job[IndexSummary] = Job(lambda raw: raw, lambda: job.fail(RuntimeError()), lambda paused: None)
        self.indexing.append(job)
        return job

    def retry(self, path: str | None = None) -> Job[IndexSummary]:
        self._note("retry", path)
        return self.index()

    def folders(self) -> list[FolderReport]:
        self._note("folders")
        return self.folder_list

    def remove_folder(self, path: str) -> Job[None]:
        self._note("remove_folder", path)
        self.folder_list = [folder for folder in self.folder_list if folder.path != path]
        job: Job[None] = Job(lambda raw: raw, lambda: None)
        self.removing.append(job)
        return job

    def set_rules(self, path: str, rules: FolderRules) -> None:
        self._note("set_rules", path, rules)
        self.folder_list = [replace(f, rules=rules) if f.path == path else f for f in self.folder_list]

    def status(self) -> Status:
        self._note("status")
        found = self.folder_list
        coverage = Coverage(
            files=sum(f.files for f in found),
            words=sum(f.words for f in found),
            meaning=sum(f.meaning for f in found),
            waiting=sum(f.waiting for f in found),
            skipped=sum(p.state == "skipped" for p in self.problem_list),
            failed=sum(p.state == "failed" for p in self.problem_list),
            hidden=len(self.hidden_list),
            remaking=self.remaking,
        )
        return Status(
            "/home/ada/.nocturne", coverage, tuple(found), (), (), writer="" if self.writable else "Other"
        )

    def problems(self, offset: int = 0, limit: int = 200) -> list[FileReport]:
        self._note("problems", offset, limit)
        return self.problem_list[offset : offset + limit]

    def hidden_text(self, offset: int = 0, limit: int = 200) -> list[FileReport]:
        self._note("hidden_text", offset, limit)
        return self.hidden_list[offset : offset + limit]

    def view(self, citation: Citation) -> PassageView:
        self._note("view", citation)
        return self.view_of(citation)

    # -- nights

    def set_learn(self, path: str, learn: bool) -> None:
        self._note("set_learn", path, learn)
        self.folder_list = [replace(f, learn=learn) if f.path == path else f for f in self.folder_list]

    def personalize(self, minutes: float = 15.0) -> Job[NightReport]:
        self._note("personalize", minutes)
        return self._run_night(f"20261124-{len(self.night_list):06}")

    def resume_night(self, night: str | None = None) -> Job[NightReport]:
        self._note("resume_night", night)
        return self._run_night(night or "")

    def _run_night(self, night: str) -> Job[NightReport]:
        """A job that stores the report it succeeds with; cancelled, it can be resumed."""

        def finish(report: NightReport) -> NightReport:
            self.change_night(night, report)
            return report

        def cancel() -> None:
            self.change_night(night, NightReport(night, "cancelled", NOW))
            job.fail(RuntimeError())

        self.change_night(night, NightReport(night, "running", NOW))
        job: Job[NightReport] = Job(finish, cancel, lambda paused: None)
        self.training.append(job)
        return job

    def change_night(self, night: str, report: NightReport) -> None:
        """Put `report` in the place of a night, or list it as the newest."""
        others = [known for known in self.night_list if known.id != night]
        self.night_list = sorted([*others, report], key=lambda known: known.id, reverse=True)

    def steer_night(self, how: str) -> NightReport:
        self._note("steer_night", how)
        states = {"pause": "paused", "resume": "running", "cancel": "cancelled"}
        night = next(n for n in self.night_list if n.state in states.values())
        self.change_night(night.id, replace(night, state=states[how]))
        return self.night_list[0]

    def nights(self) -> list[NightReport]:
        self._note("nights")
        return self.night_list

    def use_adapter(self, night: str | None) -> None:
        self._note("use_adapter", night)
        self.night_list = [replace(known, active=known.id == night) for known in self.night_list]

    def discard_night(self, night: str) -> None:
        self._note("discard_night", night)
        self.change_night(night, NightReport(night, "discarded", NOW))

    # -- chat

    def ask(
        self, question: str, chat: str | None = None, folder: str | None = None, **_options: Any
    ) -> Job[Answer]:
        self._note("ask", question, chat, *([folder] if folder else []))
        if not question.strip():
            raise EngineError("question_empty")
        known = chat or f"chat{next(self._ids):03}"
        self.titles.setdefault(known, question)
        written: list[str] = []

        def finish(answer: Answer) -> Answer:
            message = f"m{next(self._ids):06}"
            answer = replace(answer, chat=known, message=message, stored=self.writable)
            self._store(known, "assistant", answer.answer, answer, message)
            return answer

        def cancel() -> None:
            if written:
                job.succeed(Answer("".join(written), "files", False, stopped=True))
            else:
                job.fail(RuntimeError())

        job: Job[Answer] = Job(finish, cancel)
        job.subscribe(lambda event: written.append(event.text) if isinstance(event, Token) else None)
        self._store(known, "user", question)
        self.asked.append(job)
        return job

    def _store(
        self, chat: str, role: Any, text: str, answer: Answer | None = None, message: str | None = None
    ) -> None:
        name = message or f"m{next(self._ids):06}"
        self.stored.setdefault(chat, []).append(Message(name, chat, None, role, text, NOW, answer))

    def fill(self, chat: str, title: str, messages: int) -> None:
        """A stored chat with `messages` messages, questions and answers in turn."""
        self.titles[chat] = title
        for number in range(messages):
            if number % 2:
                self._store(
                    chat,
                    "assistant",
                    f"Answer {number} [1].",
                    replace(ANSWER, answer=f"Answer {number} [1]."),
                )
            else:
                self._store(chat, "user", f"Question {number}?")

    def warm(self) -> Job[None]:
        self._note("warm")
        job: Job[None] = Job(lambda raw: None, lambda: None)
        job.succeed(None)
        return job

    def chats(self, limit: int = 500) -> list[ChatSummary]:
        self._note("chats")
        listed = [chat for chat in reversed(self.titles) if chat not in self.deleted]
        return [ChatSummary(c, self.titles[c], NOW, NOW, len(self.stored.get(c, []))) for c in listed[:limit]]

    def messages(self, chat: str, limit: int = 50, before: str | None = None) -> list[Message]:
        self._note("messages", chat, limit, before)
        found = [m for m in self.stored.get(chat, []) if before is None or m.id < before]
        return found[-limit:]

    def rename_chat(self, chat: str, title: str) -> None:
        self._note("rename_chat", chat, title)
        self.titles[chat] = title

    def delete_chat(self, chat: str) -> None:
        self._note("delete_chat", chat)
        self.deleted.add(chat)

    def restore_chat(self, chat: str) -> None:
        self._note("restore_chat", chat)
        self.deleted.discard(chat)

    def vote(self, message: str, vote: str | None, better: str = "") -> None:
        self._note("vote", message, vote)

    def record(self, kind: str, message: str | None, path: str) -> None:
        self._note("record", kind, message, path)

    def change_settings(self, settings: Settings) -> None:
        self._note("change_settings", settings)
        self.settings = settings
