"""Text in pictures: recognised last, page by page, and kept whatever happens between two pages."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts import IndexSummary, Progress
from engine.documents import reader
from engine.documents.extract import Unreadable
from engine.documents.ocr import Page
from engine.documents.reader import Read
from engine.errors import Cancelled
from engine.library import index as module
from engine.library import ledger
from tests.engine.documents.made import zipped
from tests.engine.documents.test_ocr import scan

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


class Eye:
    """A recogniser that knows what it is going to see: by file, by document in it, page by page."""

    def __init__(self) -> None:
        self.sights: dict[str, dict[int, list[str | Page]]] = {}
        self.asked: list[str] = []

    def put(self, path: Path, *pages: str | Page, member: int = 0) -> Path:
        """Make `path` a scan of `pages`; an empty one shows nothing that could be recognised."""
        self.sights.setdefault(path.name, {})[member] = list(pages)
        return path if member else scan(path, *("" for _ in pages))

    def __call__(self, path: Path, known: Sequence[Page]) -> Iterator[Page | Read]:
        told = {(page.member, page.number): page for page in known}
        for member, pages in self.sights[path.name].items():
            for number, sight in enumerate(pages, start=1):
                if (member, number) not in told:
                    self.asked.append(f"{path.name} {member}/{number}")
                    page = sight if isinstance(sight, Page) else Page(member, number, sight)
                    told[member, number] = replace(page, member=member, number=number)
                    yield told[member, number]
        done = 0

        def text(number: int, picture: Callable[[], object]) -> str:
            if (done, number) not in told:
                picture()
                return ""
            return told[done, number].text

        for read in reader.read_all(path, text):
            done += 1
            yield read


@pytest.fixture
def eye() -> Eye:
    return Eye()


def recognise(library: Library, eye: Eye, **options: object) -> IndexSummary:
    eye.asked.clear()
    return library.index(recognise=eye, **options)


class _StopsAfterPage:
    """Cancels as soon as so many pages are kept."""

    def __init__(self, library: Library, pages: int) -> None:
        self.library = library
        self.pages = pages

    def check(self) -> None:
        row = self.library.database.one("SELECT count(*) FROM recognised_pages")
        if row and row[0] >= self.pages:
            raise Cancelled


def kept(library: Library) -> list[tuple[int, str]]:
    return [tuple(row) for row in library.database.execute("SELECT number, text FROM recognised_pages")]


def detail(library: Library, path: Path) -> str:
    row = library.database.one("SELECT detail FROM documents WHERE path = ?", (str(path),))
    assert row is not None
    return str(row[0])


def test_scans_wait_until_somebody_can_recognise_them(library: Library, eye: Eye) -> None:
    eye.put(library.folder / "a.pdf", "the roof leaks", "the boat sinks")
    eye.put(library.folder / "b.pdf", "the cellar floods")
    mixed = scan(library.folder / "c.pdf", "typed words about gardens", "")
    eye.sights["c.pdf"] = {0: ["", "a picture of tulips"]}
    summary = library.index()
    assert library.states() == {
        "a.pdf": ("skipped", "no_text"), "b.pdf": ("skipped", "no_text"), "c.pdf": ("meaning", ""),
    }  # fmt: skip
    coverage = ledger.coverage(library.database)
    assert (coverage.recognised, coverage.scans, coverage.scanned_pages) == (0, 3, 4)
    assert library.index().problems == summary.problems and library.read() == []

    summary = recognise(library, eye)
    assert (summary.indexed, summary.skipped) == (3, 0)
    assert set(library.states().values()) == {("meaning", "")}
    coverage = ledger.coverage(library.database)
    assert (coverage.recognised, coverage.scans, coverage.scanned_pages) == (3, 0, 0)
    found = library.search("boat sinks").results[0]
    assert (found.path, found.page, found.reader) == (str(library.folder / "a.pdf"), 2, "pdf@3+ocr@1")
    text = ledger.document_text(library.database, found.path)
    assert text is not None and text[found.start : found.end] == found.text == "the boat sinks"
    assert library.found("tulips") == ["c.pdf"] and library.found("gardens") == ["c.pdf"]
    assert summary.rows["passages"] == summary.rows["vectors"] == 5

    assert recognise(library, eye).indexed == 3
    assert (eye.asked, library.read(), kept(library)) == ([], [], [])
    mixed.touch()
    recognise(library, eye)
    assert eye.asked == [], "the same content written anew is not recognised again"


def test_recognising_comes_after_all_else_and_few_pages_first(library: Library, eye: Eye) -> None:
    eye.put(library.folder / "long.pdf", "one", "two", "three")
    eye.put(library.folder / "short.pdf", "four")
    for number in range(3):
        library.put(f"{number}.md", f"words {number}")
    recognise(library, eye)
    assert eye.asked == ["short.pdf 0/1", "long.pdf 0/1", "long.pdf 0/2", "long.pdf 0/3"]
    events = [event for event in library.events if isinstance(event, Progress)]
    first = next(place for place, event in enumerate(events) if event.phase == "recognise")
    before = events[:first]
    assert [event.done for event in before if event.phase == "words"][-1] == 5
    assert [(event.done, event.total) for event in before if event.phase == "meaning"][-1] == (3, 3)
    pages = library.progress("recognise")
    assert (pages[0].done, pages[-1].done, pages[-1].total) == (0, 4, 4)
    assert pages[0].current == str(library.folder / "short.pdf")


def test_stopped_between_pages_it_goes_on_at_the_next(library: Library, eye: Eye) -> None:
    eye.put(library.folder / "a.pdf", "one", "two", "three", "four")
    with pytest.raises(Cancelled):
        recognise(library, eye, control=_StopsAfterPage(library, 2))
    assert eye.asked == ["a.pdf 0/1", "a.pdf 0/2"]
    assert kept(library) == [(1, "one"), (2, "two")]
    assert library.states() == {"a.pdf": ("skipped", "no_text")}
    recognise(library, eye, retry=True)
    assert eye.asked == ["a.pdf 0/3", "a.pdf 0/4"], "read again, the file is the same"
    text = ledger.document_text(library.database, str(library.folder / "a.pdf"))
    assert text == "one\n\ntwo\n\nthree\n\nfour"
    assert kept(library) == []


_KILLED = """
import os, signal, sys
from pathlib import Path
from engine.documents.ocr import Page
from engine.library import index, schema
from engine.models.fake import FakeEmbedder

