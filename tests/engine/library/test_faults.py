"""The index worker is killed fifty times at any moment; what it leaves is what an undisturbed run leaves."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts import Event
from engine.documents import reader
from engine.documents.extract import Extract, Section
from engine.documents.reader import Read
from engine.library import check, index, schema
from engine.models.fake import FakeEmbedder
from engine.paths import Home
from engine.store.database import Database
from tests.engine.library.conftest import NeverStops
from tests.engine.library.test_resume import everything

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it forks")
KILLS = 50
FILES = 300


def _read(path: Path) -> Iterator[Read]:
    """A `.zip` here is text, each line of which is a member."""
    yield from reader.read_all(path)
    if path.suffix == ".zip":
        for number, line in enumerate(path.read_text().splitlines()):
            yield Read(f"{number}.txt", Extract(line, (Section(0, len(line)),), "", "text@1", None, "text"))


def _life(home: Home, folder: Path, step: Callable[[], None]) -> None:
    """One run of the index, with `step` before each statement and each embedding."""
    real = {name: getattr(Database, name) for name in ("execute", "many", "insert")}

    def stepping(name: str) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            step()
            return real[name](*arguments, **named)

        return wrapped

    for name in real:
        setattr(Database, name, stepping(name))
    embedder = FakeEmbedder(dimensions=64)
    database = schema.open_for_writing(home.index_db, embedder, _ignore)
    index.index(database, [folder], embedder, control=NeverStops(), emit=_ignore, own=home.root, read=_read)
    database.close()


def _ignore(_event: Event) -> None:
    return None


def _fork(life: Callable[[Callable[[], None]], None], steps: int) -> int:
    """Run `life` in a child, and kill it once it has taken `steps` steps; the status it ended with.

    The child goes on while the signal is on its way, so it dies anywhere: in a statement, between two, in a
    commit.
    """
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        try:
            life(lambda: os.write(sending, b".") and None)
        finally:
            os._exit(0)
    os.close(sending)
    taken = 0
    while taken < steps and (some := os.read(receiving, steps - taken)):
        taken += len(some)
    os.kill(child, signal.SIGKILL)
    os.close(receiving)
    return os.waitpid(child, 0)[1]


def test_fifty_kills_leave_what_an_undisturbed_run_leaves(library: Library, tmp_path: Path) -> None:
    for number in range(FILES):
        library.put(f"{number % 7}/{number}.md", f"# Part {number}\n\n" + f"word{number} " * (number % 40))
    for number in range(10):
        library.put(f"{number}.zip", "\n".join(f"line{number} {line}" for line in range(number)))
    library.put("secret.pem", "x")
    library.index(read=_read)
    whole = check.count(library.database)

    victim = Home(tmp_path / "victim")
    chance = random.Random(20261125)
    killed = 0
    for number in range(KILLS):
        # The folder changes meanwhile: each life finds something new, something gone and something moved.
        library.put("changing.md", f"version {number}")
        (library.folder / f"moving{number - 1}.md").unlink(missing_ok=True)
        library.put(f"moving{number}.md", "# Always\n\nthe same words")
        status = _fork(lambda step: _life(victim, library.folder, step), chance.randrange(1, 250))
        killed += os.WIFSIGNALED(status)
    assert killed == KILLS, "every life was cut short"

    library.index(read=_read)
    survivor = type(library)(victim, library.folder)
    summary = survivor.index(read=_read)
    assert summary.mended == 0, "nothing had to be mended: each step is whole or was not"
    assert everything(survivor) == everything(library)
    rows = check.count(survivor.database)
    assert rows == check.count(library.database) and rows["documents"] == whole["documents"] + 2
    assert rows["passages"] == rows["words"] == rows["vectors"]
    survivor.database.close()
