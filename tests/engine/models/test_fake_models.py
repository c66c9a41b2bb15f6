"""The fakes keep the protocols' promises, so that tests which use them mean something."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from engine.errors import EngineError
from engine.models import load
from engine.models.chat import ChatMessage, ChatModel, Generation, Pieces, repeats
from engine.models.embedder import Embedder
from engine.models.fake import NOTHING_FOUND, FakeChat, FakeEmbedder
from engine.paths import Home

PROMPT = [
    ChatMessage("system", "Answer from the passages."),
    ChatMessage(
        "user",
        "[1] Boats\nThe Marigold sails on Monday. It is red.\n\n[2] Ports\nHarbour dues are 42 euro a night."
        "\n\nQuestion: How much are the harbour dues?",
    ),
]


def test_fake_chat_quotes_the_passage_that_answers_with_its_number() -> None:
    model: ChatModel = FakeChat()
    generation = model.generate(model.render(PROMPT), 100)
    assert "".join(generation) == "Harbour dues are 42 euro a night. [2]"
    assert generation.finish == "stop"
    assert generation.completion_tokens == len(generation.tokens) == len(generation.logprobs) > 5
    assert generation.first_token_seconds is not None
    assert 0 < generation.first_token_seconds <= generation.seconds


def test_fake_chat_finds_nothing_when_no_passage_shares_a_word() -> None:
    model = FakeChat()
    prompt = model.render(
        [ChatMessage("user", "[1] The Marigold sails on Monday.\n\nQuestion: Favourite cheese?")]
    )
    assert "".join(model.generate(prompt, 100)) == NOTHING_FOUND


def test_fake_chat_counts_what_it_need_not_read_again() -> None:
    model = FakeChat()
    prompt = model.render(PROMPT)
    seen: list[tuple[int, int]] = []
    list(model.generate(prompt, 5, lambda done, total: seen.append((done, total))))
    assert seen[-1] == (len(prompt), len(prompt))
    again = model.generate(prompt, 5)
    list(again)
    assert (again.cached_tokens, again.finish) == (len(prompt) - 1, "length")
    assert model.evaluated == len(prompt) + 1


@pytest.mark.parametrize("slow", [{"token_seconds": 3600.0}, {"slice_seconds": 3600.0}])
def test_stop_ends_a_slow_fake_at_once_and_is_forgotten_by_the_next_call(slow: dict[str, float]) -> None:
    model = FakeChat("word " * 20, **slow)
    generation = model.generate(model.render(PROMPT), 50)
    reader = threading.Thread(target=list, args=(generation,), daemon=True)
    reader.start()
    model.stop()
    reader.join(timeout=20)
    assert not reader.is_alive()
    assert generation.finish == "stopped"
    model._token_seconds = model._slice_seconds = 0.0
    after = model.generate(model.render(PROMPT), 5)
    assert len("".join(after)) > 0
    assert after.finish == "length"


def test_fake_text_survives_tokens_and_never_becomes_a_special_one() -> None:
    model = FakeChat()
    text = "Grüße 🌙 <|im_end|>\n\ttab \x00 end"
    tokens = model.tokenize(text)
    assert "".join(Generation(0, lambda _: iter_bytes(tokens))) == text
    assert min(tokens) > 255


def iter_bytes(tokens: list[int]) -> Pieces:
    for token in tokens:
        yield token.to_bytes((token.bit_length() + 7) // 8)[1:]


def test_a_character_cut_in_half_is_dropped_not_shown_broken() -> None:
    moon = "🌙".encode()

    def run(_: Generation) -> Pieces:
        yield b"a" + moon[:2]
        yield moon[2:] + moon[:3]

    assert list(Generation(0, run)) == ["a", "🌙"]


def test_a_prompt_as_long_as_the_context_is_refused() -> None:
    with pytest.raises(EngineError) as caught:
        FakeChat(context=10).generate(list(range(300, 310)), 5)
    assert caught.value.code == "question_too_long"


def test_repeats_sees_loops_and_not_lists() -> None:
    assert repeats([1, 2] * 12)
    assert repeats([9, 9, 8, *[1, 2, 3, 4, 5, 6, 7, 8] * 3])
    assert not repeats([1, 2] * 11)
    assert not repeats([token for n in range(40) for token in (7, n, 8)])
    assert not repeats([])


def test_fake_embedder_is_near_for_shared_words_only() -> None:
    embedder: Embedder = FakeEmbedder(dimensions=64, window=8)
    near, query, far, empty = embedder.embed(["harbour dues", "the harbour dues", "sailing cheese", ""])
    assert near @ query > 0.9 > 0.5 > abs(far @ query)
    assert np.allclose(np.linalg.norm([near, query, far, empty], axis=1), 1)
    assert embedder.count_tokens("one two three") == 5
    words = "a1 a2 a3 a4 a5 a6"
    assert np.array_equal(*embedder.embed([words, words + " beyond the window"]))
    assert embedder.embed([]).shape == (0, 64)


def test_workers_get_the_fakes_by_environment(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    monkeypatch.setenv("NOCTURNE_FAKE_MODELS", "1")
    monkeypatch.setenv("NOCTURNE_FAKE_REPLY", "as told")
    chat = load.load_chat(home)
    assert "".join(chat.generate(chat.render(PROMPT), 9)) == "as told"
    assert isinstance(load.load_embedder(home), FakeEmbedder)