folder, home = Path(sys.argv[1]), Path(sys.argv[2])

class Control:
    def check(self): pass

def recognise(path, known):
    for number in range(1, 5):
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Page(0, number, f"text {number}")

embedder = FakeEmbedder(dimensions=64)
database = schema.open_for_writing(home / "index.db", embedder, lambda event: None)
index.index(database, [folder], embedder, control=Control(), emit=lambda event: None, own=home,
            recognise=recognise)
"""


@pytest.mark.process
def test_killed_between_pages_it_goes_on_at_the_next(library: Library, eye: Eye) -> None:
    eye.put(library.folder / "a.pdf", "one", "two", "three", "four")
    library.database.close()
    arguments = [str(library.folder), str(library.home.root)]
    done = subprocess.run([sys.executable, "-c", _KILLED, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL
    library.database = library.open()
    recognise(library, eye)
    assert eye.asked == ["a.pdf 0/3", "a.pdf 0/4"]
    assert [page for (page,) in library.database.execute("SELECT page FROM passages")] == [1, 2, 3, 4]
    assert library.search("three").results[0].page == 3


def test_a_page_that_broke_is_told_and_not_tried_again(library: Library, eye: Eye) -> None:
    some = eye.put(library.folder / "some.pdf", "one", Page(0, 2, reason="timeout"), "three")
    none = eye.put(library.folder / "none.pdf", Page(0, 1, reason="timeout"), "")
    summary = recognise(library, eye)
    assert library.states() == {"some.pdf": ("meaning", ""), "none.pdf": ("failed", "timeout")}
    assert (detail(library, some), detail(library, none)) == ("page 2: timeout", "page 1")
    assert library.found("three") == ["some.pdf"]
    assert [(problem.reason, problem.detail) for problem in summary.problems] == [("timeout", "page 1")]
    recognise(library, eye)
    assert eye.asked == []
    recognise(library, eye, retry=True)
    assert eye.asked == ["none.pdf 0/1", "none.pdf 0/2"]


def test_a_picture_without_words_says_so_and_is_not_tried_again(library: Library, eye: Eye) -> None:
    eye.put(library.folder / "a.pdf", "", " ")
    scan(library.folder / "b.pdf", "typed", "")
    eye.sights["b.pdf"] = {0: ["", ""]}
    recognise(library, eye)
    assert library.states() == {"a.pdf": ("skipped", "no_words"), "b.pdf": ("meaning", "")}
    assert library.search("typed").results[0].reader == "pdf@3"
    recognise(library, eye)
    assert (eye.asked, ledger.coverage(library.database).scans) == ([], 0)


def test_a_damaged_picture_is_named(library: Library, eye: Eye) -> None:
    image = pytest.importorskip("PIL").Image.new("RGB", (300, 100), "red")
    image.save(library.folder / "a.png")
    content = (library.folder / "a.png").read_bytes()
    (library.folder / "a.png").write_bytes(content[: len(content) // 4])
    eye.sights["a.png"] = {}
    library.index()
    assert library.states() == {"a.png": ("skipped", "no_text")}
    recognise(library, eye)
    assert library.states() == {"a.png": ("failed", "damaged")}


def test_only_the_scans_of_an_archive_are_written_again(library: Library, eye: Eye) -> None:
    inside = eye.put(library.home.root / "inside.pdf", "the lease ends in May")
    path = zipped(
        library.folder / "a.zip",
        {"notes.txt": "some notes", "scan.pdf": inside.read_bytes(), "bad.pdf": b"%PDF-nothing"},
    )
    eye.put(path, "the lease ends in May", member=2)
    library.index()
    before = dict(library.database.execute("SELECT path, id FROM documents"))
    assert library.states()["a.zip!/scan.pdf"] == ("skipped", "no_text")
    recognise(library, eye)
    assert eye.asked == ["a.zip 2/1"]
    assert dict(library.database.execute("SELECT path, id FROM documents")) == before
    assert library.states() == {
        "a.zip": ("meaning", ""),
        "a.zip!/notes.txt": ("meaning", ""),
        "a.zip!/scan.pdf": ("meaning", ""),
        "a.zip!/bad.pdf": ("failed", "damaged"),
    }
    assert library.found("lease") == ["scan.pdf"]
    recognise(library, eye)
    assert eye.asked == []


def test_a_file_that_changes_meanwhile_is_read_again(library: Library, eye: Eye) -> None:
    path = eye.put(library.folder / "a.pdf", "one", "two")

    def changing(found: Path, known: Sequence[Page]) -> Iterator[Page | Read]:
        assert known == ()
        yield Page(0, 1, "stale")
        eye.put(path, "new")
        yield Page(0, 2, "stale")
        yield from reader.read_all(found, lambda number, picture: "stale")

    library.index(recognise=changing)
    assert library.states() == {"a.pdf": ("skipped", "no_text")}
    recognise(library, eye)
    assert eye.asked == ["a.pdf 0/1"]
    assert ledger.document_text(library.database, str(path)) == "new"
    assert not library.on_disk("stale")


def test_what_the_reading_process_does_not_survive_ends_there(library: Library, eye: Eye) -> None:
    path = eye.put(library.folder / "a.pdf", "one")

    def broken(found: Path, known: Sequence[Page]) -> Iterator[Page | Read]:
        yield Read("", Unreadable("memory", "more than 1 MB"))

    library.index(recognise=broken)
    assert library.states() == {"a.pdf": ("failed", "memory")}
    eye.put(path, "one", "two")
    recognise(library, eye, crashed={str(path): 2})
    assert (library.states(), eye.asked) == ({"a.pdf": ("failed", "crashed_reader")}, [])


def test_secrets_found_on_pages_are_counted(library: Library, eye: Eye) -> None:
    eye.put(library.folder / "a.pdf", Page(0, 1, "a key: ****", redacted=1), "two")
    assert recognise(library, eye).redacted == 1


def test_pages_of_a_removed_file_leave_the_disk(library: Library, eye: Eye) -> None:
    eye.put(library.folder / "a.pdf", "zanzibar", "two")
    with pytest.raises(Cancelled):
        recognise(library, eye, control=_StopsAfterPage(library, 1))
    assert library.on_disk("zanzibar")
    module.remove(library.database, library.folder)
    assert kept(library) == [] and not library.on_disk("zanzibar")
