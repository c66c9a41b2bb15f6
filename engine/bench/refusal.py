"""When is "not in your files" said, on conversations whose last question has an answer or has none.

Reported on the half of the turns that nothing is fitted on (`bench/lines.py` fits on the other). Turns that
are unclear, or answered in part, have no right decision: they are counted apart.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path

from engine.answer import lookup
from engine.answer.calibration import stored
from engine.answer.pipeline import Answerer, Limits, Question, readable
from engine.answer.questions import search_query
from engine.answer.refusal import refuses
from engine.api import Engine
from engine.bench import arms, collection, turns
from engine.bench.report import Row
from engine.bench.short_answers import Refusals
from engine.bench.turns import Asked
from engine.contracts import SearchReply
from engine.models import catalog
from engine.models.chat import ChatModel
from engine.models.embedder import Embedder
from engine.models.load import load_chat, load_embedder
from engine.workers.answer_role import SEARCHED

Search = Callable[[str], SearchReply]

MOST_WRONGLY = 0.1  # share of answerable questions that may be refused


def indexed(engine: Engine, place: Path, folder: Path) -> list[Asked]:
    """The turns of the conversations in `folder`, the passages of all of them indexed as files below `place`.

    Raises EngineError: usage, path_unreadable.
    """
    asked = turns.read(folder)
    files = place / blake2b(str(folder).encode(), digest_size=6).hexdigest()
    shutil.rmtree(files, ignore_errors=True)
    collection.write(turns.pool(asked), files)
    engine.index([files]).result()
    return asked


def rows(place: Path, folder: Path, most: int | None, tell: Callable[[str], None]) -> list[Row]:
    """All rows of the conversations in `folder`, of the half that nothing was fitted on.

    The decision alone is judged on every turn; the whole way to an answer, and the plain arm, take the first
    `most` of each kind (None: all). Raises EngineError: usage, path_unreadable.
    """
    with Engine(place / "home", write=True, program="nocturne bench") as engine:
        held = [turn for turn in indexed(engine, place, folder) if turn.held]
        embedder = load_embedder(engine.home)
        # Unanswerable turns have no passages of their own: only among those of others is there a choice.
        searches: dict[str, Callable[[Asked], Search]] = {
            "its own passages": lambda turn: turns.given(turn, embedder),
            "passages of all": lambda _turn: lambda query: engine.search(query, SEARCHED).result(),
        }
        table = [row for name, of in searches.items() for row in _by_line(name, embedder, held, of)]
        model = load_chat(engine.home)
        try:
            for name, of in searches.items():
                tell(f"conversations, {name}")
                table += _by_answer(name, model, embedder, _first(most, held), of)
        finally:
            model.close()
    return table


def _first(most: int | None, asked: Sequence[Asked]) -> list[Asked]:
    """The first `most` of each kind."""
    return [turn for kind in turns.KINDS for turn in [one for one in asked if one.kind == kind][:most]]


def _by_line(
    name: str, embedder: Embedder, asked: Sequence[Asked], search_of: Callable[[Asked], Search]
) -> list[Row]:
    """By the best line alone, before anything is written."""
    weights, label = stored(embedder.id), f"conversations, {name}, by the best line"
    decided = []
    for turn in asked:
        query = search_query(turn.question, turn.history)
        found = lookup.find(query, readable(search_of(turn)(query)).results, embedder, weights)
        decided.append((turn, found is None or found.sure < weights.least))
    outcome = _refused(decided)
    return [
        Row(f"{label}: refusal F1", outcome.f1, ""),
        Row(f"{label}: wrongly refused", 100 * outcome.wrongly, "%"),
        *_apart(label, decided),
    ]


def _by_answer(
    name: str,
    model: ChatModel,
    embedder: Embedder,
    asked: Sequence[Asked],
    search_of: Callable[[Asked], Search],
) -> list[Row]:
    """Both arms, whole: what was refused of what."""
    limits = Limits.of(catalog.default("chat"))
    ours: list[tuple[Asked, bool]] = []
    plain: list[tuple[Asked, bool]] = []
    for turn in asked:
        search = search_of(turn)
        answerer = Answerer(model, embedder, search, lambda _event: None, lambda: False, limits)
        answer = answerer.answer(Question(turn.question, turn.history))
        ours.append((turn, answer.abstained))
        passages = search(search_query(turn.question, turn.history)).results[: arms.PASTED]
        tokens, _shown = arms.pasted(model, turn.question, passages, turn.history)
        plain.append((turn, refuses("".join(model.generate(tokens, arms.WRITTEN)))))
    (mine, other), label = (_refused(ours), _refused(plain)), f"conversations, {name}, answered"
    return [
        Row(f"{label}: refusal F1", mine.f1, "", "at least 0.8", mine.f1 >= 0.8, plain=other.f1),
        Row(
            f"{label}: wrongly refused, of {mine.present}",
            100 * mine.wrongly,
            "%",
            "at most 10 %",
            mine.wrongly <= MOST_WRONGLY,
            plain=100 * other.wrongly,
        ),
        *_apart(label, ours),
    ]


def _refused(decided: Iterable[tuple[Asked, bool]]) -> Refusals:
    return Refusals.of(
        [
            (turn.kind == "unanswerable", refused)
            for turn, refused in decided
            if turn.kind in ("answerable", "unanswerable")
        ]
    )


def _apart(label: str, decided: Sequence[tuple[Asked, bool]]) -> list[Row]:
    """Kinds without a right decision, outside the F1."""
    table = []
    for kind in ("underspecified", "partial"):
        refused = [refused for turn, refused in decided if turn.kind == kind]
        if refused:
            table.append(Row(f"{label}: {kind} refused", 100 * sum(refused) / len(refused), "%"))
    return table
