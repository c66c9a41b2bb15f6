"""A night as it lies in a home when some of its stages are done, without having been run."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from engine.models import catalog, prepare
from engine.paths import Home
from engine.personalize.budget import Budget
from engine.personalize.night import plan
from engine.personalize.run_folder import STAGES, RunFolder
from engine.store.nights import NightState
from engine.store.user import UserStore

ADAPTER = b"GGUF" + bytes(range(256)) * 40


def prepared_night(
    home: Home,
    night: str,
    state: NightState = "promoted",
    *,
    before: str | None = None,
    minutes: float = 1.0,
    adapter: bytes = ADAPTER,
    active: bool = False,
    **outcomes: dict[str, Any],
) -> RunFolder:
    """Its run folder, with every stage done that comes before `before`, and its row in user.db."""
    run = RunFolder(home.nights / night)
    base = prepare.base_id(catalog.default("chat"))
    plan(run, minutes=minutes, folders=[], used={}, base=base)
    run.update(budget=asdict(Budget.planned(minutes, tokens_per_s=500.0)))
    known: dict[str, dict[str, Any]] = {
        "export": {"parity": {"passed": True}, "sha256": hashlib.sha256(adapter).hexdigest()},
        "decide": {"promoted": state == "promoted", "reason": "It knows more."},
    }
    for stage in STAGES[: STAGES.index(before) if before else None]:
        run.finish(stage, **{"minutes": 0.1, **known.get(stage, {}), **outcomes.get(stage, {})})
        if stage == "export":
            run.adapter.write_bytes(adapter)
    with UserStore(home, write=True) as store:
        store.start_night(night, base)
        if state != "running":
            store.end_night(night, state, "It ended so.")
        if active:
            store.use_adapter(night)
    return run
