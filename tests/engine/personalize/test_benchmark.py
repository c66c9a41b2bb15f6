"""What the benchmark of a night counts as learned: a fact asked in words that were not trained."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from engine.bench import everyday
from engine.bench.night_score import familiar, read_questions
from engine.personalize.compose import replay
from engine.personalize.evaluate import Probe
from engine.personalize.rows import Row
from resources import resource

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


def test_general_questions_of_the_benchmark_are_neither_trained_nor_asked_by_a_night(tmp_path: Path) -> None:
    own = {fact.question for fact in everyday.write(tmp_path / "files") if fact.kind == "general"}
    lines = resource("probes/general.jsonl").read_text(encoding="utf-8").splitlines()
    assert own and not own & {*replay.bank(), *(json.loads(line)["question"] for line in lines)}
