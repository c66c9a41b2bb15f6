"""The weights of what is seen of a line: measured for an embedder, or the defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.answer import calibration
from engine.answer.calibration import UNMEASURED, Weights
from engine.answer.lookup import FEATURES, SURENESS
from engine.models import catalog
from engine.models.onnx_embedder import embedder_id


def test_an_embedder_that_nobody_measured_gets_the_defaults() -> None:
    assert calibration.stored("no-such-embedder") == UNMEASURED == Weights()


def test_what_is_written_is_what_an_embedder_of_that_id_gets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "calibration").mkdir()
    weights = Weights({"words": 1.5}, {"named": 2.0}, -1.25, 0.35)
    text = calibration.written(weights, {"f1_held": 0.8})
    (tmp_path / "calibration" / "measured-1.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(calibration, "resource", lambda name: tmp_path / name)
    calibration.stored.cache_clear()
    try:
        assert calibration.stored("measured-1") == weights
        assert calibration.stored("another") == UNMEASURED
    finally:
        calibration.stored.cache_clear()


def test_the_embedder_of_the_catalog_is_measured_on_every_feature() -> None:
    weights = calibration.stored(embedder_id(catalog.default("embedder")))
    assert weights != UNMEASURED
    assert set(weights.line) == set(FEATURES) and set(weights.sure) == set(SURENESS)
    assert 0 < weights.least < 1


def test_both_scores_are_sums_of_what_is_weighed() -> None:
    weights = Weights({"words": 2.0, "kind": 1.0}, {"named": 3.0}, -1.0)
    features = {"words": 0.5, "kind": 1.0, "named": 1.0}
    assert weights.of_line(features) == 2.0 and weights.of_sureness(features) == 2.0
