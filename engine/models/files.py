"""Where a model's source file is on this computer, and whether it is the right one."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Literal

from engine.contracts import ModelReport
from engine.errors import EngineError
from engine.models.catalog import ModelCard
from engine.notices import NOTICES
from engine.paths import Home

State = Literal["ready", "unprepared", "missing", "wrong"]


def locate(card: ModelCard, home: Home) -> Path:
    """The verified source file of `card`. Raises EngineError("model_missing" | "model_hash")."""
    path = _find(card, home)
    if path is None:
        raise EngineError("model_missing", model=card.name)
    if not has_hash(path, card.sha256, home):
        raise EngineError("model_hash", model=card.name, path=str(path), package=card.package)
    return path


def report(card: ModelCard, home: Home) -> ModelReport:
    """What `status` and `doctor` say of a model. Reads a file it has never verified, once."""
    from engine.models.prepare import ready

    def as_state(state: State, path: Path | str, note: str) -> ModelReport:
        return ModelReport(card.id, card.kind, card.name, card.licence, state, str(path), note)

    note = NOTICES["toy_model"] if card.toy else ""
    try:
        path = locate(card, home)
    except EngineError as error:
        state: State = "missing" if error.code == "model_missing" else "wrong"
        return as_state(state, str(error.params.get("path", "")), error.message)
    if not card.prepare:
        return as_state("ready", path, note)
    prepared = ready(card, home)
    return as_state("ready", prepared, note) if prepared else as_state("unprepared", path, note)


def has_hash(path: Path, sha256: str, home: Home) -> bool:
    """Whether the file's content has this hash; remembered for as long as its size and mtime stay."""
    status = path.stat()
    seen = [status.st_size, status.st_mtime_ns, sha256]
    known = _read_verified(home)
    if known.get(str(path)) == seen:
        return True
    if file_hash(path) != sha256:
        return False
    _write_verified(home, {**known, str(path): seen})
    return True


def file_hash(path: Path) -> str:
    """sha256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, value: object) -> None:
    """Replace `path` at once: a crash leaves the old file or the new one. Raises OSError."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _find(card: ModelCard, home: Home) -> Path | None:
    folders = [home.models]
    if card.wheel:
        # Finding a top-level package does not run it: the wheel's own code is none of ours.
        spec = importlib.util.find_spec(card.wheel)
        folders = [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []
        if frozen := getattr(sys, "_MEIPASS", None):
            folders.append(Path(frozen) / card.wheel)
    return next((folder / card.file for folder in folders if (folder / card.file).is_file()), None)


def _read_verified(home: Home) -> dict[str, object]:
    try:
        known = json.loads((home.models / "verified.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write_verified(home: Home, known: dict[str, object]) -> None:
    try:
        home.models.mkdir(parents=True, exist_ok=True)
        write_json(home.models / "verified.json", known)
    except OSError:
        # Only a memory: in a home that cannot be written the file is read again next time.
        return
