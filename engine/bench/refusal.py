"""When is "not in your files" said, on conversations whose last question has an answer or has none.

The thresholds of the evidence are fitted on half of the turns and reported on the other. Turns that are
unclear, or answered in part, have no right decision: they are counted apart.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from itertools import product
from pathlib import Path

from engine.answer import calibration
from engine.answer.calibration import Calibration
from engine.answer.pipeline import Answerer, Limits, Question, refuses
from engine.answer.questions import Evidence, judge, search_query
from engine.api import Engine
from engine.bench import arms, collection, turns
from engine.bench.report import Row
from engine.bench.short_answers import Refusals
from engine.bench.turns import Asked
from engine.contracts import SearchReply
from engine.errors import EngineError
from engine.models import catalog
from engine.models.chat import ChatModel
from engine.models.load import load_chat, load_embedder
from engine.workers.answer_role import SEARCHED
from resources import resource

Search = Callable[[str], SearchReply]
Judged = Sequence[tuple[Asked, Evidence]]

STEPS = tuple(step / 20 for step in range(21))  # of either threshold
MOST_WRONGLY = 0.1  # share of answerable questions that may be refused


def rows(place: Path, folder: Path, most: int | None, keep: bool, tell: Callable[[str], None]) -> list[Row]:
    """All rows of the conversations in `folder`. `keep` stores the fitted thresholds for the chat model.

    The evidence alone is judged on every turn; the whole way to an answer, and the plain arm, take the first
    `most` of each kind (None: all) of the half that nothing was fitted on. Raises EngineError: usage,
    path_unreadable.
    """
    asked = turns.read(folder)
    place = place / blake2b(str(folder).encode(), digest_size=6).hexdigest()
    shutil.rmtree(place / "files", ignore_errors=True)
    collection.write(turns.pool(asked), place / "files")
    with Engine(place / "home", write=True, program="nocturne bench") as engine:
        engine.index([place / "files"]).result()
        embedder = load_embedder(engine.home)
        searches: dict[str, Callable[[Asked], Search]] = {
            "its own passages": lambda turn: turns.given(turn, embedder),
            "passages of all": lambda _turn: lambda query: engine.search(query, SEARCHED).result(),
        }
        judged = {
            name: [(turn, _evidence(turn, of(turn))) for turn in asked] for name, of in searches.items()
        }
        # Unanswerable turns have no passages of their own: only among those of others is there a choice.
        fitted = fit(judged["passages of all"])
        table = [row for name, evidence in judged.items() for row in _by_evidence(name, evidence, fitted)]
        if keep:
            _keep(fitted, judged["passages of all"])
        model = load_chat(engine.home)
        try:
            for name, of in searches.items():
                tell(f"conversations, {name}")
                table += _by_answer(name, model, _first(most, asked), of)
        finally:
            model.close()
    return table


def _evidence(turn: Asked, search: Search) -> Evidence:
    query = search_query(turn.question, turn.history)
    return judge(query, search(query).results)


def _first(most: int | None, asked: Sequence[Asked]) -> list[Asked]:
    """Of the held half, the first `most` of each kind."""
    return [
        turn
        for kind in turns.KINDS
        for turn in [one for one in asked if one.held and one.kind == kind][:most]
    ]


# -- thresholds ------------------------------------------------------------------------------------


def fit(judged: Judged) -> Calibration:
    """The thresholds of the best refusal F1, on the turns that are not held, at most 10 % refused wrongly.

    Where that cannot be kept, those that refuse the fewest wrongly. Of equals, those nearest to the defaults.
    """
    seen = [(turn, evidence) for turn, evidence in judged if not turn.held]

    def worth(least: Calibration) -> tuple[float, float, float]:
        found = refusals(seen, least)
        away = abs(least.words - 0.5) + abs(least.similarity - 0.5)
        return -max(found.wrongly, MOST_WRONGLY), found.f1, -away

    return max((Calibration(*pair) for pair in product(STEPS, STEPS)), key=worth)


def refusals(judged: Judged, least: Calibration) -> Refusals:
    """What the evidence alone refuses, of the questions that have an answer or none."""
    return _refused((turn, not _enough(evidence, least)) for turn, evidence in judged)


def _enough(evidence: Evidence, least: Calibration) -> bool:
    return Evidence(evidence.words, evidence.similarity, evidence.named, least).enough


def _keep(fitted: Calibration, judged: Judged) -> None:
    """Into the program's own folder: the next program to be built or started reads it there."""
    fitting, held = ([one for one in judged if one[0].held == side] for side in (False, True))
    measured = {
        f"{name}_{half}": round(value, 4)
        for half, part in (("fitted", fitting), ("held", held))
        for name, value in (
            ("f1", refusals(part, fitted).f1),
            ("wrongly_refused", refusals(part, fitted).wrongly),
        )
    }
    path = resource("models.toml").with_name("calibration") / f"{catalog.default('chat').id}.toml"
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(calibration.written(fitted, measured), encoding="utf-8")
    except OSError as error:
        detail = f"{path.parent} cannot be written: --calibrate changes the program itself."
        raise EngineError("usage", detail=detail) from error


# -- rows ------------------------------------------------------------------------------------------


def _by_evidence(name: str, judged: Judged, fitted: Calibration) -> list[Row]:
    held = [(turn, evidence) for turn, evidence in judged if turn.held]
    in_use = Limits.of(catalog.default("chat")).evidence
    table = []
    for which, least in (("in use", in_use), ("fitted", fitted)):
        label = f"conversations, {name}, thresholds {which} ({least.words:g}, {least.similarity:g})"
        found = refusals(held, least)
        table += [
            Row(f"{label}: refusal F1", found.f1, ""),
            Row(f"{label}: wrongly refused", 100 * found.wrongly, "%"),
            *_apart(label, [(turn, not _enough(evidence, least)) for turn, evidence in held]),
        ]
    return table


def _by_answer(
    name: str, model: ChatModel, asked: Sequence[Asked], search_of: Callable[[Asked], Search]
) -> list[Row]:
    """Both arms, whole: what was refused of what."""
    limits = Limits.of(catalog.default("chat"))
    ours: list[tuple[Asked, bool]] = []
    plain: list[tuple[Asked, bool]] = []
    for turn in asked:
        search = search_of(turn)
        answerer = Answerer(model, search, lambda _event: None, lambda: False, limits)
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
