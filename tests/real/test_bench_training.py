"""Both arms of `bench training`, for one step each: the same rows, a table, and nothing else on stdout."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from engine.bench import training
from engine.paths import Home

pytestmark = [pytest.mark.real, pytest.mark.process, pytest.mark.timeout(1800)]


def test_both_arms_train_and_are_compared(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("STEPS", "WARM", "RUNS"):
        monkeypatch.setattr(training, name, 1)
    assert training.run(str(home.root), as_json=True, seed=2) == 0
    (line,) = capsys.readouterr().out.splitlines()
    table = {row["name"]: row for row in json.loads(line)["rows"]}
    for name in ("tokens computed", "rows trained"):
        assert table[name]["value"] > 0 < table[name]["plain"]
        ratio = table[f"{name}, ratio to plain"]
        assert ratio["value"] == pytest.approx(table[name]["value"] / table[name]["plain"])
        assert ratio["met"] is (ratio["value"] >= float(ratio["goal"].split()[-1]))
