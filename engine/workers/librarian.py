"""The library from the asking side: folders and their rules, index jobs, and what the ledger says."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from engine.answer.states import States
from engine.contracts import (
    Citation,
    Coverage,
    FileReport,
    FolderReport,
    FolderRules,
    Forgotten,
    IndexSummary,
    Message,
    Notice,
    PassageView,
    Preview,
)
from engine.errors import EngineError
from engine.paths import Home
from engine.personalize.forgetting import at_or_below
from engine.store.database import Database
from engine.store.user import UserStore
from engine.wire import from_json, to_json
from engine.workers.jobs import Job
from engine.workers.nights import NightShift
from engine.workers.supervisor import Worker
from engine.workers.watcher import Watcher

T = TypeVar("T")


class Librarian:
    """The verbs of `Engine` about the library, over the home's folders, its index and one worker."""

    def __init__(self, home: Home, user: UserStore, nights: NightShift, worker: Worker) -> None:
        self._home = home
        self._user = user
        self._nights = nights
        self._worker = worker
        self._states = States(home.states)

    # -- before ----------------------------------------------------------------------------------

    def preview(self, paths: Sequence[str | Path], rules: FolderRules | None = None) -> Job[Preview]:
        """What indexing `paths` would mean, under `rules` if given. No file is opened, nothing is stored."""
        roots = [str(self._usable(Path(path), look_inside=False)) for path in paths]
        params = {"roots": roots, **self._left_out()}
        if rules is not None:
            _check_rules(rules)
            params["rules"] |= dict.fromkeys(roots, to_json(rules))
        return self._worker.submit("preview", params, lambda raw: from_json(Preview, raw), urgent=True)

    def is_new(self, path: str | Path) -> bool:
        """Whether `path` lies in no remembered folder."""
        wanted = _absolute(path)
        return not any(wanted.is_relative_to(folder.path) for folder in self._user.folders())

    # -- indexing --------------------------------------------------------------------------------

    def index(self, paths: Sequence[str | Path]) -> Job[IndexSummary]:
        """Remember `paths` and bring the index in step with them; with none, with all remembered folders."""
        from engine.library.scan import path_hash

        roots = [self._usable(Path(path)) for path in paths]
        for root in roots:
            self._user.add_folder(root, "folder" if root.is_dir() else "file")
            self._user.set_forgotten(path_hash(str(root)), False)
        if not paths:
            roots = [Path(folder.path) for folder in self._user.folders()]
            if not roots and not self.coverage().files:
                raise EngineError("nothing_indexed")
        return self._submit([str(root) for root in roots])

    def retry(self, path: str | Path | None) -> Job[IndexSummary]:
        """Read again what failed or was skipped: all of it, or what lies at or below `path`."""
        roots = [folder.path for folder in self._user.folders()]
        if not roots:
            raise EngineError("nothing_indexed")
        return self._submit(roots, retry=self.within(path) or True)

    def _submit(
        self, roots: list[str], retry: bool | str = False, recognise: bool = True
    ) -> Job[IndexSummary]:
        def params() -> dict[str, Any]:
            # Asked again for each turn of the job: a folder may have been removed in between.
            keep = [folder.path for folder in self._user.folders()]
            wanted = [root for root in roots if any(at_or_below(folder)(root) for folder in keep)]
            options = {"retry": retry, "recognise": recognise}
            return {"roots": wanted, "keep": keep, **options, **self._left_out()}

        def finished(raw: Any) -> IndexSummary:
            self._sweep_states()
            return from_json(IndexSummary, raw)

        return self._worker.submit("index", params, finished, restartable=True)

    def _sweep_states(self) -> None:
        """What models had read of files that are gone, or say something else now, goes with their text."""
        from engine.library import ledger

        with suppress(EngineError), self.reading() as database:
            if database is not None:
                old = {file[0] for file in self._states.files() if not ledger.unchanged(database, [file])}
                if old:
                    self._states.forget_files(lambda path: path in old)

    def _left_out(self) -> dict[str, Any]:
        rules = {folder.path: to_json(folder.rules) for folder in self._user.folders()}
        return {"rules": rules, "forgotten": self._user.forgotten()}

    # -- staying in step -------------------------------------------------------------------------

    def watch(
        self, on_job: Callable[[Job[IndexSummary]], None], on_notice: Callable[[Notice], None]
    ) -> Watcher:
        """Follow all remembered folders from now on, until it is stopped."""
        own = str(self._home.root.resolve())

        def is_noise(path: str, folder: str) -> bool:
            from engine.library import scan

            return at_or_below(own)(path) or scan.is_noise(path, folder)

        return Watcher(
            lambda: [folder.path for folder in self._user.folders()],
            lambda roots, recognise: self._submit(roots, recognise=recognise),
            is_noise,
            on_job,
            on_notice,
        )

    # -- folders ---------------------------------------------------------------------------------

    def folders(self) -> list[FolderReport]:
        """All remembered folders and how far each is."""
        known = self._user.folders()
        with self.reading() as database:
            if database is None:
                reports = [FolderReport(folder.path) for folder in known]
            else:
                from engine.library import ledger

                reports = ledger.folder_reports(database, [folder.path for folder in known])
        return [
            replace(report, learn=folder.learn, rules=folder.rules, kind=folder.kind)
            for report, folder in zip(reports, known, strict=True)
        ]

    def set_rules(self, path: str | Path, rules: FolderRules) -> None:
        """Replace what is left out of a folder. Raises EngineError: folder_missing, bad_pattern."""
        _check_rules(rules)
        self._user.set_rules(_absolute(path), rules)

    def rules(self, path: str | Path) -> FolderRules:
        """What is left out of a folder. Raises EngineError(folder_missing)."""
        wanted = str(_absolute(path))
        for folder in self._user.folders():
            if folder.path == wanted:
                return folder.rules
        raise EngineError("folder_missing", path=wanted)

    def remove(self, path: str | Path) -> Job[None]:
        """Forget a folder and everything indexed from it or taught by it."""
        root = str(_absolute(path))
        paths = [folder.path for folder in self._user.folders()]
        keep = [other for other in paths if other != root]
        if root in paths:
            self._nights.forget(root, keep)
        self._user.remove_folder(root)
        gone = at_or_below(root, keep)
        return self._remove(root, keep, gone, lambda _raw: None)

    def forget(self, path: str | Path) -> Job[Forgotten]:
        """Remove a file's or folder's influence everywhere; files of the person's own are not touched."""
        root = str(_absolute(path))
        if holder := self._holder_of(root):
            raise EngineError("inside_file", path=root, holder=holder)
        is_below = at_or_below(root)
        moved = self._moved({*self._user.cited(), *self._states.files()})

        def gone(path: str) -> bool:
            return is_below(path) or is_below(moved.get(path, ""))

        quotes = self._user.forget(gone)
        found = replace(self._nights.forget(root), quotes=quotes)
        for folder in filter(lambda folder: is_below(folder.path), self._user.folders()):
            self._user.remove_folder(folder.path)
        found = replace(found, still_there=Path(root).exists() and self._leave_out(root))
        return self._remove(root, [], gone, lambda removed: replace(found, files=removed))

    def _remove(
        self, root: str, keep: list[str], gone: Callable[[str], bool], finish: Callable[[int], T]
    ) -> Job[T]:
        def finished(removed: int) -> T:
            # Once more: an answer that was under way could still find what is gone now.
            self._states.forget_files(gone)
            return finish(removed)

        self._states.forget_files(gone)
        params = {"root": root, "keep": keep}
        return self._worker.submit("remove", params, finished, restartable=True, urgent=True)

    def _leave_out(self, path: str) -> bool:
        """Keep `path`, if it lies in an indexed folder, from being read again by the next look at it."""
        from engine.library.scan import path_hash

        is_inside = any(at_or_below(folder.path)(path) for folder in self._user.folders())
        if is_inside:
            self._user.set_forgotten(path_hash(path), True)
        return is_inside

    # -- the ledger ------------------------------------------------------------------------------

    def coverage(self) -> Coverage:
        with self.reading() as database:
            if database is None:
                return Coverage()
            from engine.library import beside, ledger

            return replace(ledger.coverage(database), remaking=beside.remaking(self._home.index_db))

    def problems(self, offset: int, limit: int) -> list[FileReport]:
        """Files that were skipped or failed, newest first."""
        with self.reading() as database:
            if database is None:
                return []
            from engine.library import ledger

            return ledger.problems(database, offset, limit)

    def hidden_text(self, offset: int, limit: int) -> list[FileReport]:
        """Files of which text that nobody sees in them was left out, newest first."""
        with self.reading() as database:
            if database is None:
                return []
            from engine.library import ledger

            return ledger.hidden_text(database, offset, limit)

    def view(self, citation: Citation) -> PassageView:
        """The cited span with about 600 characters of stored text on each side."""
        with self.reading() as database:
            if database is None:
                return PassageView(citation.path, citation.page, "", "", citation.quote, "", missing=True)
            from engine.library import ledger

            return ledger.view(database, citation)

    def relocated(self, messages: list[Message]) -> list[Message]:
        """The same, with the files of their citations where they are now. It never fails: chats must show."""
        answers = [message.answer for message in messages if message.answer]
        moved: dict[str, str] = {}
        with suppress(EngineError):
            moved = self._moved({(c.path, c.sha256) for answer in answers for c in answer.citations})
        return [_relocated(message, moved) for message in messages] if moved else messages

    def _moved(self, cited: Collection[tuple[str, str]]) -> dict[str, str]:
        """Where files are now, by the path at which they were cited."""
        with self.reading() as database:
            if database is None or not cited:
                return {}
            from engine.library import ledger

            return ledger.moved(database, cited)

    def _holder_of(self, path: str) -> str:
        """The file that `path` is a part of, as a member of an archive is; empty if of none."""
        with self.reading() as database:
            if database is None:
                return ""
            from engine.library import ledger

            return ledger.holder(database, path)

    @contextmanager
    def reading(self) -> Iterator[Database | None]:
        """index.db, read-only; None while there is none that can be read."""
        from engine.library import schema

        database = schema.open_for_reading(self._home.index_db)
        try:
            yield database
        finally:
            if database is not None:
                database.close()

    def within(self, path: str | Path | None) -> str | None:
        """The absolute path of something in the library, or above some of it."""
        if not path:
            return None
        wanted = _absolute(path)
        for folder in self._user.folders():
            root = Path(folder.path)
            if wanted.is_relative_to(root) or root.is_relative_to(wanted):
                return str(wanted)
        raise EngineError("folder_missing", path=str(wanted))

    def _usable(self, path: Path, look_inside: bool = True) -> Path:
        """The absolute path of a file or folder that may be indexed."""
        found = _absolute(path)
        if not found.exists():
            raise EngineError("path_missing", path=str(found))
        home = self._home.root.resolve()
        if found == home or home in found.parents:
            raise EngineError("path_is_home", path=str(found))
        if found.is_file() and not look_inside:  # to open a file in the cloud would fetch it
            return found
        try:
            with found.open("rb") if found.is_file() else _listing(found):
                return found
        except OSError as error:
            raise EngineError("path_unreadable", path=str(found)) from error


