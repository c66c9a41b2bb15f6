"""Pausing, stopping, killing: the next run goes on where this one ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.documents import reader
from engine.errors import Cancelled
from engine.library import index as module
from engine.paths import Home

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


def everything(library: Library) -> dict[str, Any]:
    """All that can be found, without ids and times."""
    rows = library.database.execute(
        'SELECT d.path, d.state, d.sha256, p.ordinal, p.start, p."end", p.heading, p.embedded, w.body, t.text'
        " FROM documents AS d LEFT JOIN passages AS p ON p.document = d.id"
        " LEFT JOIN words AS w ON w.rowid = p.id LEFT JOIN texts AS t ON t.document = d.id"
    )
    vectors = library.database.execute(
        "SELECT w.body, v.vector FROM vectors AS v JOIN words AS w ON w.rowid = v.rowid"
    )
    return {"rows": sorted(rows, key=str), "vectors": sorted(vectors)}


class _StopsAt:
    """Cancels at the n-th look."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def check(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Cancelled


def test_it_can_be_stopped_anywhere_and_goes_on(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 4)
    for number in range(6):
        library.put(f"{number}.md", f"# Part {number}\n\n" + f"word{number} " * 600)
    stops = 0
    read: list[str] = []
    while True:
        try:
            library.index(control=_StopsAt(3))
            break
        except Cancelled:
            stops += 1
        finally:
            read += library.read()
    assert stops > 3
    assert sorted(read) == [f"{number}.md" for number in range(6)], "each file was read once"
    stopped = everything(library)
    other = type(library)(Home(tmp_path / "other"), library.folder)
    other.index()
    assert stopped == everything(other)
    other.database.close()


_KILLED = """
import os, signal, sys
from pathlib import Path
from engine.documents import reader
from engine.library import index, schema
from engine.models.fake import FakeEmbedder

folder, home, dies_at = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
steps = 0

def step(real):
    def counted(*arguments, **named):
        global steps
        steps += 1
        if steps == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return counted

class Control:
    def check(self): pass

from engine.store.database import Database
reader.read = step(reader.read)
Database.insert = step(Database.insert)
embedder = FakeEmbedder(dimensions=64)
embedder.embed = step(embedder.embed)
from engine.library import vectors
vectors.add = step(vectors.add)
database = schema.open_for_writing(home / "index.db", embedder, print)
index.index(database, [folder], embedder, control=Control(), emit=lambda event: None, own=home)
print("done")
"""


def test_it_can_be_killed_anywhere_and_goes_on(library: Library, tmp_path: Path) -> None:
    for number in range(5):
        library.put(f"{number}.md", f"# Part {number}\n\n" + f"word{number} " * 900)
    library.index()
    victim = tmp_path / "victim"
    deaths = 0
    for dies_at in (1, 3, 8, 12, 9, 1000):
        ended = subprocess.run(
            [sys.executable, "-c", _KILLED, str(library.folder), str(victim), str(dies_at)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode in {0, -signal.SIGKILL}, ended.stderr
        deaths += ended.returncode != 0
    assert deaths >= 4 and ended.stdout == "done\n"
    other = type(library)(Home(victim), library.folder)
    assert everything(other) == everything(library)
    other.database.close()


def test_a_file_that_killed_the_reader_twice_is_left_out(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = library.put("poison.md")
    library.put("good.md")
    with monkeypatch.context() as patch:
        read = reader.read
        patch.setattr(
            library, "reader", library.alone(lambda path: read(path) if path.name == "good.md" else 1 / 0)
        )
        summary = library.index(crashed={str(poison): 2})
        assert (summary.indexed, summary.failed) == (1, 1)
        assert library.states()["poison.md"] == ("failed", "crashed_reader")
        library.index()
        assert library.read() == [], "it stays left out"
    library.index(retry=str(poison))
    assert library.states()["poison.md"] == ("meaning", "")


def test_a_left_out_file_is_tried_again_once_it_changes(library: Library) -> None:
    poison = library.put("poison.md")
    library.index(crashed={str(poison): 2})
    poison.write_text("harmless now")
    library.index()
    assert library.states()["poison.md"] == ("meaning", "")


def test_work_pauses_between_small_batches(library: Library) -> None:
    library.put("a.md", "\n\n".join(f"# H{number}\n\n" + "word " * 200 for number in range(100)))
    looks: list[int] = []
    batches: list[int] = []

    class Counting:
        def check(self) -> None:
            looks.append(len(batches))

    embed = library.embedder.embed
    library.embedder.embed = lambda texts: batches.append(len(texts)) or embed(texts)
    library.index(control=Counting())
    assert max(batches) <= module.BATCH and sum(batches) == library.progress("meaning")[-1].total > 90
    assert set(range(len(batches))) <= set(looks), "one look before each batch"
