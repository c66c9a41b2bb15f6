"""The gate: only an adapter that is surely better, and not worse elsewhere, is switched on."""

from __future__ import annotations

import pytest

from engine.answer.pipeline import Limits
from engine.contracts import Answer, Passage, Progress, SearchReply
from engine.models.fake import FakeChat, FakeEmbedder
from engine.personalize.decide import decide, difference
from engine.personalize.evaluate import ARMS, Outcome, Probe, counts, is_right, run_arm, shares


def outcomes(**right: float) -> list[Outcome]:
    """40 facts in 10 documents, 20 general and 20 absent questions; the first share of each arm is right."""
    made = []
    for arm in ARMS:
        for kind, count in (("fact", 40), ("general", 20), ("absent", 20)):
            share = right.get(f"{arm}_{kind}".replace("+", "_"), 0.5)
            for n in range(count):
                # Spread over documents, so that no document is all right or all wrong.
                good = (n * 7919 % count) < share * count
                made.append(
                    Outcome(f"{kind}{n}", arm, kind, f"d{n % 10}" if kind == "fact" else "", "", good)
                )
    return made


BETTER = {"base_fact": 0.0, "adapter_fact": 0.6}


def test_a_better_adapter_is_promoted_with_its_numbers() -> None:
    verdict = decide(outcomes(**BETTER), parity=True)
    assert verdict.promoted and "+60 points" in verdict.reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"adapter_fact": 0.0}, "did not surely learn"),
        ({"adapter_fact": 0.025}, "did not surely learn"),
        ({"adapter_files_fact": 0.4}, "worse"),
        ({"adapter_general": 0.4}, "forgot"),
    ],
)
def test_anything_worse_keeps_it_off_and_says_why(change: dict[str, float], words: str) -> None:
    verdict = decide(outcomes(**{**BETTER, **change}), parity=True)
    assert not verdict.promoted and words in verdict.reason


def test_a_failed_parity_or_nothing_measured_keeps_it_off() -> None:
    assert not decide(outcomes(**BETTER), parity=False).promoted
    assert not decide([], parity=True).promoted


def test_the_interval_is_paired_and_by_document() -> None:
    found = difference(outcomes(**BETTER), "fact", "base", "adapter")
    assert found.mean == pytest.approx(0.6) and found.low <= found.mean <= found.high
    assert found.questions == 40
    same = difference(outcomes(), "fact", "base", "adapter")
    assert (same.mean, same.low, same.high) == (0.0, 0.0, 0.0)
    # One document only: resampling it always gives the same, so a wide claim needs many documents.
    one = [o for o in outcomes(**BETTER) if o.document == "d1"]
    assert difference(one, "fact", "base", "adapter").low == difference(one, "fact", "base", "adapter").high


@pytest.mark.parametrize(
    ("answer", "golds", "expected"),
    [
        ("The rent is 940 euros.", ["940"], True),
        ("The rent is 9400 euros.", ["940"], False),
        ("It costs 85000", ["8"], False),
        ("marek ilves is it", ["Marek Ilves"], True),
        ("word " * 40 + "940", ["940"], False),
        ("", ["940"], False),
        ("the pin is (c3+)", ["c3+"], True),
    ],
)
def test_an_answer_counts_on_word_boundaries_in_forty_words(
    answer: str, golds: list[str], expected: bool
) -> None:
    assert counts(answer, golds) is expected


def test_an_absent_fact_is_right_when_nothing_is_claimed() -> None:
    probe = Probe("a", "Who?", (), "absent")
    assert is_right(probe, Answer("", "none", True))
    assert not is_right(probe, Answer("Marek.", "general", False))


class Always:
    def check(self) -> None: ...


def test_arms_without_files_search_nothing() -> None:
    searched: list[str] = []
    text = "Pawel Nowak repairs the pump before 20 September."

    def search(query: str) -> SearchReply:
        searched.append(query)
        return SearchReply((Passage(1, "/d.md", None, "", text, 0, len(text), 1.0),), 1, 1, 0.0)

    probes = [Probe("1", "Who repairs the pump?", ("Pawel Nowak",), "fact", "/d.md")]
    seen: list[Progress] = []
    run = [
        run_arm(arm, FakeChat(), FakeEmbedder(), probes, search, Limits(), Always(), seen.append)
        for arm in ("base", "base+files")
    ]
    assert [outcome.right for outcome in run[0] + run[1]] == [False, True]
    assert len(searched) == 1 and [event.current for event in seen] == ["base", "base+files"]
    assert shares(run[0] + run[1]) == {"base": {"fact": 0.0}, "base+files": {"fact": 1.0}}
