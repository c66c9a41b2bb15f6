"""Composes a night: lessons -> rows of every kind that is switched on, each asked once and with one answer.

Split before anything is trained: of some facts one wording is held out, and is how the night is scored.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from engine.answer import prompt as prompts
from engine.answer.terms import fold
from engine.contracts import Control, Event, Progress
from engine.models.chat import ChatMessage, ChatModel
from engine.personalize.compose import asking, questions, replay, statements, structure
from engine.personalize.compose.decline import decline_rows
from engine.personalize.compose.facts import digest
from engine.personalize.rows import Lesson, Row, TokenRow
from engine.personalize.rows_db import RowStore

ANSWER_WORDS = 40  # a row that answers at greater length teaches rambling
_QUESTIONS_SHARE = 0.25  # of the seconds that asking the model may take; replay gets the rest
_HELD_KINDS = ("fact",)


@dataclass(frozen=True)
class Arms:
    """Which sources of rows are on. The benchmark switches them one by one."""

    structure: bool = True
    statements: bool = True
    questions: bool = True
    replay: bool = True
    reading: bool = True
    decline: bool = False


@dataclass(frozen=True)
class Plan:
    """What composing may cost and yield.

    `seconds` bounds the time spent asking the model, `rows` the rows trained on (0: all), `held` the facts
    with a wording held out, `absent` the questions about nothing in the files that are held out to measure
    refusal, `replay_share` the part of all trained rows that is general.
    """

    arms: Arms = field(default_factory=Arms)
    seconds: float = 180.0
    rows: int = 0
    held: int = 60
    absent: int = 40
    replay_share: float = 0.20
    reading_share: float = 0.05


def compose(
    lessons: Sequence[Lesson],
    model: ChatModel | None,
    plan: Plan,
    control: Control,
    emit: Callable[[Event], None],
    store: RowStore | None = None,
    others: asking.Others = asking.other_words,
) -> list[Row]:
    """All rows of a night, trained and held ones. Without a model: only what rules can write.

    `others` says what else a word may be called.

    Raises Cancelled. What the model was asked until then is in `store`, and is not asked again.
    """
    arms = plan.arms
    control.check()
    made: list[Row] = []
    if arms.structure:
        made += structure.rows(structure.facts(lessons), others)
    if arms.statements:
        made += statements.rows(lessons, others)
    emit(Progress("compose", 0, len(lessons), "questions"))
    until = time.monotonic() + plan.seconds * (_QUESTIONS_SHARE if arms.replay or arms.reading else 1.0)
    if arms.questions and model is not None:
        made += questions.rows(lessons, model, control, emit, until, store)
    rows = split(within(unambiguous(made), lessons, plan.rows), plan.held)
    trained = sum(row.split == "train" for row in rows)
    rows += decline_rows(rows, lessons, plan.absent, round(trained * 0.05) if arms.decline else 0)
    until = time.monotonic() + plan.seconds * (1 - _QUESTIONS_SHARE)
    if arms.reading:
        rows += replay.reading_rows(rows, lessons, round(trained * plan.reading_share))
    if arms.replay and model is not None:
        rows += replay.rows(model, round(trained * plan.replay_share), control, emit, until, store)
    emit(Progress("compose", len(lessons), len(lessons), ""))
    return rows


def unambiguous(rows: Iterable[Row]) -> list[Row]:
    """Each question once; a question with two answers is not asked at all, for one would be wrong."""
    asked: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if len(row.answer.split()) <= ANSWER_WORDS:
            asked[_key(row.user)].append(row)
    return [same[0] for same in asked.values() if len({_key(row.answer) for row in same}) == 1]


def within(rows: Sequence[Row], lessons: Sequence[Lesson], most: int) -> list[Row]:
    """At most `most` rows (0: all): a first row of every fact in the order of lessons, then a second, ..."""
    if not most or len(rows) <= most:
        return list(rows)
    order = {lesson.id: at for at, lesson in enumerate(lessons)}
    seen: dict[str, int] = defaultdict(int)
    ranked: list[tuple[int, int, int]] = []
    for at, row in enumerate(rows):
        ranked.append((seen[row.group], order.get(row.lesson, len(order)), at))
        seen[row.group] += 1
    return [rows[at] for at in sorted(at for _turn, _lesson, at in sorted(ranked)[:most])]


def split(rows: Sequence[Row], held: int) -> list[Row]:
    """Of at most `held` facts with three wordings or more, hold out the one least like those trained.

    Facts are taken evenly from all files, in an order that is the same every night.
    """
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    able: dict[str, list[str]] = defaultdict(list)
    for group, members in sorted(groups.items()):
        if sum(row.kind in _HELD_KINDS for row in members) >= 3:
            able[members[0].path].append(group)
    chosen: list[str] = []
    for turn in range(max(map(len, able.values()), default=0)):
        chosen += [found[turn] for _path, found in sorted(able.items()) if turn < len(found)]
    out = {_strangest(groups[group]).id for group in chosen[:held]}
    return [replace(row, split="held") if row.id in out else row for row in rows]


def tokenise(rows: Iterable[Row], model: ChatModel) -> Iterator[TokenRow]:
    """Rows as token ids, by the very renderer that chat uses; rows too long for the context are left out."""
    opening = model.render([ChatMessage("user", "")])
    closed = model.render([ChatMessage("user", ""), ChatMessage("assistant", "")])
    # What the template puts after an answer begins with the end of its turn.
    end_of_turn = closed[len(opening)]
    for row in rows:
        prompt = model.render(messages_of(row))
        answer = [*model.tokenize(row.answer), end_of_turn]
        if len(prompt) + len(answer) <= model.context:
            yield TokenRow(row.id, tuple(prompt), tuple(answer), row.kind == "replay")


def messages_of(row: Row) -> list[ChatMessage]:
    """The turns before a row's answer, as `ask` would send them."""
    return prompts.messages(row.user, with_files=row.kind == "reading")


def _strangest(members: Sequence[Row]) -> Row:
    """The question that shares least of its words with any other of its fact."""
    asked = [row for row in members if row.kind in _HELD_KINDS]

    def likeness(row: Row) -> float:
        words = _words(row.user)
        return max(len(words & _words(other.user)) / len(words) for other in members if other is not row)

    return min(asked, key=lambda row: (likeness(row), row.id))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", fold(text))) or {""}


def _key(text: str) -> str:
    return " ".join(fold(text).split())


def held_name(rows: Sequence[Row]) -> str:
    """One name for what is held out, so that a resumed night can tell whether it scores the same."""
    return digest(sorted(row.id for row in rows if row.split == "held"))
