"""What is kept of chats on the disk: within a budget, and ignored where it does not fit."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from engine.answer import prompt, states
from engine.answer.conversation import Conversation
from engine.answer.states import OpenChat, States
from engine.contracts import Answer, Passage, Turn
from engine.models.chat import Snapshot
from engine.models.fake import FakeChat
from tests.engine.answer.test_conversation import PUMP, RENT, Chat, passage


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "states"


def asked(
    kept: States, question: str, *passages: Passage, model: FakeChat | None = None, chat: str = "a"
) -> Answer:
    """One question of chat `chat` by a process of its own."""
    ask = Chat(model or FakeChat())
    opened = kept.open(chat)
    ask.history = [Turn("user", "", ""), Turn("assistant", "")] if opened.conversation.turns else []
    answer = ask(question, *passages, chat=opened)
    opened.save()
    return answer


def test_another_process_goes_on_where_the_chat_was(folder: Path) -> None:
    first = asked(States(folder), "Who repairs the pump?", passage(PUMP))
    second = asked(States(folder), "When is the gate of Pawel Nowak broken?", passage(PUMP, rank=2))
    assert first.timings.cached_tokens == 0
    assert second.timings.cached_tokens >= first.timings.prompt_tokens
    assert len(States(folder).open("a").conversation.turns) == 2
    assert States(folder).open("b").conversation == Conversation()


def test_a_model_that_remembers_as_much_reads_nothing_from_the_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = FakeChat()
    asked(States(folder), "Who repairs the pump?", passage(PUMP), model=model)
    monkeypatch.setattr(model, "resume", lambda _snapshot: pytest.fail("it was resumed"))
    again = asked(States(folder), "Which gate of Pawel Nowak is broken?", passage(PUMP), model=model)
    assert again.timings.cached_tokens > 100


def test_what_another_model_or_adapter_read_is_not_used_but_what_was_sent_is(folder: Path) -> None:
    first = asked(States(folder), "Who repairs the pump?", passage(PUMP))
    other = asked(
        States(folder),
        "What is the phone number of Pawel Nowak?",
        passage(PUMP),
        model=FakeChat(context=2048),
    )
    assert other.timings.cached_tokens == 0 and other.timings.prompt_tokens > first.timings.prompt_tokens
    adapted = FakeChat(context=2048)
    adapted.adapter = folder / "night.gguf"
    assert asked(States(folder), "And the phone?", passage(PUMP), model=adapted).timings.cached_tokens == 0


@pytest.mark.parametrize("damage", ["short", "flipped", "empty", "no json", "other prompts", "other version"])
def test_what_does_not_fit_is_read_again(folder: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(States(folder), "Who repairs the pump?", passage(PUMP))
    (path,) = folder.iterdir()
    data = path.read_bytes()
    broken = {"short": data[:-1], "flipped": data[:-1] + b"?", "empty": b"", "no json": b"{\n" + data}
    path.write_bytes(broken.get(damage, data))
    if damage == "other prompts":
        monkeypatch.setattr(prompt, "version", lambda: 99)
    if damage == "other version":
        monkeypatch.setattr(states, "VERSION", 99)
    answer = asked(States(folder), "Which gate of Pawel Nowak is broken?", passage(PUMP))
    assert answer.timings.cached_tokens == 0 and answer.citations
    assert asked(States(folder), "Who repairs the pump?", passage(PUMP)).timings.cached_tokens > 100


def test_the_budget_keeps_what_was_used_last(folder: Path) -> None:
    kept = States(folder, budget=40_000)
    snapshot = Snapshot("key", [1], bytes(15_000))
    for at, name in enumerate("abc"):
        kept.write(folder / f"{name}.state", Conversation(), snapshot)
        os.utime(folder / f"{name}.state", (at, at)) if (folder / f"{name}.state").exists() else None
    assert sorted(path.name for path in folder.iterdir()) == ["b.state", "c.state"]
    os.utime(folder / "b.state", (9, 9))
    kept.write(folder / "d.state", Conversation(), snapshot)
    assert sorted(path.name for path in folder.iterdir()) == ["b.state", "d.state"]
    kept.write(folder / "d.state", Conversation(left_out=3), replace(snapshot, data=bytes(50_000)))
    assert kept.open("d").conversation.left_out == 3  # too large to be kept, but not what was sent
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 40_000


def test_a_kill_while_writing_leaves_the_one_before(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = States(folder)
    kept.write(folder / "a.state", Conversation(left_out=1), Snapshot("key", [1], b"data"))

    def killed(_self: Path, _target: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", killed)
        kept.write(folder / "a.state", Conversation(left_out=2), Snapshot("key", [1], b"other"))
    assert kept.open("a").conversation.left_out == 1
    kept.write(folder / "b.state", Conversation(), None)
    assert sorted(path.name for path in folder.iterdir()) == ["a.state", "b.state"]


def test_a_disk_that_takes_nothing_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert asked(States(tmp_path / "file" / "states"), "Who repairs the pump?", passage(PUMP)).citations


def test_a_forgotten_file_takes_the_chats_with_it_that_quote_it(folder: Path) -> None:
    kept = States(folder)
    asked(kept, "Who repairs the pump?", passage(PUMP), chat="a")
    asked(kept, "What is the rent a month?", passage(RENT, "rent"), chat="b")
    (folder / "c.state").write_bytes(b"damaged: it may hold anything")
    assert kept.files() == {("/docs/pump.md", "pump"), ("/docs/rent.md", "rent")}
    assert kept.forget_files(lambda path: path == "/docs/pump.md") == 2
    assert [path.name for path in folder.iterdir()] == ["b.state"]
    kept.forget_chat("b")
    kept.forget_chat("never there")
    assert not list(folder.iterdir())
    assert kept.forget_files(lambda _path: True) == 0


def test_what_is_forgotten_while_it_is_open_is_not_kept(folder: Path) -> None:
    asked(States(folder), "Who repairs the pump?", passage(PUMP))
    opened = States(folder).open("a")
    assert opened.files() == {("/docs/pump.md", "pump")}
    opened.forget()
    assert not list(folder.iterdir()) and opened.conversation == Conversation()
    opened.save()
    assert not list(folder.iterdir()) and OpenChat().files() == set()


def test_what_is_kept_is_plain_to_see(folder: Path) -> None:
    asked(States(folder), "Who repairs the pump?", passage(PUMP))
    (path,) = folder.iterdir()
    header = json.loads(path.read_bytes().partition(b"\n")[0])
    assert header["prompts"] == prompt.version() and header["size"] > 0
    assert header["conversation"]["turns"][0]["question"] == "Who repairs the pump?"
