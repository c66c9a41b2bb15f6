"""A reading process whose reader does what the name of the file says."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from engine.documents import reader
from engine.documents.extract import Extract
from engine.documents.reader import Read
from engine.workers import reading

_held: list[bytearray] = []


def _extract(text: str) -> Extract:
    return Extract(text, (), "", "scripted@1", None, "text")


def read_all(path: Path) -> Iterator[Read]:
    name = path.stem
    first_time = not path.with_suffix(".seen").exists()
    path.with_suffix(".seen").touch()
    yield Read("", _extract(path.read_text(encoding="utf-8")))
    if name == "many":
        for number in range(20):
            yield Read(f"{number}.txt", _extract("x" * 100_000))
    if name.startswith("crash"):
        yield Read("a.txt", _extract("a"))
        if name == "crash" or first_time:
            os.kill(os.getpid(), signal.SIGKILL)
    if name == "slow":
        time.sleep(1.5)
        yield Read("a.txt", _extract("too late for anybody"))
    if name == "hang":
        time.sleep(3600)
    if name == "spin":
        while True:
            pass
    if name == "hoard":
        _held.append(bytearray(os.urandom(1 << 20)) * 400)
        time.sleep(3600)
    if name == "grow":
        _held.append(bytearray(os.urandom(1 << 20)) * 220)


if __name__ == "__main__":
    reader.read_all = read_all
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    reading.serve(sys.stdin.buffer, out)
