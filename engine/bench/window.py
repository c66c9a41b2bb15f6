"""How long the window takes until a person can type and sees the last chat, with a long history."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time

from engine.bench.report import Row, at_most
from engine.contracts import Answer
from engine.paths import Home
from engine.store.lock import HomeLock
from engine.store.user import UserStore
from engine.workers import doctor, launch

MESSAGES = 10_000
CHATS = 50
RUNS = 5


def start(home: Home) -> list[Row]:
    """Start the window `RUNS` times on a home with `MESSAGES` messages; it reports and quits by itself."""
    _fill(home)
    if "DISPLAY" not in os.environ and "WAYLAND_DISPLAY" not in os.environ:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    problem = doctor.window_problem()
    if problem is not None:
        return [Row(f"window start: not measured ({problem})", float("nan"), "s")]
    seconds, peaks = [], []
    for _ in range(RUNS):
        started = time.time()
        ran = subprocess.run(
            launch.window_command(["--home", str(home.root), "--report-ready"]),
            capture_output=True,
            text=True,
            check=True,
        )
        ready = json.loads(ran.stdout.splitlines()[-1])
        seconds.append(ready["time"] - started)
        peaks.append(ready["peak_mib"])
    return [
        at_most(
            f"window start with {MESSAGES} messages",
            statistics.median(seconds),
            "s",
            2,
            (min(seconds), max(seconds)),
        ),
        Row("peak memory, window", max(peaks), "MiB"),
    ]


def _fill(home: Home) -> None:
    with HomeLock(home, "nocturne bench"), UserStore(home, write=True) as store:
        for number in range(CHATS):
            chat = store.create_chat(f"Chat {number}").id
            parent = None
            for turn in range(MESSAGES // CHATS // 2):
                asked = store.add_message(chat, f"What about point {turn}?", parent=parent)
                text = f"Point {turn} of chat {number} is settled. " * 4
                parent = store.add_answer(chat, asked.id, Answer(text, "general", False)).id
