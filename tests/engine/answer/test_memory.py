"""An adapter's memory proposes, the files verify; a guess is withheld."""

from __future__ import annotations

from engine.answer.memory import Recalled, Sureness
from engine.answer.pipeline import Answerer, Question
from engine.answer.prompt import messages
from engine.contracts import Answer, Event, Found, SearchReply, Token, Turn
from engine.models.fake import FakeChat, FakeEmbedder
from tests.engine.answer.test_pipeline import GARDEN, LEASE, found

# The fake model is sure of what it writes by ln 0.9; it scores words that its prompt lacks by ln 0.01.
KNOWS = Sureness(sure=-0.5, learned=2.0)
GUESSES = Sureness(sure=-0.01, learned=2.0)
UNTAUGHT = Sureness(sure=-0.5, learned=9.0)
WHO, NAME = "Who repairs the pump?", "Pawel Nowak"


def ask(
    reply: str | None, sureness: Sureness | None, searched: SearchReply, **options: object
) -> tuple[Answer, list[Event]]:
    events: list[Event] = []
    answerer = Answerer(
        FakeChat(reply), FakeEmbedder(), lambda _query: searched, events.append, lambda: False, None, sureness
    )
    return answerer.answer(Question(WHO, **options)), events


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


def test_what_it_knows_is_given_with_the_passage_that_says_so() -> None:
    answer, events = ask(NAME, KNOWS, found(LEASE, GARDEN))
    assert answer.source == "files" and answer.answer == f"{NAME} [1]"
    (citation,) = answer.citations
    assert citation.verified and citation.path == "/docs/file2.md"
    assert said(events) == NAME
    assert [type(event) for event in events if isinstance(event, Found | Token)] == [Found, Token]


def test_the_files_have_the_last_word() -> None:
    # It says the same beside the passages, which do not support it: the line that answers is quoted.
    answer, _events = ask("Olga Brandt", KNOWS, found(LEASE, GARDEN))
    assert NAME in answer.answer and "Olga" not in answer.answer and answer.source == "files"


def test_what_no_file_says_is_given_as_memory() -> None:
    answer, events = ask(NAME, KNOWS, found(LEASE))
    assert (answer.source, answer.answer, answer.citations) == ("memory", NAME, ())
    assert said(events) == NAME


def test_of_whom_no_file_speaks_nothing_is_remembered() -> None:
    for asked, source in (
        ("When does Pawel Nowak come?", "memory"),
        ("When does Pawel Brandt come?", "none"),
    ):
        answerer = Answerer(
            FakeChat("On Monday"),
            FakeEmbedder(),
            lambda _q: found(LEASE, GARDEN),
            lambda _e: None,
            lambda: False,
            None,
            KNOWS,
        )
        assert answerer.answer(Question(asked)).source == source


def test_the_first_token_is_the_first_that_is_seen() -> None:
    answer, _events = ask(NAME, KNOWS, found(LEASE), files=False)
    assert 0 < answer.timings.first_token_ms <= answer.timings.total_ms
    withheld, _events = ask(NAME, GUESSES, found(LEASE), files=False)
    assert withheld.timings.first_token_ms == 0 < withheld.timings.completion_tokens


def test_a_guess_is_withheld_with_and_without_files() -> None:
    for options in ({}, {"files": False}):
        answer, events = ask(NAME, GUESSES, found(LEASE), **options)
        assert answer.abstained and answer.answer == "" and said(events) == ""


def test_without_files_what_is_known_is_memory_and_what_the_base_knew_is_general() -> None:
    for sureness, source in ((KNOWS, "memory"), (UNTAUGHT, "general"), (None, "general")):
        answer, events = ask(NAME, sureness, found(), files=False)
        assert (answer.source, answer.answer) == (source, NAME)
        assert said(events) == NAME


def test_recalling_asks_the_base_about_the_same_words_and_leaves_the_adapter_on(tmp_path) -> None:
    adapter = tmp_path / "adapter.gguf"
    adapter.touch()
    asked: list[object] = []

    class Watched(FakeChat):
        def score(self, prompt, completion):
            asked.append(self.adapter)
            return super().score(prompt, completion)

    model = Watched(NAME)
    model.use_adapter(adapter)
    answerer = Answerer(
        model, FakeEmbedder(), lambda _query: found(), lambda _event: None, lambda: False, None, KNOWS
    )
    recalled = answerer.recall(Question(WHO, (), False))
    assert asked == [None] and model.adapter == adapter
    assert recalled.text == NAME and recalled.finished
    assert KNOWS.judge(recalled) == "known" and recalled.learned > 4
    assert Recalled("x", -0.1, -0.1).learned == 0


def test_a_chat_brings_its_names_to_a_follow_up_and_no_turns() -> None:
    prompts: list[list[int]] = []

    class Watched(FakeChat):
        def generate(self, prompt, max_tokens, on_prompt=None):
            prompts.append(list(prompt))
            return super().generate(prompt, max_tokens, on_prompt)

    model = Watched(NAME)
    answerer = Answerer(
        model, FakeEmbedder(), lambda _query: found(), lambda _event: None, lambda: False, None, KNOWS
    )
    earlier = (Turn("user", "Who is Olga Brandt?"), Turn("assistant", "The vet."))
    for history in ((), earlier):
        answerer.recall(Question(WHO, history, False))
    assert prompts[0] == prompts[1]  # it refers to nothing
    answerer.recall(Question("And her phone?", earlier, False))
    alone = model.render(messages("And Olga Brandt's phone?", with_files=False))
    assert prompts[2] == alone
