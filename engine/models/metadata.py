"""What a GGUF model says of itself, read by llama.cpp without its weights."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from engine.errors import EngineError
from engine.models.native import library, listening


def read(path: Path, *keys: str) -> dict[str, str]:
    """The values of `keys` in the model file `path`, as text; keys it lacks are left out.

    Raises EngineError("model_broken").
    """
    llama = library()
    parameters = llama.llama_model_default_params()
    parameters.vocab_only = True
    with listening() as errors:
        model = llama.llama_model_load_from_file(os.fsencode(path), parameters)
    if not model:
        raise EngineError("model_broken", model=path.name, detail=errors.cause)
    try:
        found = {}
        buffer = ctypes.create_string_buffer(1024)
        for key in keys:
            if llama.llama_model_meta_val_str(model, key.encode(), buffer, len(buffer)) >= 0:
                found[key] = buffer.value.decode(errors="replace")
        return found
    finally:
        llama.llama_model_free(model)
