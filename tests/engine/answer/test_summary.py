"""Summaries of real files in a real index, with a model that says what the test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from engine.answer import whole
from engine.answer.summary import POINTS, Summariser
from engine.contracts import Answer, Event, Progress
from engine.errors import Cancelled
from engine.library import ledger
from engine.models.fake import FakeChat
from engine.paths import Home
from tests.engine.library.conftest import Library

BOAT = "# The boat\n\nThe boat needs new paint before the season. The boat lies in Ghent.\n"
CLUB = (
    ("boat", "Ada"),
    ("mower", "Ben"),
    ("ladder", "Cleo"),
    ("pump", "Dora"),
    ("cup", "Eve"),
    ("flag", "Finn"),
)


@pytest.fixture
def library(home: Home, tmp_path: Path) -> Iterator[Library]:
    folder = tmp_path / "files"
    folder.mkdir()
    library = Library(home, folder)
    library.put("Notes/boat.md", BOAT)
    library.put("Notes/garden.md", "The garden club meets on Mondays. Beans grow in the garden.\n")
    library.put(
        "long.md", "\n\n".join(f"Chapter {n} tells how captain Hale rowed mile {n}. " * 4 for n in range(40))
    )
    library.index()
    yield library
    library.database.close()


class Asking:
    """Questions to `whole.answer`, with the events of the last one."""

    def __init__(self, library: Library, model: FakeChat, stop: Callable[[], bool] = lambda: False) -> None:
        self.library = library
        self.model = model
        self.stop = stop
        self.events: list[Event] = []
        self.writes = True
        self.step_tokens = 200

    def __call__(
        self, question: str, within: str | None = None, document: str | None = None
    ) -> Answer | None:
        asked = whole.Asked(question, within, document)
        found = whole.answer(self.library.database, asked, self._summariser, date(2026, 11, 25))
        for citation in found.citations if found else ():
            text = ledger.document_text(self.library.database, citation.path)
            assert text is not None and citation.quote
            assert text[citation.start : citation.end] == citation.quote and citation.verified
        return found

    def _summariser(self) -> Summariser:
        return Summariser(
            self.model, self.events.append, self.stop, step_tokens=self.step_tokens, writes=self.writes
        )

    @property
    def progress(self) -> list[Progress]:
        return [event for event in self.events if isinstance(event, Progress)]


def test_what_the_model_says_is_given_where_the_part_supports_it(library: Library) -> None:
    answer = Asking(library, FakeChat("The boat needs paint before the season. It is old."))(
        "Please summarise boat.md"
    )
    assert answer is not None and answer.source == "files"
    assert answer.answer == "boat.md, in short (1 part):\n- The boat needs paint before the season. [1]"
    assert answer.citations[0].quote == "The boat needs new paint before the season."
    assert answer.sentences[1].citations == (1,) and answer.timings.completion_tokens > 0
    assert answer.total_files == 3


def test_what_no_part_supports_gives_way_to_a_sentence_of_the_file(library: Library) -> None:
    answer = Asking(library, FakeChat("Captain Hook sold 12 ships."))("Summarize the file boat")
    assert answer is not None and "Hook" not in answer.answer
    assert answer.citations[0].quote in BOAT and answer.citations[0].quote in answer.answer


def test_what_a_model_thinks_first_is_no_part_of_a_summary(library: Library) -> None:
    thinking = (
        "<think>The boat lies in Ghent. Or so.</think>\nThe boat needs paint before the season. It is old."
    )
    answer = Asking(library, FakeChat(thinking))("Please summarise boat.md")
    assert answer is not None
    assert answer.answer == "boat.md, in short (1 part):\n- The boat needs paint before the season. [1]"


def test_a_long_file_is_read_in_bounded_steps_and_condensed(library: Library) -> None:
    class Watched(FakeChat):
        longest = 0

        def generate(self, prompt: list[int], *arguments: object, **options: object):
            self.longest = max(self.longest, len(prompt))
            return super().generate(prompt, *arguments, **options)

    model = Watched("Captain Hale rowed.")
    ask = Asking(library, model)
    answer = ask("Summarise long.md")
    assert answer is not None
    assert 2 <= len(answer.citations) <= POINTS
    longest_passage = max(
        len(model.tokenize(text)) for (text,) in library.database.execute("SELECT body FROM words")
    )
    assert 0 < model.longest <= max(ask.step_tokens, longest_passage) + 200
    done = [event.done for event in ask.progress]
    assert done == list(range(len(done))) and ask.progress[-1].done == ask.progress[-1].total
    assert {event.phase for event in ask.progress} == {"summarise"} and ask.progress[0].current == "long.md"
    places = [citation.start for citation in answer.citations]
    assert places == sorted(places) and places[-1] > len(BOAT)


def test_without_writing_the_model_is_not_asked(library: Library) -> None:
    model = FakeChat()
    ask = Asking(library, model)
    ask.writes = False
    answer = ask("Summarise long.md")
    assert answer is not None and model.evaluated == 0 and len(answer.citations) <= POINTS


def test_a_short_file_has_a_few_points_too(library: Library) -> None:
    kept = "is kept by {} in a locked shed and shown to all at the feast in May."
    text = " ".join(f"The {what} of the club {kept.format(who)}" for what, who in CLUB)
    library.put("club.md", text)
    library.index()
    answer = Asking(library, FakeChat())("Summarise club.md")
    assert answer is not None and len(answer.citations) >= 3
    assert len({citation.quote for citation in answer.citations}) == len(answer.citations)


def test_a_folder_is_summarised_file_by_file(library: Library) -> None:
    ask = Asking(library, FakeChat())
    answer = ask("Summarise the folder Notes")
    assert answer is not None
    assert "\n- boat.md:\n  - " in answer.answer and "\n- garden.md:\n  - " in answer.answer
    assert {Path(citation.path).name for citation in answer.citations} == {"boat.md", "garden.md"}
    same = ask("Summarise this folder", str(library.folder / "Notes"))
    assert same is not None and same.answer.endswith(answer.answer.partition("\n")[2])
    chosen = ask("Summarise my notes about the garden")
    assert chosen is not None and {Path(c.path).name for c in chosen.citations} == {"garden.md"}


def test_the_document_under_discussion(library: Library) -> None:
    path = str(library.folder / "Notes" / "garden.md")
    answer = Asking(library, FakeChat())("Can you summarise it?", document=path)
    assert answer is not None and answer.answer.startswith("garden.md, in short")
    assert Asking(library, FakeChat())("Can you summarise it?") is None


def test_a_stop_keeps_the_points_found_so_far(library: Library) -> None:
    ask = Asking(library, FakeChat(), lambda: bool(ask.progress) and ask.progress[-1].done >= 3)
    answer = ask("Summarise long.md")
    assert answer is not None and answer.stopped
    assert answer.answer.startswith("long.md, in short (stopped after 3 of ") and len(answer.citations) == 3


def test_a_stop_before_the_first_point_is_cancelled(library: Library) -> None:
    with pytest.raises(Cancelled):
        Asking(library, FakeChat(), lambda: True)("Summarise long.md")


@pytest.mark.parametrize(
    "question",
    [
        "Summarise the trip to Lisbon",  # no file, no folder
        "Who wrote the summary of the boat?",
        "What is the sum of the bill?",
        "What does boat.md say about paint?",
        "Summarise how the pump is repaired",
        "Summarise",
    ],
)
def test_other_questions_are_left_to_the_search(library: Library, question: str) -> None:
    assert Asking(library, FakeChat())(question) is None
