"""Question, passages and earlier turns -> the tokens the model reads, within its context.

What never changes stands first (instructions, then the chat so far as it was sent), new passages and the
question last, so that the evaluated prefix can be used again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from string import Template
from typing import Any

from engine.answer.citations import strip_markers
from engine.answer.conversation import Conversation, Placed, Sent
from engine.answer.excerpts import Excerpt
from engine.answer.fence import fenced, fenced_line
from engine.contracts import Passage, Turn
from engine.errors import EngineError
from engine.models.chat import ChatMessage, ChatModel
from resources import resource

HISTORY_SHARE = 0.5  # of what the question leaves free, at most, for earlier turns
SHORTENED_SHARE = 0.25  # they are cut to this, so that several turns can follow before it is done again
_SPEAKERS = {"user": "Q", "assistant": "A"}


@dataclass(frozen=True)
class Prompt:
    """`tokens` to evaluate, and all passages of the chat that they number, in the order of the numbers.

    `sent` is the question's turn, still without an answer; `shortened`: earlier turns had to be cut for it.
    """

    tokens: list[int]
    passages: tuple[Passage, ...]
    sent: Sent
    shortened: bool = False


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
    chat: Conversation | None = None,
) -> Prompt:
    """The prompt for `question`, with as many of the excerpts as fit.

    `chat` is what was sent before; it is brought up to `history`, and shortened if it takes too much room.
    `reserve` tokens of the context stay free for the answer. Raises EngineError("question_too_long") if the
    question alone does not fit.
    """
    room = model.context - reserve
    fixed = _fixed(bool(shown))
    alone = len(model.render([*fixed, ChatMessage("user", question)]))
    if alone > room:
        raise EngineError("question_too_long", tokens=alone, limit=room)
    chat = chat or Conversation()
    chat.follow(history)

    def render(user: str) -> list[int]:
        opening = _opening(chat)
        first = opening if not chat.turns else ""
        return model.render([*fixed, *chat.messages(opening), ChatMessage("user", first + user)])

    def fits(share: float) -> bool:
        return len(render(question)) - alone <= (room - alone) * share

    if shortened := not fits(HISTORY_SHARE):
        chat.shorten(lambda: fits(SHORTENED_SHARE))
    # Tokens at the seams are not additive, so excerpts that fitted by themselves may be over by a few.
    for count in range(len(shown), -1, -1):
        placed = chat.place(shown[:count])
        user = _ask(question, placed)
        tokens = render(user)
        if len(tokens) <= room:
            break
    lines = tuple(line for one in placed for line in one.lines)
    sent = Sent(question, user, "", lines)
    return Prompt(tokens, tuple(chat.passages(placed)), sent, shortened)


def messages(user: str, *, with_files: bool) -> list[ChatMessage]:
    """The whole prompt of a chat's first question, `user` being its turn: what adapters are trained on."""
    return [*_fixed(with_files), ChatMessage("user", user)]


def asked(question: str, shown: Sequence[Excerpt]) -> str:
    """The user's turn as the model reads it: the numbered excerpts, then the question."""
    return _ask(question, Conversation().place(shown))


def rewriting(question: str, history: Sequence[Turn]) -> list[ChatMessage]:
    """Asks to put `question`, which follows `history`, so that it can be understood without it."""
    texts = _texts()["rewriting"]
    lines = "\n".join(f"{_SPEAKERS[turn.role]}: {strip_markers(turn.text)}" for turn in history)
    request = Template(texts["request"])
    return [
        ChatMessage("system", texts["system"]),
        ChatMessage("user", request.substitute(lines=texts["lines"], question=texts["question"])),
        ChatMessage("assistant", texts["answer"]),
        ChatMessage("user", request.substitute(lines=lines, question=question)),
    ]


def unknown() -> str:
    """What the model is told to say where it has no answer."""
    return str(_texts()["unknown"])


def _fixed(with_files: bool) -> list[ChatMessage]:
    texts = _texts()
    if not with_files:
        return [ChatMessage("system", texts["system_without_files"])]
    example = texts["example"]
    return [
        ChatMessage("system", texts["system"]),
        ChatMessage("user", Template(texts["question"]).substitute(example)),
        ChatMessage("assistant", example["answer"]),
    ]


def _opening(chat: Conversation) -> str:
    """What stands before the first turn of a chat that was shortened."""
    if not (chat.summary or chat.left_out):
        return ""
    left_out = Template(_texts()["left_out"]).substitute(count=chat.left_out) if chat.left_out else ""
    lines = "\n".join([*filter(None, [left_out]), *chat.summary])
    return Template(_texts()["earlier"]).substitute(lines=lines) + "\n\n"


def _ask(question: str, placed: Sequence[Placed]) -> str:
    if not placed:
        return question
    numbered = "\n\n".join(map(_numbered, placed))
    return Template(_texts()["question"]).substitute(passages=numbered, question=question)


def _numbered(placed: Placed) -> str:
    passage = placed.passage
    return Template(_texts()["passage" if placed.text else "above"]).substitute(
        n=placed.number,
        name=fenced_line(PurePath(passage.path).stem),
        heading=f", {fenced_line(passage.heading)}" if passage.heading else "",
        text=fenced(placed.text),
    )
