"""What was asked of the model is not asked twice, and is gone when its file is."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.models.fake import FakeChat
from engine.paths import Home
from engine.personalize import rows_db
from engine.personalize.compose import compose, questions, replay
from engine.personalize.rows import Lesson, Row
from engine.personalize.rows_db import RowStore

ROOT = Path(__file__).parents[3]
TEXT = "Hanna paints the shed before 20 September. The boat lies behind the old mill."
NOTE = Lesson("n", "/f/note.md", "c" * 64, None, "Note", "", "markdown", TEXT, 0, len(TEXT))


class Runs:
    def check(self) -> None:
        return None


class Counted(FakeChat):
    """Counts its answers; every question about the shed is a good one."""

    calls = 0

    def _answer(self, prompt: list[int]) -> str:
        self.calls += 1
        return "A small red house."


@pytest.fixture
def store(home: Home) -> Iterator[RowStore]:
    opened = RowStore(home.rows_db, "model-a")
    yield opened
    opened.close()


def test_what_was_asked_is_not_asked_again(store: RowStore) -> None:
    model = Counted()

    def ask(until: float) -> int:
        questions.rows([NOTE], model, Runs(), lambda _event: None, until, store)
        return len(replay.rows(model, 10, Runs(), lambda _event: None, until, store))

    assert ask(math.inf) == 10
    asked = model.calls
    assert asked > 10
    # Without any time left the same rows come back, from the store alone.
    assert ask(-math.inf) == 10
    assert model.calls == asked


LESSONS = [
    Lesson(f"n{at}", f"/f/{at}.md", "c" * 64, None, f"Note {at}", "", "markdown", text, 0, len(text))
    for at, text in enumerate(
        (
            TEXT,
            "Nadia Kowal sold the Petrel to Piet Vermeer for 4,150 crowns. She lives in Ulvik.",
            "berth: 41\nowner: Tom Ruiz\n\nThe Heron was built in 1967 and lies in the old harbour.",
        )
    )
]


def composed(model: FakeChat, home: Home) -> list[Row]:
    """All rows of `LESSONS`, with all the time in the world."""
    store = RowStore(home.rows_db, "model-a")
    try:
        return compose.compose(LESSONS, model, compose.Plan(seconds=1e9), Runs(), lambda _event: None, store)
    finally:
        store.close()


class Killed(Counted):
    """Kills its process at one of its answers."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def _answer(self, prompt: list[int]) -> str:
        if self.calls == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._answer(prompt)


def test_composing_that_was_killed_makes_the_rows_of_one_that_was_not(home: Home, tmp_path: Path) -> None:
    undisturbed, resumed = Counted(), Counted()
    expected = composed(undisturbed, home)
    assert undisturbed.calls > 6 and any(row.kind == "replay" for row in expected)
    other = Home(tmp_path / "other")
    for at in (3, 2):
        code = f"from {__name__} import *; composed(Killed({at}), Home(Path({str(other.root)!r})))"
        ran = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT)
        assert ran.returncode == -signal.SIGKILL
    assert composed(resumed, other) == expected
    assert resumed.calls == undisturbed.calls - 5


def test_another_model_knows_nothing_of_it(store: RowStore, home: Home) -> None:
    store.keep("p", "1-2", "/f/note.md", "When?")
    assert (store.found("p", "1-2"), store.found("p", "1-3")) == ("When?", None)
    other = RowStore(home.rows_db, "model-b")
    assert other.found("p", "1-2") is None
    other.close()


def test_a_forgotten_file_is_gone_from_the_disk_too(store: RowStore, home: Home) -> None:
    other = RowStore(home.rows_db, "model-b")
    for kept in (store, other):
        kept.keep("p", "1-2", "/f/note.md", "When does Zephyrine paint?")
    other.close()
    store.keep("q", "1-2", "/f/other.md", "")
    assert rows_db.forget(home.rows_db, "/f/note.md".__eq__) == 2
    assert store.found("p", "1-2") is None and store.found("q", "1-2") == ""
    for path in home.root.glob("rows.db*"):
        assert b"Zephyrine" not in path.read_bytes()


def test_a_damaged_file_is_begun_anew(home: Home) -> None:
    home.root.mkdir(parents=True)
    home.rows_db.write_bytes(b"not a database at all" * 500)
    store = RowStore(home.rows_db, "model-a")
    store.keep("p", "1-2", "", "x")
    assert store.found("p", "1-2") == "x"
    store.close()
