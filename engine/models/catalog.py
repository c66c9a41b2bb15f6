"""The catalog: every model Nocturne knows, read from resources/models.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from engine.models.chat import Sampling
from resources import resource

Kind = Literal["chat", "embedder"]


@dataclass(frozen=True)
class ModelCard:
    """One model: where its file comes from, its hash, and how to use it.

    The file named `file` lies inside the installed package `wheel` (its pip name is `package`), or, when
    `wheel` is empty, in the home's models folder. `prepare` names the quantisation it is converted to once
    (empty: used as it is). `context` (chat) and `window` (embedder) are tokens, special ones included. A
    prompt shows a chat model at most `passages` of the files, `passage_tokens` long together; its answers end
    after `sentences` (0: where it ends them itself). `temperature` and the three after it are those of
    `chat.Sampling`. A model that `rewrites` can put a follow-up into words of its own; one that thinks before
    it answers gets `thought` tokens for it.
    """

    id: str
    kind: Kind
    name: str
    licence: str
    file: str
    sha256: str
    wheel: str = ""
    package: str = ""
    prepare: str = ""
    context: int = 0
    passages: int = 6
    passage_tokens: int = 1600
    sentences: int = 0
    thought: int = 0
    rewrites: bool = True
    temperature: float = 0.0
    top_p: float = 1.0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    tokenizer: str = ""
    dimensions: int = 0
    window: int = 0
    default: bool = False
    toy: bool = False

    @property
    def sampling(self) -> Sampling:
        return Sampling(self.temperature, self.top_p, self.min_p, self.repeat_penalty)


@cache
def cards() -> tuple[ModelCard, ...]:
    """All cards, in the order of the catalog."""
    data = tomllib.loads(resource("models.toml").read_text(encoding="utf-8"))
    return tuple(_card(entry) for entry in data["model"])


def default(kind: Kind) -> ModelCard:
    """The model of this kind that is used when the person chose none."""
    return next(card for card in cards() if card.kind == kind and card.default)


def _card(entry: dict[str, Any]) -> ModelCard:
    fields = dict(entry)
    origin = fields.pop("from")
    if "own" in origin:
        return ModelCard(file=origin["own"], **fields)
    return ModelCard(**origin, **fields)
