"""The index follows the files, whatever happens to files, disk or process."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts import FileDone, Progress
from engine.documents import formats, reader
from engine.documents.extract import Unreadable
from engine.errors import EngineError
from engine.library import index as module
from engine.library import intake, ledger

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


def test_files_become_searchable_by_words_then_by_meaning(library: Library) -> None:
    library.put("lease.md", "# Costs\n\nThe deposit is 900 euros.")
    library.put("sub/bread.txt", "Bread needs flour.")
    library.put("empty.txt", "")
    library.put(".git/config")
    summary = library.index()
    assert (summary.files, summary.indexed, summary.skipped, summary.failed) == (4, 2, 2, 0)
    assert summary.passages == 2 and summary.removed == 0
    assert [(Path(p.path).name, p.state, p.reason) for p in summary.problems] == [
        (".git", "skipped", "ignored"),
        ("empty.txt", "skipped", "empty"),
    ]
    assert library.states() == {
        ".git": ("skipped", "ignored"),
        "empty.txt": ("skipped", "empty"),
        "lease.md": ("meaning", ""),
        "sub/bread.txt": ("meaning", ""),
    }
    assert library.found("deposit") == ["lease.md"]
    assert library.database.one("SELECT count(*) FROM vectors") == (2,)


def test_words_are_searchable_before_there_are_vectors(library: Library) -> None:
    library.put("lease.md", "The deposit is 900 euros.")
    found: list[str] = []
    embed = library.embedder.embed

    def watching(texts: Any) -> Any:
        if not found:
            library.embedder.embed = embed
            found.extend(library.found("deposit"))
            assert library.states() == {"lease.md": ("words", "")}
        return embed(texts)

    library.embedder.embed = watching
    library.index()
    assert found == ["lease.md"]
    assert library.states() == {"lease.md": ("meaning", "")}


def test_every_file_is_named_before_it_is_read(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        library.put(f"{number}.md")
    read = reader.read

    def watching(path: Path) -> Any:
        last = library.events[-1]
        assert isinstance(last, Progress)
        assert (last.phase, last.current, last.total) == ("words", str(path), 3)
        assert last.done == len(library.read())
        return read(path)

    monkeypatch.setattr(library, "reader", library.alone(watching))
    library.index()
    assert len(library.read()) == 3
    assert [event.done for event in library.progress("words")] == [0, 1, 2, 3]
    assert (library.progress("meaning")[-1].done, library.progress("meaning")[-1].total) == (3, 3)


def test_small_and_recent_files_come_first(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LARGE", 1000)
    for name, age, size in (("older.md", 60, 1), ("old.md", 50, 1), ("new.md", 10, 1), ("large.md", 1, 600)):
        path = library.put(name, "words " * size)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    library.index(crashed={str(library.folder / "new.md"): 1})
    assert library.read() == ["old.md", "older.md", "large.md", "new.md"]


def test_an_unchanged_folder_is_not_read_again(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put("a.md")
    library.put("empty.txt", "")
    first = library.index()
    before = library.database.execute("SELECT * FROM documents")
    monkeypatch.setattr(library, "reader", None)
    monkeypatch.setattr(intake, "file_hash", None)
    again = library.index()
    assert (again.files, again.indexed, again.skipped) == (first.files, first.indexed, first.skipped)
    assert library.read() == [] and library.database.execute("SELECT * FROM documents") == before


def test_a_file_written_anew_with_the_same_content_is_not_read(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = library.put("a.md")
    library.index()
    os.utime(path, (1, 1))
    with monkeypatch.context() as patch:
        patch.setattr(library, "reader", None)
        assert library.index().indexed == 1
        patch.setattr(intake, "file_hash", None)
        library.index()


def test_a_changed_file_replaces_its_text_everywhere(library: Library) -> None:
    path = library.put("a.md", "the peculiarword of old")
    library.index()
    assert library.on_disk("peculiarword")
    path.write_text("something quite new")
    library.index()
    assert library.read() == ["a.md"]
    assert library.found("peculiarword") == [] and library.found("quite") == ["a.md"]
    assert not library.on_disk("peculiarword")


def test_the_same_size_and_another_time_is_looked_into(library: Library) -> None:
    path = library.put("a.md", "the deposit is 900")
    library.index()
    path.write_text("the deposit is 800")
    os.utime(path, (5, 5))
    library.index()
    assert library.search("deposit").results[0].text == "the deposit is 800"


def test_a_vanished_file_leaves_no_row_in_any_table(library: Library) -> None:
    library.put("peculiarname.md", "# peculiarhead\n\n" + "the peculiarword " * 300)
    library.index()
    assert library.on_disk("peculiarword") and library.on_disk("peculiarname")
    (library.folder / "peculiarname.md").unlink()
    summary = library.index()
    assert (summary.files, summary.removed) == (0, 1)
    for table in ("documents", "texts", "passages", "words", "words_content", "words_docsize", "vectors",
                  "vectors_rowids"):  # fmt: skip
        assert library.database.one(f"SELECT count(*) FROM {table}") == (0,), table
    for text in ("peculiarword", "peculiarname", "peculiarhead", "peculiar"):
        assert not library.on_disk(text)


def test_a_vanished_directory_takes_its_files_along(library: Library) -> None:
    library.put("sub/deep/a.md")
    library.put("b.md")
    library.index()
    (library.folder / "sub" / "deep" / "a.md").unlink()
    (library.folder / "sub" / "deep").rmdir()
    assert library.index().removed == 1
    assert list(library.states()) == ["b.md"]


def test_one_bad_file_blocks_neither_others_nor_deletions(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = library.put("gone.md", "what is gone")
    library.index()
    gone.unlink()
    library.put("bad.md")
    library.put("good.md")
    read = reader.read

    def failing(path: Path) -> Any:
        if path.name == "bad.md":
            raise Unreadable("damaged", "at byte 7")
        return read(path)

    monkeypatch.setattr(library, "reader", library.alone(failing))
    summary = library.index()
    assert (summary.indexed, summary.failed, summary.removed) == (1, 1, 1)
    assert library.states() == {"bad.md": ("failed", "damaged"), "good.md": ("meaning", "")}
    assert ledger.problems(library.database)[0].detail == "at byte 7"


def test_a_file_that_vanishes_or_closes_while_it_is_read(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("a.md")
    library.put("b.md")

    def refusing(entry: Any, path: Path) -> Any:
        raise FileNotFoundError(2, "gone") if path.name == "a.md" else PermissionError(13, "no")

    monkeypatch.setattr(intake, "_look_again", refusing)
    assert library.index().failed == 2
    assert library.states() == {"a.md": ("failed", "vanished"), "b.md": ("failed", "unreadable")}


def test_a_disk_that_goes_away_in_the_middle_takes_no_text(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        library.put(f"{number}.md", f"the peculiarword {number}")
    library.index()
    library.put("new.md", "the newword")
    before = library.states()
    away = library.folder.with_name("away")

    def unplugged(path: Path) -> Any:
        if not away.exists() and not path.name.startswith("0"):
            library.folder.rename(away)
        return reader.read(path)

    with monkeypatch.context() as patch:
        patch.setattr(formats, "is_current", lambda reader: False)
        patch.setattr(library, "reader", library.alone(unplugged))
        library.index()
    assert {name: state for name, state in library.states().items() if name != "new.md"} == before
    assert len(library.found("peculiarword")) == 5
    assert library.states()["new.md"] == ("failed", "vanished")
    away.rename(library.folder)
    library.index()
    assert library.states() == {**before, "new.md": ("meaning", "")}


@pytest.mark.parametrize("problem", [Unreadable("unreadable", "Input/output error"), Unreadable("damaged")])
def test_a_known_file_that_cannot_be_looked_at_just_now_keeps_its_text(
    library: Library, problem: Unreadable
) -> None:
    path = library.put("a.md", "the peculiarword")
    library.index()
    path.write_text("the peculiarword and more")

    def locked(path: Path) -> Any:
        if problem.reason == "damaged":  # it is being written, and was read half
            path.write_text("the peculiarword and still more")
        raise problem

    library.index(read=library.alone(locked))
    assert library.states() == {"a.md": ("meaning", "")}
    assert library.found("peculiarword") == ["a.md"]
    library.index()
    assert "more" in library.search("peculiarword").results[0].text


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "disk_full"), (errno.EMFILE, "exhausted")])
def test_a_computer_that_has_nothing_left_is_not_blamed_on_the_file(
    library: Library, number: int, code: str
) -> None:
    path = library.put("a.md", "the peculiarword")
    library.index()
    path.write_text("the peculiarword and more")
    library.put("b.md")

    def refusing(path: Path) -> Any:
        raise OSError(number, "none left")

    with pytest.raises(EngineError) as caught:
        library.index(read=library.alone(refusing))
    assert caught.value.code == code
    assert library.states() == {"a.md": ("meaning", ""), "b.md": ("waiting", "")}
    assert library.index().indexed == 2


def test_a_file_that_can_no_longer_be_read_loses_its_old_text(library: Library) -> None:
    path = library.put("a.txt", "the peculiarword")
    library.index()
    path.write_bytes(bytes(range(256)) * 10)
    library.index()
    assert library.states() == {"a.txt": ("skipped", "binary")}
    assert library.found("peculiarword") == [] and not library.on_disk("peculiarword")


def test_a_file_written_while_it_is_read_is_read_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = library.put("a.md", "half a sen")
    read = reader.read

    def racing(at: Path) -> Any:
        extract = read(at)
        path.write_text("half a sentence and more")
        return extract

    with monkeypatch.context() as patch:
        patch.setattr(library, "reader", library.alone(racing))
        library.index()
    library.index()
    assert library.search("sentence").results[0].text == "half a sentence and more"


def test_secret_files_are_never_opened(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put(".env", "PASSWORD=hunter2")
    library.put("id_rsa", "key")
    monkeypatch.setattr(library, "reader", None)
    assert library.index().skipped == 2
    assert not library.on_disk("hunter2")


def test_a_file_moved_to_the_cloud_keeps_its_text_and_is_not_opened(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    library.put("b.md")
    monkeypatch.setattr("engine.library.scan._reason", lambda path, status: "cloud_only")
    monkeypatch.setattr(library, "reader", None)
    library.index()
    assert library.states() == {"a.md": ("meaning", ""), "b.md": ("skipped", "cloud_only")}
    library.put("a.md", "changed in the cloud")
    library.index()
    assert library.states()["a.md"] == ("skipped", "cloud_only")
    assert not library.on_disk("peculiarword")


def test_an_unmounted_folder_keeps_its_documents(library: Library, tmp_path: Path) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    library.folder.rename(tmp_path / "away")
    # Where the folder was there is another disk now, as when its own was taken away.
    library.database.execute("UPDATE roots SET device = device + 1")
    assert [library.index(now=lambda at=at: at).missing for at in (0.0, 100.0)] == [0, 0]
    summary = library.index(now=lambda: 1000.0)
    assert (summary.files, summary.removed) == (0, 0)
    assert library.notices() == ["folder_unavailable"]
    assert library.found("peculiarword") == ["a.md"]
    (report,) = ledger.folder_reports(library.database, [str(library.folder)])
    assert (report.available, report.files) == (False, 1)


def test_an_empty_mount_point_keeps_its_documents(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    path = library.put("a.md", "the peculiarword")
    with monkeypatch.context() as patch:
        patch.setattr(os.path, "ismount", lambda _: True)
        library.index()
    path.unlink()
    assert library.index().removed == 0
    assert library.notices() == ["folder_unavailable"]
    assert library.found("peculiarword") == ["a.md"]
    assert not ledger.folder_reports(library.database, [str(library.folder)])[0].available


def test_an_unreadable_directory_deletes_nothing_below_it(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("closed/deep/a.md", "the peculiarword")
    gone = library.put("gone.md")
    library.index()
    gone.unlink()
    scandir = os.scandir

    def refusing(directory: str) -> Any:
        if Path(directory).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(directory)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refusing)
        summary = library.index()
    assert (summary.failed, summary.removed) == (1, 1)
    assert library.states() == {"closed": ("failed", "unreadable"), "closed/deep/a.md": ("meaning", "")}
    library.index()
    assert library.states() == {"closed/deep/a.md": ("meaning", "")}


def test_a_file_that_may_not_be_looked_at_keeps_its_text(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    monkeypatch.setattr("engine.library.scan._reason", lambda path, status: "unreadable")
    library.index()
    assert library.found("peculiarword") == ["a.md"]


def test_retry_reads_what_was_skipped_or_failed(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one/a.md", "two/b.md"):
        library.put(name)

    def failing(path: Path) -> Any:
        raise Unreadable("timeout")

    with monkeypatch.context() as patch:
        patch.setattr(library, "reader", library.alone(failing))
        library.index()
    library.index()
    assert library.read() == []
    library.index(retry=str(library.folder / "two"))
    assert library.read() == ["b.md"]
    library.index(retry=True)
    assert library.read() == ["a.md"]


def test_a_better_reader_reads_its_files_again(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put("a.md")
    library.put("b.txt")
    library.index()
    monkeypatch.setattr(formats, "is_current", lambda name: not name.startswith("markdown"))
    library.index()
    assert library.read() == ["a.md"]


def test_a_format_that_became_known_is_read(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put("a.pages", "PK\x03\x04")
    library.index()
    library.index()
    assert library.read() == []
    monkeypatch.setattr(formats, "current_reader", lambda path: "pages@1")
    library.index()
    assert library.read() == ["a.pages"]


def test_a_full_disk_is_told_and_loses_nothing(library: Library) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    library.put("b.md", " ".join(f"word{number}" for number in range(20_000)))
    (pages,) = library.database.one("PRAGMA page_count") or (0,)
    library.database.execute(f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(EngineError) as caught:
        library.index()
    assert caught.value.code == "disk_full"
    assert library.found("peculiarword") == ["a.md"]
    library.database.execute("PRAGMA max_page_count = 1000000")
    assert library.index().indexed == 2


def test_removing_a_folder_forgets_all_of_it(library: Library) -> None:
    library.put("one/a.md", "the peculiarword")
    library.put("one/keep/b.md", "kept")
    library.put("one-more/c.md", "near")
    library.index()
    folder = library.folder
    assert module.remove(library.database, folder / "one", [folder / "one" / "keep"]) == 1
    assert list(library.states()) == ["one-more/c.md", "one/keep/b.md"]
    assert not library.on_disk("peculiarword")
    assert module.remove(library.database, folder) == 2
    assert library.database.one("SELECT count(*) FROM roots") == (0,)


def test_identical_files_are_both_there(library: Library) -> None:
    library.put("a.md", "The deposit is 900 euros.")
    library.put("copy.md", "The deposit is 900 euros.")
    library.index()
    (result,) = library.search("deposit").results
    assert {Path(result.path).name, *(Path(path).name for path in result.also)} == {"a.md", "copy.md"}


def test_file_events_tell_states_and_reasons(library: Library) -> None:
    library.put("a.md")
    library.put("b.txt", "")
    library.index()
    events = [event for event in library.events if isinstance(event, FileDone)]
    assert {(Path(e.path).name, e.state, e.reason) for e in events} == {
        ("a.md", "words", ""),
        ("b.txt", "skipped", "empty"),
    }


def test_redacted_secrets_are_counted_and_not_stored(library: Library) -> None:
    library.put("notes.md", "the key is AKIAIOSFODNN7EXAMPLE ok")
    assert library.index().redacted == 1
    assert not library.on_disk("AKIAIOSFODNN7EXAMPLE")


def test_folders_take_turns(library: Library, tmp_path: Path) -> None:
    """A large folder does not starve a small one, neither in reading nor in embedding."""
    library.embedder.window = 64
    for number in range(6):
        path = library.put(f"many/{number}.md", f"m{number}")
        os.utime(path, (2_000_000 + number, 2_000_000 + number))
    for number in range(2):
        path = library.put(f"few/{number}.md", f"f{number}")
        os.utime(path, (1_000_000 + number, 1_000_000 + number))
    embedded: list[str] = []
    embed = library.embedder.embed

    def watching(texts: Any) -> Any:
        embedded.extend(text.rpartition("\n")[2] for text in texts)
        return embed(texts)

    library.embedder.embed = watching
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WINDOW", 1)
        library.index(library.folder / "many", library.folder / "few")
    order = ["m5", "f1", "m4", "f0", "m3", "m2", "m1", "m0"]
    assert [f"{Path(e.path).parent.name[0]}{Path(e.path).stem}" for e in library.events
            if isinstance(e, FileDone)] == order  # fmt: skip
    assert embedded == order
