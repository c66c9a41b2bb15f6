"""Moved, deleted, or away for a while: what becomes of files a scan does not find."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.library import missing, scan

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


def _many(library: Library, name: str, count: int = missing.MANY + 1) -> Path:
    for number in range(count):
        library.put(f"{name}/{number}.md", f"peculiarword {name} {number}")
    return library.folder / name


def _no_reading(patch: pytest.MonkeyPatch, library: Library) -> None:
    """From here on any attempt to read or to embed fails."""
    patch.setattr(library, "reader", None)
    patch.setattr(library.embedder, "embed", None)


@pytest.mark.parametrize("new_inode", [False, True])
def test_a_moved_file_is_neither_read_nor_embedded_again(
    library: Library, monkeypatch: pytest.MonkeyPatch, new_inode: bool
) -> None:
    old = library.put("inbox/scan17.md", "# Deposit\n\nThe peculiarword is 900 euros.")
    library.put("inbox/other.md")
    library.index()
    vector = library.database.execute("SELECT rowid, vector FROM vectors")
    new = library.folder / "archive" / "lease.md"
    new.parent.mkdir()
    if new_inode:
        shutil.copy(old, new)
        old.unlink()
    else:
        old.rename(new)
    embed = library.embedder.embed
    with monkeypatch.context() as patch:
        _no_reading(patch, library)
        summary = library.index()
    library.embedder.embed = embed
    assert (summary.files, summary.indexed, summary.moved, summary.removed) == (2, 2, 1, 0)
    assert library.states() == {"archive/lease.md": ("meaning", ""), "inbox/other.md": ("meaning", "")}
    assert library.database.execute("SELECT rowid, vector FROM vectors") == vector
    assert library.read() == ["lease.md"]
    for query, found in (("lease", ["lease.md"]), ("archive", ["lease.md"]), ("scan17", [])):
        names = [Path(path).name for path in _by_words(library, query)]
        assert names == found, query
    assert not library.on_disk("scan17"), "the old name is gone, too"
    again = library.index()
    assert (again.moved, again.removed, library.read()) == (0, 0, [])


def _by_words(library: Library, word: str) -> list[str]:
    return [
        path
        for (path,) in library.database.execute(
            "SELECT d.path FROM words AS w JOIN passages AS p ON p.id = w.rowid"
            " JOIN documents AS d ON d.id = p.document WHERE words MATCH ?",
            (f"{{name heading}}: {word}",),
        )
    ]


def test_a_renamed_directory_of_many_files_is_moved_at_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _many(library, "letters")
    library.index()
    folder.rename(library.folder / "post")
    _no_reading(monkeypatch, library)
    summary = library.index()
    assert (summary.moved, summary.removed, summary.missing) == (missing.MANY + 1, 0, 0)
    assert all(
        name.startswith("post/") and state == "meaning" for name, (state, _) in library.states().items()
    )


def test_files_move_between_folders(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    path = library.put("a.md", "the peculiarword")
    library.index(library.folder, other)
    path.rename(other / "a.md")
    _no_reading(monkeypatch, library)
    summary = library.index(library.folder, other)
    assert (summary.files, summary.indexed, summary.moved) == (1, 1, 1)


def test_what_only_looks_like_a_move_is_read(library: Library) -> None:
    gone, changed = library.put("gone.md", "the deposit is 900"), library.put("a.md", "same words")
    library.index()
    gone.unlink()
    library.put("new.md", "the deposit is 800")  # as large, another text
    changed.rename(changed.with_suffix(".txt"))  # the same text, another kind of file
    summary = library.index()
    assert (summary.moved, summary.removed) == (0, 2)
    assert sorted(library.read()) == ["a.txt", "new.md"]
    assert library.search("deposit").results[0].text == "the deposit is 800"


def test_two_copies_of_one_missing_file_are_one_move(library: Library) -> None:
    old = library.put("old.md", "the peculiarword")
    library.index()
    shutil.copy(old, library.folder / "copy.md")
    old.rename(library.folder / "new.md")
    summary = library.index()
    assert (summary.files, summary.indexed, summary.moved, summary.removed) == (2, 2, 1, 0)


def test_few_missing_files_go_in_the_same_pass(library: Library) -> None:
    folder = _many(library, "few", missing.MANY)
    library.put("b.md")
    library.index()
    shutil.rmtree(folder)
    summary = library.index()
    assert (summary.removed, summary.missing) == (missing.MANY, 0)
    assert not library.on_disk("peculiarword")


def test_many_single_files_missing_from_a_directory_that_is_there_go_at_once(library: Library) -> None:
    folder = _many(library, "many")
    library.index()
    for path in folder.iterdir():
        path.unlink()
    assert library.index().removed == missing.MANY + 1


def test_a_vanished_directory_of_many_files_must_be_missing_twice(library: Library) -> None:
    folder = _many(library, "many")
    library.put("b.md")
    library.index()
    shutil.rmtree(folder)
    for at in (1000.0, 1030.0, 1059.9):
        summary = library.index(now=lambda at=at: at)
        assert (summary.removed, summary.missing) == (0, missing.MANY + 1)
        assert (summary.files, summary.indexed) == (1, 1)
        assert library.notices() == ["folder_missing_yet"]
        assert library.found("peculiarword")
    summary = library.index(now=lambda: 1060.0)
    assert (summary.removed, summary.missing) == (missing.MANY + 1, 0)
    assert not library.on_disk("peculiarword")
    assert library.database.execute("SELECT * FROM missing") == []


def test_a_directory_that_came_back_is_waited_for_anew(library: Library, tmp_path: Path) -> None:
    folder = _many(library, "many")
    library.index()
    folder.rename(tmp_path / "away")
    assert library.index(now=lambda: 1000.0).missing
    (tmp_path / "away").rename(folder)
    summary = library.index(now=lambda: 1100.0)
    assert (summary.removed, summary.missing, summary.moved, library.read()) == (0, 0, 0, [])
    folder.rename(tmp_path / "away")
    assert library.index(now=lambda: 1200.0).missing == missing.MANY + 1


def test_a_deleted_folder_must_be_missing_twice_however_small(library: Library) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    shutil.rmtree(library.folder)
    assert library.index(now=lambda: 1000.0).missing == 1
    assert library.notices() == ["folder_missing_yet"] and library.found("peculiarword")
    summary = library.index(now=lambda: 1061.0)
    assert (summary.files, summary.removed, summary.missing) == (0, 1, 0)
    assert library.notices() == ["folder_gone"] and not library.on_disk("peculiarword")


def test_a_folder_whose_disk_is_away_is_kept_for_ever(library: Library) -> None:
    library.put("a.md", "the peculiarword")
    library.index()
    library.database.execute("UPDATE roots SET device = device + 1")
    shutil.rmtree(library.folder)
    for at in (1000.0, 2000.0, 3000.0):
        summary = library.index(now=lambda at=at: at)
        assert (summary.removed, summary.missing, library.notices()) == (0, 0, ["folder_unavailable"])
    assert library.found("peculiarword")


def test_a_deleted_folder_of_a_disk_with_a_large_number_is_gone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems number their disks with all 64 bits, which the index keeps as a signed number."""
    library.put("a.md", "the peculiarword")
    stat = Path.stat

    def numbered(path: Path, **options: Any) -> os.stat_result:
        found = stat(path, **options)
        return os.stat_result((*found[:2], found.st_dev | 1 << 63, *found[3:10]))

    monkeypatch.setattr(Path, "stat", numbered)
    (device,) = scan.scan([library.folder], library.home.root).devices.values()
    assert device < 0
    shutil.rmtree(library.folder)
    assert missing.is_gone(str(library.folder), device)
    assert not missing.is_gone(str(library.folder), device + 1)


