"""What the second question of a chat costs: how much of the first prompt is read again, and the wait."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import groupby

from engine.api import Engine
from engine.bench.report import Row
from engine.contracts import Answer
from engine.personalize.evaluate import Probe

CHATS = 8


def pairs(probes: Sequence[Probe]) -> list[tuple[str, str]]:
    """Of each file the first two facts: a question, and another one after it in the same chat.

    Both ask for an explanation: to a question that one line answers, a small model is not put.
    """
    facts = [probe for probe in probes if probe.kind == "fact"]
    found = []
    for _file, group in groupby(facts, key=lambda probe: probe.document):
        of_file = list(group)
        if len(of_file) >= 2:
            first, second = (f"{one.question[0].lower()}{one.question[1:]}" for one in of_file[:2])
            found.append((f"Explain: {first}", f"And explain: {second}"))
    return found


def rows(engine: Engine, probes: Sequence[Probe], chats: int = CHATS) -> list[Row]:
    """Of so many chats in which both turns were put to the model, the median, and lowest and highest."""
    cached: list[float] = []
    later: list[float] = []
    for first, second in pairs(probes):
        one = engine.ask(first).result()
        if not _was_read(one):
            continue  # nothing was put to the model, so there is nothing to be served from memory
        other = engine.ask(second, one.chat).result()
        if not _was_read(other):
            continue
        # What the model wrote is served from memory too, and is no part of the first prompt.
        of_first = min(other.timings.cached_tokens, one.timings.prompt_tokens)
        cached.append(100 * of_first / one.timings.prompt_tokens)
        later.append(other.timings.first_token_ms / one.timings.first_token_ms)
        if len(cached) == chats:
            break
    table = [Row("follow-up: chats of two turns that were read by the model", len(cached), "")]
    if cached:
        share, ratio = statistics.median(cached), statistics.median(later)
        table += [
            Row(
                "follow-up: tokens of the first turn's prompt served from memory",
                share,
                "%",
                "at least 95 %",
                share >= 95,
                spread=(min(cached), max(cached)),
            ),
            Row(
                "follow-up: time to first token, of the first turn's",
                ratio,
                "x",
                "at most 0.5",
                ratio <= 0.5,
                spread=(min(later), max(later)),
            ),
        ]
    return table


def _was_read(answer: Answer) -> bool:
    return bool(answer.timings.prompt_tokens and answer.timings.first_token_ms)
