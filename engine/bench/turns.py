"""Turns of conversations with their passages, in the form of MTRAG-UN: can it be told which have an answer?

Two searches see the same turns. *Given*: the passages that belong to the turn, which are none where it has no
answer. *Pooled*: the product's own search among the passages of all turns, where each has neighbours that
speak of its subject and do not answer it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, get_args

from engine.bench.collection import Collection
from engine.contracts import Passage, SearchReply, Turn
from engine.errors import EngineError
from engine.models.embedder import Embedder

FILE = "reference.jsonl"
Kind = Literal["answerable", "unanswerable", "underspecified", "partial"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Asked:
    """The last turn of a conversation, what was said before it, and its passages as id -> (title, text)."""

    id: str
    kind: Kind
    question: str
    history: tuple[Turn, ...]
    passages: dict[str, tuple[str, str]]

    @property
    def held(self) -> bool:
        """Nothing is fitted on it: thresholds see the turns whose id has an even sha256."""
        return sha256(self.id.encode()).digest()[-1] % 2 == 1


def read(folder: Path) -> list[Asked]:
    """All turns of the `reference.jsonl` at or below `folder`. Raises EngineError: usage, path_unreadable."""
    path = next(iter(sorted(folder.rglob(FILE))), None)
    if path is None:
        raise EngineError("usage", detail=f"{folder} holds no {FILE}.")
    return list(_turns(path))


def _turns(path: Path) -> Iterator[Asked]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise EngineError("path_unreadable", path=str(path)) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _turn(json.loads(line))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise EngineError("usage", detail=f"Line {number} of {path} is no turn.") from error


def _turn(item: dict[str, Any]) -> Asked:
    *before, last = item["input"]
    (kind,) = (kind for kind in KINDS if kind == item["answerability"][0].lower())
    history = tuple(Turn("user" if one["speaker"] == "user" else "assistant", one["text"]) for one in before)
    passages = {
        str(one["document_id"]): (str(one.get("title") or ""), str(one["text"])) for one in item["contexts"]
    }
    return Asked(str(item["task_id"]), kind, str(last["text"]), history, passages)


def pool(turns: Sequence[Asked]) -> Collection:
    """The passages of all turns, to be indexed as files."""
    every = {id: passage for turn in turns for id, passage in turn.passages.items()}
    return Collection("turns", every, {}, {})


def given(turn: Asked, embedder: Embedder) -> Callable[[str], SearchReply]:
    """A search among the turn's own passages: all of them, nearest in meaning first."""

    def search(query: str) -> SearchReply:
        texts = [f"{title}\n{text}" if title else text for title, text in turn.passages.values()]
        if not texts:
            return SearchReply((), 0, 0, 0.0)
        vectors = embedder.embed([query, *texts])
        near = [float(value) for value in vectors[1:] @ vectors[0]]
        order = sorted(range(len(texts)), key=lambda at: -near[at])
        items = list(turn.passages.items())
        found = tuple(_passage(rank, *items[at], similarity=near[at]) for rank, at in enumerate(order, 1))
        return SearchReply(found, len(found), len(found), 0.0)

    return search


def _passage(rank: int, id: str, content: tuple[str, str], *, similarity: float) -> Passage:
    title, text = content
    return Passage(
        rank, f"/{id}.txt", None, "", text, 0, len(text), similarity, title=title, similarity=similarity
    )