def test_an_unreadable_directory_is_kept_however_often(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _many(library, "closed")
    library.index()
    scandir = os.scandir

    def refusing(directory: str) -> Any:
        if Path(directory) == folder:
            raise PermissionError(13, "Permission denied")
        return scandir(directory)

    monkeypatch.setattr(os, "scandir", refusing)
    for at in (1000.0, 2000.0):
        summary = library.index(now=lambda at=at: at)
        assert (summary.removed, summary.missing, summary.failed) == (0, 0, 1)
    assert library.found("peculiarword")


def test_a_rule_removes_many_files_at_once(library: Library) -> None:
    _many(library, "many")
    library.index()
    library.put(".nocturneignore", "many/")
    assert library.index(now=lambda: 1000.0).removed == missing.MANY + 1
    assert not library.on_disk("peculiarword")


def test_removing_a_folder_ends_the_waiting(library: Library) -> None:
    from engine.library import index

    folder = _many(library, "many")
    library.index()
    shutil.rmtree(folder)
    assert library.index(now=lambda: 1000.0).missing
    index.remove(library.database, library.folder)
    assert library.database.execute("SELECT * FROM missing") == []


def test_nested_folders_that_are_gone_are_counted_once(library: Library) -> None:
    library.put("sub/a.md", "the peculiarword")
    library.put("b.md")
    roots = (library.folder, library.folder / "sub")
    library.index(*roots)
    shutil.rmtree(library.folder)
    assert library.index(*roots, now=lambda: 1000.0).missing == 2
    assert library.index(*roots, now=lambda: 1100.0).removed == 2


def test_moving_many_files_can_be_stopped_and_goes_on(library: Library) -> None:
    from engine.errors import Cancelled
    from tests.engine.library.test_resume import _StopsAt

    folder = _many(library, "letters")
    library.index()
    folder.rename(library.folder / "post")
    with pytest.raises(Cancelled):
        library.index(control=_StopsAt(20))
    moved = [name for name, (state, _) in library.states().items() if name.startswith("post/")]
    assert 10 < len(moved) < 20
    summary = library.index()
    assert summary.moved == missing.MANY + 1 - len(moved) and summary.removed == 0
