"""Stages run once and in order; a night that was interrupted goes on at the stage it was in."""

from __future__ import annotations

import errno
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from engine.contracts import Event, Progress
from engine.errors import Cancelled, EngineError
from engine.paths import Home
from engine.personalize.night import Night, NightControl, Stage, Steering, plan, run_next
from engine.personalize.run_folder import STAGES, RunFolder


class Always:
    def check(self) -> None: ...


def run_night(run: RunFolder, home: Home, stages: Mapping[str, Stage], control: Always, emit: Any) -> Any:
    """All stages, one after another."""
    while run_next(run, home, stages, control, emit):
        pass
    return run.read()


@pytest.fixture
def run(home: Home) -> RunFolder:
    run = RunFolder(home.nights / "20260101-010203")
    plan(run, minutes=15, folders=["/a"], used={"/a/b": 1.0}, base="base")
    return run


def recording(ran: list[str], broken: str = "") -> dict[str, Stage]:
    def stage(name: str) -> Stage:
        def work(night: Night) -> Mapping[str, Any]:
            night.control.check()
            ran.append(name)
            if name == broken:
                raise EngineError("too_few_rows", rows=1, passages=2, needed=3, why="short")
            return {"name": name}

        return work

    return {name: stage(name) for name in STAGES}


def test_every_stage_runs_once_and_reports(run: RunFolder, home: Home) -> None:
    ran: list[str] = []
    events: list[Event] = []
    assert run_next(run, home, recording(ran), Always(), events.append)
    assert ran == ["select"] and run.next_stage() == "compose"
    record = run_night(run, home, recording(ran), Always(), events.append)
    assert tuple(ran) == STAGES and run.next_stage() is None
    assert [e.phase for e in events if isinstance(e, Progress)] == list(STAGES)
    assert all({"minutes", "peak_mb", "name"} <= record["stages"][name].keys() for name in STAGES)
    assert record["plan"] == {
        "minutes": 15,
        "folders": ["/a"],
        "used": {"/a/b": 1.0},
        "base": "base",
        "sources": None,
    }
    run_night(run, home, recording(ran), Always(), events.append)
    assert tuple(ran) == STAGES


@pytest.mark.parametrize("broken", STAGES)
def test_a_night_resumes_at_the_stage_that_failed(run: RunFolder, home: Home, broken: str) -> None:
    ran: list[str] = []
    with pytest.raises(EngineError):
        run_night(run, home, recording(ran, broken), Always(), lambda event: None)
    assert run.next_stage() == broken
    run_night(run, home, recording(ran), Always(), lambda event: None)
    assert ran == [*STAGES[: STAGES.index(broken) + 1], *STAGES[STAGES.index(broken) :]]


def test_a_full_disk_is_said_as_such(run: RunFolder, home: Home) -> None:
    def full(_night: Night) -> Mapping[str, Any]:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(EngineError) as caught:
        run_next(run, home, {"select": full}, Always(), lambda event: None)
    assert caught.value.code == "disk_full" and run.next_stage() == "select"


def test_another_process_pauses_and_cancels_by_files(run: RunFolder, home: Home) -> None:
    ran: list[str] = []
    steering = Steering(run)
    steering.pause.touch()
    thread = threading.Thread(
        target=lambda: run_night(run, home, recording(ran), Always(), lambda event: None)
    )
    thread.start()
    thread.join(0.5)
    assert thread.is_alive() and ran == []
    steering.pause.unlink()
    thread.join(60)
    assert tuple(ran) == STAGES
    other = RunFolder(home.nights / "20260102-010203")
    plan(other, minutes=1, folders=[], used={}, base="base")
    Steering(other).cancel.touch()
    with pytest.raises(Cancelled):
        run_night(other, home, recording(ran), Always(), lambda event: None)
    Steering(other).clear()
    assert run_night(other, home, recording([]), Always(), lambda event: None)


def test_a_night_of_the_benchmark_composes_of_the_sources_it_names(run: RunFolder) -> None:
    from engine.personalize.compose.compose import Arms
    from engine.personalize.stages import _arms

    plan(run, minutes=1, folders=["/a"], used={}, base="base", sources=("structure", "replay"))
    found = _arms(run.read()["plan"]["sources"])
    assert found == Arms(True, statements=False, questions=False, replay=True, reading=False)
    assert _arms(None) == Arms()


def test_what_is_left_of_the_minutes_keeps_a_share_for_later(run: RunFolder, home: Home) -> None:
    plan(run, minutes=10, folders=["/a"], used={}, base="base")
    run.finish("select", minutes=1.0)
    run.finish("compose", minutes=1.5)
    night = Night(run, home, NightControl(Always(), run), lambda _event: None)
    assert night.left(0.2) == pytest.approx(60 * (8 - 2.5))
    assert night.left(0.0) == pytest.approx(60 * 7.5)
