"""Question, passages and earlier turns -> the tokens the model reads, within its context.

What never changes stands first (instructions, then the chat so far), the passages and the question last, so
that the evaluated prefix can be used again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePath
from string import Template
from typing import Any

from engine.answer.excerpts import Excerpt
from engine.answer.fence import fenced, fenced_line
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
def _texts() -> dict[str, Any]:
    texts: dict[str, Any] = tomllib.loads(resource("prompts/answer.toml").read_text(encoding="utf-8"))
    return texts


def version() -> int:
    """Changes whenever the model is told something else; adapters and saved states carry it."""
    return int(_texts()["version"])


def build(
    model: ChatModel,
    question: str,
    shown: Sequence[Excerpt],
    history: Sequence[Turn] = (),
    *,
    reserve: int,
) -> Prompt:
    """The prompt for `question`, with as many of the excerpts as fit.

    `reserve` tokens of the context stay free for the answer. Raises EngineError("question_too_long") if the
    question alone does not fit.
    """
    room = model.context - reserve
    earlier = _fitting_turns(model, history, int(room * HISTORY_SHARE))
    fixed = _messages(bool(shown), earlier)
    bare = model.render([*fixed, ChatMessage("user", _ask(question, ()))])
    if len(bare) > room:
        raise EngineError("question_too_long", tokens=len(bare), limit=room)
    # Tokens at the seams are not additive, so excerpts that fitted by themselves may be over by a few.
    for count in range(len(shown), -1, -1):
        tokens = model.render([*fixed, ChatMessage("user", _ask(question, shown[:count]))])
        if len(tokens) <= room:
            break
    return Prompt(tokens, tuple(excerpt.passage for excerpt in shown[:count]))


def messages(user: str, *, with_files: bool) -> list[ChatMessage]:
    """The whole prompt of a chat's first question, `user` being its turn: what adapters are trained on."""
    return [*_messages(with_files, ()), ChatMessage("user", user)]


def asked(question: str, shown: Sequence[Excerpt]) -> str:
    """The user's turn as the model reads it: the numbered excerpts, then the question."""
    return _ask(question, shown)


def _messages(with_files: bool, turns: Sequence[Turn]) -> list[ChatMessage]:
    texts = _texts()
    if not with_files:
        fixed = [ChatMessage("system", texts["system_without_files"])]
    else:
        example = texts["example"]
        asked = Template(texts["question"]).substitute(example)
        fixed = [
            ChatMessage("system", texts["system"]),
            ChatMessage("user", asked),
            ChatMessage("assistant", example["answer"]),
        ]
    return [*fixed, *(ChatMessage(turn.role, turn.text) for turn in turns)]


def _ask(question: str, shown: Sequence[Excerpt]) -> str:
    if not shown:
        return question
    numbered = "\n\n".join(_numbered(n, excerpt) for n, excerpt in enumerate(shown, 1))
    return Template(_texts()["question"]).substitute(passages=numbered, question=question)


def _numbered(n: int, excerpt: Excerpt) -> str:
    passage = excerpt.passage
    return Template(_texts()["passage"]).substitute(
        n=n,
        name=fenced_line(PurePath(passage.path).stem),
        heading=f", {fenced_line(passage.heading)}" if passage.heading else "",
        text=fenced(excerpt.text),
    )


def _fitting_turns(model: ChatModel, history: Sequence[Turn], budget: int) -> list[Turn]:
    """The newest question-answer pairs that fit, oldest first; a pair is never torn."""
    kept: list[Turn] = []
    for asked, answered in reversed(list(pairwise(history))):
        if (asked.role, answered.role) != ("user", "assistant") or not answered.text:
            continue  # a question that was stopped, or nothing in the files answered it
        budget -= sum(len(model.tokenize(turn.text)) + 8 for turn in (asked, answered))
        if budget < 0:
            break
        kept = [asked, answered, *kept]
    return kept
