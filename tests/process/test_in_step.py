"""The library while files, folders and the person change things under it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.api import Engine
from engine.contracts import FileDone, IndexSummary
from engine.errors import Cancelled
from engine.paths import Home
from engine.workers import schedule
from engine.workers.jobs import Job
from tests.process.test_engine import HANG, many_files, wait_until

pytestmark = pytest.mark.process


@pytest.fixture
def engine(home: Home) -> Iterator[Engine]:
    with Engine(home.root, write=True) as engine:
        yield engine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "house [1]").mkdir(parents=True)
    (folder / "pump.md").write_text("Pawel Nowak repairs the pump before 20 September.")
    (folder / "house [1]" / "rent.txt").write_text("The rent of the flat is 940 euros a month.")
    return folder


def _begun(job: Job[IndexSummary]) -> None:
    wait_until(lambda: any(isinstance(event, FileDone) for event in job._events))


def test_a_folder_is_removed_while_it_is_indexed(engine: Engine, folder: Path, tmp_path: Path) -> None:
    engine.index([folder]).result(HANG)
    job = engine.index([many_files(tmp_path / "many", 400)])
    _begun(job)
    engine.remove_folder(tmp_path / "many").result(HANG)
    assert not job.ended or job.result(0).files == 0
    assert engine.status().coverage.files == 2, "nothing of it is left, though its indexing was under way"
    assert job.result(HANG).files == 0, "and nothing of it comes back"
    assert engine.status().coverage.files == 2


def test_a_file_is_forgotten_while_its_folder_is_indexed(engine: Engine, folder: Path) -> None:
    many_files(folder, 120)
    job = engine.index([folder])
    _begun(job)
    found = engine.forget(folder / "house [1]").result(HANG)
    assert found.still_there
    job.result(HANG)
    assert [r for r in engine.search("rent").result(HANG).results if "rent" in r.text] == []
    summary = engine.index().result(HANG)
    assert [(p.path, p.reason) for p in summary.problems] == [(str(folder / "house [1]"), "forgotten")]
    # Added by itself, it is back.
    engine.index([folder / "house [1]"]).result(HANG)
    assert engine.search("rent").result(HANG).results[0].path == str(folder / "house [1]" / "rent.txt")


def test_a_small_folder_does_not_wait_for_a_large_one(engine: Engine, folder: Path, tmp_path: Path) -> None:
    large = engine.index([many_files(tmp_path / "many", 400)])
    _begun(large)
    large.pause()
    assert engine.index([folder]).result(HANG).indexed == 2
    large.cancel()
    with pytest.raises(Cancelled):
        large.result(HANG)


def test_a_preview_does_not_wait_for_an_index_run(engine: Engine, folder: Path, tmp_path: Path) -> None:
    large = engine.index([many_files(tmp_path / "many", 400)])
    _begun(large)
    assert engine.preview([folder]).result(HANG).readable == 2
    assert engine.status().coverage.waiting > 0, "it is not done"
    large.cancel()


def test_changes_are_followed_while_the_program_runs(
    engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "QUIET", 0.2)
    engine.index([folder]).result(HANG)
    jobs: list[Job[IndexSummary]] = []
    engine.watch(jobs.append)
    assert engine._watcher is not None
    wait_until(lambda: engine._watcher is not None and bool(engine._watcher.watched))
    (folder / "garden.md").write_text("The garden is watered on Tuesday.")
    (folder / "pump.md").rename(folder / "house [1]" / "pump repair.md")
    (folder / "house [1]" / "rent.txt").unlink()

    def found() -> set[str]:
        return {
            Path(result.path).name for job in jobs if job.ended
            for result in engine.search("garden pump rent").result(HANG).results
        }  # fmt: skip

    wait_until(lambda: found() == {"garden.md", "pump repair.md"})
    summaries = [job.result(HANG) for job in jobs]
    assert sum(summary.moved for summary in summaries) == 1


def test_watch_follows_changes_until_it_is_interrupted(home: Home, folder: Path) -> None:
    with Engine(home.root, write=True) as engine:
        engine.index([folder]).result(HANG)
    command = [sys.executable, "-m", "engine", "watch", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert process.stdout is not None
    done = (line for line in map(json.loads, process.stdout) if line["event"] == "done")
    assert next(done)["indexed"] == 2
    seen = threading.Event()

    def write_now_and_then() -> None:
        # Nobody tells when hints begin; what is written before them would be found in half an hour.
        while not seen.wait(3.0):
            (folder / "garden.md").write_text("The garden is watered on Tuesday.")

    writer = threading.Thread(target=write_now_and_then)
    writer.start()
    assert next(line["indexed"] for line in done if line["indexed"] != 2) == 3
    seen.set()
    writer.join()
    process.send_signal(signal.SIGINT)
    assert process.wait(HANG) == 0
    process.stdout.close()
