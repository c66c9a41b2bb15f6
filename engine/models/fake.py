"""Deterministic models without weights: for tests of everything around a model, and for worker processes
under NOCTURNE_FAKE_MODELS. They follow the same protocols, own tokenizers included.
"""

from __future__ import annotations

import math
import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import Cancelled, EngineError
from engine.models.chat import ChatMessage, Finish, Generation, OnPrompt, Pieces, Snapshot, repeats
from engine.models.embedder import Tokens

if TYPE_CHECKING:
    from engine.models.embedder import Vectors

SLICE = 64
NOTHING_FOUND = "I could not find this in your files."

_PIECE = re.compile(r"\s?\w{1,6}|.", re.DOTALL)
_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"[^\n]+?(?:[.!?](?=\s|$)|(?=\n|$))")
_PASSAGE = re.compile(r"^\[(\d+)\][ \t]*(.*?)(?=^\[\d+\]|^Question\b|\Z)", re.DOTALL | re.MULTILINE)
_QUESTION = re.compile(r"^Question:?[ \t]*(.+)$", re.MULTILINE)
_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are at be by did do does for from has have how i in is it many much my of on or our"
        " that the this to was what when where which who whose why will with you your",
    )
)

_FAKE_EMBEDDER = "fake-embedder-"
_END, _ROLES = 0, {"system": 1, "user": 2, "assistant": 3}


