"""Which trainer this machine uses: mlx on Apple Silicon, torch on every other processor.

Measured on two AVX-512 cores: LoRA on the built-in model runs at 240-277 tokens/s in torch bf16 and at 5 in
mlx on the CPU, so the choice follows the processor and is not the user's to make.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Backend:
    """A trainer: the sub-package of ours that drives it, and the packages it needs."""

    name: str
    module: str
    packages: tuple[str, ...]

    @property
    def installed(self) -> bool:
        return not self.missing

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in self.packages if importlib.util.find_spec(name) is None)


TORCH = Backend("torch", "engine.personalize.torch_backend", ("torch", "transformers", "peft", "gguf"))
MLX = Backend("mlx", "engine.personalize.mlx_backend", ("mlx", "mlx_lm", "gguf"))


def suited() -> Backend:
    """The backend made for this processor, installed or not."""
    apple = sys.platform == "darwin" and platform.machine() == "arm64"
    return MLX if apple else TORCH
