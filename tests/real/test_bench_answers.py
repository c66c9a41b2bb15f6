"""The parts of `nocturne bench answers` that count what a model evaluates, once on the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench import overhead, searching
from engine.bench.metered import MeteredChat
from engine.models import catalog, prepare
from engine.paths import Home

pytestmark = [pytest.mark.real, pytest.mark.process]


def test_every_forward_pass_is_seen(models_home: Home) -> None:
    card = catalog.default("chat")
    chat = MeteredChat(prepare.prepared(card, models_home), id=prepare.base_id(card), context=512)
    try:
        prompt = chat.tokenize("The well is 23 metres deep. " * 12)
        generation = chat.generate(prompt, 4)
        "".join(generation)
        written = generation.completion_tokens
        assert sum(one.tokens for one in chat.passes) == len(prompt) + written
        assert all(one.seconds > 0 for one in chat.passes)
        chat.passes.clear()
        chat.score(prompt, chat.tokenize(" Very deep"))
        assert 0 < sum(one.tokens for one in chat.passes) <= 3  # the prompt is still in memory
    finally:
        chat.close()


def test_what_surrounds_an_answer_is_told_from_its_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "FILES", 2)
    rows = {row.name: row for row in overhead.rows(tmp_path / "bench", 60, 4)}
    assert rows["answers from files, at 60 passages"].value == 4
    assert 0 < rows["of them read by the model, at 60 passages"].value < 4
    assert rows["around the forward passes, at 60 passages"].value > 0
    assert (
        rows["tokens that checks read before the first token, of the prompt's, most"].goal == "at most 30 %"
    )
