"""What surrounds the forward passes of an answer, among many passages; and what checks make the model read.

The answer is computed here as the answer worker does it, the index opened for each question, over the library
of copies that `bench library` searches. Tokens are counted where llama.cpp is called, so that no part of an
answer can leave its own out.
"""

from __future__ import annotations

import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from engine.answer.pipeline import Answerer, Limits, Question
from engine.bench import corpus, searching
from engine.bench.metered import MeteredChat, MeteredEmbedder
from engine.bench.report import Row, at_most
from engine.contracts import Event, SearchReply, Token
from engine.library import schema, search
from engine.models import catalog, prepare
from engine.paths import Home
from engine.workers.answer_role import SEARCHED

QUESTIONS = 20


@dataclass(frozen=True)
class Cost:
    """One answer from files: `around` in ms; `before`, `after`: tokens evaluated beside reading the prompt
    and writing, until the first token was shown and from then on, as shares of the prompt's tokens; None
    where a line was quoted and the model read nothing.
    """

    around: float
    before: float | None
    after: float | None


def rows(place: Path, passages: int, questions: int = QUESTIONS) -> list[Row]:
    """Medians over so many questions that are answered from the files, and the most.

    Every second one asks for an explanation, which is left to the model.
    """
    _source, home, embedder = searching.library(place, None, passages)
    card = catalog.default("chat")
    chat = MeteredChat(prepare.prepared(card, home), id=prepare.base_id(card), context=card.context)
    dice, found = random.Random(1), list[Cost]()
    metered = MeteredEmbedder(embedder)
    try:
        for number in range(4 * questions):  # some are not answered from files
            asked = corpus.question(dice)
            if number % 2 == 0:
                asked = f"Explain: {asked[0].lower()}{asked[1:]}"
            cost = measure(home, chat, metered, asked)
            if cost is not None:
                found.append(cost)
            if len(found) == questions:
                break
    finally:
        chat.close()
    name = f"at {passages} passages"
    table = [Row(f"answers from files, {name}", len(found), "")]
    before, after = (
        [share for cost in found if (share := getattr(cost, part)) is not None]
        for part in ("before", "after")
    )
    if found:
        around = [cost.around for cost in found]
        spread = (min(around), max(around))
        table.append(
            at_most(f"around the forward passes, {name}", statistics.median(around), "ms", 120, spread)
        )
    if before:
        table += [
            Row(f"of them read by the model, {name}", len(before), ""),
            at_most(
                "tokens that checks read before the first token, of the prompt's, most",
                100 * max(before),
                "%",
                30,
            ),
            at_most("tokens that checks read after it, of the prompt's, most", 100 * max(after), "%", 100),
        ]
    return table


def measure(home: Home, chat: MeteredChat, embedder: MeteredEmbedder, question: str) -> Cost | None:
    """What one answer cost; None where it did not come from the files."""
    shown: list[float] = []

    def hear(event: Event) -> None:
        if isinstance(event, Token):
            shown.append(time.perf_counter())

    def find(query: str) -> SearchReply:
        database = schema.open_for_search(home.index_db, embedder)
        assert database is not None
        try:
            return search.search(database, embedder, query, SEARCHED)
        finally:
            database.close()

    chat.passes.clear()
    embedder.seconds = 0.0
    limits = Limits.of(catalog.default("chat"))
    began = time.perf_counter()
    answer = Answerer(chat, embedder, find, hear, lambda: False, limits).answer(Question(question))
    ended = time.perf_counter()
    if answer.source != "files":
        return None
    inside = sum(one.seconds for one in chat.passes) + embedder.seconds
    around = 1000 * (ended - began - inside)
    if not answer.timings.prompt_tokens:
        return Cost(around, None, None)
    first = shown[0] if shown else ended
    timings = answer.timings
    read = sum(one.tokens for one in chat.passes if one.ended <= first)
    rest = sum(one.tokens for one in chat.passes if one.ended > first)
    held_back = max(0, timings.completion_tokens - rest)  # written, and shown only after
    return Cost(
        around=around,
        before=max(0, read - held_back - (timings.prompt_tokens - timings.cached_tokens))
        / timings.prompt_tokens,
        after=max(0, rest - timings.completion_tokens) / timings.prompt_tokens,
    )
