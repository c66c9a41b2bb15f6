"""Jobs of one worker: they take turns, pass what is paused, and give way to what is urgent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.contracts import Progress, Token
from engine.errors import Cancelled
from engine.paths import Home
from engine.workers.jobs import Job
from engine.workers.supervisor import Worker
from tests.process.test_supervisor import HANG, SCRIPT, wait_until

pytestmark = pytest.mark.process
assert sys.platform != "win32"


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def make(*words: str) -> Worker:
        workers.append(Worker("scripted", home, [*SCRIPT, str(home.root), *words]))
        return workers[-1]

    yield make
    for worker in workers:
        worker.close()


def _steps(job: Job[Any]) -> int:
    return sum(isinstance(event, Progress) for event in job._events)


def _turns(job: Job[Any]) -> int:
    return sum(isinstance(event, Token) for event in job._events)


def test_two_jobs_take_turns(start: Callable[..., Worker]) -> None:
    worker = start("short")
    jobs = [worker.submit("steps", {"value": name}, restartable=True) for name in "ab"]
    wait_until(lambda: all(_turns(job) >= 3 and _steps(job) >= 6 for job in jobs))
    pid = worker.pid
    jobs[0].cancel()
    with pytest.raises(Cancelled):
        jobs[0].result(HANG)
    # Alone, a job has all the turns there are.
    seen = _turns(jobs[1])
    before = _steps(jobs[1])
    wait_until(lambda: _steps(jobs[1]) > before + 20)
    assert _turns(jobs[1]) <= seen + 1 and worker.pid == pid


def test_a_long_turn_is_not_cut_short(start: Callable[..., Worker]) -> None:
    worker = start()
    first = worker.submit("steps", {"value": 1}, restartable=True)
    second = worker.submit("steps", {"value": 2}, restartable=True)
    wait_until(lambda: _steps(first) > 20)
    assert (_turns(first), _turns(second)) == (1, 0)


def test_what_is_urgent_comes_at_once_and_the_others_go_on(start: Callable[..., Worker]) -> None:
    worker = start()
    running = worker.submit("steps", {"value": 1}, restartable=True)
    waiting = worker.submit("steps", {"value": 2}, restartable=True)
    wait_until(lambda: _steps(running) > 0)
    pid = worker.pid
    urgent = worker.submit("echo", {"value": "now"}, restartable=True, urgent=True)
    assert urgent.result(HANG) == "now"
    wait_until(lambda: _turns(running) == 2)
    assert worker.pid == pid and not waiting.ended
    waiting.cancel()
    with pytest.raises(Cancelled):
        waiting.result(HANG)
    running.cancel()
    with pytest.raises(Cancelled):
        running.result(HANG)


def test_what_does_not_give_way_is_ended_for_what_is_urgent(start: Callable[..., Worker]) -> None:
    worker = start()
    stuck = worker.submit("stubborn", {}, restartable=True)
    wait_until(lambda: _turns(stuck) == 1)
    pid = worker.pid
    assert worker.submit("echo", {"value": "now"}, restartable=True, urgent=True).result(HANG) == "now"
    assert worker.pid != pid
    wait_until(lambda: _turns(stuck) == 2)
    # It was ended by us: that is no crash.
    assert not [event for event in stuck._events if not isinstance(event, Token)]


def test_what_a_job_is_given_is_asked_again_for_each_turn(start: Callable[..., Worker]) -> None:
    worker = start()
    values = iter(["before", "after"])
    job = worker.submit("steps", lambda: {"value": next(values)}, restartable=True)
    wait_until(lambda: _steps(job) > 0)
    worker.submit("echo", {"value": 1}, restartable=True, urgent=True).result(HANG)
    wait_until(lambda: _turns(job) == 2)
    assert [event.text for event in job._events if isinstance(event, Token)] == ["before", "after"]


@pytest.mark.parametrize("paused_first", [False, True])
def test_a_paused_job_keeps_nobody_waiting(start: Callable[..., Worker], paused_first: bool) -> None:
    worker = start()
    paused = worker.submit("steps", {"value": 1}, restartable=True)
    wait_until(lambda: _steps(paused) > 0)
    if paused_first:
        paused.pause()
    other = worker.submit("steps", {"value": 2}, restartable=True)
    if not paused_first:
        paused.pause()
    wait_until(lambda: _steps(other) > 3)
    seen = _steps(paused)
    wait_until(lambda: _steps(other) > 20)
    assert _steps(paused) == seen
    other.cancel()
    paused.resume()
    wait_until(lambda: _steps(paused) > seen)


def test_paused_jobs_do_not_chase_each_other(start: Callable[..., Worker]) -> None:
    worker = start()
    jobs = [worker.submit("steps", {"value": name}, restartable=True) for name in "ab"]
    wait_until(lambda: _steps(jobs[0]) > 0)
    for job in jobs:
        job.pause()
    # Both stand still, and what comes next is done all the same.
    assert worker.submit("echo", {"value": 1}, restartable=True, urgent=True).result(HANG) == 1
    turns = [_turns(job) for job in jobs]
    assert worker.submit("echo", {"value": 2}, restartable=True, urgent=True).result(HANG) == 2
    assert [_turns(job) for job in jobs] == turns
    jobs[1].resume()
    wait_until(lambda: _steps(jobs[1]) > 0)
    jobs[0].cancel()
    with pytest.raises(Cancelled):
        jobs[0].result(HANG)
