"""What the benchmark of a night counts as learned: a fact asked in words that were not trained."""

from __future__ import annotations

from dataclasses import replace

from engine.bench.night_score import familiar
from engine.personalize.evaluate import Probe
from engine.personalize.rows import Row

TRAINED = Row("r", "fact", "When did Nora Lind move to Ulvik?", "3 May", "g")
NEAR = Probe("near", "When did Nora Lind go to Ulvik?", ("3 May",), "fact")
FAR = Probe("far", "On what day was the change of house that took Nora Lind north?", ("3 May",), "fact")


def test_a_question_in_trained_words_is_familiar() -> None:
    assert familiar([NEAR, FAR], [TRAINED]) == {"near"}


def test_only_rows_that_were_trained_and_questions_about_facts_count() -> None:
    assert familiar([NEAR], [replace(TRAINED, split="held"), replace(TRAINED, kind="reading")]) == set()
    assert familiar([replace(NEAR, kind="absent")], [TRAINED]) == set()
