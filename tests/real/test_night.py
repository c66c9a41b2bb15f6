"""A whole small night on the embedded model: files in, a measured adapter out, interrupted and resumed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from engine.api import Engine
from engine.contracts import Progress
from engine.errors import Cancelled, EngineError
from engine.paths import Home

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


def test_a_night_killed_in_its_training_ends_with_a_measured_adapter(engine: Engine, home: Home) -> None:
    with pytest.raises(EngineError) as caught:
        engine.personalize(1.0)
    assert caught.value.code == "no_consent"
    engine.set_learn(engine.folders()[0].path, True)
    job = engine.personalize(1.0)
    killed = False
    for event in job.events():
        if isinstance(event, Progress) and event.phase == "train" and event.done > 3 and not killed:
            killed = True
            os.kill(engine.processes()["night"], signal.SIGKILL)
    report = job.result(HANG)
    assert killed and set(report.minutes) == {"select", "compose", "train", "export", "evaluate", "decide"}
    assert set(report.arms) == {"base", "base+files", "adapter", "adapter+files"}
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
