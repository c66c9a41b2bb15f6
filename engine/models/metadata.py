"""What a GGUF model says of itself, read without its weights."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import BinaryIO

from engine.errors import EngineError
from engine.models.native import library, listening

_STRING, _ARRAY = 8, 9
# GGUF's other types of values, by their number: how many bytes one takes.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_LONGEST = 1 << 20  # of a text worth reading; a damaged length must not take all memory


def peek(path: Path, key: str) -> str | None:
    """The text that `key` has in a GGUF file of any architecture, or None; llama.cpp is not asked.

    Raises EngineError("model_broken").
    """
    try:
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise ValueError("it is not a GGUF file")
            _version, _tensors, count = _unpack(file, "<IQQ")
            for _ in range(count):
                name = _text(file)
                (kind,) = _unpack(file, "<I")
                if name == key and kind == _STRING:
                    return _text(file)
                _skip(file, kind)
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise EngineError("model_broken", model=path.name, detail=str(error)) from error
    return None


def _unpack(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _text(file: BinaryIO) -> str:
    (length,) = _unpack(file, "<Q")
    text = file.read(length) if length <= _LONGEST else b""
    if len(text) < length:
        raise ValueError("its header is damaged")
    return text.decode(errors="replace")


def _skip(file: BinaryIO, kind: int) -> None:
    if kind == _STRING:
        _text(file)
    elif kind == _ARRAY:
        inner, count = _unpack(file, "<IQ")
        if inner in _SIZES:
            file.seek(_SIZES[inner] * count, os.SEEK_CUR)
        else:
            for _ in range(count):
                _skip(file, inner)
    else:
        file.seek(_SIZES[kind], os.SEEK_CUR)


def read(path: Path, *keys: str) -> dict[str, str]:
    """The values of `keys` in the model file `path`, as text, by llama.cpp; keys it lacks are left out.

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
