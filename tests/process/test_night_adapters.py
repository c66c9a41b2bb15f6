"""Adapters that are damaged, gone or unknown: refused before they answer, and never in a question's way."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import cli
from engine.api import Engine
from engine.errors import EngineError
from engine.paths import Home
from engine.personalize.rows import Row, write_lines
from engine.personalize.run_folder import RunFolder
from engine.store.user import UserStore
from engine.workers.answer_role import AnswerRole
from tests.process.prepared_night import prepared_night

pytestmark = pytest.mark.process
HANG = 60.0
YESTERDAY, TODAY = "20260101-010101", "20260102-010101"


@pytest.fixture
def yesterday(home: Home) -> RunFolder:
    return prepared_night(home, YESTERDAY, active=True)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def change(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


DAMAGE = [truncate, change, Path.unlink]


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    code = cli.main([*words, "--json"])
    (line,) = capsys.readouterr().out.splitlines()
    return code, json.loads(line)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_adapter_is_not_switched_on(
    capsys: pytest.CaptureFixture[str], home: Home, yesterday: RunFolder, damage: Callable[[Path], None]
) -> None:
    damage(prepared_night(home, TODAY, "kept").adapter)
    code, reply = run(capsys, "personalize", "use", TODAY)
    assert (code, reply["error"]["code"]) == (3, "adapter_broken")
    assert TODAY in reply["error"]["message"] and reply["error"]["hint"]
    with UserStore(home, write=False) as user:
        assert user.active_adapter() == YESTERDAY


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_base_answers_when_the_adapter_that_is_on_is_damaged_and_says_so_once(
    home: Home, yesterday: RunFolder, damage: Callable[[Path], None]
) -> None:
    with Engine(home.root, write=True) as engine:
        sound = engine.ask("Hello?", files=False).result(HANG)
        assert (sound.adapter, sound.note) == (YESTERDAY, "")
        assert engine.status().notices == () and _adapter_check(engine)
        whole = yesterday.adapter.read_bytes()
        damage(yesterday.adapter)
        first = engine.ask("Hello?", files=False).result(HANG)
        second = engine.ask("Hello?", files=False).result(HANG)
        assert first.adapter is None and first.answer == sound.answer
        assert YESTERDAY in first.note and "The base answered instead" in first.note
        assert second.adapter is None and second.note == ""
        (notice,) = engine.status().notices
        assert YESTERDAY in notice and not _adapter_check(engine)
        with pytest.raises(EngineError) as caught:
            engine.ask("Hello?", files=False, adapter=YESTERDAY)
        assert caught.value.code == "adapter_broken"
        yesterday.adapter.write_bytes(whole)
        assert engine.ask("Hello?", files=False).result(HANG).adapter == YESTERDAY


def _adapter_check(engine: Engine) -> bool:
    return engine._nights.check().ok


def test_what_the_model_refuses_only_when_it_loads_it_does_not_keep_a_question_from_its_answer(
    home: Home, tmp_path: Path
) -> None:
    class Work:
        cancelled = False

        def emit(self, _event: object) -> None: ...

    def ask(chosen: bool) -> Any:
        adapter = {"night": YESTERDAY, "path": str(tmp_path / "no such file"), "chosen": chosen}
        asked = {"question": "Hello?", "history": [], "files": False, "max_tokens": 8, "folder": None}
        in_no_chat = {"chat": "", "message": ""}
        return role.run("ask", {**asked, **in_no_chat, "adapter": adapter}, Work())

    role = AnswerRole(home)
    first, second = ask(False), ask(False)
    assert first["adapter"] is None and "The base answered instead" in first["note"]
    assert second["adapter"] is None and second["note"] == ""
    with pytest.raises(EngineError) as caught:
        ask(True)
    assert caught.value.code == "adapter_broken"


def test_status_tells_what_answers(
    capsys: pytest.CaptureFixture[str], home: Home, yesterday: RunFolder
) -> None:
    assert cli.main(["status"]) == 0
    assert f"Adapter: {YESTERDAY} answers." in capsys.readouterr().out
    yesterday.adapter.unlink()
    assert cli.main(["status"]) == 0
    out = capsys.readouterr().out
    assert "Note: The adapter" in out and "personalize use ID" in out


@pytest.mark.parametrize("verb", ["show", "use", "discard", "resume"])
def test_an_unknown_night_is_one_sentence(
    capsys: pytest.CaptureFixture[str], home: Home, yesterday: RunFolder, verb: str
) -> None:
    for night in ("20990101-000000", "../models", ""):
        code, reply = run(capsys, "personalize", verb, night)
        expected = (3, "night_missing") if night or verb == "resume" else (2, "usage")
        assert (code, reply["error"]["code"]) == expected
        assert reply["error"]["message"] and reply["error"]["hint"]
    assert cli.main(["personalize", verb, "20990101-000000"]) == 3
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 2
    with UserStore(home, write=False) as user:
        assert user.active_adapter() == YESTERDAY


@pytest.mark.parametrize("state", ["promoted", "kept", "discarded"])
def test_a_night_that_is_over_cannot_go_on(
    capsys: pytest.CaptureFixture[str], home: Home, yesterday: RunFolder, state: Any
) -> None:
    prepared_night(home, TODAY, state)
    code, reply = run(capsys, "personalize", "resume", TODAY)
    assert (code, reply["error"]["code"]) == (3, "night_over")
    with UserStore(home, write=False) as user:
        assert user.night(TODAY).state == state


def test_a_night_without_an_adapter_cannot_be_used(
    capsys: pytest.CaptureFixture[str], home: Home, yesterday: RunFolder
) -> None:
    prepared_night(home, TODAY, "failed", before="export")
    code, reply = run(capsys, "personalize", "use", TODAY)
    assert (code, reply["error"]["code"]) == (3, "night_not_done")


def test_an_answer_from_memory_names_the_file_that_taught_it(
    home: Home, yesterday: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row("r", "fact", "Who repairs the pump?", "Pawel Nowak", "g", path="/files/pump.md")
    write_lines(yesterday.rows, [replace(row, id="s", answer="Olga", path="/files/other.md"), row])
    # What the fake says without a file is as sure as ln 0.9, and to the base as unlikely as ln 0.01.
    yesterday.finish("evaluate", sureness={"sure": -0.5, "learned": 2.0})
    monkeypatch.setenv("NOCTURNE_FAKE_REPLY", row.answer)
    with Engine(home.root, write=True) as engine:
        answer = engine.ask(row.user, files=False).result(HANG)
        assert (answer.source, answer.answer) == ("memory", row.answer)
        assert row.path in answer.note
        (chat,) = engine.chats()
        assert engine.messages(chat.id)[-1].answer == answer
        yesterday.rows.unlink()
        assert engine.ask(row.user, files=False).result(HANG).note == ""
