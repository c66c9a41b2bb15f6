"""A chat on the embedded model: a follow-up evaluates what is new, and resumes as if it had read the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.answer.pipeline import Answerer, Limits, Question
from engine.answer.states import OpenChat, States
from engine.contracts import Answer, Passage, SearchReply, Turn
from engine.models import catalog
from engine.models.fake import FakeEmbedder
from engine.models.llama import LlamaChat
from engine.models.load import load_chat
from engine.paths import Home

pytestmark = pytest.mark.real

LEASE = (
    "The landlord of the flat in Hafen Street is Karl Oppen. Karl Oppen lives in Bremstadt. "
    "The rent of the flat is 940 euros a month. The deposit of the flat was 2,820 euros."
)
QUESTIONS = (
    "Who is the landlord of the flat?",
    "Where does he live?",
    "How much was the deposit of the flat?",
)


@pytest.fixture(scope="module")
def model(models_home: Home) -> Iterator[LlamaChat]:
    chat = load_chat(models_home)
    assert isinstance(chat, LlamaChat)
    yield chat
    chat.close()


def ask(model: LlamaChat, question: str, history: list[Turn], chat: OpenChat) -> Answer:
    passage = Passage(
        1, "/docs/lease.md", None, "", LEASE, 0, len(LEASE), 1.0, sha256="lease", similarity=0.8
    )
    answerer = Answerer(
        model,
        FakeEmbedder(),
        lambda _query: SearchReply((passage,), 1, 1, 0.0),
        lambda _event: None,
        lambda: False,
        # Each question is answered by one line, of which a small model would read nothing.
        replace(Limits.of(catalog.default("chat")), quotes=False),
        chat=chat,
    )
    number = f"{len(history):02}"
    answer = answerer.answer(Question(question, tuple(history), message=number))
    history += [Turn("user", question, number), Turn("assistant", answer.answer, number)]
    return answer


def test_a_follow_up_evaluates_what_is_new_and_resumes_as_it_was(model: LlamaChat, tmp_path: Path) -> None:
    states, history = States(tmp_path / "states"), list[Turn]()
    said: list[Answer] = []
    model._trim(0)
    for question in QUESTIONS:
        before = list(history)
        chat = states.open("a")
        answer = ask(model, question, history, chat)
        if said:
            last, now = said[-1].timings, answer.timings
            assert now.cached_tokens >= 0.95 * last.prompt_tokens
            assert now.prompt_tokens - now.cached_tokens <= said[0].timings.prompt_tokens / 2
            assert now.prompt_tokens > last.prompt_tokens
            # The same from the disk, and read as a whole.
            model._trim(0)
            resumed = ask(model, question, list(before), states.open("a"))
            assert resumed.timings.cached_tokens >= 0.95 * last.prompt_tokens
            model._trim(0)
            whole = states.open("a")
            whole._header = None
            read = ask(model, question, list(before), whole)
            assert read.timings.cached_tokens == 0
            assert answer.answer == resumed.answer == read.answer
            assert answer.citations == resumed.citations == read.citations
        chat.save()
        said.append(answer)
    assert "Karl Oppen" in said[0].answer and "Bremstadt" in said[1].answer and "2,820" in said[2].answer
    assert all(citation.verified for answer in said for citation in answer.citations)


def test_words_of_another_turn_keep_the_same_prefix(model: LlamaChat, tmp_path: Path) -> None:
    """A side prompt (general knowledge) makes the model forget the chat; the state brings it back."""
    states, history = States(tmp_path / "states"), list[Turn]()
    chat = states.open("a")
    first = ask(model, QUESTIONS[0], history, chat)
    chat.save()
    answerer = Answerer(model, None, lambda _q: SearchReply((), 0, 0, 0.0), lambda _e: None, lambda: False)
    answerer.answer(Question("What is the capital of France?", files=False, max_tokens=12))
    again = ask(model, QUESTIONS[1], history, states.open("a"))
    assert again.timings.cached_tokens >= 0.95 * first.timings.prompt_tokens
