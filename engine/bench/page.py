"""A page of the docs that benchmarks write themselves: one section for each way of calling one."""

from __future__ import annotations

import contextlib
import io
import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

_SECTION = "\n## "


@contextlib.contextmanager
def kept(path: Path | None, command: str) -> Iterator[None]:
    """What is printed meanwhile also becomes the section `command` of the page at `path`, if there is one.

    An earlier section of that name is replaced, all others stay. Nothing is written if the benchmark fails.
    """
    if path is None:
        yield
        return
    printed = _Both()
    with contextlib.redirect_stdout(printed):
        yield
    page = path.read_text(encoding="utf-8") if path.exists() else _new(command)
    path.write_text(replaced(page, f"`{command}`", f"{_machine()}\n\n{printed.text()}"), encoding="utf-8")


def replaced(page: str, heading: str, body: str) -> str:
    """`page` with `body` under `heading`, where that stood or at the end."""
    head, *sections = page.rstrip().split(_SECTION)
    section = f"{heading}\n\n{body.strip()}\n"
    at = next((at for at, old in enumerate(sections) if old.partition("\n")[0] == heading), len(sections))
    sections[at : at + 1] = [section]
    return _SECTION.join(part.rstrip() + "\n" for part in (head, *sections))


def _new(command: str) -> str:
    what = command.split()[2]
    return (
        f"# `{' '.join(command.split()[:3])}`\n\n"
        f"Written by `nocturne bench {what} --write FILE`. Every row with a plain arm ran both sides in one\n"
        "go; absolute figures differ by machine, ratios carry over.\n"
    )


def _machine() -> str:
    day = datetime.now(UTC).date()
    return f"{day}, {os.cpu_count()} cores ({platform.machine()}, {platform.system()})."


class _Both(io.TextIOBase):
    """Standard output, and a copy of it."""

    def __init__(self) -> None:
        self._out = sys.stdout
        self._copy = io.StringIO()

    def write(self, text: str) -> int:
        self._copy.write(text)
        return self._out.write(text)

    def flush(self) -> None:
        self._out.flush()

    def text(self) -> str:
        return self._copy.getvalue()
