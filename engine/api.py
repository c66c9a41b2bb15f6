"""class Engine: every verb the window, the command line and the server may use.

Quick verbs return a value and may block for milliseconds (call them off the window's thread). Long verbs
return a `Job`. Failures are `EngineError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from engine.contracts import (
    Answer,
    Check,
    ChatSummary,
    Citation,
    FileReport,
    FolderReport,
    IndexSummary,
    Message,
    PassageView,
    SearchReply,
    Status,
)
from engine.settings import Settings
from engine.workers.jobs import Job

__all__ = ["Engine", "Job"]


class Engine:
    """One home folder and the processes that work on it. Use as a context manager; `close` ends all.

    `write=True` takes the home's lock and raises EngineError("home_locked") if another process has it;
    `write=None` takes it if free. Without it every verb that stores raises EngineError("read_only"),
    except `ask`, which answers without storing.
    """

    def __init__(self, home: str | Path | None = None, *, write: bool | None = None) -> None: ...

    @property
    def writable(self) -> bool: ...

    def close(self) -> None:
        """Cancel jobs, end all worker processes (bounded to about 3 s), release the lock."""

    # -- library ---------------------------------------------------------------------------------

    def index(self, paths: Sequence[str | Path] = ()) -> Job[IndexSummary]:
        """Remember `paths` as folders (or single files) and bring the index in step with them.

        With no paths: all remembered folders. Events: Progress(scan|words|meaning), FileDone, Notice.
        """
        ...

    def folders(self) -> list[FolderReport]: ...

    def remove_folder(self, path: str | Path) -> None:
        """Forget a folder and everything indexed from it."""

    def retry(self, path: str | Path | None = None) -> Job[IndexSummary]:
        """Index again what failed or was skipped (one file, or all)."""
        ...

    def status(self) -> Status: ...

    def problems(self, offset: int = 0, limit: int = 200) -> list[FileReport]:
        """Files that were skipped or failed, newest first."""
        ...

    def search(self, query: str, k: int = 10, folder: str | None = None) -> Job[SearchReply]: ...

    def view(self, citation: Citation) -> PassageView:
        """The cited span with about 600 characters of stored text on each side."""
        ...

    # -- chat ------------------------------------------------------------------------------------

    def ask(
        self,
        question: str,
        chat: str | None = None,
        *,
        folder: str | None = None,
        files: bool = True,
        max_tokens: int = 256,
    ) -> Job[Answer]:
        """Answer, in `chat` (an id), or a new chat when `chat` is None or "new".

        Events: Notice, Found, Progress(prompt), Token. Cancelling keeps what was written: the job then
        *succeeds* with `stopped=True` if any token came, else it ends as Cancelled.
        """
        ...

    def warm(self) -> Job[None]:
        """Start the answer process and load its models, so that the first question does not wait."""
        ...

    def chats(self, limit: int = 500) -> list[ChatSummary]:
        """Newest first, deleted ones left out."""
        ...

    def messages(self, chat: str, limit: int = 50, before: str | None = None) -> list[Message]:
        """The newest `limit` messages of a chat (older than message id `before`), oldest first."""
        ...

    def rename_chat(self, chat: str, title: str) -> None: ...

    def delete_chat(self, chat: str) -> None:
        """Hide a chat; `restore_chat` brings it back for 30 days."""

    def restore_chat(self, chat: str) -> None: ...

    def vote(self, message: str, vote: Literal["up", "down"] | None, better: str = "") -> None: ...

    def record(self, kind: Literal["opened_citation", "opened_file"], message: str | None, path: str) -> None:
        """Remember that the person opened a source: what was used matters at night."""

    # -- the house -------------------------------------------------------------------------------

    def doctor(self) -> list[Check]: ...

    @property
    def settings(self) -> Settings: ...

    def change_settings(self, settings: Settings) -> None: ...
