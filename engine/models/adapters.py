"""LoRA adapters of llama.cpp: read a file, check that it belongs to this base, put it on a context.

An adapter file is GGUF. Besides llama.cpp's own keys it carries ours (`KEY_*`), which say what it was
trained on. llama.cpp refuses names and shapes that the base does not have; it cannot know that the weights
under those names are others, so the base id is compared here.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.models.native import listening

KEY_BASE = "nocturne.base_id"
KEY_PREPARED = "nocturne.prepared_sha256"
KEY_PROMPT = "nocturne.prompt_version"
KEY_RANK = "nocturne.rank"
KEY_NIGHT = "nocturne.night"
KEY_ALPHA = "adapter.lora.alpha"


@dataclass(frozen=True)
class AdapterCard:
    """What an adapter says of itself: the base it belongs to (`prepare.base_id`), the file and the prompts it
    was trained with, and its night.
    """

    night: str
    base_id: str
    prepared_sha256: str
    prompt_version: int
    rank: int
    alpha: float


class Adapter:
    """An adapter loaded beside a model; freed by `close`, or with the model."""

    def __init__(self, llama: Any, pointer: Any, card: AdapterCard) -> None:
        self._llama = llama
        self.pointer = pointer
        self.card = card

    def close(self) -> None:
        self._llama.llama_adapter_lora_free(self.pointer)


def load(llama: Any, model: Any, path: Path, base_id: str) -> Adapter:
    """Read the adapter at `path` for `model`, whose identity is `base_id`.

    Raises EngineError: adapter_broken (missing, damaged, or of a foreign make), adapter_other_base.
    """
    with listening() as errors:
        pointer = llama.llama_adapter_lora_init(model, os.fsencode(path)) if path.is_file() else None
    if not pointer:
        detail = errors.cause if path.is_file() else "the file is missing"
        raise EngineError("adapter_broken", path=str(path), detail=detail)
    try:
        card = _card(llama, pointer)
        if card.base_id != base_id:
            raise EngineError("adapter_other_base", path=str(path))
        # llama.cpp takes a missing or zero alpha for "no scaling": the adapter would act wrongly, in silence.
        if card.alpha <= 0:
            raise ValueError("its alpha is missing")
    except EngineError:
        llama.llama_adapter_lora_free(pointer)
        raise
    except ValueError as error:
        llama.llama_adapter_lora_free(pointer)
        raise EngineError("adapter_broken", path=str(path), detail=str(error)) from error
    return Adapter(llama, pointer, card)


def put_on(llama: Any, context: Any, adapter: Adapter | None, scale: float) -> None:
    """Make `adapter` (None: none) the only one of `context`. The caller clears what the context remembers."""
    if adapter is None:
        code = llama.llama_set_adapters_lora(context, None, 0, None)
    else:
        pointers = (llama.llama_adapter_lora_p_ctypes * 1)(
            ctypes.cast(adapter.pointer, llama.llama_adapter_lora_p_ctypes)
        )
        code = llama.llama_set_adapters_lora(context, pointers, 1, (ctypes.c_float * 1)(scale))
    if code:
        raise EngineError("adapter_broken", path="", detail=f"llama.cpp refused it (code {code})")


def _card(llama: Any, adapter: Any) -> AdapterCard:
    def text(key: str) -> str:
        buffer = ctypes.create_string_buffer(256)
        size = llama.llama_adapter_meta_val_str(adapter, key.encode(), buffer, len(buffer))
        if size < 0:
            raise ValueError(f"it does not say its {key}")
        return buffer.value.decode(errors="replace")

    return AdapterCard(
        night=text(KEY_NIGHT),
        base_id=text(KEY_BASE),
        prepared_sha256=text(KEY_PREPARED),
        prompt_version=int(text(KEY_PROMPT)),
        rank=int(text(KEY_RANK)),
        alpha=float(text(KEY_ALPHA)),
    )
