"""Both arms with files are asked the same questions, of every kind, as far as the time goes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from engine.answer.pipeline import Limits
from engine.contracts import SearchReply
from engine.models.fake import FakeChat, FakeEmbedder
from engine.personalize.budget import LEAST_EPOCHS, ROW_TOKENS, Budget
from engine.personalize.evaluate import TOGETHER, Probe, ProbeKind, run_with_files
from tests.engine.personalize.conftest import Free

KINDS: tuple[ProbeKind, ...] = ("fact", "absent", "general")
PROBES = [
    Probe(f"{kind}{n}", f"What is {kind} {n}?", ("red",), kind)
    for kind, size in zip(KINDS, (30, 10, 20), strict=True)
    for n in range(size)
]


class Noting(FakeChat):
    """Remembers which adapter was on at each question."""

    def __init__(self) -> None:
        super().__init__("It is red.")
        self.asked: set[Path | None] = set()

    def generate(self, prompt, max_tokens, on_prompt=None):
        self.asked.add(self.adapter)
        return super().generate(prompt, max_tokens, on_prompt)


@pytest.mark.parametrize(("looks", "asked"), [(10**6, len(PROBES)), (2, 3 * TOGETHER), (0, TOGETHER)])
def test_whatever_one_arm_is_asked_the_other_is_asked(tmp_path: Path, looks: int, asked: int) -> None:
    adapter = tmp_path / "adapter.gguf"
    adapter.touch()
    left = [looks]

    def enough(seconds: float) -> bool:
        assert seconds > 0
        left[0] -= 1
        return left[0] < 0

    model = Noting()
    outcomes = run_with_files(
        model,
        FakeEmbedder(),
        adapter,
        None,
        PROBES,
        lambda _query: SearchReply((), 1, 1, 0.0),
        Limits(),
        Free(),
        lambda _progress: None,
        enough,
    )
    by_arm = {arm: {o.probe for o in outcomes if o.arm == arm} for arm in ("base+files", "adapter+files")}
    assert len(outcomes) == 2 * asked
    assert by_arm["base+files"] == by_arm["adapter+files"] and len(by_arm["base+files"]) == asked
    kinds = Counter(o.kind for o in outcomes if o.arm == "base+files")
    assert abs(kinds["fact"] - asked / 2) <= 2 and abs(kinds["absent"] - asked / 6) <= 2
    assert model.adapter == adapter and model.asked == {None, adapter}


@pytest.mark.parametrize("minutes", [1.0, 15.0, 240.0])
def test_no_more_rows_are_planned_than_can_be_seen_twice(minutes: float) -> None:
    budget = Budget.planned(minutes, tokens_per_s=600.0)
    assert LEAST_EPOCHS * budget.rows * ROW_TOKENS <= 600 * budget.train_seconds
    spent = budget.compose_seconds + budget.train_seconds + budget.evaluate_seconds
    assert 0.9 * minutes * 60 < spent < minutes * 60
    assert Budget.planned(minutes, 300.0).rows == pytest.approx(budget.rows / 2, abs=1)
