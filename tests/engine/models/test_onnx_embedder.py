"""The default embedder on its real model: order, length, meaning, and independence of what shares a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.errors import EngineError
from engine.models import catalog, files, onnx_embedder
from engine.models.embedder import Embedder
from engine.models.load import load_embedder
from engine.models.onnx_embedder import OnnxEmbedder
from engine.paths import Home

pytestmark = pytest.mark.real
CARD = catalog.default("embedder")
TEXTS = [
    "Harbour dues are 42 euro a night at the marina.",
    "The cat sleeps.",
    "Mooring a boat overnight in the port costs forty-two euros, payable to the harbour master on arrival.",
    "",
    "My favourite cheese is a mild goat cheese from the valley, eaten with pears. " * 3,
    "How much does it cost to moor a boat?",
]


@pytest.fixture(scope="module")
def embedder(models_home: Home) -> Embedder:
    return load_embedder(models_home)


def test_vectors_are_unit_float32_in_the_order_given(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), embedder.dimensions) == (6, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    backwards = embedder.embed(TEXTS[::-1])[::-1]
    assert (vectors * backwards).sum(axis=1).min() > 0.999
    assert embedder.embed([]).shape == (0, 384)


def test_a_vector_does_not_depend_on_the_texts_embedded_with_it(embedder: Embedder) -> None:
    alone = np.vstack([embedder.embed([text]) for text in TEXTS])
    assert (embedder.embed(TEXTS) * alone).sum(axis=1).min() > 0.999


def test_texts_of_one_meaning_are_nearer_than_others(embedder: Embedder) -> None:
    dues, cat, mooring, _, cheese, question = embedder.embed(TEXTS)
    near = min(dues @ question, mooring @ question, dues @ mooring)
    far = max(text @ question for text in (cat, cheese))
    assert near > far + 0.2


def test_counting_neither_cuts_nor_pads_and_embedding_cuts_at_the_window(embedder: Embedder) -> None:
    assert embedder.count_tokens("") == 2
    assert embedder.count_tokens("the cat") == 4
    assert embedder.count_tokens("the " * 1000) == 1002
    fits = "the " * (embedder.window - 2)
    whole, cut = embedder.embed([fits, fits + "harbour master " * 50])
    assert whole @ cut > 0.9999


def test_a_run_is_of_like_lengths_and_never_pads_beyond_its_tokens() -> None:
    lengths = [256, 10, 64, 256, 9, 65, 130, 3, 300]
    runs = list(onnx_embedder._runs(lengths))
    assert sorted(index for run in runs for index in run) == list(range(len(lengths)))
    padded = [len(run) * max(lengths[index] for index in run) for run in runs]
    assert all(
        tokens <= onnx_embedder.RUN_TOKENS or len(run) == 1 for tokens, run in zip(padded, runs, strict=True)
    )
    assert sum(padded) < 1.25 * sum(lengths)


def test_threads_are_bounded_and_memory_is_given_back(models_home: Home) -> None:
    embedder = OnnxEmbedder(CARD, files.locate(CARD, models_home), threads=1)
    options = embedder._session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert not options.enable_cpu_mem_arena
    assert CARD.sha256[:12] in embedder.id


def test_a_file_that_is_no_model_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(EngineError) as caught:
        OnnxEmbedder(CARD, broken)
    assert caught.value.code == "model_broken"
    assert "\n" not in caught.value.message
