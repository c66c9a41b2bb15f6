"""What the stages of a night hand to each other: passages worth learning, and training rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

T = TypeVar("T")
RowKind = Literal["fact", "reverse", "cloze", "statement", "reading", "decline", "replay"]
Split = Literal["train", "held"]


@dataclass(frozen=True)
class Lesson:
    """A passage chosen for the night, copied whole: later stages never open the index.

    `document` names the file for grouping and resampling; `start, end` are its span in the stored text.
    """

    id: str
    path: str
    sha256: str
    page: int | None
    title: str
    heading: str
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Row:
    """One example: what the user says, and the answer to be learned.

    `user` is the whole user turn, as chat sends it; the system turn is that of `prompts`. `group` names the
    fact it teaches: all rows of a group are trained or all are held out, except that a `held` wording of a
    trained fact is how a night is scored. `lesson`, `start, end` say which span of which lesson it came from
    (empty for replay), so that a deleted file takes its rows along. `gold` is the value asked for, where the
    answer is a whole sentence.
    """

    id: str
    kind: RowKind
    user: str
    answer: str
    group: str
    split: Split = "train"
    lesson: str = ""
    path: str = ""
    start: int = 0
    end: int = 0
    gold: str = ""


@dataclass(frozen=True)
class TokenRow:
    """A row as the trainer sees it: token ids of the rendered prompt, then of answer and end of turn.

    Tokenised by the very model that serves, so that training and chat cannot differ in their template.
    `keep`: the answer is the base's own, and how likely the base finds every token is to stay as it is.
    """

    row: str
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    keep: bool = False


def write_lines(path: Path, items: Iterable[object]) -> int:
    """Write dataclasses as JSON lines, atomically; returns how many."""
    import msgspec

    partial = path.with_name(path.name + ".part")
    count = 0
    with partial.open("wb") as file:
        for item in items:
            file.write(msgspec.json.encode(item) + b"\n")
            count += 1
    partial.replace(path)
    return count


def read_lessons(path: Path) -> Iterator[Lesson]:
    return read_lines(path, Lesson)


def read_rows(path: Path) -> Iterator[Row]:
    return read_lines(path, Row)


def read_token_rows(path: Path) -> Iterator[TokenRow]:
    return read_lines(path, TokenRow)


def read_lines(path: Path, kind: type[T]) -> Iterator[T]:
    """The dataclasses of a file that `write_lines` wrote."""
    import msgspec

    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as file:
        for line in file:
            yield decoder.decode(line)
