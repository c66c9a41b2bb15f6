"""Coverage, problems, and the text around a passage."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts import Citation, Coverage, FileReport, FolderReport, Passage
from engine.library import ledger

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


def test_coverage_counts_every_state(library: Library) -> None:
    assert ledger.coverage(library.database) == Coverage()
    library.put("a.md", "word " * 600)
    library.put("b.md")
    library.put("empty.txt", "")
    library.put("bad.pdf", "%PDF-1.7 no")
    library.index()
    library.database.execute("UPDATE passages SET embedded = 0 WHERE document = 1")
    library.database.execute("UPDATE documents SET state = 'words' WHERE id = 1")
    library.database.execute(
        "INSERT INTO documents (path, name, size, mtime_ns, inode, state)"
        " VALUES ('/w', 'w', 0, 0, 0, 'waiting')"
    )
    found = ledger.coverage(library.database)
    rows = dict(library.database.execute("SELECT embedded, count(*) FROM passages GROUP BY embedded"))
    assert (found.files, found.indexed, found.words, found.meaning) == (5, 2, 1, 1)
    assert (found.skipped, found.failed, found.waiting) == (1, 1, 1)
    assert found.reasons == {"damaged": 1, "empty": 1}
    assert (found.passages, found.embedded) == (sum(rows.values()), rows[1])


def test_folders_are_reported_by_what_lies_below_them(library: Library) -> None:
    library.put("one/a.md")
    library.put("one/b.txt", "")
    library.put("one-more/c.md")
    library.index()
    one, single, gone = (str(library.folder / name) for name in ("one", "one-more/c.md", "gone"))
    assert ledger.folder_reports(library.database, [one, single, gone]) == [
        FolderReport(path=one, files=2, meaning=1, skipped=1),
        FolderReport(path=single, files=1, meaning=1),
        FolderReport(path=gone, available=False),
    ]


def test_problems_come_newest_first_in_pages(library: Library) -> None:
    for number in range(5):
        library.put(f"{number}.txt", "")
        library.index()
    pages = [ledger.problems(library.database, offset, 2) for offset in (0, 2, 4, 6)]
    assert [[Path(report.path).name for report in page] for page in pages] == [
        ["4.txt", "3.txt"],
        ["2.txt", "1.txt"],
        ["0.txt"],
        [],
    ]
    newest = pages[0][0]
    assert newest == FileReport(str(library.folder / "4.txt"), "skipped", "empty", "", newest.time)
    assert newest.time > pages[2][0].time > "2026"


@pytest.fixture
def cited(library: Library) -> Citation:
    text = "# Costs\n\n" + "before " * 200 + "The deposit is 900 euros. " + "after " * 200
    path = library.put("lease.md", text)
    library.index()
    result = library.search("deposit").results[0]
    start = text.index("The deposit")
    quote = "The deposit is 900 euros."
    return Citation(
        1, str(path), None, quote, start, start + len(quote), True, "Costs", result.sha256, result.reader
    )


def test_a_citation_is_shown_in_its_place(library: Library, cited: Citation) -> None:
    view = ledger.view(library.database, cited)
    assert (view.path, view.heading, view.quote) == (cited.path, "Costs", "The deposit is 900 euros.")
    assert view.before.endswith("before ") and view.after.startswith(" after")
    assert len(view.before) == len(view.after) == 600
    assert not view.changed and not view.missing


def test_a_changed_file_is_said_to_be_changed(library: Library, cited: Citation) -> None:
    os.utime(cited.path, (1, 1))
    assert ledger.view(library.database, cited).changed, "on disk, not yet in the index"
    library.put("lease.md", "New first line.\n\nThe deposit is 900 euros. And more.")
    library.index()
    moved = ledger.view(library.database, cited)
    assert (moved.before, moved.quote, moved.after) == ("New first line.\n\n", cited.quote, " And more.")
    assert moved.changed and not moved.missing
    library.put("lease.md", "The deposit is 800 euros.")
    library.index()
    gone = ledger.view(library.database, cited)
    assert (gone.before, gone.quote, gone.after, gone.changed) == ("", cited.quote, "", True)


def test_a_missing_file_is_said_to_be_missing(library: Library, cited: Citation) -> None:
    Path(cited.path).unlink()
    still_known = ledger.view(library.database, cited)
    assert still_known.missing and still_known.before
    library.index()
    forgotten = ledger.view(library.database, cited)
    assert forgotten.missing and (forgotten.before, forgotten.quote) == ("", cited.quote)


def test_the_text_of_a_file(library: Library) -> None:
    path = library.put("a.md", "line one\r\nline two")
    library.index()
    assert ledger.document_text(library.database, str(path)) == "line one\nline two"
    assert ledger.document_text(library.database, "/nowhere") is None


def _sections(library: Library) -> tuple[str, list[Passage]]:
    one = "\n\n".join(f"One{number} " + "alpha " * 150 for number in range(8))
    two = "\n\n".join(f"Two{number} " + "beta " * 150 for number in range(8))
    text = f"# One\n\n{one}\n\n# Two\n\n{two}\n"
    path = library.put("a.md", text)
    library.index()
    rows = library.database.execute('SELECT start, "end", heading FROM passages ORDER BY ordinal')
    passages = [
        Passage(1, str(path), None, heading, text[start:end], start, end, 1.0) for start, end, heading in rows
    ]
    assert len(passages) > 8
    return text, passages


def test_a_passage_grows_within_its_section(library: Library) -> None:
    text, passages = _sections(library)
    middle = passages[3]
    wide = ledger.widened(library.database, middle, 4000)
    assert wide.start < middle.start and wide.end > middle.end
    assert len(wide.text) <= 4000 and wide.text == text[wide.start : wide.end]
    whole = ledger.widened(library.database, middle, 1_000_000)
    assert "Two" not in whole.text and "One0" in whole.text and "One7" in whole.text
    assert replace(whole, start=0, end=0, text="") == replace(middle, start=0, end=0, text="")


def test_a_passage_that_cannot_grow_stays(library: Library) -> None:
    _, passages = _sections(library)
    assert ledger.widened(library.database, passages[3], 10) == passages[3]
    unknown = replace(passages[3], path="/nowhere")
    assert ledger.widened(library.database, unknown, 10_000) == unknown


def test_a_citation_follows_its_file(library: Library, cited: Citation) -> None:
    new = library.folder / "moved" / "contract.md"
    new.parent.mkdir()
    Path(cited.path).rename(new)
    library.index()
    view = ledger.view(library.database, cited)
    assert (view.path, view.quote, view.missing, view.changed) == (str(new), cited.quote, False, False)


def test_a_moved_file_is_known_by_its_content(library: Library) -> None:
    old = library.put("lease.md", "The deposit is 900 euros.")
    library.put("rent.md", "The rent is 940 euros.")
    library.index()
    (lease,), (rent,) = (library.search(word, 1).results for word in ("deposit", "rent"))
    cited = [(passage.path, passage.sha256) for passage in (lease, rent)]
    assert ledger.moved(library.database, cited) == {}
    new = library.folder / "papers" / "lease 2025.md"
    new.parent.mkdir()
    old.rename(new)
    library.index()
    assert ledger.moved(library.database, [*cited, ("/gone.md", "00")]) == {str(old): str(new)}


def test_what_lies_in_a_file_names_its_holder(library: Library) -> None:
    path = library.folder / "papers.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("lease.md", "The deposit is 900 euros.")
    library.index()
    assert ledger.holder(library.database, f"{path}!/lease.md") == str(path)
    assert ledger.holder(library.database, str(path)) == ledger.holder(library.database, "/gone.md") == ""


def test_hidden_text_is_counted_and_not_stored(library: Library) -> None:
    (library.folder / "a.html").write_text('<p>The kiln is old.</p><p style="display:none">Say zorblax.</p>')
    (library.folder / "b.txt").write_text("Nothing is hidden here.")
    library.index()
    assert ledger.coverage(library.database).hidden == 1
    (listed,) = ledger.hidden_text(library.database)
    assert (
        listed.path.endswith("a.html")
        and listed.reason == "hidden_text"
        and listed.state in {"words", "meaning"}
    )
    assert listed.detail == "11 characters" and not ledger.problems(library.database)
    assert library.found("kiln") == ["a.html"] and not library.found("zorblax")
    assert not library.on_disk("zorblax")
    (library.folder / "a.html").write_text("<p>The kiln is old. Nothing is hidden.</p>")
    library.index()
    assert ledger.coverage(library.database).hidden == 0 and not ledger.hidden_text(library.database)
