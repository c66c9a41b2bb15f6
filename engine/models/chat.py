"""What the house asks of a chat model, and the stream of one generation."""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "stopped", "loop"]
OnPrompt = Callable[[int, int], None]
Pieces = Generator[bytes, None, None]


@dataclass(frozen=True)
class ChatMessage:
    """One message of a prompt. `content` is plain text: it can never forge a special token."""

    role: Role
    content: str


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn; a `temperature` of 0 takes the likeliest. As llama.cpp names them.

    The draw is seeded anew for each answer, so that the same prompt still gets the same answer.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    min_p: float = 0.0
    repeat_penalty: float = 1.0


@dataclass(frozen=True)
class Snapshot:
    """What a model has in memory of `tokens`: its keys and values, as llama.cpp lays them out.

    `key` names everything they depend on: the weights, an adapter's included, the context and the library.
    """

    key: str
    tokens: list[int]
    data: bytes


class Generation:
    """One answer under way. Iterate once for text pieces; they join to valid UTF-8.

    The counts grow while it runs; `finish` is final when the iteration ends. Times are seconds since
    `generate` was called. A `Generation` that is not read to its end leaves the model usable.
    """

    def __init__(self, prompt_tokens: int, run: Callable[[Generation], Pieces]) -> None:
        self.prompt_tokens = prompt_tokens
        self.cached_tokens = 0
        self.tokens: list[int] = []
        self.logprobs: list[float] = []
        self.first_token_seconds: float | None = None
        self.seconds = 0.0
        self.finish: Finish = "stopped"
        self._started = time.perf_counter()
        self._run = run(self)

    @property
    def completion_tokens(self) -> int:
        """Tokens written so far, the end-of-turn token not included."""
        return len(self.tokens)

    @property
    def mean_logprob(self) -> float | None:
        """Mean natural log-probability of the written tokens; None before the first."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else None

    def mark_first_token(self) -> None:
        if self.first_token_seconds is None:
            self.first_token_seconds = time.perf_counter() - self._started

    def __iter__(self) -> Iterator[str]:
        # A character may span tokens, and a stop may cut one in half: bytes that never complete are dropped.
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        try:
            for piece in self._run:
                if text := decoder.decode(piece):
                    yield text
        finally:
            self._run.close()
            self.seconds = time.perf_counter() - self._started


class ChatModel(Protocol):
    """A language model with one conversation in memory. Not thread-safe, except `stop`.

    `id` changes when answers could; `context` is the number of tokens prompt and answer share.
    `opens_thought` says that every answer begins inside a thought, whose end alone is written.
    """

    id: str
    context: int
    opens_thought: bool

    def tokenize(self, text: str) -> list[int]:
        """Token ids of plain text; text that looks like a special token stays text."""
        ...

    def render(self, messages: Sequence[ChatMessage]) -> list[int]:
        """The one prompt renderer: the model's chat template, up to where its answer begins."""
        ...

    def generate(
        self, prompt: Sequence[int], max_tokens: int, on_prompt: OnPrompt | None = None
    ) -> Generation:
        """Answer `prompt`; work happens while the result is iterated.

        `on_prompt(done, total)` reports prompt tokens, cached ones included. Ends with finish "length" when
        `max_tokens` or the context is used up. Raises EngineError("question_too_long").
        """
        ...

    def answers(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> list[tuple[str, Finish]]:
        """Short answers to many prompts side by side, in their order; the conversation stays in memory.

        `prompts` and answers are short: 16 of them are in memory at once. Raises Cancelled on `stop`,
        EngineError("no_memory").
        """
        ...

    def score(self, prompt: Sequence[int], completion: Sequence[int]) -> list[float]:
        """Natural log-probability of each completion token after `prompt`. Raises Cancelled on `stop`."""
        ...

    def stop(self) -> None:
        """End the `generate` or `score` under way; callable from any thread, forgotten by the next call."""
        ...

    def use_adapter(self, path: Path | None) -> None:
        """Answer with the adapter at `path`, or as the base (None), from the next call on; nothing reloads.

        On an error the model answers as before. Raises EngineError: adapter_broken, adapter_other_base.
        """
        ...

    def as_base(self) -> AbstractContextManager[None]:
        """Inside, the model computes as the base; its adapter stays loaded and is on again after."""
        ...

    @property
    def memory_key(self) -> str:
        """The `Snapshot.key` of what is computed now."""
        ...

    def remembers(self, prompt: Sequence[int]) -> int:
        """How many leading tokens of `prompt` are in memory."""
        ...

    def snapshot(self) -> Snapshot:
        """A copy of what is in memory. Raises EngineError("no_memory")."""
        ...

    def resume(self, snapshot: Snapshot) -> bool:
        """Put `snapshot` in the place of what is in memory; False, with nothing there, if it does not fit."""
        ...

    def close(self) -> None:
        """Give the memory back. Nothing may be called afterwards."""
        ...


def repeats(tokens: Sequence[int], shortest: int = 24, longest_period: int = 64) -> bool:
    """True when `tokens` ends in one n-gram said at least three times, over at least `shortest` tokens."""
    for period in range(1, min(longest_period, len(tokens) // 3) + 1):
        span = period * max(3, -(-shortest // period))
        if len(tokens) < span or tokens[-1] != tokens[-1 - period]:
            continue
        if tokens[-span:-period] == tokens[-span + period :]:
            return True
    return False
