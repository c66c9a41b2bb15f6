"""Converting a chat model once into the form this computer runs fastest, safely."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from engine.contracts import Notice
from engine.errors import EngineError
from engine.models.catalog import ModelCard
from engine.models.files import file_hash, has_hash, locate, write_json
from engine.paths import Home

# Part of every adapter's identity: change it when the same source would give other weights.
_RECIPE = "llama.cpp quantize to {target}, from quantised tensors, version 1"
_SECONDS_PER_GIGABYTE = 10


def base_id(card: ModelCard) -> str:
    """Identity of the weights that answer: sha256 of the source file's sha256 and the preparation recipe."""
    return hashlib.sha256((card.sha256 + _recipe(card)).encode()).hexdigest()


def prepared(card: ModelCard, home: Home, on_notice: Callable[[Notice], None] | None = None) -> Path:
    """The file to load: the source, or its prepared form, made now if it is not there.

    `on_notice` hears "preparing_model" before the work. Safe to interrupt at any point and to call from
    several processes at once: one prepares, the others wait and use its result.
    Raises EngineError: model_missing, model_hash, prepare_failed, disk_full, home_read_only.
    """
    source = locate(card, home)
    if not card.prepare:
        return source
    if path := ready(card, home):
        return path
    from filelock import FileLock

    try:
        home.models.mkdir(parents=True, exist_ok=True)
        with FileLock(home.models / "prepare.lock"):
            if path := ready(card, home):
                return path
            _remove_leftovers(home)
            if on_notice is not None:
                seconds = 1 + source.stat().st_size * _SECONDS_PER_GIGABYTE // 2**30
                on_notice(Notice("preparing_model", {"model": card.name, "seconds": seconds}))
            return _prepare(card, source, home)
    except OSError as error:
        raise _as_engine_error(error, card, home) from error


def ready(card: ModelCard, home: Home) -> Path | None:
    """The prepared file if it is there, whole, and made by the present recipe."""
    path = _target(card, home)
    try:
        made = json.loads(_sidecar(path).read_text(encoding="utf-8"))
        whole = made["base_id"] == base_id(card) and has_hash(path, made["sha256"], home)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return path if whole else None


def _prepare(card: ModelCard, source: Path, home: Home) -> Path:
    target = _target(card, home)
    partial = target.with_name(target.name + ".part")
    try:
        _quantise(card, source, partial)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        digest = file_hash(partial)
        # The sidecar alone promises nothing: `ready` wants the file with this hash beside it.
        write_json(
            _sidecar(target),
            {"base_id": base_id(card), "recipe": _recipe(card), "source": card.sha256, "sha256": digest},
        )
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    has_hash(target, digest, home)
    return target


def _quantise(card: ModelCard, source: Path, target: Path) -> None:
    from engine.models.native import library, listening
    from engine.models.threads import physical_cores

    llama = library()
    parameters = llama.llama_model_quantize_default_params()
    parameters.ftype = getattr(llama, f"LLAMA_FTYPE_MOSTLY_{card.prepare}")
    parameters.allow_requantize = True
    parameters.nthread = physical_cores()
    with listening() as errors:
        failed = llama.llama_model_quantize(
            os.fsencode(source), os.fsencode(target), ctypes.byref(parameters)
        )
    if failed:
        raise EngineError("prepare_failed", model=card.name, detail=errors.cause)


def _remove_leftovers(home: Home) -> None:
    for partial in home.models.glob("*.part"):
        partial.unlink(missing_ok=True)


def _as_engine_error(error: OSError, card: ModelCard, home: Home) -> EngineError:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return EngineError("home_read_only", path=str(home.root))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EngineError("disk_full", path=str(home.root))
    return EngineError("prepare_failed", model=card.name, detail=str(error))


def _recipe(card: ModelCard) -> str:
    return _RECIPE.format(target=card.prepare) if card.prepare else "as it is"


def _target(card: ModelCard, home: Home) -> Path:
    return home.models / f"{card.sha256[:16]}-{card.prepare}.gguf"


def _sidecar(target: Path) -> Path:
    return target.with_suffix(".json")
