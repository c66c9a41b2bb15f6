"""Thresholds of the evidence: measured for a model, or the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.answer import calibration
from engine.answer.calibration import UNMEASURED, Calibration
from engine.answer.pipeline import Limits
from engine.answer.questions import Evidence, judge
from engine.models import catalog


def test_a_model_that_nobody_measured_gets_the_defaults() -> None:
    assert calibration.stored("no-such-model") == UNMEASURED == Calibration()


def test_what_is_written_is_what_a_model_of_that_id_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = catalog.default("chat")
    (tmp_path / "calibration").mkdir()
    text = calibration.written(Calibration(0.35, 0.6), {"f1_held": 0.8})
    (tmp_path / "calibration" / f"{card.id}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(calibration, "resource", lambda name: tmp_path / name)
    calibration.stored.cache_clear()
    try:
        assert calibration.stored(card.id) == Limits.of(card).evidence == Calibration(0.35, 0.6)
        assert calibration.stored("another") == UNMEASURED
    finally:
        calibration.stored.cache_clear()


def test_evidence_is_enough_by_words_or_by_meaning_and_never_without_the_names() -> None:
    least = Calibration(0.4, 0.7)
    assert Evidence(0.4, 0.0, True, least).enough and Evidence(0.0, 0.7, True, least).enough
    assert not Evidence(0.39, 0.69, True, least).enough and not Evidence(1.0, 1.0, False, least).enough
    assert judge("Who repairs the pump?", (), least).least == least
