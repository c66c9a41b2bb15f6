"""The command line is a contract: places of options, JSON, exit codes, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.api import Engine
from engine.paths import Home

pytestmark = pytest.mark.process
HANG = 90.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "pump.md").write_text("# Pump\n\nPawel Nowak repairs the pump before 20 September.\n")
    (folder / "photo.txt").write_bytes(bytes(range(256)) * 8)
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[Any], str]:
    """Exit code, the JSON lines of stdout, stderr."""
    code = cli.main([*words, "--json"])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def test_index_search_ask_status(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    code, lines, _ = run(capsys, "index", str(folder))
    done = lines[-1]
    assert code == 0 and done["event"] == "done"
    assert (done["files"], done["indexed"], done["skipped"], done["failed"]) == (2, 1, 1, 0)
    assert {"children", "passages", "seconds"} <= done.keys()

    code, [reply], _ = run(capsys, "search", "pump", "-k", "1")
    assert code == 0 and (reply["searched_files"], reply["total_files"]) == (1, 1)
    (found,) = reply["results"]
    text = (folder / "pump.md").read_text()
    assert found["rank"] == 1 and found["text"] == text[found["start"] : found["end"]]

    code, [answer], _ = run(capsys, "ask", "Who repairs the pump?")
    assert code == 0 and "Pawel Nowak" in answer["answer"] and answer["source"] == "files"
    (citation,) = answer["citations"]
    assert citation["verified"] and citation["quote"] == text[citation["start"] : citation["end"]]
    assert {"search_ms", "first_token_ms", "prompt_tokens", "cached_tokens"} <= answer["timings"].keys()

    code, [status], _ = run(capsys, "status")
    assert code == 0 and status["coverage"]["indexed"] == 1
    assert [(p["path"], p["reason"]) for p in status["problems"]] == [(str(folder / "photo.txt"), "binary")]

    code, [chats], _ = run(capsys, "chats")
    assert [chat["id"] for chat in chats["chats"]] == [answer["chat"]]
    code, _, _ = run(capsys, "vote", answer["message"], "up")
    assert code == 0


def test_not_in_the_files_is_an_answer(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    run(capsys, "index", str(folder))
    code, [answer], _ = run(capsys, "ask", "What is Vera Orlova's address?")
    assert code == 0 and answer["abstained"] and answer["source"] == "none" and not answer["citations"]
    assert [near["path"] for near in answer["nearest"]] == [str(folder / "pump.md")]


@pytest.mark.parametrize("place", ["before", "after"])
def test_home_works_before_and_after_the_verb(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, place: str
) -> None:
    elsewhere = str(tmp_path / "elsewhere")
    words = ["--home", elsewhere, "status"] if place == "before" else ["status", "--home", elsewhere]
    _, [status], _ = run(capsys, *words)
    assert status["home"] == elsewhere
    assert cli.main(["--json", *words]) == 0
    assert json.loads(capsys.readouterr().out)["home"] == elsewhere


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (["index", "/no/such/place"], 3, "path_missing"),
        (["index"], 3, "nothing_indexed"),
        (["ask", "   "], 3, "question_empty"),
        (["ask", "Hello?", "--chat", "nonsense"], 3, "chat_missing"),
        (["vote", "nonsense", "up"], 3, "message_missing"),
        (["folders", "remove", "/no/such/place"], 3, "folder_missing"),
        (["folders", "set", "/no/such/place"], 2, "usage"),
        (["folders", "add"], 2, "usage"),
        (["search"], 2, "usage"),
        (["search", "x", "-k", "none"], 2, "usage"),
        (["search", "x", "-k", "0"], 2, "usage"),
        (["search", "x", "--folder", "/no/such/place"], 3, "folder_missing"),
        (["ask", "x", "--folder", "/no/such/place"], 3, "folder_missing"),
        (["conquer"], 2, "usage"),
    ],
)
def test_mistakes_get_a_sentence_a_next_step_and_a_code(
    capsys: pytest.CaptureFixture[str], words: list[str], code: int, name: str
) -> None:
    got, [line], err = run(capsys, *words)
    assert (got, line["error"]["code"]) == (code, name)
    assert line["error"]["message"] and line["error"]["hint"] and err == ""
    assert cli.main(words) == code
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 2 and "Traceback" not in err


def test_a_home_that_cannot_be_written_is_the_machines_fault(
    capsys: pytest.CaptureFixture[str], folder: Path, tmp_path: Path
) -> None:
    # A file where the home should be: also for root, whom permissions do not bind.
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    code, [line], _ = run(capsys, "index", str(folder), "--home", str(blocked / "home"))
    assert (code, line["error"]["code"]) == (4, "home_read_only")


def test_a_corrupt_user_db_is_refused_and_never_overwritten(
    capsys: pytest.CaptureFixture[str], folder: Path, home: Home
) -> None:
    run(capsys, "index", str(folder))
    run(capsys, "ask", "Who repairs the pump?")
    home.user_db.write_bytes(b"not a database at all " * 400)
    before = home.user_db.read_bytes()
    for words in (["ask", "Who repairs the pump?"], ["index"], ["status"]):
        code, lines, _ = run(capsys, *words)
        assert code == 3 and lines[-1]["error"]["code"] == "user_db_corrupt"
        assert "backups" in lines[-1]["error"]["hint"]
    assert home.user_db.read_bytes() == before
    # What does not need the chats goes on, and the doctor names what is wrong.
    code, [reply], _ = run(capsys, "search", "pump")
    assert code == 0 and reply["results"]
    code, [found], _ = run(capsys, "doctor")
    assert code == 4 and [c["name"] for c in found["checks"] if not c["ok"]][-1] == "chats"


def test_interrupting_index_exits_130_and_leaves_no_process(home: Home, tmp_path: Path) -> None:
    files = tmp_path / "many"
    files.mkdir()
    for number in range(2000):
        (files / f"{number}.txt").write_text(f"Door {number} opens with the code {number + 7000}.")
    process = subprocess.Popen(
        [sys.executable, "-m", "engine", "index", str(files), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "file":
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANG)
    assert process.returncode == 130 and "Traceback" not in err
    assert json.loads(out.splitlines()[-1])["error"]["code"] == "cancelled"
    limit = time.monotonic() + HANG
    while _workers(home):
        assert time.monotonic() < limit
        time.sleep(0.05)


def _workers(home: Home) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [int(row.split()[0]) for row in listed.splitlines() if f"index {home.root}" in row]


def test_a_surprise_is_our_bug_and_still_valid_json(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(_engine: Engine) -> None:
        raise KeyError("surprise")

    monkeypatch.setattr(Engine, "status", surprise)
    code, [line], err = run(capsys, "status")
    assert (code, line["error"]["code"]) == (5, "bug") and "Traceback" in err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_name_can_be_printed_in_any_encoding(folder: Path, encoding: str) -> None:
    (folder / "Kürbis 南瓜 🎃.md").write_text("The pumpkin weighs 31 kilograms.")
    odd = os.fsencode(folder) + b"/\xff.txt"
    Path(os.fsdecode(odd)).write_text("Not a name.")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}

    def out(*words: str) -> str:
        command = [sys.executable, "-m", "engine", *words]
        done = subprocess.run(command, capture_output=True, env=environment, timeout=HANG, check=True)
        assert b"Traceback" not in done.stderr
        return done.stdout.decode(encoding)

    done = [json.loads(line) for line in out("index", str(folder), "--json").splitlines()][-1]
    assert (done["indexed"], done["failed"] + done["skipped"]) == (2, 2)
    found = json.loads(out("search", "pumpkin", "-k", "1", "--json"))["results"][0]["path"]
    assert found == str(folder / "Kürbis 南瓜 🎃.md")
    assert "pumpkin weighs" in out("search", "pumpkin") and "photo.txt" in out("status")


def test_asking_with_nothing_indexed_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ask", "What is Vera Orlova's address?"]) == 0
    assert "nocturne index FOLDER" in capsys.readouterr().err


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    shell = f"'{sys.executable}' -m engine --help | head -1"
    ran = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stdout.startswith("usage") and ran.stderr == ""


def test_the_terminal_says_what_happened(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    assert cli.main(["index", str(folder)]) == 0
    assert "2 files: 1 indexed, 1 skipped, 0 failed" in capsys.readouterr().out
    assert cli.main(["ask", "Who repairs the pump?"]) == 0
    out = capsys.readouterr().out
    assert "Pawel Nowak" in out and "checked" in out and str(folder / "pump.md") in out
    assert cli.main(["status"]) == 0
    assert "photo.txt: It contains no text." in capsys.readouterr().out
    assert cli.main(["folders", "set", str(folder), "--learn", "on"]) == 0
    assert "nights may learn" in capsys.readouterr().out
    assert cli.main(["search", "pump"]) == 0 and cli.main(["models"]) == 0
