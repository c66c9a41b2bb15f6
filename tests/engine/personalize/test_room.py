"""Room for a night: what it needs, what is free, and what is said when that is too little."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.models import catalog, prepare
from engine.paths import Home
from engine.personalize import room, stages
from engine.personalize.night import Night, NightControl
from engine.personalize.run_folder import RunFolder
from tests.engine.personalize.conftest import Free

GB = 10**9


def test_the_built_in_model_needs_what_was_measured_and_a_margin() -> None:
    measured = 2.3 * 2**30
    assert measured < room.memory_needed(145_000_000) < 1.2 * measured
    assert room.memory_needed(1_600_000_000) > 5 * measured
    # The whole index is copied; the rest grows with the model.
    assert room.disk_needed(145_000_000, 5 * GB) - room.disk_needed(145_000_000, 0) >= 5 * GB
    assert room.disk_needed(145_000_000, 0) > 150_000_000


def test_what_is_free_is_what_the_system_says(tmp_path: Path) -> None:
    memory, disk = room.free_memory(), room.free_disk(tmp_path / "not" / "yet" / "there")
    assert memory is not None and memory > 10**8
    assert disk is not None and disk > 10**6


@pytest.mark.real
@pytest.mark.parametrize("what", ["free_memory", "free_disk"])
def test_too_little_is_refused_in_numbers_and_what_is_not_known_is_not(
    models_home: Home, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    base = prepare.prepared(catalog.default("chat"), models_home).stat().st_size
    needed = room.memory_needed(base) if what == "free_memory" else room.disk_needed(base, 0)
    monkeypatch.setattr(room, what, lambda *_path: needed - 1)
    with pytest.raises(EngineError) as caught:
        room.check(models_home)
    # Rounded apart: "needs 0.3, and 0.3 are free" would be no reason.
    assert float(caught.value.params["needed"]) > float(caught.value.params["free"])
    for enough in (needed, None):
        monkeypatch.setattr(room, what, lambda *_path, enough=enough: enough)
        room.check(models_home)


@pytest.mark.real
def test_training_looks_once_more_before_it_loads_anything(
    models_home: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(room, "free_memory", lambda: GB)
    run = RunFolder(tmp_path / "20260101-000000")
    night = Night(run, models_home, NightControl(Free(), run), lambda _event: None)
    with pytest.raises(EngineError) as caught:
        stages.STAGES["train"](night)
    assert caught.value.code == "night_no_memory"
