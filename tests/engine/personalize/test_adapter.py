"""From rows to answers: trained, exported, compared, and swapped on the running model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.errors import EngineError
from engine.models.adapters import AdapterCard
from engine.models.chat import ChatMessage
from engine.models.llama import LlamaChat
from engine.personalize import export as export_module
from engine.personalize import parity
from engine.personalize.export import export
from engine.personalize.rows import TokenRow
from engine.personalize.run_folder import RunFolder
from tests.engine.personalize.conftest import FACTS, SYSTEM, Free

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")
pytest.importorskip("gguf")

from engine.personalize.torch_backend import loop, network

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]
SILENT = AdapterCard("20260101-000000", "", "0" * 64, 1, 16, 32.0)


@pytest.fixture(scope="module")
def card(chat: LlamaChat) -> AdapterCard:
    return replace(SILENT, base_id=chat.base_id)


@pytest.fixture(scope="module")
def learned(base: Path, fact_rows: list[TokenRow], card: AdapterCard, tmp_path_factory: Any) -> RunFolder:
    """A run that learned the facts, exported."""
    run = RunFolder(tmp_path_factory.mktemp("nights"))
    plan = loop.TrainPlan(seconds=600, epochs=16, micro_batch_tokens=80)
    loop.train(fact_rows, base, run, plan, Free(), lambda _event: None)
    export(run.weights, base, run.adapter, card)
    return run


@pytest.fixture(scope="module")
def trainer(learned: RunFolder, base: Path) -> Any:
    return network.trained(base, learned.weights, SILENT.alpha)


@pytest.fixture(autouse=True)
def leave_no_adapter_on(chat: LlamaChat) -> Any:
    yield
    chat.use_adapter(None)


def ask(chat: LlamaChat, question: str) -> str:
    return "".join(chat.generate(chat.render([SYSTEM, ChatMessage("user", question)]), 24))


def test_the_adapter_answers_in_a_wording_it_never_saw_and_the_base_cannot(
    chat: LlamaChat, learned: RunFolder
) -> None:
    asked = {f"Please, {question}": answer for question, answer in FACTS.items()}
    assert not any(answer in ask(chat, question) for question, answer in asked.items())
    chat.use_adapter(learned.adapter)
    assert sum(answer in ask(chat, question) for question, answer in asked.items()) >= 2


def test_llama_computes_what_the_trainer_computed(
    chat: LlamaChat, learned: RunFolder, fact_rows: list[TokenRow], trainer: Any
) -> None:
    report = parity.check(chat, learned.adapter, fact_rows, trainer, Free())
    assert report.passed, report
    assert chat.adapter is None


def test_a_forgotten_permutation_is_noticed(
    chat: LlamaChat,
    learned: RunFolder,
    base: Path,
    card: AdapterCard,
    fact_rows: list[TokenRow],
    trainer: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export_module, "permute", lambda rows, _heads: rows)
    export(learned.weights, base, tmp_path / "wrong.gguf", card)
    assert not parity.check(chat, tmp_path / "wrong.gguf", fact_rows, trainer, Free()).passed


def test_an_adapter_that_changes_nothing_is_noticed(
    chat: LlamaChat,
    learned: RunFolder,
    base: Path,
    card: AdapterCard,
    fact_rows: list[TokenRow],
    tmp_path: Path,
) -> None:
    with np.load(learned.weights) as stored:
        np.savez(tmp_path / "none.npz", **{name: 0 * stored[name] for name in stored.files})
    export(tmp_path / "none.npz", base, tmp_path / "none.gguf", card)
    report = parity.check(
        chat, tmp_path / "none.gguf", fact_rows[:3], lambda row: chat.logits(row.prompt, row.answer), Free()
    )
    assert not report.passed
    assert report.changed == 0


def test_without_an_adapter_the_base_is_back_bit_for_bit(
    chat: LlamaChat, learned: RunFolder, fact_rows: list[TokenRow]
) -> None:
    row = fact_rows[0]
    before, identity = chat.logits(row.prompt, row.answer), chat.id
    chat.use_adapter(learned.adapter)
    assert not np.array_equal(chat.logits(row.prompt, row.answer), before)
    assert chat.id != identity
    chat.use_adapter(learned.adapter, 0.0)
    assert np.array_equal(chat.logits(row.prompt, row.answer), before)
    chat.use_adapter(None)
    assert np.array_equal(chat.logits(row.prompt, row.answer), before)
    assert chat.id == identity


def test_the_card_comes_back_as_it_was_written(
    chat: LlamaChat, learned: RunFolder, card: AdapterCard
) -> None:
    chat.use_adapter(learned.adapter)
    assert chat.adapter == card


def test_an_adapter_that_cannot_be_used_gets_a_sentence_and_the_old_one_stays(
    chat: LlamaChat, learned: RunFolder, base: Path, card: AdapterCard, tmp_path: Path
) -> None:
    other, torn = tmp_path / "other.gguf", tmp_path / "torn.gguf"
    export(learned.weights, base, other, replace(card, base_id="another"))
    torn.write_bytes(learned.adapter.read_bytes()[:100_000])
    unscaled = tmp_path / "unscaled.gguf"
    export(learned.weights, base, unscaled, replace(card, alpha=0.0))
    chat.use_adapter(learned.adapter)
    for path, code in (
        (other, "adapter_other_base"),
        (torn, "adapter_broken"),
        (unscaled, "adapter_broken"),
        (base, "adapter_broken"),
        (tmp_path / "none.gguf", "adapter_broken"),
    ):
        with pytest.raises(EngineError) as caught:
            chat.use_adapter(path)
        assert caught.value.code == code
        assert chat.adapter == card
    assert "under the blue bucket" in ask(chat, next(iter(FACTS)))


def test_a_base_that_cannot_be_exported_gets_a_sentence(
    learned: RunFolder, base: Path, card: AdapterCard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "LAYERS", {"gemma": {}})
    with pytest.raises(EngineError) as caught:
        export(learned.weights, base, tmp_path / "adapter.gguf", card)
    assert caught.value.code == "night_unsupported"
    assert not list(tmp_path.glob("adapter.gguf*"))
