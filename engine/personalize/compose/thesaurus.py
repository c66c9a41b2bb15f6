"""Words that people may use for a file's words, found by the machine's own sentence model.

Synonyms written by hand cover the everyday; `accordion` -> `instrument` or `casserole` -> `dish` they do not.
The embedder knows: single words embedded as texts have their kin for neighbours. Candidates are the whole
words of its own vocabulary, embedded once and kept; a word it cuts into pieces has neighbours by spelling
alone, and gets none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.answer.terms import stopwords
from engine.contracts import Control
from engine.personalize.compose import asking, grammar
from resources import resource

if TYPE_CHECKING:
    from engine.models.embedder import Embedder, Vectors

Others = Callable[[str], tuple[str, ...]]

NEAR = 0.58  # cosine: on words looked at by hand, kin above and chance below
MOST = 6  # others for a word
_BATCH = 512
_STEM = 4  # letters in common that make two words forms of one


class Thesaurus:
    """`others(word)`: what else it may be called, the nearest first, those written by hand before all."""

    def __init__(self, words: Sequence[str], vectors: Vectors) -> None:
        self._words, self._vectors = words, vectors
        self._place = {word: number for number, word in enumerate(words)}
        self.others: Others = lru_cache(maxsize=None)(self._others)

    @classmethod
    def build(cls, embedder: Embedder, kept: Path, control: Control) -> Thesaurus:
        """Vectors are read from `kept`, or computed (seconds) and written there. Raises Cancelled."""
        import numpy as np

        words = vocabulary()
        file = kept / f"words-{embedder.id}.npy"
        if file.exists():
            vectors = np.load(file)
            if len(vectors) == len(words):
                return cls(words, vectors)
        parts = []
        for first in range(0, len(words), _BATCH):
            control.check()
            parts.append(embedder.embed(words[first : first + _BATCH]))
        vectors = np.concatenate(parts)
        kept.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".part")
        with partial.open("wb") as target:
            np.save(target, vectors)
        partial.replace(file)
        return cls(words, vectors)

    def _others(self, word: str) -> tuple[str, ...]:
        import numpy as np

        written = asking.other_words(word)
        if not word.islower() or word in stopwords():
            return written
        forms = (word, grammar.lemma(word), *(word.removesuffix(end) for end in ("s", "ing", "ed")))
        place = next((self._place[form] for form in forms if form in self._place), None)
        if place is None:
            return written
        alike = self._vectors @ self._vectors[place]
        nearest = np.argsort(-alike)[1 : 4 * MOST]
        found = [self._words[at] for at in nearest if alike[at] >= NEAR]
        kin: dict[str, None] = {}
        for other in found:
            if all(other[:_STEM] != known[:_STEM] for known in (word, *kin)):
                kin[other] = None
        form = [other for other in found if other[:_STEM] == word[:_STEM] and other != word][:1]
        return (*written, *[other for other in [*kin, *form] if other not in written][:MOST])


@lru_cache(maxsize=1)
def vocabulary() -> list[str]:
    """Whole words of three letters or more, in small letters, that the embedder's tokenizer does not cut."""
    text = resource("tokenizer/tokenizer.json").read_text(encoding="utf-8")
    tokens: dict[str, int] = json.loads(text)["model"]["vocab"]
    return sorted(word for word in tokens if len(word) > 2 and word.isascii() and word.isalpha())
