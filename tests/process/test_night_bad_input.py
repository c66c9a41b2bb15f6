"""What keeps a night from beginning, or ends it: one sentence, nothing lost, yesterday's adapter still on."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import cli
from engine.api import Engine
from engine.contracts import Event, Notice, Progress
from engine.errors import Cancelled, EngineError
from engine.models import catalog
from engine.models.files import file_hash
from engine.paths import Home
from engine.personalize import backends, room, rows
from engine.personalize.run_folder import RunFolder
from engine.store.user import UserStore
from engine.workers.supervisor import RESTARTS
from tests.process.prepared_night import prepared_night

pytestmark = [pytest.mark.process, pytest.mark.real]
HANG = 120.0
YESTERDAY = "20260101-010101"
LITTLE = "Many thanks to all of you for everything, and see you soon.\n"


@pytest.fixture
def home(home: Home, models_home: Home) -> Home:
    home.root.mkdir()
    home.models.symlink_to(models_home.models)
    prepared_night(home, YESTERDAY, active=True)
    return home


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "pump.md").write_text("# Pump\n\nPawel Nowak repairs the pump before 20 September.\n")
    return folder


@pytest.fixture
def engine(home: Home, folder: Path) -> Iterator[Engine]:
    pytest.importorskip("torch")
    with Engine(home.root, write=True) as engine:
        engine.index([folder]).result(HANG)
        engine.set_learn(folder, True)
        yield engine
        # Whatever went wrong: yesterday's adapter answers, and no night claims to be under way.
        with UserStore(home, write=False) as user:
            assert user.active_adapter() == YESTERDAY
            assert "running" not in {night.state for night in user.nights()}


def refused(start: Callable[[], object], code: str) -> EngineError:
    with pytest.raises(EngineError) as caught:
        start()
    assert caught.value.code == code and caught.value.message and caught.value.hint
    return caught.value


def no_night_began(engine: Engine) -> bool:
    return [night.id for night in engine.nights()] == [YESTERDAY]


# ---- before it begins --------------------------------------------------------------------------


def test_without_consent(engine: Engine, folder: Path) -> None:
    engine.set_learn(folder, False)
    refused(engine.personalize, "no_consent")
    assert no_night_began(engine)


def test_without_consent_on_the_command_line(
    engine: Engine, home: Home, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.set_learn(folder, False)
    engine.close()
    assert cli.main(["personalize", "start", "--json"]) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["error"]["code"] == "no_consent"
    assert cli.main(["personalize", "start"]) == 3
    out, err = capsys.readouterr()
    assert out == "" and len(err.strip().splitlines()) == 2 and "--learn on" in err


def test_with_a_folder_in_which_nothing_is_indexed(engine: Engine, folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "pictures"
    empty.mkdir()
    (empty / "photo.txt").write_bytes(bytes(range(256)) * 8)
    engine.index([empty]).result(HANG)
    engine.set_learn(folder, False)
    engine.set_learn(empty, True)
    error = refused(engine.personalize, "nothing_to_learn")
    assert str(empty) in error.message and no_night_began(engine)


@pytest.mark.parametrize(
    ("content", "code"), [(None, "nothing_indexed"), (b"no database" * 999, "index_damaged")]
)
def test_without_a_sound_index(engine: Engine, home: Home, content: bytes | None, code: str) -> None:
    for path in home.root.glob("index.db*"):
        path.unlink()
    if content is not None:
        home.index_db.write_bytes(content)
    refused(engine.personalize, code)
    assert no_night_began(engine)
    home.index_db.unlink(missing_ok=True)


def test_with_a_model_whose_adapters_cannot_be_written(
    engine: Engine, home: Home, monkeypatch: pytest.MonkeyPatch, models_home: Home
) -> None:
    gguf = pytest.importorskip("gguf")
    path = models_home.models / "other.gguf"
    writer = gguf.GGUFWriter(path, "mamba")
    writer.add_array("tokenizer.ggml.tokens", ["a", "b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    card = replace(catalog.default("chat"), file=path.name, wheel="", sha256=file_hash(path))
    with monkeypatch.context() as patched:
        patched.setattr(catalog, "default", lambda _kind: card)
        error = refused(engine.personalize, "night_unsupported")
    path.unlink()
    assert "mamba" in error.message and no_night_began(engine)


def test_with_a_model_file_that_is_not_the_one_expected(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = replace(catalog.default("chat"), sha256="0" * 64)
    with monkeypatch.context() as patched:
        patched.setattr(catalog, "default", lambda _kind: card)
        refused(engine.personalize, "model_hash")
    assert no_night_began(engine)


def test_without_the_packages_that_train(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = backends.Backend("torch", "engine.personalize.torch_backend", ("json", "no_such_trainer"))
    monkeypatch.setattr(backends, "suited", lambda: absent)
    error = refused(engine.personalize, "no_trainer")
    assert "no_such_trainer" in error.message and "json" not in error.message
    assert "pip install 'nocturne[personalize]'" in error.hint and no_night_began(engine)


@pytest.mark.parametrize(
    ("what", "code", "exit_code"), [("free_memory", "night_no_memory", 4), ("free_disk", "night_no_disk", 3)]
)
def test_without_room(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, what: str, code: str, exit_code: int
) -> None:
    monkeypatch.setattr(room, what, lambda *_path: 123_456_789)
    error = refused(engine.personalize, code)
    assert error.exit_code == exit_code and "0.1 GB" in error.message and no_night_began(engine)


def test_two_nights_of_one_second_are_two(engine: Engine) -> None:
    for _ in range(2):
        job = engine.personalize(0.5)
        job.cancel()
        with pytest.raises(Cancelled):
            job.result(HANG)
    assert [night.state for night in engine.nights()] == ["cancelled", "cancelled", "promoted"]


# ---- in the middle -----------------------------------------------------------------------------


def test_too_few_rows_says_how_many_and_why(engine: Engine, folder: Path) -> None:
    (folder / "pump.md").write_text(LITTLE)
    (folder / "tool.py").write_text("def add(one, other):\n    return one + other\n")
    (folder / "copy.md").write_text(LITTLE + "\n")
    engine.index().result(HANG)
    error = refused(lambda: engine.personalize(0.5).result(HANG), "too_few_rows")
    assert "of 1 passages, at least 30" in error.message
    assert "2 more passages were left out (" in error.message
    assert "1 of program code" in error.message and "1 of repeated text" in error.message
    night = engine.nights()[0]
    assert night.state == "failed" and night.reason == f"{error.message} {error.hint}"


def test_a_model_exchanged_between_stages_ends_the_night(engine: Engine, home: Home, tmp_path: Path) -> None:
    run = prepared_night(home, "20260301-010101", "cancelled", before="compose")
    run.update(base_sha256=file_hash(_prepared(home)))
    models = tmp_path / "models"
    shutil.copytree(home.models, models)
    home.models.unlink()
    home.models.symlink_to(models)
    with _prepared(home).open("ab") as file:
        file.write(b"other weights")
    sidecar = _prepared(home).with_suffix(".json")
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "sha256": file_hash(_prepared(home))}))
    before = sorted(run.root.iterdir())
    refused(lambda: engine.resume_night(run.id).result(HANG), "night_other_model")
    night = engine.night(run.id)
    assert night.state == "failed" and "another model" in night.reason
    assert sorted(run.root.iterdir()) == before and run.next_stage() == "compose"


def test_a_model_made_again_from_the_same_source_changes_nothing(
    engine: Engine, home: Home, folder: Path
) -> None:
    (folder / "pump.md").write_text(LITTLE)
    engine.index().result(HANG)
    _prepared(home).unlink()
    error = refused(lambda: engine.personalize(0.5).result(HANG), "too_few_rows")
    record = RunFolder(home.nights / engine.nights()[0].id).read()
    assert record["base_sha256"] == file_hash(_prepared(home)) and "rows" in error.message


def test_a_stage_that_always_kills_its_process_ends_the_night(engine: Engine, home: Home) -> None:
    run = prepared_night(home, "20260301-010101", "cancelled", before="train")
    # Enough to be killed in the middle of: loading torch alone takes longer than a kill.
    rows.write_lines(run.tokens, [rows.TokenRow("r", (1, 2, 3), (4, 5))] * 64)
    job = engine.resume_night(run.id)

    def kill(event: Event) -> None:
        if isinstance(event, Progress):
            os.kill(engine.processes()["night"], signal.SIGKILL)

    job.subscribe(kill)
    refused(lambda: job.result(HANG), "worker_crashed")
    notices = [event for event in job.events() if isinstance(event, Notice)]
    assert [notice.code for notice in notices] == ["worker_restarted"] * RESTARTS
    night = engine.night(run.id)
    assert (night.state, night.stage) == ("failed", "train") and "night process stopped" in night.reason


def _prepared(home: Home) -> Path:
    return next(home.models.glob("*-Q8_0.gguf"))
