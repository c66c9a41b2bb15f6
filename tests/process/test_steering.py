"""Which night a command steers: the one that runs, and none that does not."""

from __future__ import annotations

import pytest

from engine.errors import EngineError
from engine.paths import Home
from engine.personalize.night import Steering, plan
from engine.personalize.run_folder import RunFolder
from engine.store.lock import HomeLock
from engine.store.user import UserStore
from engine.workers.nights import NightShift
from engine.workers.supervisor import Worker


def test_the_night_that_runs_is_steered_not_a_newer_one_that_failed(home: Home) -> None:
    older, newer = (RunFolder(home.nights / name) for name in ("20260101-010203", "20260102-010203"))
    with UserStore(home, write=True) as store:
        for run in (older, newer):
            plan(run, minutes=1, folders=[], used={}, base="base")
            store.start_night(run.id, "base")
        store.end_night(newer.id, "failed", "It stopped.")
    with HomeLock(home), UserStore(home, write=False) as store:
        shift = NightShift(home, store, Worker("night", home))
        assert shift.steer("pause").id == older.id
        assert shift.report(older.id).state == "paused"
    assert Steering(older).pause.exists() and not Steering(newer).pause.exists()


def test_a_night_whose_process_is_gone_is_interrupted_and_cannot_be_steered(home: Home) -> None:
    run = RunFolder(home.nights / "20260101-010203")
    plan(run, minutes=1, folders=[], used={}, base="base")
    with UserStore(home, write=True) as store:
        store.start_night(run.id, "base")
    for write in (False, True):
        with UserStore(home, write=write) as store:
            shift = NightShift(home, store, Worker("night", home))
            report = shift.report(run.id)
            assert report.state == "cancelled" and "can be resumed" in report.reason
            with pytest.raises(EngineError) as caught:
                shift.steer("pause")
            assert caught.value.code == "night_missing"
    assert not Steering(run).pause.exists()
