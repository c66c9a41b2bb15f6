"""An embedder that knows the vectors of some questions: embedding those is no part of a search."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.models.embedder import Embedder, Tokens

if TYPE_CHECKING:
    from engine.models.embedder import Vectors


class Known:
    """`embedder` with the vector of each of `questions`, each by itself; no other text whole."""

    def __init__(self, embedder: Embedder, questions: Iterable[str]) -> None:
        self.id, self.dimensions, self.window = embedder.id, embedder.dimensions, embedder.window
        self._embedder = embedder
        self._vectors = {question: embedder.embed([question])[0] for question in questions}

    def count_tokens(self, text: str) -> int:
        return self._embedder.count_tokens(text)

    def embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        return np.stack([self._vectors[text] for text in texts])

    def embed_tokens(self, texts: Sequence[str]) -> list[Tokens]:
        return self._embedder.embed_tokens(texts)
