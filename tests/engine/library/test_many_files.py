"""What a run costs among many files: rows held, looks between batches, stops that lose nothing."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.errors import Cancelled
from engine.library import index as module
from engine.library import missing, scan, vector_cache, writer
from engine.library.scan import Scan

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


class Looks:
    """A control that counts how often it is asked, and cancels the run at one of them."""

    def __init__(self, last: int = 10**9) -> None:
        self.count, self._last = 0, last

    def check(self) -> None:
        self.count += 1
        if self.count >= self._last:
            raise Cancelled


def test_a_look_holds_rows_only_of_files_that_changed(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        library.put(f"{number}.md", f"words of {number}")
    library.put("empty.txt", "")
    whole = library.index()
    held: list[int] = []
    vanished, execute = missing.vanished, library.database.execute

    def comparing(found: Scan, rows: Any) -> Any:
        held.append(len(rows))
        return vanished(found, rows)

    def counted(sql: str, params: Any = ()) -> list[Any]:
        held.append(len(rows := execute(sql, params)))
        return rows

    monkeypatch.setattr(missing, "vanished", comparing)
    monkeypatch.setattr(library.database, "execute", counted)
    again = library.index()
    assert max(held) < 10
    assert (again.files, again.indexed, again.skipped) == (31, 30, 1) == (whole.files, 30, 1)
    assert (again.passages, again.problems) == (whole.passages, whole.problems)
    library.put("3.md", "changed")
    (library.folder / "4.md").rename(library.folder / "five.md")
    (library.folder / "6.md").unlink()
    summary = library.index()
    assert (summary.files, summary.moved, summary.removed) == (30, 1, 1) and max(held) < 10
    assert library.read() == ["five.md", "3.md"]


def test_a_root_in_another_counts_once(library: Library) -> None:
    library.put("a.md")
    library.put("in/b.md")
    library.put("in/empty.txt", "")
    summary = library.index(library.folder, library.folder / "in")
    assert (summary.files, summary.indexed, summary.skipped, summary.passages) == (3, 2, 1, 2)
    assert [Path(problem.path).name for problem in summary.problems] == ["empty.txt"]


def test_a_long_removal_can_be_stopped_and_goes_on(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_TOGETHER", 10)
    for number in range(35):
        library.put(f"{number}.md", f"peculiarword {number}")
    library.index()
    with pytest.raises(Cancelled):
        module.remove(library.database, library.folder, look=Looks(3).check)
    assert len(library.states()) == 15
    erased = 0
    erase = vector_cache.erase

    def counted(database: Any) -> None:
        nonlocal erased
        erased += bool(database.execute("SELECT passage FROM vectors_gone"))
        erase(database)

    monkeypatch.setattr(vector_cache, "erase", counted)
    assert module.remove(library.database, library.folder) == 15
    assert library.states() == {} and erased == 1
    assert not library.on_disk("peculiarword")


def test_many_files_in_the_cloud_can_be_stopped_at_and_are_gone_on_with(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_TOGETHER", 10)
    monkeypatch.setattr(scan, "_is_in_cloud", lambda status: not stat.S_ISDIR(status.st_mode))
    for number in range(35):
        library.put(f"{number}.md")

    class StopsInTheMiddle:
        def check(self) -> None:
            if len(library.read()) >= 20:
                raise Cancelled

    with pytest.raises(Cancelled):
        library.index(control=StopsInTheMiddle())
    assert list(library.states().values()) == [("skipped", "cloud_only")] * 20
    assert library.index().skipped == 35 and len(library.read()) == 15