class FakeChat:
    """Answers by quoting the sentence of the numbered passages that shares most words with the question.

    `reply` says something else instead. `token_seconds` and `slice_seconds` slow down writing and prompt
    reading; `stop` interrupts either wait. `evaluated` counts prompt tokens that were not cached.
    """

    def __init__(
        self,
        reply: str | None = None,
        *,
        context: int = 4096,
        token_seconds: float = 0.0,
        slice_seconds: float = 0.0,
    ) -> None:
        self.id = "fake-chat"
        self.context = context
        self.opens_thought = False
        self.reply = reply
        self.evaluated = 0
        self.adapter: Path | None = None
        self._token_seconds = token_seconds
        self._slice_seconds = slice_seconds
        self._stop = threading.Event()
        self._kept: list[int] = []

    @classmethod
    def from_environment(cls) -> FakeChat:
        """As NOCTURNE_FAKE_TOKEN_SECONDS, NOCTURNE_FAKE_SLICE_SECONDS and NOCTURNE_FAKE_REPLY say."""
        return cls(
            os.environ.get("NOCTURNE_FAKE_REPLY"),
            token_seconds=float(os.environ.get("NOCTURNE_FAKE_TOKEN_SECONDS", "0")),
            slice_seconds=float(os.environ.get("NOCTURNE_FAKE_SLICE_SECONDS", "0")),
        )

    def tokenize(self, text: str) -> list[int]:
        # The bytes of a piece are its id: no vocabulary to share. The leading 1 keeps ids above the specials.
        return [int.from_bytes(b"\x01" + piece.encode()) for piece in _PIECE.findall(text)]

    def render(self, messages: Sequence[ChatMessage]) -> list[int]:
        tokens: list[int] = []
        for message in messages:
            tokens += [_ROLES[message.role], *self.tokenize(message.content), _END]
        return [*tokens, _ROLES["assistant"]]

    def generate(
        self, prompt: Sequence[int], max_tokens: int, on_prompt: OnPrompt | None = None
    ) -> Generation:
        if len(prompt) >= self.context:
            raise EngineError("question_too_long", tokens=len(prompt), limit=self.context - 1)
        self._stop.clear()
        prompt = list(prompt)
        limit = min(max_tokens, self.context - len(prompt))
        return Generation(len(prompt), lambda generation: self._run(generation, prompt, limit, on_prompt))

    def answers(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> list[tuple[str, Finish]]:
        written: list[tuple[str, Finish]] = []
        for prompt in prompts:
            generation = self.generate(prompt, max_tokens)
            text = "".join(generation)
            if generation.finish == "stopped":
                raise Cancelled
            written.append((text, generation.finish))
        return written

    def score(self, prompt: Sequence[int], completion: Sequence[int]) -> list[float]:
        self._stop.clear()
        for _ in range(0, len(prompt), SLICE):
            if self._stop.wait(self._slice_seconds):
                raise Cancelled
        seen = set(prompt)
        return [math.log(0.9 if token in seen else 0.01) for token in completion]

    def stop(self) -> None:
        self._stop.set()

    def use_adapter(self, path: Path | None) -> None:
        if path is not None and not path.is_file():
            raise EngineError("adapter_broken", path=str(path), detail="there is no such file")
        self.adapter = path
        self._kept = []

    @contextmanager
    def as_base(self) -> Iterator[None]:
        adapter = self.adapter
        self.use_adapter(None)
        try:
            yield
        finally:
            self.use_adapter(adapter)

    @property
    def memory_key(self) -> str:
        return f"{self.id}+{self.adapter}|{self.context}"

    def remembers(self, prompt: Sequence[int]) -> int:
        return _common_prefix(self._kept, prompt)

    def snapshot(self) -> Snapshot:
        return Snapshot(self.memory_key, list(self._kept), str(len(self._kept)).encode())

    def resume(self, snapshot: Snapshot) -> bool:
        fits = snapshot.key == self.memory_key and snapshot.data == str(len(snapshot.tokens)).encode()
        self._kept = list(snapshot.tokens) if fits else []
        return fits

    def close(self) -> None:
        self._kept = []

    def _run(
        self, generation: Generation, prompt: list[int], limit: int, on_prompt: OnPrompt | None
    ) -> Pieces:
        done = generation.cached_tokens = min(_common_prefix(self._kept, prompt), len(prompt) - 1)
        self._kept = prompt[:done]
        while done < len(prompt):
            if self._stop.wait(self._slice_seconds):
                return
            taken = prompt[done : done + SLICE]
            self._kept += taken
            self.evaluated += len(taken)
            done += len(taken)
            if on_prompt is not None:
                on_prompt(done, len(prompt))
        for token in self.tokenize(self._answer(prompt)):
            if self._stop.wait(self._token_seconds):
                return
            if len(generation.tokens) == limit:
                generation.finish = "length"
                return
            generation.mark_first_token()
            generation.tokens.append(token)
            generation.logprobs.append(math.log(0.9))
            self._kept.append(token)
            yield _bytes(token)
            if repeats(generation.tokens):
                generation.finish = "loop"
                return
        generation.finish = "stop"

    def _answer(self, prompt: list[int]) -> str:
        if self.reply is not None:
            return self.reply
        text = b"".join(b"\n" if token < 256 else _bytes(token) for token in prompt).decode()
        marked = _QUESTION.findall(text)
        lines = [line for line in text.splitlines() if line.strip()]
        question = marked[-1] if marked else (lines[-1] if lines else "")
        wanted = _content_words(question)
        best, answer = 0, NOTHING_FOUND
        for number, passage in _PASSAGE.findall(text):
            for sentence in _SENTENCE.findall(passage):
                shared = len(wanted & _content_words(sentence))
                if shared > best:
                    best, answer = shared, f"{sentence.strip()} [{number}]"
        return answer


class FakeEmbedder:
    """A hashed bag of words: texts that share words are near, and nothing else is. One token a word."""

    def __init__(self, dimensions: int = 384, window: int = 256) -> None:
        self.id = f"{_FAKE_EMBEDDER}{dimensions}"
        self.dimensions = dimensions
        self.window = window

    @classmethod
    def from_environment(cls) -> FakeEmbedder:
        """As NOCTURNE_FAKE_DIMENSIONS says: with another number it is another embedder."""
        return cls(int(os.environ.get("NOCTURNE_FAKE_DIMENSIONS", "384")))

    @classmethod
    def named(cls, embedder: str) -> FakeEmbedder | None:
        """The one of this `id`, if it is one of these."""
        dimensions = embedder.removeprefix(_FAKE_EMBEDDER)
        return cls(int(dimensions)) if dimensions.isdecimal() else None

    def count_tokens(self, text: str) -> int:
        return len(_WORD.findall(text)) + 2

    def embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        # A text without words still needs a direction.
        vectors[:, 0] = 1e-3
        for row, text in enumerate(texts):
            for word in _WORD.findall(text.lower())[: self.window - 2]:
                digest = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
                weight = 0.1 if word in _STOP_WORDS else 1.0
                vectors[row, digest % self.dimensions] += weight if digest >> 63 else -weight
        lengths: Vectors = np.linalg.norm(vectors, axis=1, keepdims=True)
        normalised: Vectors = vectors / lengths
        return normalised

    def embed_tokens(self, texts: Sequence[str]) -> list[Tokens]:
        found = []
        for text in texts:
            words = list(_WORD.finditer(text))[: self.window - 2]
            spans = tuple(word.span() for word in words)
            found.append(Tokens(self.embed([word.group() for word in words]), spans))
        return found


def _bytes(token: int) -> bytes:
    return token.to_bytes((token.bit_length() + 7) // 8)[1:]


def _content_words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower())) - _STOP_WORDS


def _common_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    for index, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return index
    return min(len(first), len(second))
