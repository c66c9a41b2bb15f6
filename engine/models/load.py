"""The models a worker uses: the catalog's defaults, or the fakes under NOCTURNE_FAKE_MODELS=1."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from engine.contracts import Notice
from engine.errors import EngineError
from engine.models.chat import ChatModel
from engine.models.embedder import Embedder
from engine.paths import Home

OnNotice = Callable[[Notice], None]


def load_embedder(home: Home, on_notice: OnNotice | None = None) -> Embedder:
    """The default embedder. Raises EngineError: model_missing, model_hash, model_broken."""
    from engine.models.fake import FakeEmbedder

    if _faked():
        return FakeEmbedder.from_environment()
    from engine.models import catalog, files
    from engine.models.onnx_embedder import OnnxEmbedder

    card = catalog.default("embedder")
    return OnnxEmbedder(card, files.locate(card, home))


def find_embedder(home: Home, embedder: str) -> Embedder | None:
    """The embedder of this `id`, default or not; None where the catalog or this computer has it no more."""
    from engine.models.fake import FakeEmbedder

    if _faked():
        return FakeEmbedder.named(embedder)
    from engine.models import catalog, files
    from engine.models.onnx_embedder import OnnxEmbedder, embedder_id

    for card in catalog.cards():
        if card.kind == "embedder" and embedder_id(card) == embedder:
            with suppress(EngineError):
                return OnnxEmbedder(card, files.locate(card, home))
    return None


def load_chat(home: Home, on_notice: OnNotice | None = None) -> ChatModel:
    """The default chat model, prepared on first use, which `on_notice` hears of before the seconds it takes.

    Raises EngineError: model_missing, model_hash, model_broken, prepare_failed, home_read_only, no_memory.
    """
    from engine.models.fake import FakeChat

    if _faked():
        return FakeChat.from_environment()
    from engine.models import catalog
    from engine.models.llama import LlamaChat
    from engine.models.prepare import base_id, prepared

    card = catalog.default("chat")
    return LlamaChat(
        prepared(card, home, on_notice),
        id=base_id(card),
        context=card.context,
        name=card.name,
        sampling=card.sampling,
    )


def _faked() -> bool:
    return os.environ.get("NOCTURNE_FAKE_MODELS") == "1"
