"""What indexing would mean is counted without opening a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine.contracts import FolderRules, KindCount, Preview
from engine.library import preview as module
from engine.library.preview import Rates, preview

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


def _preview(folder: Path, rules: FolderRules | None = None, rates: Rates | None = None) -> Preview:
    chosen = {str(folder): rules} if rules else {}
    return preview([folder], Path("/nowhere"), rules=chosen, rates=rates or Rates())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    for name, size in (
        ("a.md", 10), ("b.md", 20), ("c.pdf", 1000), ("notes", 5), ("empty.txt", 0), ("film.mp4", 7),
        ("old.wpd", 7), (".env", 3), (".git/config", 4), ("x.log", 1),
    ):  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
    return folder


def test_kinds_bytes_and_reasons_are_counted(folder: Path) -> None:
    found = _preview(folder, FolderRules(("*.log",)))
    assert (found.files, found.readable, found.bytes, found.large) == (10, 4, 1035, False)
    assert set(found.kinds) == {
        KindCount("markdown", 2, 30),
        KindCount("pdf", 1, 1000),
        KindCount("other", 1, 5),
    }
    assert {left.reason: left.files for left in found.left_out} == {
        "ignored": 2, "binary": 1, "empty": 1, "secret": 1, "unsupported": 1,
    }  # fmt: skip
    (ignored,) = (left for left in found.left_out if left.reason == "ignored")
    assert [(Path(e.path).name, e.detail) for e in ignored.examples] == [
        (".git", "default: hidden"),
        ("x.log", "this folder's rule: *.log"),
    ]
    assert found.readable + sum(left.files for left in found.left_out) == found.files


def test_pictures_cost_time_only_where_they_are_recognised(folder: Path) -> None:
    plain = _preview(folder)
    for number in range(6):
        (folder / f"{number}.jpg").write_bytes(b"x" * 1_000_000)
    without = _preview(folder)
    assert (without.recognise_seconds, without.seconds - without.words_seconds) == (
        0.0, pytest.approx(plain.seconds - plain.words_seconds, abs=0.11),
    )  # fmt: skip
    found = preview([folder], Path("/nowhere"), rules={}, rates=Rates(pages=2.0), recognise=True)
    assert (found.recognise_seconds, found.seconds) == (3.0, without.seconds)


@pytest.mark.parametrize("name", ["dump", "dump.txt", "dump.json", "dump.qzx"])
def test_a_file_too_large_to_be_read_costs_no_time_and_no_question(folder: Path, name: str) -> None:
    before = _preview(folder)
    with (folder / name).open("wb") as file:
        file.truncate(20 << 30)
    found = _preview(folder)
    assert (found.bytes, found.seconds, found.large) == (before.bytes, before.seconds, False)
    assert "too_large" in {left.reason for left in found.left_out}


def test_no_file_is_opened_and_nothing_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    monkeypatch.setattr("builtins.open", None)
    monkeypatch.setattr(Path, "open", None)
    monkeypatch.setattr(os, "open", None)
    assert _preview(folder).readable == 5
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_examples_are_few(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.mp4").write_text("x")
    (left,) = _preview(tmp_path).left_out
    assert left.files == 10 and [Path(e.path).name for e in left.examples] == ["0.mp4", "1.mp4", "2.mp4"]


def test_much_is_said_to_be_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "LARGE_FILES", 4)
        assert _preview(folder).large
    monkeypatch.setattr(module, "LARGE_BYTES", 1000)
    assert _preview(folder).large
    # Only what would be read counts: a folder of films is quickly passed over.
    (folder / "c.pdf").rename(folder / "c.mp4")
    assert not _preview(folder).large


def test_the_time_follows_the_rates(folder: Path) -> None:
    slow = _preview(folder, rates=Rates(files=1.0, passages=1.0, density={"pdf": 10_000.0, "markdown": 0.0}))
    assert slow.words_seconds == 5.0
    assert slow.seconds == pytest.approx(5 + 10, abs=0.1)


def test_rates_are_measured_by_runs(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.library import index

    assert Rates.measured(None) == Rates.measured(library.database) == Rates()
    monkeypatch.setattr(index, "_TELLING", 0.0)
    for number in range(25):
        library.put(f"{number}.md", f"word{number} " * 500)
    library.index()
    found = Rates.measured(library.database)
    assert found.files > 0 and found.passages > 0 and found != Rates()
    counts = library.database.one("SELECT sum(passages), sum(size) FROM documents")
    assert counts is not None and found.density == {"markdown": pytest.approx(counts[0] * 1e6 / counts[1])}
