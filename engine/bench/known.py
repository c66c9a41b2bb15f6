"""An embedder that knows the vectors of some questions: embedding those is no part of a search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.models.embedder import Embedder

if TYPE_CHECKING:
    from engine.models.embedder import Vectors


class Known:
    """`embedder` with the vector of each of `questions`, embedded by itself. It embeds nothing else."""

    def __init__(self, embedder: Embedder, questions: Iterable[str]) -> None:
        self.id, self.dimensions, self.window = embedder.id, embedder.dimensions, embedder.window
        self._count = embedder.count_tokens
        self._vectors = {question: embedder.embed([question])[0] for question in questions}

    def count_tokens(self, text: str) -> int:
        return self._count(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        return np.stack([self._vectors[text] for text in texts])
