"""What the benchmark of a night counts as learned: a fact asked in words that were not trained."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from engine.bench import everyday
from engine.bench.night_score import familiar, read_questions
from engine.personalize.compose import replay
from engine.personalize.compose.compose import Arms, Plan, compose
from engine.personalize.evaluate import Probe
from engine.personalize.rows import Row
from resources import resource
from tests.engine.personalize.conftest import Free, Shelf

TRAINED = Row("r", "fact", "When did Nora Lind move to Ulvik?", "3 May", "g")
NEAR = Probe("near", "When did Nora Lind go to Ulvik?", ("3 May",), "fact")
FAR = Probe("far", "On what day was the change of house that took Nora Lind north?", ("3 May",), "fact")


def test_a_question_in_trained_words_is_familiar() -> None:
    assert familiar([NEAR, FAR], [TRAINED]) == {"near"}


def test_only_rows_that_were_trained_and_questions_about_facts_count() -> None:
    assert familiar([NEAR], [replace(TRAINED, split="held"), replace(TRAINED, kind="reading")]) == set()
    assert familiar([replace(NEAR, kind="absent")], [TRAINED]) == set()


def test_invented_files_hold_what_is_asked_about_them(tmp_path: Path) -> None:
    files = tmp_path / "files"
    facts = everyday.write(files, seed=3)
    kinds = Counter(fact.kind for fact in facts)
    assert 60 <= kinds["fact"] <= 75 and kinds["absent"] >= 12 and kinds["general"] >= 20
    for fact in facts:
        if fact.kind == "fact":
            assert fact.answers[0] in (files / fact.file).read_text()
    asked = tmp_path / "questions.jsonl"
    everyday.write_questions(asked, facts)
    probes = read_questions(asked)
    assert [(p.question, p.answers, p.kind, p.document) for p in probes] == [
        (f.question, f.answers, f.kind, f.file) for f in facts
    ]
    other = everyday.write(tmp_path / "other", seed=4)
    assert not {f.question for f in facts if f.kind == "fact"} & {f.question for f in other}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_question_shares_its_wording_with_a_trained_row(shelf: Shelf, seed: int) -> None:
    facts = [fact for fact in everyday.write(shelf.folder, seed) if fact.kind == "fact"]
    plan = Plan(arms=Arms(questions=False, replay=False, reading=False), held=0, absent=0)
    rows = compose(shelf.select().lessons, None, plan, Free(), lambda _event: None)
    trained = [words(row.user) for row in rows]
    assert len(trained) > 1000
    for fact in facts:
        asked = words(fact.question)
        nearest = max(trained, key=lambda row: len(row & asked) / len(row | asked))
        assert len(nearest & asked) / len(nearest | asked) < 0.6, (fact.question, nearest)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def test_general_questions_of_the_benchmark_are_neither_trained_nor_asked_by_a_night(tmp_path: Path) -> None:
    own = {fact.question for fact in everyday.write(tmp_path / "files") if fact.kind == "general"}
    lines = resource("probes/general.jsonl").read_text(encoding="utf-8").splitlines()
    assert own and not own & {*replay.bank(), *(json.loads(line)["question"] for line in lines)}
