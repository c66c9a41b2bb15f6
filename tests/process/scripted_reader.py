"""A reading process whose reader does what the name of the file says."""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from engine.documents import ocr, reader
from engine.documents.extract import Extract, Unreadable
from engine.documents.reader import Read
from engine.workers import reading

_held: list[bytearray] = []


def _extract(text: str) -> Extract:
    return Extract(text, (), "", "scripted@1", None, "text")


def _left_alone() -> Iterator[Read]:
    yield Read("bad.txt", Unreadable("unknown"))
    yield Read("behind.txt", _extract("what lies behind"))


def picture(path: Path, number: int) -> str:
    """Page `number` of a scan named WHAT-PAGE does WHAT; "all" stands for each page."""
    with path.with_suffix(".asked").open("a", encoding="utf-8") as asked:
        asked.write(f"{number} ")
    what, _, where = path.stem.partition("-")
    if where in {str(number), "all"}:
        if what == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if what == "hang":
            time.sleep(3600)
        if what == "hoard":
            _held.append(bytearray(os.urandom(1 << 20)) * 400)
            time.sleep(3600)
        if what == "damaged":
            raise Unreadable("damaged")
        if what == "secret":
            return "token ghp_" + "a1B2c3D4e5" * 4
    return f"page {number}"


def left_processor() -> int:
    """Seconds of work until the system ends this process."""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    return resource.getrlimit(resource.RLIMIT_CPU)[0] - int(used.ru_utime + used.ru_stime)


def read_all(
    path: Path,
    page_text: Callable[[int, Any], str] | None = None,
    *,
    broken: Collection[int] = (),
    begin: Callable[[int], None] = lambda size: None,
) -> Iterator[Read]:
    name = path.stem
    if page_text is not None:
        texts = [page_text(number, partial(picture, path, number)) for number in range(1, 5)]
        yield Read("", _extract("\n".join(texts)))
        yield Read("inside.pdf", _extract(page_text(1, lambda: "inside")))
        return
    first_time = not path.with_suffix(".seen").exists()
    path.with_suffix(".seen").touch()
    yield Read("", _extract(path.read_text(encoding="utf-8")))
    if name == "many":
        for number in range(20):
            yield Read(f"{number}.txt", _extract("x" * 100_000))
    if name.startswith("crash"):
        yield Read("a.txt", _extract("a"))
        if 2 not in broken and (name == "crash" or first_time):
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "crash":
            yield from _left_alone()
    if name == "often":
        for number in range(1, 30):
            if number % 2 and number not in broken:
                os.kill(os.getpid(), signal.SIGKILL)
            yield Read(f"{number}.txt", _extract(str(number)))
    if name == "between":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    if name == "costly":
        begin(10_000_000)
        yield Read("large.txt", _extract(str(left_processor())))
        yield Read("small.txt", _extract(str(left_processor())))
    if name == "slow":
        time.sleep(1.5)
        yield Read("a.txt", _extract("too late for anybody"))
    if name in {"hang", "spin", "hoard"} and 1 in broken:
        yield from _left_alone()
        return
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
    ocr.page_text = lambda text: text
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    reading.serve(sys.stdin.buffer, out)
