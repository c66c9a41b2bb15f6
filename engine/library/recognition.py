"""Text in pictures, after all else: page by page, each kept at once; then its document is written whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.contracts import Control, Event
from engine.documents.extract import Extract, Unreadable
from engine.documents.ocr import Page
from engine.documents.reader import Read
from engine.library import preview, writer
from engine.library.intake import QUARANTINE, Intake, is_same, name_in_ledger
from engine.library.progress import Meter
from engine.library.scan import Entry
from engine.store.database import Database

# Yields the pages of a file that are not known yet, one by one, and the documents they belong to.
Recogniser = Callable[[Path, Sequence[Page]], Iterator[Page | Read]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file of the ledger with so many pages to recognise, in itself or in what lies in it."""

    id: int
    entry: Entry
    pages: int


def waiting(database: Database, entries: Mapping[str, Entry]) -> list[Waiting]:
    """The files among `entries` that wait, those of few pages first."""
    rows = database.execute(
        "SELECT f.id, f.path, f.size, f.mtime_ns, sum(d.scans)"
        " FROM documents AS d JOIN documents AS f ON f.id = coalesce(d.parent, d.id)"
        " WHERE d.scans > 0 GROUP BY f.id ORDER BY 5, f.size, f.id"
    )
    return [
        Waiting(document, entries[path], pages)
        for document, path, size, mtime_ns, pages in rows
        if path in entries
        and not entries[path].reason
        and (entries[path].size, entries[path].mtime_ns) == (size, mtime_ns)
    ]


class Recognition:
    """Recognises what waits, file by file."""

    def __init__(
        self,
        database: Database,
        intake: Intake,
        recognise: Recogniser,
        control: Control,
        emit: Callable[[Event], None],
        crashed: Mapping[str, int],
    ) -> None:
        self._database = database
        self._intake = intake
        self._recognise = recognise
        self._control = control
        self._emit = emit
        self._crashed = crashed

    def run(self, entries: Mapping[str, Entry]) -> Iterator[str]:
        """The path of each file that waited, once its documents are written. Stops between pages."""
        files = waiting(self._database, entries)
        meter = Meter("recognise", sum(file.pages for file in files), self._emit)
        spent, recognised = 0.0, 0
        for file in files:
            before = meter.done

            def known(pages: int, file: Waiting = file, before: int = before) -> None:
                meter.done = before + min(pages, file.pages)
                # Named before its next page is touched: if this process dies now, it is known of which file.
                meter.show(file.entry.path)
                self._control.check()

            began = time.monotonic()
            recognised += self._take(file, known)
            spent += time.monotonic() - began
            meter.done = before + file.pages
            meter.show()
            yield file.entry.path
        if recognised:
            preview.remember(self._database, pages=recognised / spent)

    def _take(self, found: Waiting, known: Callable[[int], None]) -> int:
        """Recognise what is left of a file, and write its documents; how many pages it was.

        `known` hears of each. A file that is not as the ledger knows it is left to the next run.
        """
        if self._crashed.get(found.entry.path, 0) >= QUARANTINE:
            self._conclude(found, "crashed_reader")
            return 0
        pages = self._kept(found.id)
        kept = len(pages)
        known(len(pages))
        members = 0
        taken: set[str] = set()
        problem = "unknown"  # why documents did not come that should have
        for said in self._recognise(Path(found.entry.path), tuple(pages)):
            if not is_same(found.entry):
                break
            if isinstance(said, Page):
                self._keep(found.id, said)
                pages.append(said)
                known(len(pages))
                continue
            name = f"!/{name_in_ledger(said.member, taken)}" if said.member else ""
            own = [page for page in pages if page.member == members]
            self._put(found, found.entry.path + name, said.result, own)
            if isinstance(said.result, Unreadable):
                problem = said.result.reason
            members += 1
        if is_same(found.entry):
            self._conclude(found, problem)
        return len(pages) - kept

    def _kept(self, file: int) -> list[Page]:
        rows = self._database.execute(
            "SELECT member, number, text, reason, redacted FROM recognised_pages WHERE file = ?", (file,)
        )
        return [Page(*row) for row in rows]

    def _keep(self, file: int, page: Page) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO recognised_pages VALUES (?, ?, ?, ?, ?, ?)",
            (file, page.member, page.number, page.text, page.reason, page.redacted),
        )

    def _put(self, found: Waiting, path: str, result: Extract | Unreadable, pages: Sequence[Page]) -> None:
        """Write a document whose `pages` waited; the others of its file stay as they are."""
        if self._database.one("SELECT 1 FROM documents WHERE path = ? AND scans > 0", (path,)) is None:
            return
        failed = [page for page in pages if page.reason]
        detail = f"page {', '.join(str(page.number) for page in failed)}" if failed else ""
        if isinstance(result, Extract) and result.recognised:
            redacted = result.redacted + sum(page.redacted for page in pages)
            with self._database.transaction():
                self._intake.rewrite(found.entry, found.id, path, replace(result, redacted=redacted))
                writer.note(self._database, path, f"{detail}: {failed[0].reason}" if failed else "")
        elif failed:
            self._settle(found, path, Unreadable(failed[0].reason, detail))
        elif isinstance(result, Unreadable) and result.reason != "no_text":
            self._settle(found, path, result)
        else:
            self._settle(found, path, Unreadable("no_words"))

    def _settle(self, found: Waiting, path: str, problem: Unreadable) -> None:
        """Nothing was recognised in a document: text it has stays, else it gets the reason."""
        text = "SELECT 1 FROM texts WHERE document = (SELECT id FROM documents WHERE path = ?)"
        if self._database.one(text, (path,)) is not None:
            writer.note(self._database, path, "" if problem.reason == "no_words" else str(problem))
        else:
            self._intake.rewrite(found.entry, found.id, path, problem)

    def _conclude(self, found: Waiting, reason: str) -> None:
        """Nothing of the file waits any longer; documents that were not reached get `reason`."""
        with self._database.transaction():
            rows = self._database.execute(
                "SELECT path FROM documents WHERE (id = ? OR parent = ?) AND scans > 0", (found.id, found.id)
            )
            for (path,) in rows:
                self._settle(found, path, Unreadable(reason))
            self._database.execute("DELETE FROM recognised_pages WHERE file = ?", (found.id,))
