"""The line protocol between a process and its workers: one JSON object a line, at most 1 MiB.

A longer message travels as `part` lines and is put together again on arrival. Anything on the pipe that
is not such a line is noise (a library that printed before boot): it is skipped and counted, never parsed.
"""

from __future__ import annotations

import json
import threading
from typing import IO, Any

PROTOCOL = 1
MAX_LINE = 1 << 20
_CHUNK = MAX_LINE // 8  # a code point may take six bytes once escaped


class Channel:
    """Both ends of a pipe pair. `send` may be called from several threads, `receive` from one."""

    def __init__(self, incoming: IO[bytes], outgoing: IO[bytes]) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._lock = threading.Lock()
        self.noise = 0

    def send(self, message: dict[str, Any]) -> None:
        """Write one message. Raises OSError when the other end is gone."""
        text = json.dumps(message, separators=(",", ":"))
        with self._lock:
            if len(text) < MAX_LINE:
                self._write(text)
            else:
                pieces = [text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)]
                for left, piece in zip(range(len(pieces) - 1, -1, -1), pieces, strict=True):
                    self._write(json.dumps({"type": "part", "left": left, "text": piece}))
            self._outgoing.flush()

    def _write(self, text: str) -> None:
        self._outgoing.write(text.encode("ascii") + b"\n")

    def receive(self) -> dict[str, Any] | None:
        """The next message; None when the other end closed the pipe."""
        parts: list[str] = []
        while line := self._incoming.readline(MAX_LINE + 1):
            message = self._parse(line)
            if message is None:
                self.noise += 1
            elif message["type"] != "part":
                return message
            else:
                parts.append(message["text"])
                if message["left"] == 0:
                    whole: dict[str, Any] = json.loads("".join(parts))
                    return whole
        return None

    @staticmethod
    def _parse(line: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(line)
        except ValueError:
            return None
        return message if isinstance(message, dict) and isinstance(message.get("type"), str) else None
