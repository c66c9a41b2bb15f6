"""Rows that keep what the base can do: general answers in its own words, and reading with quoted answers.

Without replay a night wipes out general knowledge within minutes (6 of 8 questions to 2 in a trial). The
answers are the base's own, and training holds on to how likely it finds every token of them: that keeps its
behaviour, and does not teach it truth.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from engine.answer import prompt as prompts
from engine.answer.excerpts import Excerpt
from engine.answer.terms import sentences
from engine.contracts import Control, Event, Passage, Progress
from engine.models.chat import ChatModel
from engine.models.together import TOGETHER
from engine.personalize.compose.facts import digest
from engine.personalize.rows import Lesson, Row
from engine.personalize.rows_db import RowStore
from resources import resource

ANSWER_TOKENS = 24  # an answer's beginning decides whether it is the base's
SHORT_WORDS = 30
_WIDTH = 700  # code points of a passage shown in a reading row


def bank() -> list[str]:
    """General questions and instructions of our own, none of them about anybody's files."""
    lines = resource("probes/replay.jsonl").read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["question"]) for line in lines if line]


def rows(
    model: ChatModel,
    most: int,
    control: Control,
    emit: Callable[[Event], None],
    until: float,
    store: RowStore | None = None,
) -> list[Row]:
    """At most `most` questions of the bank with the beginning of the base's answer.

    Stops at `until` (time.monotonic) with what it has; what `store` holds costs no time. Raises Cancelled.
    """
    questions = bank()
    random.Random(1).shuffle(questions)  # the bank is sorted by subject, and a few of each are wanted
    made: list[Row] = []
    unknown: list[str] = []
    for question in questions:
        answer = store.found(_group(question), "") if store else None
        if answer is None:
            unknown.append(question)
        elif answer and len(made) < most:
            made.append(_row(question, answer))
    for first in range(0, len(unknown), TOGETHER):
        if len(made) >= most or time.monotonic() >= until:
            break
        emit(Progress("compose", first, len(unknown), "replay"))
        some = unknown[first : first + TOGETHER]
        for question, answer in zip(some, _answered(model, some, control), strict=True):
            if store:
                store.keep(_group(question), "", "", answer)
            if answer:
                made.append(_row(question, answer))
    return made[:most]


def _answered(model: ChatModel, questions: Sequence[str], control: Control) -> list[str]:
    """The beginnings of the answers; an answer that ran in circles is empty. Raises Cancelled."""
    control.check()
    asked = [model.render(prompts.messages(question, with_files=False)) for question in questions]
    return [
        text.strip() if finish in ("stop", "length") else ""
        for text, finish in model.answers(asked, ANSWER_TOKENS)
    ]


def _group(question: str) -> str:
    return digest(["replay", question])


def _row(question: str, answer: str) -> Row:
    return Row(digest(["replay", question, answer]), "replay", question, answer, _group(question))


def reading_rows(rows: Sequence[Row], lessons: Sequence[Lesson], most: int) -> list[Row]:
    """At most `most` questions asked with the right passage and another one, answered by a line of it.

    The prompt is that of `ask`, so that an adapter does not unlearn to read. The answer is the sentence that
    holds the value, with the number of its passage; the right passage is first or second in turn.
    """
    texts = {lesson.id: lesson for lesson in lessons}
    chosen: dict[str, Row] = {}
    by_group: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_group[row.group].append(row)
    for group, members in sorted(by_group.items()):
        asked = [row for row in members if row.kind == "fact" and row.split == "train"]
        if asked and asked[0].lesson in texts:
            chosen[group] = asked[0]
    per_file: Counter[str] = Counter()
    spread: list[tuple[int, str]] = []
    for group, row in chosen.items():
        spread.append((per_file[row.path], group))
        per_file[row.path] += 1
    made: list[Row] = []
    for number, (_turn, group) in enumerate(sorted(spread)[:most]):
        row = chosen[group]
        lesson = texts[row.lesson]
        others = [other for other in lessons if other.path != lesson.path]
        shown = [_excerpt(lesson, row)]
        if others:
            shown.insert(number % 2, _excerpt(others[number % len(others)], None))
        place = 1 + next(at for at, excerpt in enumerate(shown) if excerpt.passage.path == lesson.path)
        user = prompts.asked(row.user, shown)
        answer = f"{_line(lesson, row)} [{place}]"
        identity = digest(["reading", user, answer])
        made.append(
            Row(
                identity,
                "reading",
                user,
                answer,
                row.group,
                "train",
                row.lesson,
                row.path,
                row.start,
                row.end,
            )
        )
    return made


def _line(lesson: Lesson, row: Row) -> str:
    """The sentence of the lesson that holds the row's value; the value alone where that is long."""
    start, end = row.start - lesson.start, row.end - lesson.start
    for first, last in sentences(lesson.text):
        if first <= start and end <= last and len(lesson.text[first:last].split()) <= SHORT_WORDS:
            return lesson.text[first:last]
    return lesson.text[start:end]


def _excerpt(lesson: Lesson, row: Row | None) -> Excerpt:
    """The lesson as the prompt shows it, around the row's value."""
    middle = (row.start + row.end) // 2 - lesson.start if row else 0
    begin = max(0, min(middle - _WIDTH // 2, len(lesson.text) - _WIDTH))
    if begin:
        begin = lesson.text.find("\n", begin, middle) + 1 or lesson.text.find(" ", begin, middle) + 1 or begin
    text = lesson.text[begin : begin + _WIDTH].strip()
    passage = Passage(1, lesson.path, lesson.page, lesson.heading, lesson.text, lesson.start, lesson.end, 1.0)
    return Excerpt(passage, text)
