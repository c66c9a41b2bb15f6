"""The measures of `nocturne bench answers`, and the files and questions it makes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.bench import answers, arms, paperwork, short_answers, swaps
from engine.bench.everyday import Fact
from engine.bench.short_answers import Cited, Given, Refusals
from engine.contracts import Passage, Turn
from engine.documents.reader import read
from engine.models.fake import FakeChat
from engine.personalize.evaluate import Probe

RENT = Probe("1", "What is the rent?", ("940",), "fact", "lease.txt")
OWNER = Probe("2", "Who owns the flat?", ("Anna Berg", "Berg"), "fact", "lease.txt")
ABSENT = Probe("3", "How large is the flat?", (), "absent")


def test_an_answer_counts_by_what_it_holds_and_a_refusal_by_the_question() -> None:
    assert Given(RENT, "The rent is 940 euros [1].", False).right
    assert not Given(RENT, "The rent is 9400 euros.", False).right
    assert not Given(RENT, "940 " + "and so on " * 20, False).right  # 61 words
    assert not Given(RENT, "940", True).right
    assert Given(ABSENT, "", True).right and not Given(ABSENT, "80 square metres", False).right


def test_exact_match_and_overlap_disregard_case_articles_and_punctuation() -> None:
    assert short_answers.exact("The Anna Berg.", OWNER.answers) and not short_answers.exact("Anna", ("Berg",))
    assert short_answers.overlap("Anna Berg", OWNER.answers) == 1.0
    assert short_answers.overlap("It is Berg", OWNER.answers) == pytest.approx(0.5)  # of "Berg": 1/3 and 1
    assert short_answers.overlap("Nobody", OWNER.answers) == short_answers.overlap("", OWNER.answers) == 0.0


def test_a_citation_is_gold_with_the_span_in_the_file_that_is_asked_about() -> None:
    assert short_answers.is_gold(Cited("/home/x/lease.txt", "The rent is 940 euros."), RENT)
    assert not short_answers.is_gold(Cited("/home/x/old-lease.txt", "The rent is 940 euros."), RENT)
    assert not short_answers.is_gold(Cited("/home/x/lease.txt", "Anna Berg lets the flat."), RENT)
    arm = [
        Given(RENT, "940", False, (Cited("/x/lease.txt", "940 euros"), Cited("/x/other.txt", "940 euros"))),
        Given(OWNER, "", True),
        Given(ABSENT, "80", False, (Cited("/x/lease.txt", "80"),)),
    ]
    assert short_answers.precision(arm) == 0.5  # the absent one is about refusing alone
    assert short_answers.recall(arm) == 0.5


def test_refusals_are_scored_as_finding_what_has_no_answer() -> None:
    absent, present = True, False
    found = Refusals.of(
        [(absent, True), (absent, False), (present, True), (present, False), (present, False)]
    )
    assert found == Refusals(2, 1, 3, 1)
    assert found.f1 == pytest.approx(0.5) and found.wrongly == pytest.approx(1 / 3)
    assert Refusals.of([]).f1 == Refusals.of([]).wrongly == 0.0


def test_both_arms_stand_in_one_table_with_the_goals() -> None:
    ours = [Given(RENT, "940", False, (Cited("/x/lease.txt", "940"),)), Given(ABSENT, "", True)]
    plain = [Given(RENT, "It is 9.", False), Given(ABSENT, "80", False)]
    table = {row.name.removeprefix("folder: "): row for row in short_answers.rows("folder", ours, plain)}
    first = table["answered, of 1 (a gold span in 40 words)"]
    assert (first.value, first.plain, first.met) == (100, 0, True)
    assert (table["wrong and not refused"].value, table["wrong and not refused"].plain) == (0, 100)
    assert table["citation recall"].met and table["refusal F1"].plain == 0
    assert table["wrongly refused"].met and table["wrongly refused"].plain == 0
    assert not any("general" in name for name in table)


def test_the_plain_prompt_holds_passages_whole_until_the_context_is_full() -> None:
    texts = [f"Shed {number} is green. " + "It stands there. " * 40 for number in range(4)]
    passages = [
        Passage(n, f"/d/{n}.txt", None, "", text, 0, len(text), 1.0) for n, text in enumerate(texts, 1)
    ]
    roomy, small = FakeChat(context=20_000), FakeChat(context=700)
    tokens, shown = arms.pasted(roomy, "Which shed?", passages)
    assert list(shown) == passages and all(len(roomy.tokenize(text)) < len(tokens) for text in texts)
    longer, _shown = arms.pasted(
        roomy, "Which shed?", passages, [Turn("user", "Hello"), Turn("assistant", "Hi")]
    )
    assert len(longer) > len(tokens)
    tokens, shown = arms.pasted(small, "Which shed?", passages)
    assert 0 < len(shown) < 4 and len(tokens) + arms.WRITTEN <= small.context


def test_invented_files_hold_what_is_asked_of_them_and_no_name_twice(tmp_path: Path) -> None:
    facts = paperwork.write(tmp_path, 3)
    assert len(list(tmp_path.iterdir())) == 32
    texts = {path.name: read(path).text for path in tmp_path.iterdir()}
    asked = [fact for fact in facts if fact.kind == "fact"]
    assert len(asked) == 124 and len({fact.question for fact in asked}) == 124
    for fact in asked:
        assert short_answers.counts_anywhere(texts[fact.file], fact.answers), fact
    assert sum(fact.kind == "absent" for fact in facts) == 24
    again = paperwork.write(tmp_path, 3)
    assert again == facts and paperwork.write(tmp_path / "other", 4) != facts


def test_a_swap_takes_a_value_of_the_same_kind_that_is_not_right_too() -> None:
    facts = [
        Fact("What is the rent of A?", ("940",), file="a", said="The rent is {}."),
        Fact("How many rooms has A?", ("3",), file="a", said="It has {} rooms."),
        Fact("Who owns B?", ("Anna Berg",), file="b", said="{} owns B."),
        Fact("Which colour has the door of B?", ("red",), file="b", said="The door is {}."),
        Fact("Which colour has the door of C?", ("blue",), file="c", said="The door is {}."),
        Fact("What is its length?", ("3", "three"), file="c", said="It is {} metres."),
        Fact("Never said?", ("7",), file="c"),
    ]
    found = {swap.question: swap for swap in swaps.swaps(facts, random.Random(1))}
    assert "Who owns B?" not in found and "Never said?" not in found  # nothing of its kind; no sentence
    assert found["Which colour has the door of B?"].wrong == "The door is blue."
    assert found["What is its length?"].wrong == "It is 940 metres."
    assert found["What is the rent of A?"].right == "The rent is 940."


def test_questions_about_the_public_notes_are_well_formed() -> None:
    probes = answers.til_questions()
    assert len({probe.id for probe in probes}) == len(probes) == 48
    facts = [probe for probe in probes if probe.kind == "fact"]
    assert len(facts) == 40 and all(probe.answers and probe.document.endswith(".md") for probe in facts)
