"""`bench library`: a small library made large, both arms in one run, and one JSON object on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from engine.bench import copies, library, searching
from engine.bench.library import Wanted
from engine.paths import Home

pytestmark = [pytest.mark.real, pytest.mark.process]


def test_a_library_is_repeated_and_searched_by_both_arms(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(searching, "FILES", 3)
    questions = tmp_path / "questions.jsonl"
    lines = ["Who repaired the boiler in Riga?", "What does the canoe cost?", "x"]
    questions.write_text("\n".join(json.dumps({"text": line}) for line in lines))
    for asked in (str(questions), None):
        assert library.run(str(home.root), True, Wanted(None, asked, 300, 20), "search") == 0
        (line,) = capsys.readouterr().out.splitlines()
        table = {row["name"]: row for row in json.loads(line)["rows"]}
        assert table["recall@10 against exact"]["value"] == 1.0
        for name in ("words", "vectors", "vectors exactly (sqlite-vec)", "whole"):
            assert table[f"search, {name}, p95"]["value"] >= table[f"search, {name}, median"]["value"] > 0
    (made,) = (path for path in (home.bench / "library" / "search").glob("source-*-300"))
    with monkeypatch.context() as patch:
        # Made once.
        patch.setattr(copies, "make", None)
        assert library.run(str(home.root), True, Wanted(None, str(questions), 300, 20), "search") == 0
    assert len(list((made / "cache").iterdir())) == 1


def test_noise_leaves_a_cosine_of_eight_tenths() -> None:
    dice = np.random.default_rng(1)
    rows = dice.normal(size=(2000, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    turned = copies.noisy(rows, dice)
    assert np.linalg.norm(turned, axis=1) == pytest.approx(1, abs=1e-5)
    assert np.median((rows * turned).sum(axis=1)) == pytest.approx(0.8, abs=0.005)
