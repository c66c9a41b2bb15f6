"""Several documents in one file: stored, replaced, moved and deleted with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts import Citation, PassageView
from engine.documents import reader
from engine.documents.extract import Extract, Section, Unreadable
from engine.documents.reader import Read
from engine.library import ledger

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


def _extract(text: str) -> Extract:
    return Extract(text, (Section(0, len(text)),), "", "text@1", None, "text")


def _members(path: Path) -> Iterator[Read]:
    """A stand-in for an archive: each line of a .zip is a member, `NAME: TEXT`, or `NAME!REASON`."""
    if path.suffix != ".zip":
        yield from reader.read_all(path)
        return
    lines = path.read_text().splitlines()
    yield Read("", _extract("\n".join(lines)))
    for line in lines:
        name, _colon, text = line.partition(": ")
        if text:
            yield Read(name, _extract(text))
        else:
            name, _mark, reason = line.partition("!!")
            yield Read(name, Unreadable(reason, "inside"))


@pytest.fixture
def archive(library: Library) -> Path:
    path = library.put("post/a.zip", "one.txt: alphaword\nsub/two.txt: betaword\nthree.pdf!!damaged")
    library.put("b.md")
    library.index(read=_members)
    return path


def test_members_are_documents_of_their_own(library: Library, archive: Path) -> None:
    assert library.states() == {
        "b.md": ("meaning", ""),
        "post/a.zip": ("meaning", ""),
        "post/a.zip!/one.txt": ("meaning", ""),
        "post/a.zip!/sub/two.txt": ("meaning", ""),
        "post/a.zip!/three.pdf": ("failed", "damaged"),
    }
    summary = library.index(read=_members)
    assert (summary.files, summary.indexed, summary.children, summary.passages) == (2, 2, 3, 4)
    assert library.read() == []
    coverage = ledger.coverage(library.database)
    assert (coverage.files, coverage.children, coverage.failed) == (2, 3, 0)
    assert {result.path for result in library.search("betaword").results if "beta" in result.text} == {
        str(archive), f"{archive}!/sub/two.txt",
    }  # fmt: skip
    assert [(p.path, p.reason, p.detail) for p in ledger.problems(library.database)] == [
        (f"{archive}!/three.pdf", "damaged", "inside")
    ]


def test_members_are_replaced_with_their_file(library: Library, archive: Path) -> None:
    archive.write_text("one.txt: gammaword\nfour.txt: deltaword")
    summary = library.index(read=_members)
    assert (summary.children, summary.passages) == (2, 4)
    assert {name for name in library.states() if "!/" in name} == {
        "post/a.zip!/one.txt", "post/a.zip!/four.txt",
    }  # fmt: skip
    for word in ("alphaword", "betaword"):
        assert library.found(word) == [] and not library.on_disk(word)
    assert set(library.found("gammaword")) == {"a.zip", "one.txt"}


def test_members_go_with_their_file(library: Library, archive: Path) -> None:
    archive.unlink()
    summary = library.index(read=_members)
    assert (summary.removed, summary.children) == (1, 0)
    assert list(library.states()) == ["b.md"]
    for table in ("texts", "passages", "words", "vectors"):
        assert library.database.one(f"SELECT count(*) FROM {table}") == (1,), table
    assert not library.on_disk("betaword")


def test_members_move_with_their_file(library: Library, archive: Path) -> None:
    archive.rename(library.folder / "kept.zip")
    summary = library.index(read=_members)
    assert (summary.moved, summary.removed, summary.children) == (1, 0, 3)
    assert {name for name in library.states() if "!/" in name} == {
        "kept.zip!/one.txt", "kept.zip!/sub/two.txt", "kept.zip!/three.pdf",
    }  # fmt: skip


def test_members_are_found_by_the_words_of_the_new_place_alone(library: Library, archive: Path) -> None:
    def holding(place: str) -> set[str]:
        rows = library.database.execute(
            "SELECT d.name FROM words JOIN passages AS p ON p.id = words.rowid"
            " JOIN documents AS d ON d.id = p.document WHERE words MATCH ?",
            (f'heading : "{place}"',),
        )
        return {name for (name,) in rows}

    new = library.folder / "kept" / "b.zip"
    new.parent.mkdir()
    archive.rename(new)
    assert library.index(read=_members).moved == 1
    assert (holding("post"), holding("kept b zip")) == (set(), {"one.txt", "two.txt"})
    places = holding("files"), holding("kept")
    new.write_text("one.txt: alphaword\nsub/two.txt: gammaword")
    library.index(read=_members)
    assert places == (holding("files"), holding("kept")), "as if it were read in its new place"


def test_a_citation_of_a_member_is_shown_while_its_file_is_there(library: Library, archive: Path) -> None:
    def view() -> PassageView:
        return ledger.view(library.database, citation)

    [found] = [result for result in library.search("betaword").results if result.path.endswith("two.txt")]
    citation = Citation(1, found.path, None, "betaword", 0, 8, True, "", found.sha256, found.reader)
    assert (view().path, view().quote, view().missing, view().changed) == (
        f"{archive}!/sub/two.txt", "betaword", False, False,
    )  # fmt: skip
    os.utime(archive, (1, 1))
    assert (view().missing, view().changed) == (False, True), "the archive is another one on disk"
    archive.unlink()
    assert view().missing


def test_a_file_that_fails_midway_keeps_nothing_of_its_members(library: Library, archive: Path) -> None:
    archive.write_text("one.txt: gammaword\nfour.txt: deltaword")

    def failing(path: Path) -> Iterator[Read]:
        documents = _members(path)
        yield next(documents)
        if path == archive:
            raise Unreadable("timeout")
        yield from documents

    library.index(read=failing)
    assert library.states() == {"b.md": ("meaning", ""), "post/a.zip": ("failed", "timeout")}
    assert not library.on_disk("gammaword") and not library.on_disk("alphaword")


def test_a_name_that_an_archive_holds_twice_is_two_members(library: Library) -> None:
    library.put("a.zip", "one.txt: alphaword\none.txt: betaword")
    library.index(read=_members)
    assert {name for name in library.states() if "!/" in name} == {"a.zip!/one.txt", "a.zip!/one.txt (2)"}
    assert "one.txt (2)" in library.found("betaword")


def test_a_search_within_a_file_finds_its_members(library: Library, archive: Path) -> None:
    assert set(library.found("betaword", archive)) == {"a.zip", "two.txt"}
    assert library.found("betaword", library.folder / "post" / "a.zi") == []


def test_members_read_by_an_older_reader_are_read_again(
    library: Library, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.database.execute("UPDATE documents SET reader = 'text@0' WHERE name = 'one.txt'")
    library.index(read=_members)
    assert library.read() == ["a.zip"]
    library.index(read=_members)
    assert library.read() == []


def test_members_that_failed_are_tried_again_with_their_file(library: Library, archive: Path) -> None:
    library.index(read=_members, retry=str(library.folder / "b.md"))
    assert library.read() == []
    library.index(read=_members, retry=str(archive))
    assert library.read() == ["a.zip"]


def test_a_folder_named_like_the_inside_of_an_archive_breaks_nothing(library: Library) -> None:
    library.put("a.zip", "one.txt: alphaword")
    library.put("a.zip!/one.txt", "betaword")
    for _run in range(3):
        summary = library.index(read=_members)
        assert (summary.files, summary.failed) == (2, 0)


def test_a_reader_is_closed_whatever_went_wrong(library: Library) -> None:
    closed: list[str] = []

    def reading(path: Path) -> Iterator[Read]:
        try:
            yield Read("", _extract("text"))
            if path.name == "bad.md":
                raise Unreadable("timeout")
            yield Read("x", _extract("text"))
        finally:
            closed.append(path.name)

    library.put("bad.md")
    library.put("good.md")
    library.index(read=reading)
    assert sorted(closed) == ["bad.md", "good.md"]
