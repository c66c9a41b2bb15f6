"""What was sent and read in each chat, kept on the disk, so that a follow-up evaluates only what is new.

A file per chat: a line of JSON (`_Header`), then the model's keys and values as they were in memory. It holds
text of files: it goes with its chat, with any file it quotes, and when others need the room. It can be lost
at any time; the chat is then read again, its earlier turns without their passages.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.answer import prompt
from engine.answer.conversation import Conversation
from engine.models.chat import ChatModel, Snapshot
from engine.wire import from_json, to_json

log = logging.getLogger(__name__)

VERSION = 1
BUDGET = 512 << 20  # bytes of all chats together: 22,000 tokens of the built-in model
_SUFFIX, _PART = ".state", ".part"


@dataclass(frozen=True)
class _Header:
    """`key` and `tokens` are the `Snapshot`'s, whose data follows: `size` bytes with checksum `crc`."""

    version: int
    prompts: int
    key: str
    tokens: list[int]
    size: int
    crc: int
    conversation: Conversation


class States:
    """The folder of the states, at most `budget` bytes: those used longest ago go first."""

    def __init__(self, folder: Path, budget: int = BUDGET) -> None:
        self._folder = folder
        self._budget = budget

    def open(self, chat: str) -> OpenChat:
        """The chat as it was left; a new one where that is not known, or was told by other prompts."""
        path = self._folder / f"{chat}{_SUFFIX}"
        header = _header(path)
        if header is None or (header.version, header.prompts) != (VERSION, prompt.version()):
            return OpenChat(self, path)
        return OpenChat(self, path, header)

    def forget_chat(self, chat: str) -> None:
        """Delete what is kept of a chat."""
        _delete(self._folder / f"{chat}{_SUFFIX}")

    def forget_files(self, gone: Callable[[str], bool]) -> int:
        """Delete what is kept of chats that hold text of such files, or cannot be read; how many."""
        paths = list(self._all())
        held = [path for path in paths if any(gone(file) for file, _ in _files(path)) or not _header(path)]
        for path in held:
            _delete(path)
        return len(held)

    def files(self) -> set[tuple[str, str]]:
        """Path and content hash of every file whose text is kept here."""
        return {file for path in self._all() for file in _files(path)}

    def write(self, path: Path, conversation: Conversation, snapshot: Snapshot | None) -> None:
        """Keep a chat; the file is the old one or the new one, whenever this is killed. Never fails."""
        if snapshot is None or len(snapshot.data) > self._budget:
            snapshot = Snapshot("", [], b"")
        header = _Header(
            VERSION,
            prompt.version(),
            snapshot.key,
            snapshot.tokens,
            len(snapshot.data),
            zlib.crc32(snapshot.data),
            conversation,
        )
        line = json.dumps(to_json(header), ensure_ascii=False).encode("utf-8", "replace")
        part = path.with_suffix(_PART)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(len(line) + 1 + len(snapshot.data), path)
            with part.open("wb") as file:
                file.write(line + b"\n")
                file.write(snapshot.data)
            part.replace(path)
        except OSError as error:
            # A full disk must not cost the answer; what was kept before would miss this turn.
            log.warning("a chat's state was not kept: %s", error.strerror)
            _delete(path)

    def _make_room(self, size: int, but: Path) -> None:
        for part in self._folder.glob(f"*{_PART}"):  # a kill left it, there is one writer
            part.unlink(missing_ok=True)
        others = sorted((path.stat().st_mtime_ns, path) for path in self._all() if path != but)
        free = self._budget - size - sum(path.stat().st_size for _time, path in others)
        for _time, path in others:
            if free >= 0:
                break
            free += path.stat().st_size
            path.unlink()

    def _all(self) -> Iterator[Path]:
        return self._folder.glob(f"*{_SUFFIX}")


class OpenChat:
    """One chat while a question is answered. Without states nothing is kept."""

    def __init__(
        self, states: States | None = None, path: Path | None = None, header: _Header | None = None
    ) -> None:
        self.conversation = header.conversation if header else Conversation()
        self._states, self._path, self._header = states, path, header
        self._snapshot: Snapshot | None = None

    def files(self) -> set[tuple[str, str]]:
        """Path and content hash of every file whose text stands in it."""
        return {(passage.path, passage.sha256) for passage in self.conversation.numbered}

    def forget(self) -> None:
        """Begin anew, and keep nothing of what was."""
        self.conversation, self._header = Conversation(), None
        if self._path is not None:
            _delete(self._path)

    def resume(self, model: ChatModel, tokens: Sequence[int]) -> None:
        """Give the model back what it had read of `tokens`, unless it remembers as much."""
        header = self._header
        if header is None or self._path is None or header.key != model.memory_key:
            return
        if model.remembers(tokens) >= _shared(header.tokens, tokens):
            return
        data = _data(self._path, header)
        if data is not None:
            model.resume(Snapshot(header.key, header.tokens, data))

    def keep(self, model: ChatModel) -> None:
        """Remember what the model has read now: `save` writes it."""
        if self._states is not None:
            self._snapshot = model.snapshot()

    def save(self) -> None:
        """Write what was sent and read. Without a turn that was sent nothing is new."""
        if self._states is not None and self._path is not None and self._snapshot is not None:
            self._states.write(self._path, self.conversation, self._snapshot)


def _header(path: Path) -> _Header | None:
    """None where the file is missing or damaged."""
    import msgspec

    try:
        with path.open("rb") as file:
            return from_json(_Header, json.loads(file.readline()))
    except (OSError, ValueError, msgspec.ValidationError):
        return None


def _data(path: Path, header: _Header) -> bytes | None:
    try:
        with path.open("rb") as file:
            file.readline()
            data = file.read()
        os.utime(path)
    except OSError:
        return None
    # A power cut can leave a file of the right length and wrong content.
    return data if len(data) == header.size and zlib.crc32(data) == header.crc else None


def _files(path: Path) -> set[tuple[str, str]]:
    header = _header(path)
    return {(p.path, p.sha256) for p in header.conversation.numbered} if header else set()


def _shared(kept: Sequence[int], wanted: Sequence[int]) -> int:
    return next(
        (at for at, (one, other) in enumerate(zip(kept, wanted, strict=False)) if one != other),
        min(len(kept), len(wanted)),
    )


def _delete(path: Path) -> None:
    for each in (path, path.with_suffix(_PART)):
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            log.warning("a chat's state could not be deleted: %s", error.strerror)
