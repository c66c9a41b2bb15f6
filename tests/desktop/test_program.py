"""`python -m desktop` as a process: the main job, a second start, the end, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.api import Engine
from engine.contracts import Message
from engine.errors import EngineError
from engine.paths import Home

pytestmark = pytest.mark.process
HANG = 90.0
QUESTION = "What is the notice period of the lease?"


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < limit, "hung"
        time.sleep(0.1)


def start(home: Home, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "desktop", "--home", str(home.root), *words],
        env={**os.environ, "NOCTURNE_FAKE_MODELS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


def said(home: Home) -> list[Message]:
    """The messages of the newest chat, read beside the window."""
    if not home.user_db.exists():
        return []
    try:
        with Engine(home.root, write=False) as engine:
            chats = engine.chats()
            return engine.messages(chats[0].id) if chats else []
    except EngineError as error:
        if error.code == "database_busy":
            return []
        raise


@pytest.fixture
def program(home: Home, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "lease.md").write_text("# Lease\n\nThe notice period of the lease is three months.\n")
    process = start(home, "--folder", str(papers), "--ask", QUESTION)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=HANG)


def test_the_main_job_a_second_start_and_the_end(home: Home, program: subprocess.Popen[str]) -> None:
    wait_until(lambda: len(said(home)) == 2)
    question, answer = said(home)
    assert question.text == QUESTION and "three months" in answer.text
    assert answer.answer is not None and answer.answer.citations[0].verified

    second = start(home, "--ask", "And the rent?")
    assert second.communicate(timeout=HANG)[1] == "" and second.returncode == 0
    wait_until(lambda: [message.text for message in said(home)][:1] == ["And the rent?"])

    workers = psutil.Process(program.pid).children(recursive=True)
    assert len(workers) == 2
    program.terminate()
    assert program.wait(HANG) == 0
    _gone, alive = psutil.wait_procs(workers, timeout=HANG)
    assert alive == []
    assert program.stderr is not None and "Traceback" not in program.stderr.read()
