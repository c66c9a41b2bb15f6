"""From a question to a checked answer, with a model that says what the test wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.answer import prompt
from engine.answer.citations import strip_markers
from engine.answer.excerpts import excerpts
from engine.answer.pipeline import Answerer, Limits, Question
from engine.answer.questions import answers, is_lookup, is_personal, search_query
from engine.answer.refusal import refuses
from engine.contracts import Answer, Event, Found, Passage, SearchReply, Token, Turn, Unread
from engine.errors import Cancelled, EngineError
from engine.models.fake import FakeChat, FakeEmbedder

GARDEN = (
    "The gate in the east is broken. Pawel Nowak repairs the pump before 20 September; "
    "the parts of it cost 68 euros."
)
LEASE = "The rent is 940 euros a month. The lease runs until 31 May 2028."


def found(*texts: str, similarity: float = 0.0) -> SearchReply:
    passages = tuple(
        Passage(
            n, f"/docs/file{n}.md", n, "", text, 0, len(text), 1.0 / n, sha256="00", similarity=similarity
        )
        for n, text in enumerate(texts, 1)
    )
    return SearchReply(passages, 5, 6, 1.0)


class Asked:
    """One question put to an Answerer, with everything it did on the way."""

    def __init__(
        self,
        model: FakeChat,
        reply: SearchReply,
        cancelled: Callable[[], bool] = lambda: False,
        limits: Limits | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.queries: list[str] = []
        self._answerer = Answerer(
            model, FakeEmbedder(), self._search(reply), self.events.append, cancelled, limits
        )

    def _search(self, reply: SearchReply) -> Callable[[str], SearchReply]:
        def search(query: str) -> SearchReply:
            self.queries.append(query)
            return reply

        return search

    def __call__(self, text: str, **options: object) -> Answer:
        return self._answerer.answer(Question(text, **options))

    @property
    def streamed(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Token))


def test_the_answer_comes_from_the_files_with_a_verified_citation() -> None:
    ask = Asked(FakeChat(), found(LEASE, GARDEN))
    answer = ask("Who repairs the pump?")
    assert (answer.source, answer.abstained) == ("files", False)
    assert "Pawel Nowak" in answer.answer
    (citation,) = answer.citations
    assert citation.verified and citation.path == "/docs/file2.md" and citation.page == 2
    assert citation.quote == GARDEN[citation.start : citation.end]
    assert "Pawel Nowak" in ask.streamed
    assert any(isinstance(event, Found) and event.total_files == 6 for event in ask.events)
    timings = answer.timings
    assert (
        timings.prompt_tokens > 0
        and timings.completion_tokens > 0
        and timings.total_ms >= timings.first_token_ms
    )
    assert (answer.searched_files, answer.total_files) == (5, 6)


def test_an_unsupported_answer_gives_way_to_the_line_of_the_files() -> None:
    answer = Asked(FakeChat("It is Marek who does it [2]."), found(LEASE, GARDEN))("Who repairs the pump?")
    assert answer.source == "files" and all(c.verified for c in answer.citations)
    assert "Pawel Nowak" in answer.answer and "Marek" not in answer.answer


def test_an_unsupported_answer_without_a_fitting_line_is_withheld_with_the_nearest_files() -> None:
    answer = Asked(FakeChat("About 12 years [1]."), found(GARDEN, LEASE))("Which gate did Pawel Nowak paint?")
    assert (answer.source, answer.abstained, answer.answer) == ("none", True, "")
    assert [near.path for near in answer.nearest] == ["/docs/file1.md", "/docs/file2.md"]


def test_a_file_of_the_name_asked_for_is_nearest_though_it_could_not_be_read() -> None:
    reply = replace(found(LEASE), unread=(Unread("/cloud/Budget 2025.xlsx", "cloud_only"),))
    answer = Asked(FakeChat("It is 12 euros."), reply)("What is our total in Budget 2025.xlsx?")
    assert answer.abstained
    assert [near.path for near in answer.nearest] == ["/cloud/Budget 2025.xlsx", "/docs/file1.md"]
    assert answer.nearest[0].text == "It is kept in the cloud, not on this disk."
    assert not answer.citations


def test_nothing_is_written_when_the_files_name_nobody_of_that_name() -> None:
    ask = Asked(FakeChat("Ms. Orlova's number is 555-0000 [1]."), found(LEASE, GARDEN, similarity=0.9))
    assert ask("What is Vera Orlova's phone number?").abstained
    assert ask.streamed == "" and not any(isinstance(e, Found) and e.passages for e in ask.events)


def test_the_models_own_refusal_is_an_abstention_in_every_mode() -> None:
    for files in (True, False):
        answer = Asked(FakeChat("I don't know."), found(GARDEN))("How tall is the pump?", files=files)
        assert (answer.source, answer.abstained) == ("none", True)


def test_general_knowledge_is_given_only_if_sure_and_labelled() -> None:
    ask = Asked(FakeChat("Water boils at 100 degrees."), found(GARDEN))
    answer = ask("At what temperature does water boil?")
    assert (answer.source, answer.answer) == ("general", "Water boils at 100 degrees.")
    assert ask.streamed == answer.answer

    class Unsure(FakeChat):
        def generate(self, *arguments: object, **options: object):
            generation = super().generate(*arguments, **options)
            generation.logprobs = _Low()
            return generation

    unsure = Asked(Unsure("Water boils at 7 degrees."), found(GARDEN))
    assert unsure("At what temperature does water boil?").abstained
    assert unsure.streamed == ""


class _Low(list[float]):
    def append(self, value: float) -> None:
        super().append(-3.0)


def test_without_files_nothing_is_searched() -> None:
    ask = Asked(FakeChat("Paris."), found(GARDEN))
    assert ask("What is the capital of France?", files=False).source == "general"
    assert ask.queries == []


def test_a_stop_keeps_what_was_written() -> None:
    seen: list[int] = []

    def cancelled() -> bool:
        seen.append(1)
        return len(ask.streamed) > 20

    ask = Asked(FakeChat("one two three four five six seven eight nine ten"), found(GARDEN), cancelled)
    answer = ask("Who repairs the pump?")
    assert answer.stopped and answer.answer.startswith("one two") and "ten" not in answer.answer
    assert not any(sentence.supported for sentence in answer.sentences)


def test_a_stop_before_the_first_token_is_cancelled() -> None:
    ask = Asked(FakeChat(), found(GARDEN), lambda: True)
    with pytest.raises(Cancelled):
        ask("Who repairs the pump?")


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_an_empty_question_is_refused(text: str) -> None:
    with pytest.raises(EngineError) as caught:
        Asked(FakeChat(), found(GARDEN))(text)
    assert caught.value.code == "question_empty"


def test_a_question_longer_than_the_context_is_refused() -> None:
    with pytest.raises(EngineError) as caught:
        Asked(FakeChat(context=400), found(GARDEN))("pump " * 2000)
    assert caught.value.code == "question_too_long"


@pytest.mark.parametrize(
    ("question", "written", "kept"),
    [
        ("How high is the pressure?", "It is 1.8 bar [1]. It was never higher.", "It is 1.8 bar."),
        ("Who is the vet?", "It is Dr. Lena Fuchs. [1] She lives in Ghent.", "It is Dr. Lena Fuchs."),
        ("Who is the landlord?", "The landlord is Marek.\nThe tenant is Nora.", "The landlord is Marek."),
        ("How high is the pressure?", "The pressure is 1.8", "The pressure is 1.8"),
    ],
)
def test_a_model_of_one_sentence_is_cut_after_it(question: str, written: str, kept: str) -> None:
    reply = found("The pressure is 1.8 bar. The vet is Dr. Lena Fuchs. The landlord is Marek.")
    ask = Asked(FakeChat(written), reply, limits=Limits(sentences=1))
    assert strip_markers(ask(question).answer) == kept


def test_a_repeated_sentence_is_cut() -> None:
    ask = Asked(FakeChat("The rent is 940 euros. " * 9), found(LEASE))
    answer = ask("What is the rent?")
    assert answer.answer.count("940") == 1 and answer.timings.completion_tokens < 20


def test_the_model_reads_the_lines_that_matter() -> None:
    filler = " ".join(
        f"The hedge number {n} was cut in {1900 + n} by nobody in particular." for n in range(60)
    )
    shown = excerpts("Who repairs the pump?", found(filler + " " + GARDEN).results, len, most=2, budget=200)
    assert [excerpt.text for excerpt in shown] == [GARDEN]
    assert [
        e.passage.rank for e in excerpts("the rent", found(GARDEN, LEASE).results, len, most=2, budget=999)
    ] == [2]
    assert excerpts("Unrelated", found("x" * 999).results, len, most=2, budget=100)[0].text == "x" * 62
    assert excerpts("Unrelated", (), len, most=2, budget=100) == []


def test_passages_are_cut_to_the_budget_and_braces_in_files_are_text() -> None:
    model = FakeChat(context=1024)
    many = found(*[f"Gate {n} is $question painted {{n}} green. " * 20 for n in range(1, 9)])
    ask = Asked(model, many)
    answer = ask("How is gate 3 painted?", max_tokens=100)
    (shown,) = [event for event in ask.events if isinstance(event, Found)]
    assert 0 < len(shown.passages) < 8
    assert answer.timings.prompt_tokens + 100 <= 1024


def test_a_follow_up_brings_along_what_was_named() -> None:
    history = [Turn("user", "Who is Ada Brandt?"), Turn("assistant", "The dentist.")]
    assert search_query("And her phone?", history) == "And Ada Brandt's phone?"
    assert search_query("What does plum cake need?", history) == "What does plum cake need?"
    assert search_query("And her phone?", []) == "And her phone?"


def test_what_a_question_names() -> None:
    passages = found(GARDEN).results
    assert is_personal("What is my landlord's name?", ())
    assert is_personal("When was Pawel Nowak born?", passages)
    assert not is_personal("What is the capital of France?", passages)
    assert not is_personal("How does a pump work?", passages) and not is_personal(
        "Explain photosynthesis", ()
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't know.", True),
        ("I’m sorry, the passages do not mention it.", True),
        ("The passages do not contain the answer.", True),
        ("There is no information about it.", True),
        ("The rent is 940 euros.", False),
        ("I know that the rent is 940 euros.", False),
    ],
)
def test_refusals_are_recognised(text: str, expected: bool) -> None:
    assert refuses(text) is expected


def test_what_a_question_asks_for_is_of_a_kind() -> None:
    assert answers("Who repairs the pump?", "Pawel Nowak repairs it.")
    assert not answers("Who made Datasette?", "This imports the JSON file.")
    assert not answers("When is it repaired?", "Soon.") and answers("When is it repaired?", "In 2021.")
    assert is_lookup("Which pump broke?") and is_lookup("How many pumps are there?")
    assert not is_lookup("How do I repair the pump?") and not is_lookup("Why did it break?")


def test_files_that_look_alike_are_told_apart_by_the_names() -> None:
    letters = found("Edda Arno moved to Eskeby on 3 May.", "Nils Arno moved to Hollen on 9 May.")
    shown = excerpts("To which town did Nils Arno move?", letters.results, len, most=3, budget=500)
    assert [excerpt.passage.rank for excerpt in shown] == [2]
    answer = Asked(FakeChat("Nobody knows."), letters)("To which town did Nils Arno move?")
    assert "Hollen" in answer.answer and answer.citations[0].verified


def test_an_unanswered_question_does_not_hide_the_turns_before_it() -> None:
    model = FakeChat()
    history = (
        Turn("user", "Who repairs the pump?"),
        Turn("assistant", "Pawel Nowak [1]."),
        Turn("user", "Who paints it?"),
        Turn("assistant", ""),
        Turn("user", "Never answered"),
    )
    with_turns = prompt.build(model, "And when?", (), history, reserve=50).tokens
    assert len(with_turns) == len(prompt.build(model, "And when?", (), history[:2], reserve=50).tokens)
    assert len(with_turns) > len(prompt.build(model, "And when?", (), (), reserve=50).tokens)


def test_passages_keep_their_place(home: object) -> None:
    reply = found(GARDEN)
    moved = replace(reply.results[0], start=1000, end=1000 + len(GARDEN))
    answer = Asked(FakeChat(), SearchReply((moved,), 1, 1, 0.0))("Who repairs the pump?")
    assert answer.citations[0].start >= 1000


def test_what_is_asked_of_the_files_as_a_whole_is_not_searched_for() -> None:
    events: list[Event] = []
    searched: list[str] = []

    def search(query: str) -> SearchReply:
        searched.append(query)
        return found(GARDEN)

    def whole(question: Question) -> Answer | None:
        if "how many files" not in question.text:
            return None
        return Answer("There are 5 files.", "files", False, searched_files=5, total_files=6)

    answerer = Answerer(FakeChat(), FakeEmbedder(), search, events.append, lambda: False, whole=whole)
    answer = answerer.answer(Question("Well, how many files are there?"))
    assert (answer.answer, answer.searched_files, answer.total_files) == ("There are 5 files.", 5, 6)
    assert answer.model == "fake-chat" and answer.timings.total_ms > 0
    assert [e.text for e in events if isinstance(e, Token)] == ["There are 5 files."] and not searched
    assert answerer.answer(Question("Who repairs the pump?")).citations and searched
    assert answerer.answer(Question("Well, how many files are there?", files=False)).source != "files"
