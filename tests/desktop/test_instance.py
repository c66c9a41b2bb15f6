"""A second start finds the first window of its home, and only of its home."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtNetwork import QLocalServer, QLocalSocket
from PySide6.QtWidgets import QApplication

from desktop import instance
from desktop.instance import FirstWindow, call_first, socket_name

CALL = "import sys; from desktop.instance import call_first; print(call_first(*sys.argv[1:]))"


def start_second(home: Path, folder: str, question: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CALL, str(home), folder, question], stdout=subprocess.PIPE, text=True
    )


def test_the_first_window_is_called(app: QApplication, tmp_path: Path, qtbot: Any) -> None:
    first = FirstWindow(str(tmp_path))
    assert first.listen()
    with qtbot.waitSignal(first.called, timeout=60_000) as called:
        second = start_second(tmp_path, "/data", "Who?")
    assert called.args == ["/data", "Who?"]
    assert second.communicate(timeout=60)[0].strip() == "True"


def test_another_home_is_another_window(app: QApplication, tmp_path: Path) -> None:
    first = FirstWindow(str(tmp_path / "a"))
    assert first.listen()
    assert call_first(str(tmp_path / "b"), "", "") is None


def test_a_first_window_that_hangs_is_noticed(
    app: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "ANSWER_MS", 50)
    deaf = QLocalServer()
    assert deaf.listen(socket_name(str(tmp_path)))
    assert call_first(str(tmp_path), "", "") is False
    deaf.close()


def test_a_socket_left_by_a_crash_is_taken_over(app: QApplication, tmp_path: Path) -> None:
    name = socket_name(str(tmp_path))
    left = QLocalServer()
    assert left.listen(name)
    path = Path(left.fullServerName())
    kept = path.with_suffix(".kept")
    kept.hardlink_to(path)
    left.close()
    kept.rename(path)
    assert call_first(str(tmp_path), "", "") is None
    assert FirstWindow(str(tmp_path)).listen()


def test_nonsense_on_the_socket_only_raises_the_window(app: QApplication, tmp_path: Path, qtbot: Any) -> None:
    first = FirstWindow(str(tmp_path))
    assert first.listen()
    caller = QLocalSocket()
    caller.connectToServer(socket_name(str(tmp_path)))
    with qtbot.waitSignal(first.called) as called:
        caller.write(b"\xff[not json\n")
        caller.flush()
    assert called.args == ["", ""]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "desktop", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_probe_says_whether_a_window_can_start() -> None:
    assert run("--probe").returncode == 0
    assert run("--probe", QT_QPA_PLATFORM="no-such-platform").returncode != 0


def test_the_probe_writes_nothing(tmp_path: Path) -> None:
    assert run("--probe", "--home", str(tmp_path / "new")).returncode == 0
    assert not (tmp_path / "new").exists()
