"""Models that note what their forward passes took, so that all the rest can be told from them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.models.embedder import Embedder, Tokens
from engine.models.llama import LlamaChat

if TYPE_CHECKING:
    from engine.models.embedder import Vectors
    from engine.models.together import Input


@dataclass(frozen=True)
class Pass:
    """One forward pass: when it ended (`time.perf_counter`), how long it took, and its tokens."""

    ended: float
    seconds: float
    tokens: int


class MeteredChat(LlamaChat):
    """`LlamaChat`, every evaluation of tokens noted, of whatever call: reading, writing, scoring."""

    passes: list[Pass]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self.passes = []
        super().__init__(*arguments, **named)

    def _evaluate(self, context: Any, inputs: Sequence[Input]) -> bool:
        began = time.perf_counter()
        evaluated = super()._evaluate(context, inputs)
        ended = time.perf_counter()
        self.passes.append(Pass(ended, ended - began, len(inputs)))
        return evaluated


class MeteredEmbedder:
    """`embedder`, the seconds of its calls summed."""

    def __init__(self, embedder: Embedder) -> None:
        self.id, self.dimensions, self.window = embedder.id, embedder.dimensions, embedder.window
        self.seconds = 0.0
        self._embedder = embedder

    def count_tokens(self, text: str) -> int:
        return self._embedder.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        began = time.perf_counter()
        vectors = self._embedder.embed(texts)
        self.seconds += time.perf_counter() - began
        return vectors

    def embed_tokens(self, texts: Sequence[str]) -> list[Tokens]:
        began = time.perf_counter()
        found = self._embedder.embed_tokens(texts)
        self.seconds += time.perf_counter() - began
        return found
