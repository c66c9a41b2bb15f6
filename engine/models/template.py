"""A model's own chat template, rendered so that what people and files say stays plain text."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence

from engine.errors import EngineError
from engine.models.chat import ChatMessage


class ChatTemplate:
    """The Jinja template a GGUF file carries, run in jinja2's sandbox."""

    def __init__(self, source: str, bos: str, eos: str, model: str) -> None:
        from jinja2 import TemplateError
        from llama_cpp.llama_chat_format import Jinja2ChatFormatter

        self._model = model
        try:
            self._format = Jinja2ChatFormatter(template=source, bos_token=bos, eos_token=eos)
        except TemplateError as error:
            raise self._broken(error) from error

    def segments(self, messages: Sequence[ChatMessage]) -> Iterator[tuple[str, bool]]:
        """(text, is_markup) pieces of the prompt, up to where the answer begins.

        Contents are replaced by sentinels before the template runs and put back after, so that markup and
        content can be tokenised apart. Without a system message an empty one is given: some templates would
        else put words of their own in its place.
        """
        if not messages or messages[0].role != "system":
            messages = [ChatMessage("system", ""), *messages]
        # Nobody can write a sentinel into a file: it is drawn anew for each prompt.
        key = secrets.token_hex(16)
        contents = {f"{key}{index:04d}": message.content for index, message in enumerate(messages)}
        rendered = self._render(
            [(message.role, name) for message, name in zip(messages, contents, strict=True)]
        )
        for index, piece in enumerate(re.split(f"({key}[0-9]{{4}})", rendered)):
            text = contents[piece] if index % 2 else piece
            if text:
                yield text, index % 2 == 0

    def opens_thought(self) -> bool:
        """Whether the template itself writes the beginning of a thought (DeepSeek R1's does)."""
        rendered = "".join(text for text, _is_markup in self.segments([ChatMessage("user", "?")]))
        return rendered.rstrip().endswith("<think>")

    def _render(self, messages: Sequence[tuple[str, str]]) -> str:
        from jinja2 import TemplateError

        entries = [{"role": role, "content": content} for role, content in messages]
        try:
            return str(self._format(messages=entries).prompt)
        except (TemplateError, ValueError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> EngineError:
        return EngineError("model_broken", model=self._model, detail=f"its chat template failed: {error}")
