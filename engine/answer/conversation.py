"""A chat as the model has read it: turns stay as they were sent, so that a follow-up only adds to them.

Passages are numbered through the whole chat. A line that the model has before it is not sent again: the new
turn names the number it stands under. Where a chat outgrows its room its oldest turns lose their passages
first, then become a line each of a summary; what was shortened stays so, and what follows is appended again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from engine.answer.citations import strip_markers
from engine.answer.excerpts import Excerpt, joined
from engine.contracts import Answer, Passage, Turn
from engine.models.chat import ChatMessage

SUMMARISED = 160  # code points of a question, and of an answer, in the summary


@dataclass(frozen=True)
class Line:
    """A span of a document, [start, end) of its text, that stands in the chat under this passage number."""

    number: int
    path: str
    sha256: str
    start: int
    end: int


@dataclass(frozen=True)
class Sent:
    """One turn: what was asked, `user` as the model read it with passages, the answer as it stands there."""

    question: str
    user: str
    answer: str
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Placed:
    """A passage of the next turn under its number; an empty `text` means that it stands further above."""

    number: int
    passage: Passage
    text: str
    lines: tuple[Line, ...] = ()


@dataclass
class Conversation:
    """The turns a prompt repeats before its question.

    `numbered[n - 1]` is passage [n]. `summary` has a line for each turn that is no longer there, `left_out`
    counts those without a line. `last` is the id of the newest question that is in it.
    """

    turns: list[Sent] = field(default_factory=list)
    numbered: list[Passage] = field(default_factory=list)
    summary: list[str] = field(default_factory=list)
    left_out: int = 0
    last: str = ""

    def follow(self, history: Sequence[Turn]) -> None:
        """Append what was said in the chat since `last`, without passages. Ids are in order of time."""
        for asked, answered in _pairs(history):
            if not asked.message or asked.message > self.last:
                self.turns.append(Sent(asked.text, asked.text, strip_markers(answered.text)))
                self.last = asked.message

    def messages(self, opening: str) -> list[ChatMessage]:
        """The turns; `opening`, if any, begins the first of them. Without turns it is for the question."""
        told: list[ChatMessage] = []
        for turn in self.turns:
            user = turn.user if told else opening + turn.user
            told += [ChatMessage("user", user), ChatMessage("assistant", turn.answer)]
        return told

    def place(self, shown: Sequence[Excerpt]) -> list[Placed]:
        """The passages of the next turn, numbered on, without the lines that stand in earlier turns."""
        known = {
            (line.path, line.sha256, line.start, line.end): line.number
            for turn in self.turns
            for line in turn.lines
        }
        numbers = {identity(passage): number for number, passage in enumerate(self.numbered, 1)}
        placed: dict[int, Placed] = {}
        for excerpt in shown:
            passage = excerpt.passage
            spans = [(passage.start + start, passage.start + end) for start, end in excerpt.spans]
            where = [known.get((passage.path, passage.sha256, *span)) for span in spans]
            if where and all(where):
                number = where[0] or 0
                placed.setdefault(number, Placed(number, self.numbered[number - 1], ""))
                continue
            new = [span for span, number in zip(spans, where, strict=True) if not number]
            number = numbers.setdefault(identity(passage), len(numbers) + 1)
            text = joined(passage.text, [(start - passage.start, end - passage.start) for start, end in new])
            placed[number] = Placed(
                number,
                passage,
                excerpt.text if len(new) == len(spans) else text,
                tuple(Line(number, passage.path, passage.sha256, *span) for span in new),
            )
        return list(placed.values())

    def passages(self, placed: Sequence[Placed]) -> list[Passage]:
        """All passages in the order of their numbers, those of the next turn included."""
        new = {one.number: one.passage for one in placed if one.number > len(self.numbered)}
        return [*self.numbered, *(new[number] for number in sorted(new))]

    def add(self, turn: Sent, passages: Sequence[Passage], message: str) -> None:
        """A turn was sent and answered; `passages` as `passages()` gave them, `message` the question's id."""
        self.turns.append(turn)
        self.numbered = list(passages)
        self.last = message

    def shorten(self, fits: Callable[[], bool]) -> None:
        """Shorten it step by step, the oldest first, until `fits` or nothing is left."""
        while not fits() and self._shortened():
            pass

    def _shortened(self) -> bool:
        for at, turn in enumerate(self.turns[:-1]):
            if turn.lines:
                self.turns[at] = _bare(turn)
                return True
        if len(self.turns) > 1:
            self._summarise()
        elif len(self.summary) > 1:
            del self.summary[0]
            self.left_out += 1
        elif self.turns and self.turns[0].lines:
            self.turns[0] = _bare(self.turns[0])
        elif self.turns:
            self._summarise()
        else:
            return False
        return True

    def _summarise(self) -> None:
        turn = self.turns.pop(0)
        self.summary.append(f"- {_clipped(turn.question)} {_clipped(strip_markers(turn.answer))}")


def said(written: str, answer: Answer, passages: Sequence[Passage], unknown: str) -> str:
    """How an answer stands in later prompts: in the model's own words, with its numbers, if that was given.

    Else what was given instead, under the number of its passage; `unknown` where nothing was.
    """
    if answer.abstained or not answer.answer:
        return unknown
    plain = strip_markers(answer.answer)
    if plain == strip_markers(written):
        return written.strip()
    for citation in answer.citations:
        for number, passage in enumerate(passages, 1):
            same = (citation.path, citation.sha256) == (passage.path, passage.sha256)
            if same and passage.start <= citation.start and citation.end <= passage.end:
                return f"{plain} [{number}]"
    return plain


def _pairs(history: Sequence[Turn]) -> Iterator[tuple[Turn, Turn]]:
    """Questions with their answers; not those that were stopped, or that nothing in the files answered."""
    for asked, answered in pairwise(history):
        if (asked.role, answered.role) == ("user", "assistant") and answered.text:
            yield asked, answered


def identity(passage: Passage) -> tuple[str, str, int, str]:
    """What makes two passages, found by different searches, the same."""
    return passage.path, passage.sha256, passage.start, passage.text


def _bare(turn: Sent) -> Sent:
    return replace(turn, user=turn.question, answer=strip_markers(turn.answer), lines=())


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SUMMARISED else line[: SUMMARISED - 1] + "…"
