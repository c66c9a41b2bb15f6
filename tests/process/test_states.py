"""Chats over processes: a follow-up goes on where another process was, and what is gone is kept nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.api import Engine
from engine.contracts import Answer, Found
from engine.paths import Home

pytestmark = pytest.mark.process
HANG = 60.0
# An explanation is left to the model: where one line is the answer, a small one reads nothing.
QUESTION, FOLLOW_UP = "Explain who repairs the pump.", "And explain before when he repairs it."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "pump.md").write_text(
        "Pawel Nowak repairs the pump. Pawel Nowak repairs it before 20 September."
    )
    (folder / "rent.txt").write_text("The rent of the flat is 940 euros a month.")
    return folder


@pytest.fixture
def first(home: Home, folder: Path) -> Answer:
    """The first answer of a chat, by a process that has ended since."""
    with Engine(home.root, write=True) as engine:
        engine.index([folder]).result(HANG)
        return engine.ask(QUESTION).result(HANG)


@pytest.fixture
def engine(home: Home, first: Answer) -> Iterator[Engine]:
    with Engine(home.root, write=True) as engine:
        yield engine


def kept(home: Home) -> list[str]:
    return [path.stem for path in home.states.iterdir()]


def test_a_follow_up_goes_on_where_another_process_was(engine: Engine, home: Home, first: Answer) -> None:
    assert kept(home) == [first.chat]
    job = engine.ask(FOLLOW_UP, first.chat)
    second = job.result(HANG)
    assert "20 September" in second.answer and second.citations[0].verified
    assert second.timings.cached_tokens >= first.timings.prompt_tokens
    assert second.timings.prompt_tokens > second.timings.cached_tokens
    (found,) = [event for event in job.events() if isinstance(event, Found)]
    assert found.passages[0].path == first.citations[0].path
    other = engine.ask("Explain the rent of the flat.").result(HANG)
    third = engine.ask("Explain how much the rent of the flat is a month.", first.chat).result(HANG)
    assert third.timings.cached_tokens >= second.timings.prompt_tokens  # though another chat was read between
    assert sorted(kept(home)) == sorted([first.chat, other.chat])


def test_without_the_lock_nothing_is_kept(engine: Engine, home: Home, first: Answer) -> None:
    before = {path: path.stat().st_mtime_ns for path in home.states.iterdir()}
    with Engine(home.root, write=False) as reader:
        answer = reader.ask(FOLLOW_UP, first.chat).result(HANG)
        assert not answer.stored and "20 September" in answer.answer
    assert {path: path.stat().st_mtime_ns for path in home.states.iterdir()} == before


def test_a_deleted_chat_takes_its_state_along(engine: Engine, home: Home, first: Answer) -> None:
    engine.delete_chat(first.chat)
    assert kept(home) == []
    engine.restore_chat(first.chat)
    assert "20 September" in engine.ask(FOLLOW_UP, first.chat).result(HANG).answer


def test_a_changed_file_is_not_answered_from_what_it_said(
    engine: Engine, home: Home, folder: Path, first: Answer
) -> None:
    (folder / "pump.md").write_text("Marek Zelny repairs the pump. Marek Zelny repairs it before 3 October.")
    engine.index().result(HANG)
    assert kept(home) == []
    answer = engine.ask("Explain who repairs the pump now.", first.chat).result(HANG)
    assert "Marek Zelny" in answer.answer
    assert answer.timings.cached_tokens < first.timings.prompt_tokens


def test_a_file_that_is_gone_leaves_no_text_behind(
    engine: Engine, home: Home, folder: Path, first: Answer
) -> None:
    assert any(b"Pawel" in path.read_bytes() for path in home.states.iterdir())
    engine.ask("Explain the rent of the flat.").result(HANG)
    (folder / "pump.md").unlink()
    engine.index().result(HANG)
    assert not any(b"Pawel" in path.read_bytes() for path in home.states.iterdir())


def test_the_file_that_was_opened_stays_in_play(engine: Engine, folder: Path, first: Answer) -> None:
    engine.record("opened_file", first.message, str(folder / "rent.txt"))
    job = engine.ask("And explain how much it is a month.", first.chat)
    job.result(HANG)
    turns = engine._turns(engine.messages(first.chat))
    assert turns[1].paths == (str(folder / "rent.txt"), first.citations[0].path)
    assert turns[0].paths == () and turns[0].message < turns[1].message
