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
from engine.errors import Cancelled
from engine.models.chat import ChatModel
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

    Stops at `until` (time.monotonic) with what it has; what `store` holds costs no time.
    """
    made: list[Row] = []
    questions = bank()
    random.Random(1).shuffle(questions)  # the bank is sorted by subject, and a few of each are wanted
    for number, question in enumerate(questions):
        if len(made) >= most:
            break
        group = digest(["replay", question])
        answer = store.found(group, "") if store else None
        if answer is None:
            if time.monotonic() >= until:
                continue
            emit(Progress("compose", number, len(questions), "replay"))
            answer = say(model, question, ANSWER_TOKENS, control, whole=False)
            if store:
                store.keep(group, "", "", answer)
        if answer:
            made.append(Row(digest(["replay", question, answer]), "replay", question, answer, group))
    return made


def say(model: ChatModel, user: str, tokens: int, control: Control, whole: bool = True) -> str:
    """An answer without files; empty if it ran in circles, or was cut where `whole` is wanted.

    Raises Cancelled.
    """
    control.check()
    generation = model.generate(model.render(prompts.messages(user, with_files=False)), tokens)
    text = "".join(generation).strip()
    if generation.finish == "stopped":
        raise Cancelled
    return text if generation.finish == "stop" or (generation.finish == "length" and not whole) else ""


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
