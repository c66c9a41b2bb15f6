"""Trained LoRA weights -> the GGUF adapter that llama.cpp loads.

Weights come by llama.cpp's names, rows in the order of transformers: lora_a (rank, in), lora_b (out, rank).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.models import metadata
from engine.models.adapters import (
    KEY_ALPHA,
    KEY_BASE,
    KEY_NIGHT,
    KEY_PREPARED,
    KEY_PROMPT,
    KEY_RANK,
    AdapterCard,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.floating[Any]]

_ARCHITECTURE = "general.architecture"

# Architecture -> llama.cpp's name of each linear layer -> where transformers keeps it in a decoder layer.
LAYERS: Mapping[str, Mapping[str, str]] = {
    "llama": {
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
}


def architecture(base: Path) -> str:
    """The `general.architecture` of a GGUF file. Raises EngineError("model_broken")."""
    return metadata.peek(base, _ARCHITECTURE) or "unknown"


def export(weights: Path, base: Path, target: Path, card: AdapterCard) -> None:
    """Write `weights` (.npz) as the adapter `target` for the model file `base`; all of it or nothing.

    Raises EngineError: night_unsupported, model_broken.
    """
    import gguf
    import numpy as np

    kind = architecture(base)
    if kind not in LAYERS:
        raise EngineError("night_unsupported", architecture=kind)
    all_heads, kv_heads = f"{kind}.attention.head_count", f"{kind}.attention.head_count_kv"
    counts = metadata.read(base, all_heads, kv_heads)
    # A model that shares no keys among its heads need not say how many it has.
    heads = {"attn_q": int(counts[all_heads]), "attn_k": int(counts.get(kv_heads, counts[all_heads]))}
    partial = target.with_name(target.name + ".part")
    writer = gguf.GGUFWriter(partial, kind)
    try:
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(KEY_ALPHA, card.alpha)
        writer.add_string(KEY_BASE, card.base_id)
        writer.add_string(KEY_PREPARED, card.prepared_sha256)
        writer.add_uint32(KEY_PROMPT, card.prompt_version)
        writer.add_uint32(KEY_RANK, card.rank)
        writer.add_string(KEY_NIGHT, card.night)
        with np.load(weights) as stored:
            for name in stored.files:
                array: Array = stored[name]
                layer = name.split(".")[2]
                if layer in heads and name.endswith("lora_b"):
                    array = permute(array, heads[layer])
                writer.add_tensor(name, np.ascontiguousarray(array, dtype=np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        writer.close()
        partial.unlink(missing_ok=True)


def permute(rows: Array, heads: int) -> Array:
    """Rows (heads * size, n) of a query or key projection, from transformers' order to llama.cpp's.

    The two pair the dimensions of a rotary embedding differently: halves against neighbours.
    """
    split = rows.reshape(heads, 2, rows.shape[0] // heads // 2, rows.shape[1])
    return split.swapaxes(1, 2).reshape(rows.shape)


def unpermute(rows: Array, heads: int) -> Array:
    """The reverse of `permute`."""
    split = rows.reshape(heads, rows.shape[0] // heads // 2, 2, rows.shape[1])
    return split.swapaxes(1, 2).reshape(rows.shape)
