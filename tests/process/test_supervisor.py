"""Worker processes: protocol, noise, cancel ladder, crash, quarantine, end of stdin, no orphan."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from engine.contracts import Notice, Progress, Token
from engine.errors import Cancelled, EngineError
from engine.paths import Home
from engine.workers.supervisor import RESTARTS, Worker

pytestmark = pytest.mark.process
HANG = 60.0
SCRIPT = [sys.executable, "-m", "tests.process.scripted_worker"]


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def make(*words: str) -> Worker:
        workers.append(Worker("scripted", home, [*SCRIPT, str(home.root), *words]))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()
        assert worker.pid is None


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < limit, "hung"
        time.sleep(0.01)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_verb_returns_its_result_and_events_whatever_libraries_print(start: Callable[..., Worker]) -> None:
    worker = start("noise")
    job = worker.submit("echo", {"value": "péché ☾"})
    assert job.result(HANG) == "péché ☾"
    assert list(job.events()) == [Token("heard")]


def test_a_message_longer_than_a_line_arrives_whole(start: Callable[..., Worker]) -> None:
    value = "ü☾x" * 700_000
    assert start().submit("echo", {"value": value}).result(HANG) == value


def test_a_surprise_is_reported_as_our_bug_and_the_worker_goes_on(start: Callable[..., Worker]) -> None:
    worker = start()
    with pytest.raises(EngineError) as caught:
        worker.submit("bug", {}).result(HANG)
    assert caught.value.code == "bug" and "surprise" not in caught.value.message
    assert worker.submit("echo", {"value": 1}).result(HANG) == 1


def test_another_version_is_refused(start: Callable[..., Worker]) -> None:
    with pytest.raises(EngineError) as caught:
        start("old").submit("echo", {"value": 1}).result(HANG)
    assert caught.value.code == "worker_mismatch"


def test_a_program_that_cannot_start_is_one_clear_error(home: Home) -> None:
    worker = Worker("scripted", home, ["/nonexistent/program"])
    with pytest.raises(EngineError) as caught:
        worker.submit("echo", {"value": 1}).result(HANG)
    assert caught.value.code == "worker_silent"


def test_cancel_stops_work_that_looks_at_its_flag_and_keeps_the_process(start: Callable[..., Worker]) -> None:
    worker = start()
    pid = worker.submit("who", {}).result(HANG)["pid"]
    job = worker.submit("count", {})
    wait_until(lambda: bool(job._events))
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(HANG)
    assert worker.submit("who", {}).result(HANG)["pid"] == pid


def test_cancel_kills_work_that_does_not_listen(start: Callable[..., Worker]) -> None:
    worker = start()
    job = worker.submit("stubborn", {})
    wait_until(lambda: bool(job._events))
    pid = worker.pid
    job.cancel()
    with pytest.raises(Cancelled):
        job.result(HANG)
    assert pid is not None and gone(pid)
    assert worker.submit("echo", {"value": 2}).result(HANG) == 2


def test_cancelling_a_waiting_job_leaves_the_running_one_alone(start: Callable[..., Worker]) -> None:
    worker = start()
    running = worker.submit("count", {})
    wait_until(lambda: bool(running._events))
    pid, waiting = worker.pid, worker.submit("count", {})
    waiting.cancel()
    with pytest.raises(Cancelled):
        waiting.result(HANG)
    assert not waiting._events and worker.pid == pid and not running.ended
    seen = len(running._events)
    wait_until(lambda: len(running._events) > seen)
    running.cancel()
    with pytest.raises(Cancelled):
        running.result(HANG)
    assert worker.submit("echo", {"value": 3}).result(HANG) == 3


def test_only_the_running_job_is_stopped_by_its_role(start: Callable[..., Worker]) -> None:
    worker = start()
    running = worker.submit("until_stopped", {})
    wait_until(lambda: bool(running._events))
    waiting = worker.submit("echo", {"value": 1})
    waiting.cancel()
    with pytest.raises(Cancelled):
        waiting.result(HANG)
    assert not running.ended
    running.cancel()
    assert running.result(HANG) == "stopped"


def test_what_waits_behind_a_job_that_had_to_be_killed_runs(start: Callable[..., Worker]) -> None:
    worker = start()
    stuck = worker.submit("stubborn", {})
    wait_until(lambda: bool(stuck._events))
    waiting = worker.submit("echo", {"value": 4})
    stuck.cancel()
    with pytest.raises(Cancelled):
        stuck.result(HANG)
    assert waiting.result(HANG) == 4
    assert list(waiting.events()) == [Token("heard")]  # and no word of a crash, which it was not


def test_a_paused_job_stays_paused_when_its_process_is_replaced(start: Callable[..., Worker]) -> None:
    worker = start()
    job = worker.submit("begin", {}, restartable=True)
    wait_until(lambda: bool(job._events))
    job.pause()
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: worker.pid not in (None, pid))
    for _ in range(50):  # the new process answers, and has long read that the job is paused
        assert worker.submit("echo", {"value": 5}).result(HANG) == 5
    resumed = time.monotonic()
    job.resume()
    wait_until(lambda: len([event for event in job._events if isinstance(event, Token)]) == 2)
    job.cancel()
    began = [float(event.text) for event in job._events if isinstance(event, Token)]
    assert began[1] >= resumed


def test_a_worker_started_while_others_stand_still_stands_still(start: Callable[..., Worker]) -> None:
    worker = start()
    worker.suspend()
    job = worker.submit("echo", {"value": 6})
    assert worker.pid is not None
    assert psutil.Process(worker.pid).status() == psutil.STATUS_STOPPED and not job.ended
    worker.resume()
    assert job.result(HANG) == 6


def test_a_log_that_cannot_be_written_stops_no_worker(home: Home) -> None:
    home.log.parent.mkdir(parents=True, exist_ok=True)
    home.log.write_bytes(b"not a folder")
    worker = Worker("scripted", home, [*SCRIPT, str(home.root)])
    assert worker.submit("echo", {"value": 7}).result(HANG) == 7
    worker.close()


def test_pause_holds_the_work_and_resume_goes_on(start: Callable[..., Worker]) -> None:
    job = start().submit("count", {})
    wait_until(lambda: len(job._events) > 3)
    job.pause()
    seen = -1
    while seen != len(job._events):  # what was under way when the request arrived still comes in
        seen = len(job._events)
        time.sleep(0.3)
    job.resume()
    wait_until(lambda: len(job._events) > seen)
    job.cancel()


def test_a_suspended_worker_stands_still(start: Callable[..., Worker]) -> None:
    worker = start()
    job = worker.submit("count", {})
    wait_until(lambda: bool(job._events))
    worker.suspend()
    assert worker.pid is not None
    process = psutil.Process(worker.pid)
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED)
    worker.resume()
    wait_until(lambda: process.status() != psutil.STATUS_STOPPED)
    job.cancel()


def test_a_crash_is_reported_and_the_next_verb_gets_a_new_process(start: Callable[..., Worker]) -> None:
    worker = start()
    job = worker.submit("count", {})
    wait_until(lambda: bool(job._events))
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    with pytest.raises(EngineError) as caught:
        job.result(HANG)
    assert caught.value.code == "worker_crashed"
    assert worker.submit("echo", {"value": 3}).result(HANG) == 3


def test_a_file_that_kills_the_worker_twice_is_left_out(start: Callable[..., Worker]) -> None:
    names = [f"/f{n}" for n in range(8)]
    deadly = ["/f2", "/f5"]
    job = start().submit("files", {"names": names, "deadly": deadly}, restartable=True)
    assert job.result(HANG)["left_out"] == deadly
    notices = [event for event in job.events() if isinstance(event, Notice)]
    assert [n.params["path"] for n in notices if n.code == "quarantined"] == deadly
    assert sum(n.code == "worker_restarted" for n in notices) == 4
    reads = [e.current for e in job.events() if isinstance(e, Progress)]
    assert reads.count("/f2") == 2 and reads.count("/f5") == 2


def test_each_part_of_a_job_may_have_a_process_of_its_own(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    worker = start()
    job = worker.submit("stages", {"path": str(tmp_path / "pids"), "count": 5})
    waiting = worker.submit("echo", {"value": "too"})
    pids = job.result(HANG)
    assert len(set(pids)) == 5
    # More parts than restarts after crashes are allowed, and nobody is told of a crash.
    assert list(job.events()) == [Token("stage")] * 5
    assert waiting.result(HANG) == "too"
    assert all(gone(int(pid)) for pid in pids[:-1])


def test_a_job_cancelled_between_its_parts_ends(start: Callable[..., Worker], tmp_path: Path) -> None:
    worker = start()
    job = worker.submit("stages", {"path": str(tmp_path / "pids"), "count": 1_000_000})
    for _event in job.events():
        job.cancel()
        break
    with pytest.raises(Cancelled):
        job.result(HANG)
    assert worker.submit("echo", {"value": "next"}).result(HANG) == "next"


def test_a_worker_that_always_dies_is_given_up(home: Home) -> None:
    worker = Worker("scripted", home, [sys.executable, "-c", "raise SystemExit(7)"])
    with pytest.raises(EngineError) as caught:
        worker.submit("files", {}, restartable=True).result(HANG)
    assert caught.value.code == "worker_crashed"


@pytest.mark.parametrize(
    ("deadly", "furthest"), [([3] * 9, 0), ([3, 3, 5, 5, 4, 5, 9], 2)], ids=["same place", "not further"]
)
def test_work_that_dies_again_and_again_without_getting_further_is_given_up(
    start: Callable[..., Worker], tmp_path: Path, deadly: list[int], furthest: int
) -> None:
    lives = tmp_path / "lives"
    job = start().submit("fragile", {"path": str(lives), "deadly": deadly}, restartable=True)
    with pytest.raises(EngineError) as caught:
        job.result(HANG)
    assert caught.value.code == "worker_crashed"
    assert len(lives.read_text().splitlines()) == furthest + 1 + RESTARTS


def test_work_that_gets_further_with_every_life_comes_to_its_end(
    start: Callable[..., Worker], tmp_path: Path
) -> None:
    deadly = list(range(2 * RESTARTS))
    job = start().submit("fragile", {"path": str(tmp_path / "lives"), "deadly": deadly}, restartable=True)
    assert job.result(HANG) == len(deadly)


def test_background_work_runs_at_the_lowest_priority(start: Callable[..., Worker]) -> None:
    who = start().submit("who", {}).result(HANG)
    assert who["nice"] == 19
    assert who["scheduler"] in (os.SCHED_IDLE, os.SCHED_OTHER)


def test_a_worker_cannot_reach_the_network(start: Callable[..., Worker], home: Home) -> None:
    with pytest.raises(EngineError) as caught:
        start().submit("connect", {}).result(HANG)
    assert caught.value.code == "network_blocked"
    assert "192.0.2.1" in (home.log / "network.log").read_text()


def test_the_end_of_stdin_ends_the_worker(home: Home) -> None:
    process = subprocess.Popen([*SCRIPT, str(home.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    assert b"hello" in process.stdout.readline()
    process.stdin.close()
    assert process.wait(HANG) == 0
    process.stdout.close()


PARENT = """
import sys, time
from engine.paths import Home
from engine.workers.supervisor import Worker
from pathlib import Path
worker = Worker("scripted", Home(Path(sys.argv[1])), sys.argv[2:])
job = worker.submit("count", {})
next(job.events())
if "stopped" in sys.argv: worker.suspend()
print(worker.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_no_worker_outlives_a_killed_parent(home: Home, state: str, tmp_path: Path) -> None:
    words = [sys.executable, "-c", PARENT, str(home.root), *SCRIPT, str(home.root), state]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: gone(pid))
