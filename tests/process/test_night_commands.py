"""`nocturne personalize ...` and `folders set --learn` as real processes: JSON, exit codes, sentences."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.paths import Home
from engine.personalize import rows
from engine.personalize.evaluate import ARMS, Outcome
from engine.store.user import UserStore
from tests.process.prepared_night import prepared_night

pytestmark = [pytest.mark.process, pytest.mark.real]
HANG = 120.0
OLD, NEW = "20260101-010101", "20260102-010101"
NOTE = "{name} Dahl moved to Ulvik on {day} June. Her flat costs {sum} crowns a month. She keeps bees."


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Only --home leads to the home of these tests.
    monkeypatch.setenv("NOCTURNE_HOME", str(tmp_path / "elsewhere"))


@pytest.fixture
def home(tmp_path: Path, models_home: Home) -> Home:
    home = Home(tmp_path / "home")
    home.root.mkdir()
    home.models.symlink_to(models_home.models)
    return home


def command(home: Home, words: list[str], place: str, as_json: bool) -> list[str]:
    options = ["--home", str(home.root), *(["--json"] if as_json else [])]
    return [sys.executable, "-m", "engine", *(options + words if place == "before" else words + options)]


def nocturne(
    home: Home, *words: str, place: str = "after", as_json: bool = True
) -> tuple[int, list[Any], str]:
    """Exit code, stdout (as JSON lines, or as it is in a list), stderr."""
    line = command(home, list(words), place, as_json)
    ran = subprocess.run(line, capture_output=True, text=True, timeout=HANG, check=False)
    assert "Traceback" not in ran.stderr
    out = [json.loads(text) for text in ran.stdout.splitlines()] if as_json else [ran.stdout]
    return ran.returncode, out, ran.stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_looking_at_nights_and_switching_adapters(home: Home, place: str) -> None:
    prepared_night(home, OLD, active=True)
    prepared_night(home, NEW, "kept")

    def said(*words: str) -> Any:
        code, [reply], err = nocturne(home, "personalize", *words, place=place)
        assert (code, err) == (0, "")
        return reply

    def active(reply: Any) -> list[str]:
        assert [night["id"] for night in reply["nights"]] == [NEW, OLD]
        return [night["id"] for night in reply["nights"] if night["active"]]

    assert active(said()) == active(said("status")) == active(said("list")) == [OLD]
    shown = said("show", NEW)
    assert (shown["id"], shown["state"], shown["stage"], shown["active"]) == (NEW, "kept", None, False)
    assert active(said("use", NEW)) == [NEW]
    assert active(said("use", "none")) == []
    said("use", NEW)
    discarded = {night["id"]: night["state"] for night in said("discard", NEW)["nights"]}
    assert discarded == {NEW: "discarded", OLD: "promoted"}
    assert not (home.nights / NEW).exists() and active(said("list")) == []


def test_for_people(home: Home) -> None:
    prepared_night(home, OLD, active=True)

    def said(*words: str) -> str:
        code, [out], err = nocturne(home, "personalize", *words, as_json=False)
        assert (code, err) == (0, "")
        return str(out)

    assert said() == said("list") == said("status") == f"{OLD}  promoted, on  It ended so.\n"
    assert f"{OLD}: promoted, on. It ended so." in said("show", OLD) and "train: 0.1 minutes" in said(
        "show", OLD
    )
    assert said("use", "none") == f"{OLD}  promoted  It ended so.\n"
    assert said("discard", OLD).startswith(f"{OLD}  discarded")


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("minutes", ["0", "-5", "1e9", "nan", "inf", "soon"])
def test_minutes_that_are_none_are_a_mistake_of_usage(home: Home, minutes: str, place: str) -> None:
    code, [line], err = nocturne(home, "personalize", "start", "--minutes", minutes, place=place)
    assert (code, line["error"]["code"], err) == (2, "usage", "")
    assert "minutes" in line["error"]["message"] and line["error"]["hint"]
    assert not home.user_db.exists()


def test_a_mistake_for_people_is_a_sentence_and_a_next_step(home: Home) -> None:
    for words, expected in (
        (("start", "--minutes", "nan"), 2),
        (("show",), 2),
        (("conquer",), 2),
        (("start",), 3),
        (("pause",), 3),
        (("cancel",), 3),
        (("resume",), 3),
        (("use", OLD), 3),
    ):
        code, [out], err = nocturne(home, "personalize", *words, as_json=False)
        assert (code, out) == (expected, "") and len(err.strip().splitlines()) == 2


@pytest.mark.parametrize("place", ["before", "after"])
def test_consent_is_given_and_taken_back(home: Home, tmp_path: Path, place: str) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    with UserStore(home, write=True) as user:
        user.add_folder(folder)
    for learn in ("on", "off"):
        code, [reply], err = nocturne(home, "folders", "set", str(folder), "--learn", learn, place=place)
        assert (code, err) == (0, "")
        assert [(entry["path"], entry["learn"]) for entry in reply["folders"]] == [
            (str(folder), learn == "on")
        ]
    code, [out], _ = nocturne(home, "folders", "set", str(folder), "--learn", "on", as_json=False)
    assert code == 0 and "nights may learn from it" in out
    for words, expected in (
        (("set", str(folder)), (2, "usage")),
        (("set", str(folder), "--learn", "maybe"), (2, "usage")),
        (("set", str(tmp_path / "other"), "--learn", "on"), (3, "folder_missing")),
    ):
        code, [reply], _ = nocturne(home, "folders", *words, place=place)
        assert (code, reply["error"]["code"]) == expected


# ---- long jobs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("as_json", [True, False])
def test_a_night_ends_with_a_flat_line(home: Home, as_json: bool) -> None:
    pytest.importorskip("torch")
    run = prepared_night(home, NEW, "cancelled", before="decide")
    rows.write_lines(
        run.outcomes,
        [
            Outcome(f"p{at}", arm, "fact", "/a.md", "", arm.startswith("adapter"))
            for at in range(40)
            for arm in ARMS
        ],
    )
    code, lines, err = nocturne(home, "personalize", "resume", NEW, as_json=as_json)
    assert code == 0
    if not as_json:
        assert lines[0].startswith(f"{NEW}: promoted, on.") and "adapter+files" in lines[0]
        return
    done = lines[-1]
    assert err == "" and lines[0]["event"] == "progress" and lines[0]["phase"] == "decide"
    assert (done["event"], done["id"], done["state"], done["active"]) == ("done", NEW, "promoted", True)
    assert done["arms"]["adapter"]["fact"] == 1.0
    with UserStore(home, write=False) as user:
        assert user.active_adapter() == NEW


def test_a_night_that_fails_ends_with_its_error(home: Home, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.md").write_text("Many thanks to all of you for everything, and see you soon.\n")
    nocturne(home, "index", str(folder))
    nocturne(home, "folders", "set", str(folder), "--learn", "on")
    code, lines, _ = nocturne(home, "personalize", "start", "--minutes", "0.5")
    assert (code, lines[-1]["error"]["code"]) == (3, "too_few_rows")
    assert next(line["phase"] for line in lines[:-1] if line["event"] == "progress") == "select"
    code, [reply], _ = nocturne(home, "personalize", "status")
    assert [night["state"] for night in reply["nights"]] == ["failed"]


@contextmanager
def composing(home: Home) -> Iterator[subprocess.Popen[str]]:
    """`personalize resume` of a night that composes for minutes, once it does."""
    words = command(home, ["personalize", "resume", NEW], "after", as_json=True)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if json.loads(line).get("current") == "questions":
                    break
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str]) -> tuple[int, Any]:
    out, err = process.communicate(timeout=HANG)
    assert "Traceback" not in err
    return process.returncode, json.loads(out.splitlines()[-1])


@pytest.fixture
def long_night(home: Home) -> None:
    pytest.importorskip("torch")
    run = prepared_night(home, NEW, "cancelled", before="compose", minutes=600.0)
    texts = [NOTE.format(name=f"N{at}a", day=1 + at % 28, sum=400 + at) for at in range(300)]
    rows.write_lines(
        run.lessons,
        [
            rows.Lesson(f"l{at}", f"/f/{at}.md", "c" * 64, None, "Note", "", "markdown", text, 0, len(text))
            for at, text in enumerate(texts)
        ],
    )


def test_another_process_pauses_resumes_and_cancels(home: Home, long_night: None) -> None:
    def said(verb: str) -> str:
        code, [reply], _ = nocturne(home, "personalize", verb)
        assert code == 0
        night = reply["nights"][0] if "nights" in reply else reply
        assert night["id"] == NEW and night["stage"] == "compose"
        return str(night["state"])

    with composing(home) as night:
        assert said("status") == "running"
        assert said("pause") == said("status") == "paused"
        assert said("resume") == said("status") == "running"
        for words in (["start"], ["use", "none"], ["discard", NEW]):
            code, [reply], _ = nocturne(home, "personalize", *words)
            assert (code, reply["error"]["code"]) == (3, "home_locked")
        assert said("cancel") == "running"
        code, last = finish(night)
    assert (code, last["error"]["code"]) == (130, "cancelled")
    assert said("status") == "cancelled"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_night_that_is_interrupted_can_go_on(home: Home, long_night: None, how: signal.Signals) -> None:
    with composing(home) as night:
        os.kill(night.pid, how)
        if how == signal.SIGINT:
            code, last = finish(night)
            assert (code, last["error"]["code"]) == (130, "cancelled")
        else:
            night.wait(HANG)
    code, [reply], _ = nocturne(home, "personalize", "status")
    assert [(n["state"], n["stage"]) for n in reply["nights"]] == [("cancelled", "compose")]
    assert "can be resumed" in reply["nights"][0]["reason"]
    with composing(home) as night:
        os.kill(night.pid, signal.SIGINT)
        assert finish(night)[0] == 130
