"""The plain arm of `bench speed`: llama-cpp-python as its documentation uses it, nothing around it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

from engine.models.llama import context_settings
from engine.models.native import library, model_parameters


class BareLlama:
    """`llama_cpp.Llama` with the parameters of our contexts: eval, sample, eval, sample."""

    def __init__(self, path: Path, context: int) -> None:
        from llama_cpp import Llama

        settings: dict[str, Any] = context_settings(context)
        llama = library()
        defaults = model_parameters(llama)
        # `Llama` has no argument for what `model_parameters` sets, and would crash where that matters.
        with patch.object(llama, "llama_model_default_params", lambda: defaults):
            self._llama = Llama(str(path), verbose=False, **settings)

    def chat(self, system: str, user: str, max_tokens: int) -> str:
        """The answer to one message, as `create_chat_completion` gives it."""
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        reply: Any = self._llama.create_chat_completion(messages, temperature=0.0, max_tokens=max_tokens)
        return str(reply["choices"][0]["message"]["content"])

    def first_token_ms(self, prompt: Sequence[int], cached: int) -> float:
        """Time to evaluate `prompt` after its first `cached` tokens, and to choose the next one."""
        self._llama.reset()
        self._llama.eval(list(prompt[:cached]))
        started = time.perf_counter()
        self._llama.eval(list(prompt[cached:]))
        self._llama.sample(temp=0.0)
        return (time.perf_counter() - started) * 1000

    def tokens_per_second(self, prompt: Sequence[int], count: int) -> float:
        """Speed of writing `count` tokens after `prompt`, the first one not counted."""
        self._llama.reset()
        self._llama.eval(list(prompt))
        token = self._llama.sample(temp=0.0)
        started = time.perf_counter()
        for _ in range(count - 1):
            self._llama.eval([token])
            token = self._llama.sample(temp=0.0)
        return (count - 1) / (time.perf_counter() - started)

    def prompt_tokens_per_second(self, prompt: Sequence[int]) -> float:
        self._llama.reset()
        started = time.perf_counter()
        self._llama.eval(list(prompt))
        return len(prompt) / (time.perf_counter() - started)
