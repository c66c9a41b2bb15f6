"""One writer for each home."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.paths import Home
from engine.store.lock import HomeLock, holder

_HOLD = """
import sys
from pathlib import Path
from engine.paths import Home
from engine.store.lock import HomeLock
lock = HomeLock(Home(Path(sys.argv[1])), "the window")
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(home: Home) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(home.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    if process.returncode is None:
        process.communicate()


def test_the_second_writer_is_told_who_holds_it(home: Home, other: subprocess.Popen[str]) -> None:
    with pytest.raises(EngineError) as caught:
        HomeLock(home).acquire()
    assert caught.value.code == "home_locked"
    assert caught.value.params == {"holder": "the window", "pid": other.pid, "path": str(home.root)}
    other.communicate()
    with HomeLock(home) as lock:
        assert lock.held


def test_a_killed_holder_does_not_matter(home: Home, other: subprocess.Popen[str]) -> None:
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert holder(home) == ("the window", other.pid)
    lock = HomeLock(home, "the command line")
    lock.acquire()
    assert holder(home) == ("the command line", os.getpid())
    lock.release()
    lock.release()
    assert holder(home) is None


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EngineError) as caught:
        HomeLock(Home(tmp_path / "file" / "home")).acquire()
    assert caught.value.code == "home_read_only"


def test_a_full_disk_is_told_and_frees_the_lock(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(EngineError) as caught:
            HomeLock(home).acquire()
    assert caught.value.code == "disk_full"
    HomeLock(home).acquire()


def test_a_garbled_note_only_loses_the_name(home: Home, other: subprocess.Popen[str]) -> None:
    (home.root / "lock.json").write_text("{garbled")
    with pytest.raises(EngineError) as caught:
        HomeLock(home).acquire()
    assert caught.value.code == "home_locked"
