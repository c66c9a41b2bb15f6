"""Question, passages and earlier turns -> the tokens the model reads, within its context.

What never changes stands first (instructions, then the chat so far), the passages and the question last, so
that the evaluated prefix can be used again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from string import Template

from engine.contracts import Passage, Turn
from engine.errors import EngineError
from engine.models.chat import ChatMessage, ChatModel
from resources import resource

HISTORY_SHARE = 0.25  # of the context, at most, for earlier turns


@dataclass(frozen=True)
class Prompt:
    """`tokens` to evaluate, and the passages that fitted, in the order of their numbers."""

    tokens: list[int]
    passages: tuple[Passage, ...]


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    texts: dict[str, str] = tomllib.loads(resource("prompts/answer.toml").read_text(encoding="utf-8"))
    return texts


def version() -> int:
    """Changes whenever the model is told something else; adapters and saved states carry it."""
    return int(_texts()["version"])


def build(
    model: ChatModel,
    question: str,
    passages: Sequence[Passage],
    history: Sequence[Turn] = (),
    *,
    budget: int,
    reserve: int,
) -> Prompt:
    """The prompt for `question`, with as many of the best passages as fit.

    `budget` is the most tokens the passages may take; `reserve` tokens of the context stay free for the
    answer. Raises EngineError("question_too_long") if the question alone does not fit.
    """
    room = model.context - reserve
    earlier = _fitting_turns(model, history, int(room * HISTORY_SHARE))
    system = _texts()["system"] if passages else _texts()["system_without_files"]
    bare = model.render([*_messages(system, earlier), ChatMessage("user", _ask(question, ()))])
    if len(bare) > room:
        raise EngineError("question_too_long", tokens=len(bare), limit=room)
    chosen = _fitting_passages(model, passages, min(budget, room - len(bare)))
    while True:
        # Tokens at the seams are not additive, so the sum may be over by a few: drop the last passage then.
        user = _ask(question, chosen)
        tokens = model.render([*_messages(system, earlier), ChatMessage("user", user)])
        if len(tokens) <= room or not chosen:
            return Prompt(tokens, tuple(chosen))
        chosen = chosen[:-1]


def _messages(system: str, turns: Sequence[Turn]) -> list[ChatMessage]:
    return [ChatMessage("system", system), *(ChatMessage(turn.role, turn.text) for turn in turns)]


def _ask(question: str, passages: Sequence[Passage]) -> str:
    if not passages:
        return question
    numbered = "\n\n".join(_numbered(n, passage) for n, passage in enumerate(passages, 1))
    return Template(_texts()["question"]).substitute(passages=numbered, question=question)


def _numbered(n: int, passage: Passage) -> str:
    return Template(_texts()["passage"]).substitute(
        n=n,
        name=PurePath(passage.path).name,
        heading=f", {passage.heading}" if passage.heading else "",
        text=passage.text,
    )


def _fitting_passages(model: ChatModel, passages: Sequence[Passage], budget: int) -> list[Passage]:
    chosen: list[Passage] = []
    for n, passage in enumerate(passages, 1):
        budget -= len(model.tokenize(_numbered(n, passage))) + 2
        if budget < 0:
            break
        chosen.append(passage)
    return chosen


def _fitting_turns(model: ChatModel, history: Sequence[Turn], budget: int) -> list[Turn]:
    """The newest question-answer pairs that fit, oldest first; a pair is never torn."""
    kept: list[Turn] = []
    for at in range(len(history) - 2, -1, -2):
        pair = list(history[at : at + 2])
        budget -= sum(len(model.tokenize(turn.text)) + 8 for turn in pair)
        if budget < 0 or [turn.role for turn in pair] != ["user", "assistant"]:
            break
        kept = pair + kept
    return kept
