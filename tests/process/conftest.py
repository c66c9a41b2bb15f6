"""Processes with models that have no weights: these tests are about what is around them."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def fake_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for the processes a test starts; a night has real chat models whatever this says."""
    monkeypatch.setenv("NOCTURNE_FAKE_MODELS", "1")
