"""A composed night: split, budget, replay, reading, tokens, and the filter on the model's own questions."""

from __future__ import annotations

import json
import math
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from engine.answer import prompt as prompts
from engine.contracts import Event, Progress
from engine.errors import Cancelled
from engine.models.chat import ChatMessage
from engine.models.fake import FakeChat
from engine.models.load import load_chat
from engine.paths import Home
from engine.personalize.compose import questions, replay
from engine.personalize.compose.compose import (
    Arms,
    Plan,
    compose,
    messages_of,
    split,
    tokenise,
    unambiguous,
    within,
)
from engine.personalize.compose.decline import decline_rows
from engine.personalize.compose.spans import spans
from engine.personalize.evaluate import counts
from engine.personalize.rows import Lesson, Row
from resources import resource

PEOPLE = Lesson(
    "people", "/f/people.csv", "a" * 64, None, "", "", "table",
    "name: Marek Ilves; job: baker; phone: 555-0131\nname: Ada Brandt; job: vet; phone: 555-0164\n"
    "name: Olaf Dahl; job: roofer; phone: 555-0199",
    0, 140,
)  # fmt: skip
CABIN = Lesson(
    "cabin", "/f/cabin.md", "b" * 64, None, "Cabin", "", "markdown",
    "Owner: Hanna Berg\nKey box: 4417\n\n"
    "Hanna Berg paints the shed before 20 September; paint costs 68 euros.",
    50, 150,
)  # fmt: skip
LESSONS = [PEOPLE, CABIN]
FOREVER = math.inf
RULES = Plan(arms=Arms(questions=False, replay=False, reading=False), absent=0)