def _check_rules(rules: FolderRules) -> None:
    """Raises EngineError(bad_pattern)."""
    from engine.library.rules import is_pattern

    for pattern in rules.ignore:
        if not is_pattern(pattern):
            raise EngineError("bad_pattern", pattern=pattern)


def _relocated(message: Message, moved: Mapping[str, str]) -> Message:
    if message.answer is None:
        return message
    citations = tuple(replace(c, path=moved.get(c.path, c.path)) for c in message.answer.citations)
    return replace(message, answer=replace(message.answer, citations=citations))


def _absolute(path: str | Path) -> Path:
    return _as_listed(Path(path).expanduser().resolve())


def _as_listed(path: Path) -> Path:
    """`path` with each name as its folder lists it: so it is in the index, which compares them byte by byte.

    Where case or the Unicode form does not count, a person may type another. What is not there stays so.
    """
    if path == path.parent:
        return path
    path = _as_listed(path.parent) / path.name
    if not _may_be_typed_otherwise(path):
        return path
    try:
        others = {other.name: other for other in path.parent.iterdir() if _folded(other) == _folded(path)}
        return path if path.name in others else next(filter(path.samefile, others.values()), path)
    except OSError:
        return path


def _may_be_typed_otherwise(path: Path) -> bool:
    """Asked first, because to list a folder may take long."""
    other = path.with_name(path.name.swapcase())
    try:
        return not path.name.isascii() or (other.name != path.name and other.samefile(path))
    except OSError:
        return False


def _folded(path: Path) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path.name).casefold())


def _listing(folder: Path) -> Any:
    import os

    return os.scandir(folder)
