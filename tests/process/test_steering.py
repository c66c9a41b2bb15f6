"""Which night a command steers when several are unfinished."""

from __future__ import annotations

from engine.paths import Home
from engine.personalize.night import Steering, plan
from engine.personalize.run_folder import RunFolder
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
        shift = NightShift(home, store, Worker("night", home))
        assert shift.steer("pause").id == older.id
    assert Steering(older).pause.exists() and not Steering(newer).pause.exists()