class Control:
    """Cancels at the `at`-th check, if there is one."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.checks = 0

    def check(self) -> None:
        self.checks += 1
        if self.checks == self.at:
            raise Cancelled


class Scripted(FakeChat):
    """Answers a prompt's text as `script` says."""

    def __init__(self, script: Callable[[str], str]) -> None:
        super().__init__()
        self.script = script
        self.prompts: list[str] = []

    def _answer(self, prompt: list[int]) -> str:
        marks = {0: "\n", 1: "<s>", 2: "<u>", 3: "<a>"}
        text = "".join(
            marks.get(token) or token.to_bytes((token.bit_length() + 7) // 8)[1:].decode() for token in prompt
        )
        self.prompts.append(text)
        return self.script(text)


def silent(_event: Event) -> None:
    return None


def made(plan: Plan, model: FakeChat | None = None, lessons: Sequence[Lesson] = LESSONS) -> list[Row]:
    return compose(lessons, model, plan, Control(), silent)


def test_rows_are_the_same_every_time() -> None:
    rows = made(RULES)
    assert rows == made(RULES)
    assert len({row.id for row in rows}) == len(rows) > 60


def test_one_question_one_answer() -> None:
    rows = made(RULES)
    asked = Counter(row.user.casefold() for row in rows)
    assert max(asked.values()) == 1
    twice = [*rows, replace(rows[0], answer="another")]
    assert rows[0].user not in {row.user for row in unambiguous(twice)}


def test_held_wordings_are_of_trained_facts_and_are_not_trained() -> None:
    rows = made(replace(RULES, held=4))
    held = [row for row in rows if row.split == "held"]
    trained = [row for row in rows if row.split == "train"]
    assert len(held) == 4 == len({row.group for row in held})
    assert {row.path for row in held} == {"/f/people.csv", "/f/cabin.md"}
    for row in held:
        assert row.kind == "fact"
        assert sum(other.group == row.group for other in trained) >= 2
        assert row.user not in {other.user for other in trained}


def test_the_held_facts_do_not_depend_on_the_order_of_rows() -> None:
    rows = made(replace(RULES, held=0))
    first = {row.id for row in split(rows, 3) if row.split == "held"}
    assert first == {row.id for row in split(rows[::-1], 3) if row.split == "held"}


def test_a_small_budget_keeps_a_row_of_every_fact() -> None:
    rows = made(replace(RULES, held=0))
    facts = {row.group for row in rows}
    few = within(rows, LESSONS, len(facts))
    assert {row.group for row in few} == facts and len(few) == len(facts)
    assert within(rows, LESSONS, 0) == rows


@pytest.mark.parametrize(
    ("arms", "kinds"),
    [
        (Arms(statements=False, questions=False, replay=False, reading=False), {"fact", "cloze", "reverse"}),
        (Arms(structure=False, questions=False, replay=False, reading=False), {"fact", "cloze"}),
        (Arms(structure=False, statements=False, questions=False, reading=False), set()),
    ],
)
def test_arms_are_switched_one_by_one(arms: Arms, kinds: set[str]) -> None:
    assert {row.kind for row in made(Plan(arms=arms, absent=0))} == kinds


def test_nothing_to_learn_gives_nothing() -> None:
    assert made(Plan(), FakeChat("So it is."), lessons=[]) == []


def test_cancelling_between_questions() -> None:
    with pytest.raises(Cancelled):
        compose(LESSONS, FakeChat("When was it?"), Plan(seconds=100), Control(at=4), silent)


def test_the_seconds_for_the_model_are_kept() -> None:
    model = Scripted(lambda _text: "x")
    made(Plan(seconds=0.0), model)
    assert model.prompts == []


# -- questions of the model's own -------------------------------------------------------------------


def _asks(question: str, with_file: str, without: str) -> Scripted:
    """Completes every stem to `question`, and answers it as told with and without the passage."""
    stem = question.split(" ", 1)[0]

    def script(text: str) -> str:
        last = text.rsplit("<a>", 1)[1]
        if last:  # a question was begun
            return question[len(stem) :] if last == stem else " is that?"
        return with_file if "[1] " in text.rsplit("<u>", 1)[1] else without

    return Scripted(script)


DATE = next(span for span in spans(CABIN) if span.kind == "date")
GOOD = "When does Hanna paint the shed?"


@pytest.mark.parametrize(
    ("with_file", "without", "kept"),
    [
        ("Before 20 September [1].", "I don't know.", True),
        ("In May [1].", "I don't know.", False),
        ("Before 20 September [1].", "On 20 September.", False),
        ("Before 120 September [1].", "I don't know.", False),
    ],
)
def test_a_question_stays_if_right_with_the_passage_and_wrong_without(
    with_file: str, without: str, kept: bool
) -> None:
    model = _asks(GOOD, with_file, without)
    rows = questions.rows([CABIN], model, Control(), silent, FOREVER)
    assert (GOOD in {row.user for row in rows}) is kept
    assert all(row.gold == "20 September" and row.gold in row.answer for row in rows)
    assert bool(rows) is kept


@pytest.mark.parametrize(
    "asked",
    [
        "When does Hanna paint the shed",
        "When is 20 September?",
        "When is it? When?",
        "Who paints the shed?",
        "How old is the shed?",
        "When did the Beatles play?",
        "When does Jonas paint the shed?",
        "When?",
    ],
)
def test_a_question_that_cannot_be_about_the_span(asked: str) -> None:
    assert questions.fits(GOOD, DATE)
    assert not questions.fits(asked, DATE)


def test_each_question_is_reported() -> None:
    seen: list[Progress] = []
    questions.rows([CABIN], Scripted(lambda _t: "x"), Control(), seen.append, FOREVER)
    assert [event.done for event in seen] == list(range(len(spans(CABIN))))


# -- replay, reading, decline -----------------------------------------------------------------------


def test_general_answers_are_the_beginnings_of_the_bases_own() -> None:
    model = FakeChat("It is red, and so on and on and on.")
    rows = replay.rows(model, 1000, Control(), silent, FOREVER)
    assert sorted(row.user for row in rows) == sorted(replay.bank())
    assert {(row.kind, row.answer, row.lesson) for row in rows} == {("replay", model.reply, "")}
    long = "".join(f"{number} and " for number in range(80))
    (cut,) = replay.rows(FakeChat(long), 1, Control(), silent, FOREVER)
    assert long.startswith(cut.answer) and 10 < len(cut.answer) < len(long) / 2


def test_an_empty_answer_and_one_that_runs_in_circles_are_not_replayed() -> None:
    assert replay.rows(FakeChat(""), 3, Control(), silent, FOREVER) == []
    assert replay.rows(FakeChat("." * 80), 3, Control(), silent, FOREVER) == []


def test_only_what_the_base_answered_is_marked_to_keep() -> None:
    rows = made(Plan(arms=Arms(questions=False), absent=0), FakeChat("A small dog."))
    kept = {row.row for row in tokenise(rows, FakeChat()) if row.keep}
    assert kept and kept == {row.id for row in rows if row.kind == "replay"}


def test_replay_is_its_share_of_the_night() -> None:
    rows = made(Plan(arms=Arms(questions=False), replay_share=0.2, absent=0), FakeChat("A small dog."))
    kinds = Counter(row.kind for row in rows if row.split == "train")
    rest = kinds.total() - kinds["replay"] - kinds["reading"]
    assert kinds["replay"] == round(0.2 * rest)


def test_reading_is_asked_in_the_prompt_of_ask_and_answered_by_a_line() -> None:
    model = FakeChat()
    rows = [
        row for row in made(replace(RULES, arms=Arms(questions=False, replay=False))) if row.kind == "reading"
    ]
    assert rows
    for row in rows:
        number = re.search(r"\[(\d)\]$", row.answer)
        assert number
        shown = row.user.split(f"[{number[1]}] ")[1].split("\n\nQuestion: ")[0]
        assert row.answer.removesuffix(number.group()).strip() in shown
    assert {row.answer[-2] for row in rows} == {"1", "2"}
    by_chat = prompts.build(model, "x", (), reserve=1).tokens
    assert model.render(messages_of(Row("i", "fact", "x", "y", "g"))) == by_chat
    assert messages_of(rows[0])[0].content != messages_of(Row("i", "fact", "x", "y", "g"))[0].content


def test_absent_people_are_asked_about_in_the_wordings_of_true_ones() -> None:
    rows = made(replace(RULES, held=0))
    declined = decline_rows(rows, LESSONS, 5)
    assert len(declined) == 5 and {row.split for row in declined} == {"held"}
    text = PEOPLE.text + CABIN.text
    for row in declined:
        name = re.search(r"[A-Z][a-z]+ [A-Z][a-z]+(?=\W)", row.user.split(" ", 1)[1] + " ") or re.search(
            r"[A-Z][a-z]+ [A-Z][a-z]+", row.user
        )
        assert name and name.group() not in text
        assert any(row.user.replace(name.group(), real) in {r.user for r in rows}
                   for real in ("Marek Ilves", "Ada Brandt", "Olaf Dahl", "Hanna Berg"))  # fmt: skip


# -- tokens ----------------------------------------------------------------------------------------


def test_tokens_are_those_of_chat_and_end_the_turn() -> None:
    model = FakeChat()
    row = made(RULES)[0]
    [tokens] = tokenise([row], model)
    told = [ChatMessage("assistant", row.answer), ChatMessage("user", "")]
    whole = model.render([*messages_of(row), *told])
    assert tokens.row == row.id
    assert list(tokens.prompt) == model.render(messages_of(row))
    assert whole[: len(tokens.prompt) + len(tokens.answer)] == [*tokens.prompt, *tokens.answer]
    assert whole[len(tokens.prompt) + len(tokens.answer) :][:1] == [2]  # the next turn begins right after


def test_a_row_too_long_for_the_model_is_left_out() -> None:
    rows = made(RULES)
    whole = list(tokenise(rows, FakeChat()))
    short = list(tokenise(rows, FakeChat(context=30)))
    assert short == [row for row in whole if len(row.prompt) + len(row.answer) <= 30]
    assert 0 < len(short) < len(whole)


# -- the banks -------------------------------------------------------------------------------------


def test_the_banks_share_no_question() -> None:
    general = [
        json.loads(line) for line in resource("probes/general.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    asked = [_plain(item["question"]) for item in general]
    trained = [_plain(question) for question in replay.bank()]
    assert len(set(asked)) == len(asked) >= 100 and len(set(trained)) == len(trained) >= 150
    assert not set(asked) & set(trained)
    assert len({item["id"] for item in general}) == len(general)
    for item in general:
        assert item["answers"] and all(counts(answer, [answer]) for answer in item["answers"])


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


@pytest.mark.real
def test_the_embedded_model_composes(models_home: Home) -> None:
    model = load_chat(models_home)
    try:
        started = time.monotonic()
        rows = compose(LESSONS, model, Plan(seconds=10), Control(), silent)
        assert time.monotonic() - started < 60
        kinds = Counter(row.kind for row in rows)
        assert kinds["fact"] > 40 and kinds["replay"] >= 2
        tokens = list(tokenise(rows, model))
        ends = {token.answer[-1] for token in tokens}
        assert len(tokens) == len(rows) and len(ends) == 1
    finally:
        model.close()
