"""Nights are remembered, and one adapter at most is on."""

from __future__ import annotations

import pytest

from engine.errors import EngineError
from engine.paths import Home
from engine.store.user import UserStore


def test_nights_and_the_adapter_that_is_on(home: Home) -> None:
    with UserStore(home, write=True) as store:
        assert store.nights() == [] and store.active_adapter() is None
        store.start_night("20260101-010203", "base")
        store.start_night("20260102-010203", "base")
        store.end_night("20260101-010203", "kept", "It stayed off.")
        assert [(n.id, n.state, n.sentence) for n in store.nights()] == [
            ("20260102-010203", "running", ""),
            ("20260101-010203", "kept", "It stayed off."),
        ]
        store.use_adapter("20260102-010203")
        store.use_adapter("20260101-010203")
        assert store.active_adapter() == "20260101-010203"
        store.use_adapter(None)
        assert store.active_adapter() is None


def test_an_unknown_night_changes_nothing(home: Home) -> None:
    with UserStore(home, write=True) as store:
        store.start_night("20260101-010203", "base")
        store.use_adapter("20260101-010203")
        for verb in (
            lambda: store.use_adapter("x"),
            lambda: store.end_night("x", "kept"),
            lambda: store.night("x"),
        ):
            with pytest.raises(EngineError) as caught:
                verb()
            assert caught.value.code == "night_missing"
        assert store.active_adapter() == "20260101-010203"
