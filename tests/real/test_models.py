"""The embedded models as a worker gets them: from an empty home to an answer from the right passage."""

from __future__ import annotations

import pytest

from engine.contracts import Notice
from engine.models import catalog, files
from engine.models.chat import ChatMessage
from engine.models.load import load_chat, load_embedder
from engine.models.prepare import base_id
from engine.paths import Home

pytestmark = pytest.mark.real

PASSAGES = [
    "[1] Lease agreement\nThe tenancy begins on 1 September 2023 and the monthly rent is 870 euro. "
    "The deposit of 1740 euro is held by Kestrel Bank.",
    "[2] Travel plan\nWe take the night train from Graz at 22:14. Hotel Mirabel is booked for four nights.",
    "[3] Beekeeping\nHive number 4 lost its queen in July. The honey yield was 22 kg in total.",
]
QUESTION = "Who holds the deposit?"


def test_from_an_empty_home_to_an_answer(home: Home) -> None:
    notices: list[Notice] = []
    embedder, chat = load_embedder(home, notices.append), load_chat(home, notices.append)
    try:
        assert [notice.code for notice in notices] == ["preparing_model"]
        assert [files.report(card, home).state for card in catalog.cards()] == ["ready", "ready"]
        question, *passages = embedder.embed([QUESTION, *PASSAGES])
        found = max(range(3), key=lambda index: float(passages[index] @ question))
        assert found == 0
        prompt = chat.render(
            [
                ChatMessage(
                    "system", "Answer the question using only the passages. Answer in one short sentence."
                ),
                ChatMessage("user", f"{PASSAGES[found]}\n\nQuestion: {QUESTION}"),
            ]
        )
        generation = chat.generate(prompt, 48)
        assert "Kestrel Bank" in "".join(generation)
        assert generation.finish == "stop"
        assert chat.id == base_id(catalog.default("chat"))
        assert (chat.context, embedder.dimensions, embedder.window) == (4096, 384, 256)
    finally:
        chat.close()
