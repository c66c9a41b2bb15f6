"""Preparing the chat model: once, whole or not at all, also when killed, raced or out of room."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.contracts import Notice
from engine.errors import EngineError
from engine.models import catalog, files, prepare
from engine.models.threads import physical_cores
from engine.notices import NOTICES
from engine.paths import Home
from tests.rights import ordinary_user

CARD = catalog.default("chat")
PREPARE = (
    "import sys; from pathlib import Path; from engine.paths import Home;"
    "from engine.models import catalog, prepare;"
    "print(prepare.prepared(catalog.default('chat'), Home(Path(sys.argv[1])), lambda n: print(n.code)))"
)


@pytest.mark.real
def test_the_prepared_model_is_remembered_and_announced_only_when_made(models_home: Home) -> None:
    notices: list[Notice] = []
    path = prepare.prepared(CARD, models_home, notices.append)
    assert notices == []
    made = json.loads(path.with_suffix(".json").read_text())
    assert made["sha256"] == files.file_hash(path)
    assert made["source"] == CARD.sha256
    assert made["base_id"] == prepare.base_id(CARD)
    assert files.report(CARD, models_home).state == "ready"
    assert files.report(CARD, models_home).path == str(path)


def test_the_base_id_depends_on_source_and_recipe() -> None:
    ids = {
        prepare.base_id(card)
        for card in (
            CARD,
            replace(CARD, sha256="0" * 64),
            replace(CARD, prepare="F16"),
            replace(CARD, prepare=""),
        )
    }
    assert len(ids) == 4


@pytest.mark.real
@pytest.mark.process
def test_killed_in_the_middle_nothing_half_written_is_used(home: Home) -> None:
    notices: list[Notice] = []
    victim = subprocess.Popen([sys.executable, "-c", PREPARE, str(home.root)], stdout=subprocess.PIPE)
    partial = home.models / f"{CARD.sha256[:16]}-Q8_0.gguf.part"
    hang_guard = time.monotonic() + 60
    while not (partial.exists() and partial.stat().st_size > 0):
        assert victim.poll() is None, "it ended before it was seen writing"
        assert time.monotonic() < hang_guard
    victim.send_signal(signal.SIGKILL)
    victim.communicate(timeout=20)
    assert partial.exists()
    assert prepare.ready(CARD, home) is None
    assert files.report(CARD, home).state == "unprepared"
    path = prepare.prepared(CARD, home, notices.append)
    assert [notice.code for notice in notices] == ["preparing_model"]
    assert NOTICES["preparing_model"].format(**notices[0].params).startswith("Preparing the SmolLM2")
    assert files.file_hash(path) == json.loads(path.with_suffix(".json").read_text())["sha256"]
    assert not list(home.models.glob("*.part"))


@pytest.mark.real
@pytest.mark.process
def test_two_processes_at_once_both_end_well_and_one_does_the_work(home: Home) -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", PREPARE, str(home.root)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = sorted((process.communicate(timeout=60)[0].split() for process in both), key=len)
    target = str(home.models / f"{CARD.sha256[:16]}-Q8_0.gguf")
    assert printed == [[target], ["preparing_model", target]]
    assert [process.returncode for process in both] == [0, 0]


@pytest.mark.real
def test_a_changed_prepared_file_is_not_used(models_home: Home, home: Home) -> None:
    home.models.mkdir(parents=True)
    source = prepare.prepared(CARD, models_home)
    target = home.models / source.name
    target.write_bytes(source.read_bytes()[:-1])
    target.with_suffix(".json").write_bytes(source.with_suffix(".json").read_bytes())
    assert prepare.ready(CARD, home) is None
    target.write_bytes(source.read_bytes())
    assert prepare.ready(CARD, home) == target


@pytest.mark.real
@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="limits of file size are set the Unix way")
def test_without_room_on_the_disk_it_says_so_and_leaves_nothing(home: Home) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from engine.errors import EngineError;"
        "from engine.models import catalog, prepare; from engine.paths import Home;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000_000, 10_000_000))\n"
        "try: prepare.prepared(catalog.default('chat'), Home(Path(sys.argv[1])))\n"
        "except EngineError as error: print(error.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home.root)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "prepare_failed"
    assert done.stderr == ""
    assert not list(home.models.glob("*.gguf*"))


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are set the Unix way")
def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    import filelock  # noqa: F401  # not readable any more once the rights are dropped

    root = tmp_path / "readonly"
    card = replace(CARD, wheel="", file="source.gguf")
    (root / "models").mkdir(parents=True)
    (root / "models" / card.file).write_bytes(b"source")
    card = replace(card, sha256=files.file_hash(root / "models" / card.file))
    (root / "models").chmod(0o555)
    with ordinary_user(tmp_path), pytest.raises(EngineError) as caught:
        prepare.prepared(card, Home(root))
    assert caught.value.code == "home_read_only"
    assert str(root) in caught.value.message


def test_threads_stay_within_the_cores() -> None:
    assert 1 <= physical_cores() <= (os.cpu_count() or 1)
