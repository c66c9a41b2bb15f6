"""The commands about the library: rules of folders, preview, states of files, staying in step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import cli

pytestmark = pytest.mark.process


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "drafts").mkdir(parents=True)
    (folder / "pump.md").write_text("# Pump\n\nPawel Nowak repairs the pump before 20 September.\n")
    (folder / "pump.log").write_text("The pump was looked at.\n")
    (folder / "drafts" / "rent.txt").write_text("The rent is 940 euros.\n")
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[Any]]:
    """Exit code, the JSON lines of stdout."""
    code = cli.main([*words, "--json"])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_folder_keeps_rules_that_indexing_follows(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    run(capsys, "index", str(folder))
    words = ("folders", "set", str(folder), "--ignore", "*.log", "--ignore", "drafts/", "--gitignore", "off")
    code, [folders] = run(capsys, *words)
    assert code == 0
    assert folders["folders"][0]["rules"] == {"ignore": ["*.log", "drafts/"], "gitignore": False}
    code, lines = run(capsys, "index")
    assert (lines[-1]["files"], lines[-1]["indexed"], lines[-1]["skipped"]) == (3, 1, 2)
    _, [status] = run(capsys, "status")
    assert {(Path(p["path"]).name, p["reason"], p["detail"]) for p in status["problems"]} == {
        ("pump.log", "ignored", "this folder's rule: *.log"),
        ("drafts", "ignored", "this folder's rule: drafts/"),
    }
    run(capsys, "folders", "set", str(folder), "--unignore", "drafts/", "--unignore", "*.log")
    assert cli.main(["folders"]) == 0
    assert ".gitignore files are not followed" in capsys.readouterr().out
    assert run(capsys, "index")[1][-1]["indexed"] == 3


def test_a_pattern_that_matches_nothing_is_refused(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    run(capsys, "index", str(folder))
    code, [line] = run(capsys, "folders", "set", str(folder), "--ignore", "# words")
    assert (code, line["error"]["code"]) == (3, "bad_pattern")
    code, [line] = run(capsys, "folders", "set", "/no/such/place", "--ignore", "*.log")
    assert (code, line["error"]["code"]) == (3, "folder_missing")
