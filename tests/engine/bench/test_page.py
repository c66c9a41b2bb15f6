"""Pages of the docs that benchmarks write, and how a benchmark is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.bench import library, page
from engine.bench.library import Wanted
from engine.bench.report import Row
from engine.cli import main
from engine.paths import Home


def test_a_section_is_replaced_and_the_others_stay() -> None:
    once = page.replaced("# Mine\n\nBy hand.\n", "`a`", "1")
    assert once == "# Mine\n\nBy hand.\n\n## `a`\n\n1\n"
    twice = page.replaced(page.replaced(once, "`a b`", "2"), "`a`", "3\n")
    assert twice == "# Mine\n\nBy hand.\n\n## `a`\n\n3\n\n## `a b`\n\n2\n"


def test_a_benchmark_that_fails_leaves_the_page(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("# Mine\n")
    with pytest.raises(RuntimeError), page.kept(path, "nocturne bench speed"):
        print("half")
        raise RuntimeError
    assert path.read_text() == "# Mine\n"


def test_the_table_that_is_printed_is_kept(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[Path, Wanted]] = []

    def part(place: Path, wanted: Wanted) -> list[Row]:
        asked.append((place, wanted))
        return [Row("walruses", len(asked), "")]

    monkeypatch.setitem(library.PARTS, "restart", part)
    path = tmp_path / "page.md"
    command = ["bench", "library", "--part", "restart", "--files", "20", "--folder", str(tmp_path)]
    for number in (1, 2):
        assert main([*command, "--home", str(home.root), "--write", str(path)]) == 0
        printed, text = capsys.readouterr().out, path.read_text()
        assert f"| walruses | {number}  |" in printed and text.endswith(printed)
        name = f"nocturne bench library --part restart --files 20 --folder {tmp_path.name}"
        assert text.count("## ") == 1 and f"## `{name}`\n" in text and str(tmp_path) not in text
    assert asked == [(home.bench / "library" / "restart", Wanted(tmp_path, None, 10_000, 20))] * 2


def test_wrong_use_is_named(home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, code in (
        (["library", "--write", "a.md"], "usage"),
        (["library", "--part", "walrus"], "usage"),
        (["library", "--files", "0"], "usage"),
        (["reading", "--folder", str(tmp_path / "no")], "path_missing"),
    ):
        assert main(["bench", *words, "--home", str(home.root), "--json"]) != 0
        assert json.loads(capsys.readouterr().out)["error"]["code"] == code
    assert not (tmp_path / "a.md").exists()
