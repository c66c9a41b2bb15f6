"""The commands about the library: rules of folders, preview, states of files, staying in step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.contracts import Preview
from engine.paths import Home
from engine.workers.jobs import Job

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


def test_a_preview_counts_and_stores_nothing(
    capsys: pytest.CaptureFixture[str], folder: Path, home: Home
) -> None:
    (folder / "film.mp4").write_bytes(b"x")
    code, [found] = run(capsys, "preview", str(folder))
    assert code == 0 and found["paths"] == [str(folder)]
    assert (found["files"], found["readable"], found["large"]) == (4, 3, False)
    assert [(left["reason"], left["files"]) for left in found["left_out"]] == [("binary", 1)]
    assert found["seconds"] >= found["words_seconds"] > 0
    assert not home.user_db.exists() and not home.index_db.exists()
    assert cli.main(["preview", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "4 files; 3 of them" in out and "film.mp4" in out and "2 text" in out
    code, [line] = run(capsys, "preview", "/no/such/place")
    assert (code, line["error"]["code"]) == (3, "path_missing")


def test_a_preview_tells_what_patterns_would_leave_out(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    _, [found] = run(capsys, "preview", str(folder), "--ignore", "*.log", "--ignore", "drafts/")
    assert (found["readable"], [(left["reason"], left["files"]) for left in found["left_out"]]) == (
        1,
        [("ignored", 2)],
    )
    assert found["left_out"][0]["examples"][0]["detail"] == "this folder's rule: drafts/"
    code, [line] = run(capsys, "preview", str(folder), "--ignore", "# words")
    assert (code, line["error"]["code"]) == (3, "bad_pattern")


def test_much_is_indexed_only_after_asking(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def answers(answer: str) -> None:
        monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)

    monkeypatch.setattr("engine.workers.librarian.Librarian.preview", _large_preview)
    code, [line] = run(capsys, "index", str(folder))
    assert (code, line["error"]["code"]) == (3, "large_folder") and "--yes" in line["error"]["hint"]
    assert run(capsys, "folders", "list")[1] == [{"folders": []}]
    assert cli.main(["index", str(folder)]) == 3, "nobody can be asked"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    answers("n")
    assert cli.main(["index", str(folder)]) == 130 and len(asked) == 1
    assert "30000" in capsys.readouterr().out
    answers("y")
    assert cli.main(["folders", "add", str(folder)]) == 0 and len(asked) == 2
    capsys.readouterr()
    # What was asked once goes on without a question, also where nobody could answer it.
    assert run(capsys, "index", str(folder / "drafts"))[0] == 0 and len(asked) == 2


def test_yes_is_an_answer_given_before(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.workers.librarian.Librarian.preview", None)
    assert run(capsys, "index", str(folder), "--yes")[0] == 0


def _large_preview(_librarian: Any, paths: Any, _rules: Any = None) -> Job[Preview]:
    job: Job[Preview] = Job(lambda raw: raw, lambda: None)
    job.succeed(Preview(tuple(map(str, paths)), 30_000, 30_000, 1, (), (), 500.0, 900.0, large=True))
    return job
