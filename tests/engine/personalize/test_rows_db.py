"""What was asked of the model is not asked twice, and is gone when its file is."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from engine.models.fake import FakeChat
from engine.paths import Home
from engine.personalize.compose import questions, replay
from engine.personalize.rows import Lesson
from engine.personalize.rows_db import RowStore

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

    def compose(until: float) -> int:
        questions.rows([NOTE], model, Runs(), lambda _event: None, until, store)
        return len(replay.rows(model, 10, Runs(), lambda _event: None, until, store))

    assert compose(math.inf) == 10
    asked = model.calls
    assert asked > 10
    # Without any time left the same rows come back, from the store alone.
    assert compose(-math.inf) == 10
    assert model.calls == asked


def test_another_model_knows_nothing_of_it(store: RowStore, home: Home) -> None:
    store.keep("p", "1-2", "/f/note.md", "When?")
    assert (store.found("p", "1-2"), store.found("p", "1-3")) == ("When?", None)
    other = RowStore(home.rows_db, "model-b")
    assert other.found("p", "1-2") is None
    other.close()


def test_a_forgotten_file_is_gone_from_the_disk_too(store: RowStore, home: Home) -> None:
    store.keep("p", "1-2", "/f/note.md", "When does Zephyrine paint?")
    store.keep("q", "1-2", "/f/other.md", "")
    assert store.forget("/f/note.md") == 1
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
