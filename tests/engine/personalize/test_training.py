"""Training on the embedded model: exact packs, falling loss, resumable, bounded, stopped when it diverges."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.contracts import Event
from engine.errors import Cancelled, EngineError
from engine.personalize.rows import TokenRow
from engine.personalize.run_folder import RunFolder
from engine.personalize.torch_backend import load, loop, packs
from engine.personalize.torch_backend import network as network_module
from engine.personalize.torch_backend.network import Network
from tests.engine.personalize.conftest import Free

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]
PLAN = loop.TrainPlan(seconds=600, epochs=6, micro_batch_tokens=40)


class CancelAfter:
    """Cancels at the n-th look."""

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def check(self) -> None:
        self.looks -= 1
        if self.looks < 0:
            raise Cancelled


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "20260101-000000")
    folder.root.mkdir()
    return folder


@pytest.fixture
def train(base: Path, fact_rows: list[TokenRow]) -> Any:
    """`loop.train` on four rows."""

    def start(out: RunFolder, plan: loop.TrainPlan = PLAN, control: Any = None) -> loop.TrainResult:
        events: list[Event] = []
        return loop.train(fact_rows[:4], base, out, plan, control or Free(), events.append)

    return start


def losses(run: RunFolder) -> list[float]:
    return [json.loads(line)["loss"] for line in run.metrics.read_text().splitlines()]


def test_packs_have_the_loss_and_the_gradient_of_their_rows_alone_by_transformers_and_peft(
    base: Path, fact_rows: list[TokenRow]
) -> None:
    network = Network(base, rank=4, alpha=8, seed=1, dtype=torch.float32)
    network.flat.add_(torch.randn(network.flat.shape, generator=torch.Generator().manual_seed(1)), alpha=0.02)
    model = load.load_base(base, exact=True)
    load.attach(model, rank=4, alpha=8, seed=1)
    load.set_weights(model, network.weights())
    rows = fact_rows[:5]
    (pack,) = packs.epoch(rows[:4], 1000, seed=0, number=0)
    assert pack.head > 10 and pack.computed > pack.tokens
    alone = packs.Pack(0, (rows[4],))
    packed = network.loss([packs.batch(pack), packs.batch(alone)], [None, None])
    plain = 0.0
    for row in (*pack.rows, rows[4]):
        tokens = torch.tensor([[*row.prompt, *row.answer]])
        labels = torch.tensor([[-100] * len(row.prompt) + list(row.answer)])
        share = len(row.answer) / sum(len(item.answer) for item in rows)
        loss = model(input_ids=tokens, labels=labels).loss * share
        loss.backward()
        plain += float(loss.detach())
    assert packed == pytest.approx(plain, rel=1e-4)
    assert_same_gradient(network, model)


def assert_same_gradient(network: Network, model: Any) -> None:
    found = [
        tensor
        for _layer, _group, pairs in network.pairs(network.gradient)
        for pair in pairs
        for tensor in pair
    ]
    reference = load.parameters(model)
    for (name, _view), gradient in zip(network.named(), found, strict=True):
        torch.testing.assert_close(gradient, reference[name].grad, rtol=1e-2, atol=1e-4)


def test_a_row_to_keep_is_held_to_the_bases_own_distribution(base: Path, fact_rows: list[TokenRow]) -> None:
    network = Network(base, rank=4, alpha=8, seed=1, dtype=torch.float32)
    kept, learned = replace(fact_rows[0], keep=True), fact_rows[1]
    states = network.states(packs.batch(packs.Pack(0, (kept,))))
    pack = packs.Pack(10, (kept, learned))
    # Untrained it is the base: only the row to learn has a loss, and its gradient is all there is.
    alone = network.loss([packs.batch(packs.Pack(0, (learned,)))], [None])
    share = len(learned.answer) / (len(learned.answer) + len(kept.answer))
    assert network.loss([packs.batch(pack)], [states]) == pytest.approx(alone * share, rel=1e-4)

    network.flat.add_(torch.randn(network.flat.shape, generator=torch.Generator().manual_seed(1)), alpha=0.02)
    model = load.load_base(base, exact=True)
    tokens = torch.tensor([[*kept.prompt, *kept.answer]])
    places = slice(len(kept.prompt) - 1, -1)
    with torch.no_grad():
        wanted = model(input_ids=tokens).logits[0, places].log_softmax(1)
    load.attach(model, rank=4, alpha=8, seed=1)
    load.set_weights(model, network.weights())
    said = model(input_ids=tokens).logits[0, places].log_softmax(1)
    divergence = (wanted.exp() * (wanted - said)).sum() / len(kept.answer)
    divergence.backward()
    found = network.loss([packs.batch(packs.Pack(0, (kept,)))], [states])
    assert found == pytest.approx(float(divergence.detach()), rel=1e-3) and found > 0.01
    assert_same_gradient(network, model)


def test_the_loss_falls_and_a_cancelled_training_goes_on_as_if_unbroken(
    train: Any, run: RunFolder, tmp_path: Path
) -> None:
    import numpy as np

    whole = RunFolder(tmp_path / "whole")
    whole.root.mkdir()
    result = train(whole)
    expected = losses(whole)
    assert len(expected) == result.steps > 5
    assert result.epochs == PLAN.epochs
    assert expected[-1] < 0.6 * expected[0]
    with pytest.raises(Cancelled):
        train(run, control=CancelAfter(4))
    assert len(losses(run)) == 3
    assert not run.weights.exists()
    assert train(run).steps == result.steps
    assert losses(run) == expected
    assert not run.checkpoint.exists()
    with np.load(whole.weights) as one, np.load(run.weights) as other:
        assert set(one.files) == set(other.files)
        assert all(np.array_equal(one[name], other[name]) for name in one.files)


def test_a_kill_while_a_checkpoint_is_replaced_leaves_the_one_before(train: Any, run: RunFolder) -> None:
    with pytest.raises(Cancelled):
        train(run, control=CancelAfter(4))
    run.checkpoint.rename(run.checkpoint.with_name("checkpoint.old"))
    (run.root / "checkpoint.part").mkdir()
    # A later line, from steps after the checkpoint, and one cut in half.
    with run.metrics.open("a") as metrics:
        metrics.write('{"step": 4, "loss": 9.0}\n{"step": 5, "lo')
    with pytest.raises(Cancelled):
        train(run, control=CancelAfter(2))
    assert len(losses(run)) == 4
    assert 9.0 not in losses(run)


def test_a_checkpoint_of_another_training_is_not_gone_on_from(train: Any, run: RunFolder) -> None:
    with pytest.raises(Cancelled):
        train(run, control=CancelAfter(3))
    assert len(losses(run)) == 2
    assert train(run, replace(PLAN, seed=1, epochs=1)).steps == len(losses(run)) < 4


def test_a_damaged_checkpoint_costs_time_only(train: Any, run: RunFolder) -> None:
    with pytest.raises(Cancelled):
        train(run, control=CancelAfter(3))
    (state,) = run.checkpoint.iterdir()
    state.write_bytes(state.read_bytes()[:5000])
    with pytest.raises(Cancelled):
        train(run, control=CancelAfter(2))
    assert len(losses(run)) == 1


def test_it_ends_when_the_time_is_used_up(train: Any, run: RunFolder) -> None:
    result = train(run, loop.TrainPlan(seconds=1e-6, micro_batch_tokens=40))
    assert result.steps == 1
    assert 0 < result.epochs < 1
    assert run.weights.exists()


def test_a_training_that_diverges_is_stopped(train: Any, run: RunFolder) -> None:
    with pytest.raises(EngineError) as caught:
        train(run, loop.TrainPlan(seconds=600, learning_rate=1e30, micro_batch_tokens=80))
    assert caught.value.code == "night_diverged"
    assert not run.weights.exists()
    assert not run.checkpoint.exists()


def test_a_damaged_base_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "base.gguf"
    path.write_bytes(b"GGUF, or so it says")
    with pytest.raises(EngineError) as caught:
        Network(path, rank=4, alpha=8, seed=1, dtype=torch.float32)
    assert caught.value.code == "model_broken"


def test_a_base_with_parts_that_would_be_left_out_is_refused(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = network_module._tensors

    def with_a_bias(*arguments: Any) -> Any:
        yield from whole(*arguments)
        yield "blk.0.attn_q.bias", torch.zeros(576)

    monkeypatch.setattr(network_module, "_tensors", with_a_bias)
    with pytest.raises(EngineError) as caught:
        Network(base, rank=4, alpha=8, seed=1, dtype=torch.bfloat16)
    assert caught.value.code == "night_unsupported" and "attn_q.bias" in caught.value.message


def test_weights_of_a_kind_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    import gguf
    import numpy as np

    kind = gguf.GGMLQuantizationType.Q8_1
    with pytest.raises(NotImplementedError):
        gguf.quants.dequantize(np.zeros((1, 40), np.uint8), kind)
    path = tmp_path / "base.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tensor("blk.0.ffn_up.weight", np.zeros((1, 40), np.uint8), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(EngineError) as caught:
        list(network_module._tensors(path, network_module.Shape(1, 32, 1, 1, 1e-5, 1e4), torch.float32))
    assert caught.value.code == "night_unsupported" and "Q8_1" in caught.value.message
