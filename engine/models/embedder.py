"""What the house asks of a model that turns text into vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tokens:
    """A text token by token, special ones left out: `vectors` float32 (tokens, dimensions) with rows of
    length 1, each read in its text; `spans` their places in it, half-open, in code points.
    """

    vectors: Vectors
    spans: tuple[tuple[int, int], ...]


class Embedder(Protocol):
    """Texts to vectors. `id` changes when vectors could: vectors of different ids are never compared.

    `dimensions` is the length of a vector, `window` the most tokens a text may have to be read whole.
    """

    id: str
    dimensions: int
    window: int

    def count_tokens(self, text: str) -> int:
        """Tokens of `text`, special tokens included, however long it is."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """float32 (len(texts), dimensions), rows of length 1, in order; text beyond `window` is cut."""
        ...

    def embed_tokens(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text, in order; those beyond `window` are cut."""
        ...
