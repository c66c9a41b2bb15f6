"""Every test: a home of its own, no network but loopback, no display."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from engine import net
from engine.paths import Home

_refused: list[str] = []
net.guard(on_refusal=_refused.append)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A fresh home folder, also for processes the test starts."""
    root = tmp_path / "home"
    monkeypatch.setenv("NOCTURNE_HOME", str(root))
    return Home(root)


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that tried to reach beyond loopback, even if the program swallowed the refusal."""
    before = len(_refused)
    yield
    tried = _refused[before:]
    if tried and "expects_refusal" not in request.keywords:
        pytest.fail(f"the network was contacted: {tried}")


@pytest.fixture(scope="session")
def models_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose models folder is prepared; link or copy that folder into a test's own home."""
    from engine.models import catalog, files, prepare

    home = Home(tmp_path_factory.mktemp("models_home"))
    prepare.prepared(catalog.default("chat"), home)
    files.locate(catalog.default("embedder"), home)
    return home
