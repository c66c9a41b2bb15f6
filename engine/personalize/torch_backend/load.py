"""What torch computes with here; and the served model by transformers and PEFT, which `network` must equal.

The reference is what tests compare gradients with. A night does not load it: it took 13 seconds where
`network` takes 4.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.models.threads import physical_cores
from engine.personalize.export import LAYERS, architecture

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[np.float32]]

_ADAPTER = "default"


def load_base(path: Path, *, exact: bool = False) -> Any:
    """The weights that are served, as a frozen transformers model.

    bfloat16 where the processor multiplies it natively, else (and with `exact`) float32.
    Raises EngineError: night_unsupported, model_broken.
    """
    kind = architecture(path)
    if kind not in LAYERS:
        raise EngineError("night_unsupported", architecture=kind)
    torch = _torch()
    from transformers import AutoModelForCausalLM, GgufConfig

    dtype = torch.float32 if exact or not has_bf16() else torch.bfloat16
    try:
        with quiet():
            model = AutoModelForCausalLM.from_pretrained(
                str(path.parent),
                gguf_file=path.name,
                dtype=dtype,
                quantization_config=GgufConfig(dequantize=True),
                local_files_only=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        detail = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
        raise EngineError("model_broken", model=path.name, detail=detail) from error
    model.requires_grad_(False)
    return model.eval()


def attach(model: Any, rank: int, alpha: float, seed: int) -> None:
    """Put fresh float32 LoRA weights on all linear layers of `model`, in place; they change nothing yet."""
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=alpha, target_modules="all-linear")
        inject_adapter_in_model(config, model, adapter_name=_ADAPTER)
    for parameter in parameters(model).values():
        parameter.data = parameter.data.float()
        parameter.requires_grad_(True)


def parameters(model: Any) -> dict[str, Any]:
    """The trainable tensors by their llama.cpp names: lora_a (rank, in), lora_b (out, rank)."""
    kind = LAYERS[model.config.model_type]
    named: dict[str, Any] = {}
    for number, layer in enumerate(model.model.layers):
        for ours, theirs in kind.items():
            part = layer.get_submodule(theirs)
            named[f"blk.{number}.{ours}.weight.lora_a"] = part.lora_A[_ADAPTER].weight
            named[f"blk.{number}.{ours}.weight.lora_b"] = part.lora_B[_ADAPTER].weight
    return named


def set_weights(model: Any, arrays: Arrays) -> None:
    """Give the LoRA of `model` these weights. Raises ValueError if they are another model's."""
    import torch

    named = parameters(model)
    if named.keys() != arrays.keys():
        raise ValueError("the weights are those of another model")
    with torch.no_grad():
        for name, tensor in named.items():
            tensor.copy_(torch.from_numpy(arrays[name]))


def has_bf16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; elsewhere float32 is faster."""
    import torch

    cpu = torch.cpu
    return bool(cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported())


def fastest() -> Any:
    """The torch dtype to train in on this processor."""
    torch = _torch()
    return torch.bfloat16 if has_bf16() else torch.float32


def _torch() -> Any:
    # As for llama.cpp: threads that spin at barriers starve each other on a busy machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "300")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    # Nearly every pack has a shape of its own, and oneDNN keeps the code made for each: a night of 9 minutes
    # held 4.2 GB. Enough for the shapes of one step; 16 are too few and cost two thirds of the speed.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    # Read when huggingface_hub is imported: nothing may be looked up, not even whether the network is there.
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.set_num_threads(physical_cores())
    return torch


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without transformers' advice and progress bars, some of which heed no setting."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(before)
