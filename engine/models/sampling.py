"""How the next token is drawn: the likeliest one, or by llama.cpp's own chain of samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.models.chat import Sampling

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SEED = 20260101
PENALISED = 256  # of the last tokens


class Sampler:
    """Draws tokens as `sampling` says. Freed by `close`."""

    def __init__(self, llama: Any, vocabulary: int, sampling: Sampling) -> None:
        self._llama = llama
        self._chain = _chain(llama, vocabulary, sampling) if sampling.temperature > 0 else None

    def begin(self) -> None:
        """An answer begins: the seed and what was written count anew."""
        if self._chain is not None:
            self._llama.llama_sampler_reset(self._chain)

    def draw(self, context: Any, logits: npt.NDArray[np.float32]) -> int:
        """The next token; `logits`, float32 (vocabulary,), are those of the last position of `context`."""
        if self._chain is None:
            return int(logits.argmax())
        return int(self._llama.llama_sampler_sample(self._chain, context, -1))

    def close(self) -> None:
        if self._chain is not None:
            self._llama.llama_sampler_free(self._chain)
            self._chain = None


def _chain(llama: Any, vocabulary: int, sampling: Sampling) -> Any:
    """In llama.cpp's own order. The chain owns its parts."""
    chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
    if sampling.repeat_penalty != 1.0:
        penalties = llama.llama_sampler_init_penalties(
            vocabulary, PENALISED, sampling.repeat_penalty, 0.0, 0.0
        )
        llama.llama_sampler_chain_add(chain, penalties)
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_top_p(sampling.top_p, 1))
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_min_p(sampling.min_p, 1))
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_temp(sampling.temperature))
    llama.llama_sampler_chain_add(chain, llama.llama_sampler_init_dist(SEED))
    return chain
