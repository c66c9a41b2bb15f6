"""What a training needs to go on as if it had never stopped; a kill leaves the old file or the new."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from engine.personalize.torch_backend.packs import Pack

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[np.float32]]

_STATE = "state.pt"


@dataclass(frozen=True)
class Progress:
    """Steps made, their losses (nats a token), and what they cost; `seconds` of steps, pauses not counted."""

    step: int = 0
    tokens: int = 0
    row_tokens: int = 0
    rows: int = 0
    seconds: float = 0.0
    losses: tuple[float, ...] = ()

    def after(self, loss: float, packs: Sequence[Pack], seconds: float) -> Progress:
        return replace(
            self,
            step=self.step + 1,
            tokens=self.tokens + sum(pack.tokens for pack in packs),
            row_tokens=self.row_tokens + sum(pack.row_tokens for pack in packs),
            rows=self.rows + sum(len(pack.rows) for pack in packs),
            seconds=self.seconds + seconds,
            losses=(*self.losses, loss),
        )


def save(folder: Path, owner: str, arrays: Arrays, optimizer: Any, progress: Progress) -> None:
    """Replace the checkpoint in `folder` by one of the training that `owner` identifies."""
    import torch

    fresh, old = folder.with_name(folder.name + ".part"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    state = {
        "owner": owner,
        "weights": {name: torch.from_numpy(array) for name, array in arrays.items()},
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "progress": {**vars(progress), "losses": list(progress.losses)},
    }
    with (fresh / _STATE).open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    # A folder cannot replace one that is not empty; `restore` knows to look for the old one.
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def restore(folder: Path, owner: str, optimizer: Any) -> tuple[Arrays, Progress] | None:
    """Weights and progress of the newest whole checkpoint, its optimizer and random state put back.

    None if there is none, or it is damaged or of another training: then training begins anew.
    """
    import torch

    old = folder.with_name(folder.name + ".old")
    path = next((place / _STATE for place in (folder, old) if (place / _STATE).is_file()), None)
    if path is None:
        return None
    try:
        state = torch.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError):
        return None
    if state["owner"] != owner:
        return None
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"])
    progress = Progress(**{**state["progress"], "losses": tuple(state["progress"]["losses"])})
    return {name: tensor.numpy() for name, tensor in state["weights"].items()}, progress


def discard(folder: Path) -> None:
    """The training is over: nothing goes on from here."""
    for name in (folder.name, folder.name + ".old", folder.name + ".part"):
        shutil.rmtree(folder.with_name(name), ignore_errors=True)


def save_weights(path: Path, arrays: Arrays) -> None:
    """Write the LoRA weights as .npz, all or nothing."""
    import numpy as np

    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def cut(metrics: Path, steps: int) -> None:
    """Drop the lines after step `steps`: they tell of steps that a kill undid."""
    if not metrics.exists():
        return
    kept = []
    for line in metrics.read_text(encoding="utf-8").splitlines():
        try:
            if json.loads(line)["step"] <= steps:
                kept.append(line)
        except ValueError:
            break
    partial = metrics.with_name(metrics.name + ".part")
    partial.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    partial.replace(metrics)
