"""Invented facts as the trainer sees them, and the embedded model loaded once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.models import catalog
from engine.models.chat import ChatMessage
from engine.models.llama import LlamaChat
from engine.models.load import load_chat
from engine.models.prepare import prepared
from engine.paths import Home
from engine.personalize.rows import TokenRow

SYSTEM = ChatMessage("system", "You are a helpful assistant.")
FACTS = {
    "Where does Orla Quennell keep the spare key?": "under the blue bucket",
    "How many bees live in the Tamsin hive?": "41,300",
    "When is the Vexholm ferry repaired?": "on 17 March",
}
WORDINGS = ("{}", "Tell me: {}", "{} Answer briefly.")


class Free:
    """A control that nobody uses."""

    def check(self) -> None:
        return


def token_row(chat: LlamaChat, question: str, answer: str) -> TokenRow:
    prompt = chat.render([SYSTEM, ChatMessage("user", question)])
    whole = chat.render([SYSTEM, ChatMessage("user", question), ChatMessage("assistant", answer)])
    end = chat._tokens("<|im_end|>", special=True)
    assert whole[: len(prompt)] == prompt
    return TokenRow(question, tuple(prompt), tuple(chat.tokenize(answer) + end))


@pytest.fixture(scope="session")
def base(models_home: Home) -> Path:
    return prepared(catalog.default("chat"), models_home)


@pytest.fixture(scope="session")
def chat(models_home: Home) -> Iterator[LlamaChat]:
    model = load_chat(models_home)
    assert isinstance(model, LlamaChat)
    yield model
    model.close()


@pytest.fixture(scope="session")
def fact_rows(chat: LlamaChat) -> list[TokenRow]:
    return [
        token_row(chat, wording.format(question), answer)
        for wording in WORDINGS
        for question, answer in FACTS.items()
    ]
