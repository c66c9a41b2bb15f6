"""class Engine: every verb the window, the command line and the server may use.

Quick verbs return a value and may block for milliseconds (call them off the window's thread). Long verbs
return a `Job`. Failures are `EngineError`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from engine import settings as choices
from engine.answer.states import States
from engine.contracts import (
    Answer,
    ChatSummary,
    Check,
    Citation,
    FileReport,
    FolderReport,
    FolderRules,
    Forgotten,
    IndexSummary,
    Message,
    ModelReport,
    NightReport,
    Notice,
    PassageView,
    Preview,
    SearchReply,
    Status,
    Turn,
)
from engine.errors import EngineError
from engine.notices import NOTICES
from engine.paths import find_home
from engine.settings import Settings
from engine.store.lock import HomeLock, holder
from engine.store.user import UserStore
from engine.wire import from_json, to_json
from engine.workers import doctor
from engine.workers.jobs import Job
from engine.workers.librarian import Librarian
from engine.workers.nights import NightShift
from engine.workers.supervisor import Worker
from engine.workers.watcher import Watcher

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Engine", "Job", "find_home"]

TITLE_LENGTH = 60
HISTORY = 40  # messages of a chat that a new question may refer to


class Engine:
    """One home folder and the processes that work on it. Use as a context manager; `close` ends all.

    `write=True` takes the home's lock and raises EngineError("home_locked") if another process has it;
    `write=None` takes it if free. Without it every verb that stores raises EngineError("read_only"),
    except `ask`, which answers without storing.
    """

    def __init__(
        self, home: str | Path | None = None, *, write: bool | None = None, program: str = "Nocturne"
    ) -> None:
        self.home = find_home(home)
        self._lock = HomeLock(self.home, program)
        if write is not False:
            try:
                self._lock.acquire()
            except EngineError as error:
                if write or error.code != "home_locked":
                    raise
        try:
            self._settings = choices.load(self.home.settings)
            if self._lock.held:
                # Who may write opens the chats, and hears of damage, at once; who only reads, when needed.
                _ = self._user
        except BaseException:
            self._lock.release()
            raise
        self._answer = Worker("answer", self.home)
        self._index = Worker("index", self.home)
        self._night = Worker("night", self.home)
        self._watcher: Watcher | None = None
        self._answering = 0
        self._counting = threading.Lock()

    @cached_property
    def _user(self) -> UserStore:
        return UserStore(self.home, write=self._lock.held)

    @cached_property
    def _library(self) -> Librarian:
        return Librarian(self.home, self._user, self._nights, self._index)

    @cached_property
    def _nights(self) -> NightShift:
        return NightShift(self.home, self._user, self._night)

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def writable(self) -> bool:
        return self._lock.held

    def close(self) -> None:
        """Cancel jobs, end all worker processes (bounded to about 3 s), release the lock."""
        if self._watcher is not None:
            self._watcher.stop()
        ending = [threading.Thread(target=worker.close) for worker in self._workers()]
        for thread in ending:
            thread.start()
        for thread in ending:
            thread.join()
        if "_user" in self.__dict__:
            self._user.close()
        self._lock.release()

    # -- library ---------------------------------------------------------------------------------

    def preview(self, paths: Sequence[str | Path], rules: FolderRules | None = None) -> Job[Preview]:
        """What indexing `paths` would mean: counts by kind, what is left out and why, a guess of the time.

        With `rules`, what it would mean if those were chosen for each of them. No file is opened, nothing is
        stored. Events: Progress(scan). Raises EngineError: path_missing, bad_pattern, ...
        """
        return self._library.preview(paths, rules)

    def is_new(self, path: str | Path) -> bool:
        """Whether `path` lies in none of the remembered folders."""
        return self._library.is_new(path)

    def index(self, paths: Sequence[str | Path] = ()) -> Job[IndexSummary]:
        """Remember `paths` as folders (or single files) and bring the index in step with them.

        With no paths: all remembered folders. Events: Progress(scan|words|meaning), FileDone, Notice.
        """
        self._may_write()
        return self._library.index(paths)

    def watch(
        self,
        on_job: Callable[[Job[IndexSummary]], None],
        on_notice: Callable[[Notice], None] = lambda notice: None,
    ) -> None:
        """From now on keep the index in step with all folders, until `close`.

        What changes is indexed within seconds, and everything is looked at now and then. Each such job is
        given to `on_job`, on a thread of its own.
        """
        self._may_write()
        if self._watcher is None:
            self._watcher = self._library.watch(on_job, on_notice)

    def retry(self, path: str | Path | None = None) -> Job[IndexSummary]:
        """Index again what failed or was skipped (one file or folder, or all).

        Raises EngineError("folder_missing") if `path` is not in the library.
        """
        self._may_write()
        return self._library.retry(path)

    def folders(self) -> list[FolderReport]:
        """All remembered folders and how far each is."""
        return self._library.folders()

    def remove_folder(self, path: str | Path) -> Job[None]:
        """Forget a folder and everything indexed from it or taught by it. Raises EngineError: folder_missing,
        night_running.

        If the job is cut short, the next `index` finishes it.
        """
        self._may_write()
        return self._library.remove(path)

    def forget(self, path: str | Path) -> Job[Forgotten]:
        """Remove a file's or folder's influence everywhere; files of the person's own are not touched.

        Where it lies in an indexed folder, it is left out from now on, until it is added by itself. Raises
        EngineError: night_running, and inside_file for what is a part of a file.
        """
        self._may_write()
        return self._library.forget(path)

    def set_learn(self, path: str | Path, learn: bool) -> None:
        """Allow or forbid nights to train on a folder's files."""
        self._may_write()
        self._user.set_learn(str(Path(path).expanduser().resolve()), learn)

    def rules(self, path: str | Path) -> FolderRules:
        """What is left out of a folder. Raises EngineError(folder_missing)."""
        return self._library.rules(path)

    def set_rules(self, path: str | Path, rules: FolderRules) -> None:
        """Choose what is left out of a folder from its next indexing on. Raises EngineError: folder_missing,
        bad_pattern.
        """
        self._may_write()
        self._library.set_rules(path, rules)

    def status(self) -> Status:
        coverage, problems = self._library.coverage(), self._library.problems(0, 200)
        adapter = self._nights.check()
        return Status(
            home=str(self.home.root),
            coverage=coverage,
            folders=tuple(self.folders()),
            problems=tuple(problems),
            models=tuple(self.models()),
            adapter=self._user.active_adapter(),
            nights=tuple(night.id for night in self._user.nights()),
            notices=() if adapter.ok else (f"{adapter.detail} {adapter.hint}",),
            chats=self._user.count_chats(),
            writer="" if self.writable else self._holder(),
        )

    def problems(self, offset: int = 0, limit: int = 200) -> list[FileReport]:
        """Files that were skipped or failed, newest first."""
        return self._library.problems(offset, limit)

    def hidden_text(self, offset: int = 0, limit: int = 200) -> list[FileReport]:
        """Files of which text that nobody sees in them was left out, newest first; the rest is searched."""
        return self._library.hidden_text(offset, limit)

    def search(
        self,
        query: str,
        k: int = 10,
        folder: str | Path | None = None,
        *,
        kind: str | None = None,
        since: datetime | None = None,
        sections: bool = False,
    ) -> Job[SearchReply]:
        """The `k` best passages, best first, or the sections they stand in.

        Of files below `folder`, of a `kind` ("pdf", "table", an extension), changed since then. Raises
        EngineError("folder_missing") if `folder` is not in the library; so does `ask`.
        """
        params = {
            "query": query,
            "k": k,
            "folder": self._within(folder),
            "kind": kind,
            "since": since.timestamp() if since else None,
            "sections": sections,
        }
        return self._answer.submit("search", params, lambda raw: from_json(SearchReply, raw))

    def view(self, citation: Citation) -> PassageView:
        """The cited span with about 600 characters of stored text on each side."""
        return self._library.view(citation)

    # -- chat ------------------------------------------------------------------------------------

    def ask(
        self,
        question: str,
        chat: str | None = None,
        *,
        folder: str | Path | None = None,
        files: bool = True,
        max_tokens: int = 256,
        adapter: str | None = None,
    ) -> Job[Answer]:
        """Answer, in `chat` (an id), or a new chat when `chat` is None or "new".

        `adapter` is the night whose adapter answers, "none" for the base; None: the one that is switched on.

        Events: Notice, Found, Progress(prompt), Token. Cancelling keeps what was written: the job then
        *succeeds* with `stopped=True` if any token came, else it ends as Cancelled. The question is stored
        before this returns.
        """
        if not question.strip():
            raise EngineError("question_empty")
        within = self._within(folder)
        known = None if chat in (None, "new") else chat
        history = self._user.messages(known, HISTORY) if known else []
        wanted, note = self._nights.answering(adapter)
        asked = self._store_question(question, known)
        params = {
            "question": question,
            "history": [to_json(turn) for turn in self._turns(history)],
            "folder": within,
            "files": files,
            "max_tokens": max_tokens,
            "adapter": wanted,
            "chat": asked.chat if asked else "",
            "message": asked.id if asked else "",
            "document": _under_discussion(history),
        }
        self._pause_background(True)
        job: Job[Answer] = self._answer.submit(
            "ask", params, lambda raw: self._store_answer(raw, asked, note)
        )
        job.subscribe(on_end=lambda _job: self._pause_background(False))
        return job

    def _turns(self, messages: Sequence[Message]) -> list[Turn]:
        """As the prompt needs them; what was opened from an answer is discussed before what it cites."""
        opened = self._user.opened([message.id for message in messages])
        cited = {m.id: [c.path for c in m.answer.citations] for m in messages if m.answer}
        return [
            Turn(m.role, m.text, m.id, tuple(dict.fromkeys([*opened.get(m.id, ()), *cited.get(m.id, ())])))
            for m in messages
        ]

    def _store_question(self, question: str, chat: str | None) -> Message | None:
        if not self.writable:
            return None
        if chat is None:
            title = " ".join(question.split())
            short = title if len(title) <= TITLE_LENGTH else title[: TITLE_LENGTH - 1] + "…"
            chat = self._user.create_chat(short).id
        last = self._user.messages(chat, 1)
        return self._user.add_message(chat, question, parent=last[0].id if last else None)

    def _store_answer(self, raw: Any, asked: Message | None, note: str) -> Answer:
        answer = from_json(Answer, raw)
        if answer.source == "memory" and answer.adapter:
            taught = self._nights.taught_by(answer.adapter, answer.answer)
            note = NOTICES["taught_by"].format(path=taught) if taught else note
        answer = replace(answer, note=answer.note or note)
        if asked is None:
            return _unstored(answer, self._holder())
        stored = self._user.add_answer(asked.chat, asked.id, answer).answer
        assert stored is not None
        return stored

    def _pause_background(self, pause: bool) -> None:
        """Background processes stand still while an answer is computed: the person comes first."""
        with self._counting:
            self._answering += 1 if pause else -1
            for worker in (self._index, self._night):
                if pause and self._answering == 1:
                    worker.suspend()
                elif not pause and self._answering == 0:
                    worker.resume()

    def warm(self) -> Job[None]:
        """Start the answer process and load its models, so that the first question does not wait."""
        return self._answer.submit("warm", {}, lambda _raw: None)

    def chats(self, limit: int = 500) -> list[ChatSummary]:
        """Newest first, deleted ones left out."""
        return self._user.chats(limit)

    def messages(self, chat: str, limit: int = 50, before: str | None = None) -> list[Message]:
        """The newest `limit` messages of a chat (older than message id `before`), oldest first.

        A citation names its file where the library knows it now, if it was moved since.
        """
        return self._library.relocated(self._user.messages(chat, limit, before))

    def rename_chat(self, chat: str, title: str) -> None:
        self._user.rename(chat, title)

    def delete_chat(self, chat: str) -> None:
        """Hide a chat; `restore_chat` brings it back for 30 days. What a model had read of it goes now."""
        self._user.delete(chat)
        States(self.home.states).forget_chat(chat)

    def restore_chat(self, chat: str) -> None:
        self._user.restore(chat)

    def vote(self, message: str, vote: Literal["up", "down"] | None, better: str = "") -> None:
        self._user.vote(message, vote, better)

    def record(self, kind: Literal["opened_citation", "opened_file"], message: str | None, path: str) -> None:
        """Remember that the person opened a source: what was used matters at night."""
        self._user.record(kind, message, path)

    # -- nights ----------------------------------------------------------------------------------

    def personalize(self, minutes: float = 15.0, sources: Sequence[str] | None = None) -> Job[NightReport]:
        """Train an adapter on the folders that may be learned from, within `minutes`; on only if it helps.

        `sources` names the fields of `compose.Arms` that rows are composed of, for the benchmark; None: all.

        Events: Progress(select|compose|train|export|evaluate|decide). Cancelled or killed, it can be resumed.
        """
        self._may_write()
        return self._nights.start(minutes, sources)

    def resume_night(self, night: str | None = None) -> Job[NightReport]:
        """Go on with a night that did not end (None: the newest) at the stage it was in."""
        self._may_write()
        return self._nights.resume(night)

    def steer_night(self, how: Literal["pause", "resume", "cancel"]) -> NightReport:
        """Pause, continue or cancel the night under way, whichever process runs it."""
        return self._nights.steer(how)

    def nights(self) -> list[NightReport]:
        """Newest first."""
        return self._nights.reports()

    def night(self, night: str) -> NightReport:
        return self._nights.report(night)

    def use_adapter(self, night: str | None) -> None:
        """Let this night's adapter answer from now on, or (None) the base alone. Nothing is reloaded."""
        self._may_write()
        self._nights.use(night)

    def adapter_file(self, night: str) -> Path:
        """The adapter of a night. Raises EngineError: night_missing, night_not_done, adapter_broken, ..."""
        return self._nights.path(night)

    def discard_night(self, night: str) -> None:
        """Delete what a night made; its adapter is switched off first."""
        self._may_write()
        self._nights.discard(night)

    # -- the house -------------------------------------------------------------------------------

    def models(self) -> list[ModelReport]:
        """The catalog, and whether each model's file is here and is the right one."""
        from engine.models import catalog, files

        return [files.report(card, self.home) for card in catalog.cards()]

    def doctor(self) -> list[Check]:
        """Check machine and install; what fails carries a hint how to mend it."""
        return [*doctor.check(self.home, self._answer), *self._user_checks()]

    def _user_checks(self) -> list[Check]:
        try:
            return [Check("chats", True, f"{self._user.count_chats()} chats"), self._nights.check()]
        except EngineError as error:
            return [Check("chats", False, error.message, error.hint)]

    def processes(self) -> dict[str, int]:
        """Process ids of the workers that run now, by role."""
        workers = {worker.role: worker.pid for worker in self._workers()}
        return {role: pid for role, pid in workers.items() if pid is not None}

    @property
    def settings(self) -> Settings:
        return self._settings

    def change_settings(self, settings: Settings) -> None:
        self._may_write()
        choices.save(self.home.settings, settings)
        self._settings = settings

    # -- inside ----------------------------------------------------------------------------------

    def _within(self, folder: str | Path | None) -> str | None:
        # Without a folder no list of folders is needed: search goes on where user.db is damaged.
        return self._library.within(folder) if folder else None

    def _workers(self) -> tuple[Worker, ...]:
        return self._answer, self._index, self._night

    def _may_write(self) -> None:
        if not self.writable:
            raise EngineError("read_only", holder=self._holder(), path=str(self.home.root))

    def _holder(self) -> str:
        name, _pid = holder(self.home) or ("Another program", 0)
        return name


def _under_discussion(history: Sequence[Message]) -> str | None:
    """The document that the last answer with citations cites first."""
    answers = [message.answer for message in history if message.answer and message.answer.citations]
    return answers[-1].citations[0].path if answers else None


def _unstored(answer: Answer, name: str) -> Answer:
    return replace(answer, note=f"{answer.note} {NOTICES['not_stored'].format(holder=name)}".strip())
