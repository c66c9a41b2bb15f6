"""A folder of files, an index of it, and what happened while it was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.contracts import Event, FileDone, IndexSummary, Notice, Progress, SearchReply
from engine.documents import reader
from engine.documents.extract import Extract, Unreadable
from engine.documents.reader import Read
from engine.library import index, schema, search
from engine.library.intake import Reader
from engine.models.fake import FakeEmbedder
from engine.paths import Home
from engine.store.database import Database


class NeverStops:
    """A control that lets everything run."""

    def check(self) -> None:
        return None


class Library:
    """One home, one index, and the events of the last run."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.folder = folder
        self.embedder = FakeEmbedder(dimensions=64)
        self.events: list[Event] = []
        self.reader: Reader = reader.read_all
        self.database = self.open()

    def open(self) -> Database:
        return schema.open_for_writing(self.home.index_db, self.embedder, self.events.append)

    @staticmethod
    def alone(read: Callable[[Path], Extract]) -> Reader:
        """`read` for files that hold nothing but themselves."""

        def documents(path: Path) -> Iterator[Read]:
            try:
                yield Read("", read(path))
            except Unreadable as problem:
                yield Read("", problem)

        return documents

    def put(self, name: str, text: str = "some words") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def index(
        self,
        *roots: Path,
        crashed: Mapping[str, int] | None = None,
        retry: bool | str = False,
        control: object | None = None,
        **options: Any,
    ) -> IndexSummary:
        self.events.clear()
        summary = index.index(
            self.database,
            roots or (self.folder,),
            self.embedder,
            control=control or NeverStops(),
            emit=self.events.append,
            own=self.home.root,
            crashed=crashed,
            retry=retry,
            **{"read": self.reader, **options},
        )
        assert summary.files == summary.indexed + summary.skipped + summary.failed
        return summary

    def search(self, query: str, k: int = 10, folder: Path | None = None) -> SearchReply:
        return search.search(self.database, self.embedder, query, k, folder)

    def found(self, query: str, folder: Path | None = None) -> list[str]:
        """Names of the files found by one of the query's words, best first."""
        return [
            Path(result.path).name
            for result in self.search(query, folder=folder).results
            if any(word in result.text.lower() for word in query.lower().split())
        ]

    def states(self) -> dict[str, tuple[str, str]]:
        rows = self.database.execute("SELECT path, state, reason FROM documents ORDER BY path")
        return {str(Path(path).relative_to(self.folder)): (state, reason) for path, state, reason in rows}

    def read(self) -> list[str]:
        """Names of the files that reached a state in the last run."""
        return [Path(event.path).name for event in self.events if isinstance(event, FileDone)]

    def progress(self, phase: str) -> list[Progress]:
        return [event for event in self.events if isinstance(event, Progress) and event.phase == phase]

    def notices(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Notice)]

    def on_disk(self, text: str) -> bool:
        return any(text.encode() in path.read_bytes() for path in self.home.root.glob("index.db*"))


@pytest.fixture
def library(home: Home, tmp_path: Path) -> Iterator[Library]:
    folder = tmp_path / "files"
    folder.mkdir()
    library = Library(home, folder)
    yield library
    library.database.close()
