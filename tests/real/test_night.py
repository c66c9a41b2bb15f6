"""A whole small night on the embedded model: files in, a measured adapter out, interrupted and resumed."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path

import pytest

from engine.api import Engine
from engine.contracts import Event, Notice, Progress
from engine.errors import Cancelled, EngineError
from engine.paths import Home
from engine.personalize import rows
from engine.personalize.evaluate import ARMS, Outcome, Probe
from engine.personalize.run_folder import STAGES, RunFolder

pytest.importorskip("torch")
pytest.importorskip("peft")
pytestmark = [pytest.mark.real, pytest.mark.process, pytest.mark.timeout(1800)]
HANG = 900.0

FILES = {
    "boat.md": "---\ntitle: The Petrel\nowner: Nadia Kowal\nberth: 41\n---\n\n# The Petrel\n\n"
    "The Petrel was built in 1967. Her sails were sewn by Piet Vermeer. She lies in Ulvik all winter.\n",
    "people.csv": "name,phone,trade\nHenrik Dahl,0471-20331,roofer\nOlga Brandt,0471-88214,vet\n"
    "Tom Ruiz,0471-53307,baker\n",
    "letter.txt": "Alma Ekman moved to Corvina on 9 June. Her flat costs 415 crowns a month. "
    "Dr. Livio Holm looked at her knee.\n",
}


@pytest.fixture
def engine(models_home: Home, home: Home, tmp_path: Path):
    home.root.mkdir()
    (home.root / "models").symlink_to(models_home.models)
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    with Engine(home.root, write=True) as engine:
        engine.index([folder]).result(HANG)
        yield engine


# Where each stage is killed, once: at its first sign of life, or where it has done part of its work.
KILLED = {"select": 0, "compose": 1, "train": 4, "export": 3, "evaluate": 5}


def test_a_night_killed_in_every_stage_ends_with_a_measured_adapter(engine: Engine, home: Home) -> None:
    with pytest.raises(EngineError) as caught:
        engine.personalize(1.0)
    assert caught.value.code == "no_consent"
    engine.set_learn(engine.folders()[0].path, True)
    job = engine.personalize(1.0)
    left = dict(KILLED)

    def kill(event: Event) -> None:
        if isinstance(event, Progress) and event.done >= left.get(event.phase, math.inf):
            del left[event.phase]
            os.kill(engine.processes()["night"], signal.SIGKILL)

    job.subscribe(kill)
    report = job.result(HANG)
    notices = [event.code for event in job.events() if isinstance(event, Notice)]
    assert not left and notices == ["worker_restarted"] * len(KILLED)
    assert set(report.minutes) == set(STAGES)
    check_that_nothing_was_done_twice(RunFolder(home.nights / report.id))
    assert set(report.arms) == {"base", "base+files", "adapter", "adapter+files"}
    assert report.asked["base"] == report.asked["adapter"] and min(report.asked["base"].values()) > 0
    assert report.reason and report.rows > 0 and report.tokens_per_s > 0 and report.peak_mb < 2500
    assert report.active == report.promoted

    base = engine.ask("What is the opposite of hot?", files=False, adapter="none").result(HANG)
    engine.use_adapter(report.id)
    taught = engine.ask("Who is the owner of The Petrel?", files=False).result(HANG)
    assert taught.adapter == report.id
    again = engine.ask("What is the opposite of hot?", files=False, adapter="none").result(HANG)
    assert (again.answer, again.adapter) == (base.answer, None)

    engine.discard_night(report.id)
    assert engine.night(report.id).state == "discarded" and not (home.nights / report.id).exists()
    assert engine.ask("Hello?", files=False).result(HANG).adapter is None
    with pytest.raises(EngineError) as caught:
        engine.use_adapter(report.id)
    assert caught.value.code == "night_not_done"


def check_that_nothing_was_done_twice(run: RunFolder) -> None:
    steps = [json.loads(line)["step"] for line in run.metrics.read_text().splitlines()]
    assert steps == list(range(1, run.read()["stages"]["train"]["steps"] + 1))
    made = list(rows.read_rows(run.rows))
    assert len({row.id for row in made}) == len(made)
    asked = [(outcome.arm, outcome.probe) for outcome in rows.read_lines(run.outcomes, Outcome)]
    probes = [probe.id for probe in rows.read_lines(run.probes, Probe)]
    assert len(set(asked)) == len(asked)
    by_arm = {arm: {probe for asking, probe in asked if asking == arm} for arm in ARMS}
    assert by_arm["base"] == by_arm["adapter"] == set(probes)
    # Questions with files are put as long as the night's minutes last.
    assert by_arm["base+files"] == by_arm["adapter+files"] <= set(probes) and by_arm["base+files"]
    assert not list(run.root.glob("*.part")) and not run.checkpoint.exists()


def test_a_cancelled_night_can_go_on(engine: Engine) -> None:
    engine.set_learn(engine.folders()[0].path, True)
    job = engine.personalize(0.6)
    for event in job.events():
        if isinstance(event, Progress) and event.phase == "compose":
            engine.steer_night("cancel")
            break
    with pytest.raises(Cancelled):
        job.result(HANG)
    (night,) = engine.nights()
    assert night.state == "cancelled" and not night.active
    assert engine.resume_night().result(HANG).id == night.id
    with pytest.raises(EngineError):
        engine.resume_night()
