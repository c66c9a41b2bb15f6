"""The six stages of a night, wired: what each reads from the run folder, calls, and writes back to it."""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from engine.answer import prompt
from engine.answer.pipeline import Limits
from engine.contracts import SearchReply
from engine.errors import EngineError
from engine.library import schema, search
from engine.models import catalog, prepare
from engine.models.adapters import AdapterCard
from engine.models.embedder import Embedder
from engine.models.llama import LlamaChat
from engine.models.load import find_embedder, load_embedder
from engine.paths import Home
from engine.personalize import export as exporting
from engine.personalize import parity, room, rows, select
from engine.personalize.budget import EVALUATE_SHARE, EXPORT_SHARE, START_SHARE, Budget
from engine.personalize.calibrate import run_memory
from engine.personalize.compose import compose as composing
from engine.personalize.compose.thesaurus import Thesaurus
from engine.personalize.decide import decide
from engine.personalize.evaluate import Outcome, Probe, asked, run_arm, run_with_files, shares
from engine.personalize.night import Night, Stage
from engine.personalize.rows_db import RowStore
from engine.personalize.torch_backend.loop import TrainPlan, measured_speed, train
from resources import resource

LEAST_ROWS = 30
SEARCHED = 8
PARITY_PROMPTS = 32


def _select(night: Night) -> Mapping[str, Any]:
    """Plan the night by the speed of this machine; copy what it may learn from, and the index that its
    `+files` arms will search.
    """
    database = schema.open_for_reading(night.home.index_db)
    if database is None:
        raise EngineError("nothing_indexed")
    budget = Budget.planned(float(night.plan["minutes"]), measured_speed(_base_file(night.home)))
    night.run.update(budget=asdict(budget))
    try:
        selected = select.select(
            database,
            night.plan["folders"],
            night.run,
            budget_tokens=budget.passage_tokens,
            used=night.plan["used"],
        )
        night.run.passages.unlink(missing_ok=True)
        database.backup_into(night.run.passages)
    finally:
        database.close()
    return {
        "passages": len(selected.lessons),
        "documents": selected.documents,
        "skipped": selected.skipped,
    }


def _compose(night: Night) -> Mapping[str, Any]:
    """Rows, the questions held out to score them, and the tokens to train on."""
    lessons = list(rows.read_lessons(night.run.lessons))
    words = Thesaurus.build(load_embedder(night.home), night.home.cache, night.control)
    with _chat(night.home) as model:
        budget = night.budget
        plan = composing.Plan(
            _arms(night.plan.get("sources")), seconds=budget.compose_seconds, rows=budget.rows
        )
        store = RowStore(night.home.rows_db, model.id)
        try:
            made = composing.compose(lessons, model, plan, night.control, night.emit, store, words.others)
        finally:
            store.close()
        trained = [row for row in made if row.split == "train"]
        if len(trained) < LEAST_ROWS:
            raise EngineError(
                "too_few_rows",
                rows=len(trained),
                passages=len(lessons),
                needed=LEAST_ROWS,
                why=select.why_few(night.run.read()["stages"]["select"].get("skipped", {})),
            )
        rows.write_lines(night.run.rows, made)
        rows.write_lines(night.run.tokens, composing.tokenise(trained, model))
    rows.write_lines(night.run.probes, _probes(made, night.plan["minutes"]))
    return {"rows": len(trained), "held": len(made) - len(trained)}


def _arms(sources: Sequence[str] | None) -> composing.Arms:
    if sources is None:
        return composing.Arms()
    return composing.Arms(**{arm.name: arm.name in sources for arm in fields(composing.Arms)})


def _probes(made: Sequence[rows.Row], minutes: float) -> list[Probe]:
    """Held-out wordings of facts, questions about what is not there, and the general set.

    As many as a fifth of the minutes lets the arms answer, taken evenly.
    """
    facts = [
        Probe(row.id, row.user, (row.gold or row.answer,), "fact", row.path)
        for row in made
        if row.split == "held" and row.kind == "fact"
    ]
    absent = [
        Probe(row.id, row.user, (), "absent", row.path)
        for row in made
        if row.split == "held" and row.kind == "decline"
    ]
    general = [
        Probe(item["id"], item["question"], tuple(item["answers"]), "general")
        for item in map(json.loads, resource("probes/general.jsonl").read_text(encoding="utf-8").splitlines())
    ]
    unit = max(2.0, minutes)
    # The gate allows three points of general knowledge, which few questions cannot show.
    return [*_evenly(facts, int(2 * unit)), *_evenly(absent, int(unit)), *_evenly(general, int(4 * unit))]


def _fewer_general(probes: Sequence[Probe]) -> list[Probe]:
    """A quarter of the general questions: with files they take longer, and the gate asks without."""
    general = [probe for probe in probes if probe.kind == "general"]
    return [probe for probe in probes if probe.kind != "general"] + general[::4]


def _evenly(found: list[Probe], most: int) -> list[Probe]:
    """At most `most`, spread over the whole list."""
    return [found[at * len(found) // most] for at in range(most)] if len(found) > most else found


@contextmanager
def _chat(home: Home) -> Iterator[LlamaChat]:
    card = catalog.default("chat")
    model = LlamaChat(
        prepare.prepared(card, home), id=prepare.base_id(card), context=card.context, name=card.name
    )
    try:
        yield model
    finally:
        model.close()


def _train(night: Night) -> Mapping[str, Any]:
    room.check(night.home, copies_index=False)
    learned = list(rows.read_token_rows(night.run.tokens))
    result = train(
        learned,
        _base_file(night.home),
        night.run,
        # What composing left over goes to training.
        TrainPlan(
            seconds=max(night.budget.train_seconds, night.left(EVALUATE_SHARE + EXPORT_SHARE + START_SHARE)),
            seed=zlib.crc32(night.run.id.encode()),
        ),
        night.control,
        night.emit,
    )
    return {**asdict(result), "tokens_per_s": round(result.tokens / max(result.seconds, 1e-3), 1)}


def _export(night: Night) -> Mapping[str, Any]:
    """The adapter's file, and whether it computes here what was computed there."""
    from engine.personalize.torch_backend.network import trained

    base, plan = _base_file(night.home), TrainPlan(0)
    card = AdapterCard(
        night=night.run.id,
        base_id=night.plan["base"],
        prepared_sha256=_sha256(base),
        prompt_version=prompt.version(),
        rank=plan.rank,
        alpha=plan.alpha,
    )
    exporting.export(night.run.weights, base, night.run.adapter, card)
    learned = list(rows.read_token_rows(night.run.tokens))
    step = max(1, len(learned) // PARITY_PROMPTS)
    with _chat(night.home) as model:
        found = parity.check(
            model,
            night.run.adapter,
            learned[::step][:PARITY_PROMPTS],
            trained(base, night.run.weights, plan.alpha),
            night.control,
        )
    return {"parity": asdict(found), "sha256": _sha256(night.run.adapter)}


def _decide(night: Night) -> Mapping[str, Any]:
    outcomes = list(rows.read_lines(night.run.outcomes, Outcome))
    verdict = decide(outcomes, bool(night.run.read()["stages"]["export"]["parity"]["passed"]))
    card = {
        "arms": shares(outcomes),
        "asked": asked(outcomes),
        "differences": [asdict(found) for found in verdict.differences],
        "promoted": verdict.promoted,
        "reason": verdict.reason,
    }
    partial = night.run.scorecard.with_name("scorecard.json.part")
    partial.write_text(json.dumps(card, indent=1, ensure_ascii=False), encoding="utf-8")
    partial.replace(night.run.scorecard)
    return {"promoted": verdict.promoted, "reason": verdict.reason}


def _base_file(home: Home) -> Path:
    return prepare.prepared(catalog.default("chat"), home)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _embedder_of(index: Path, home: Home) -> Embedder:
    """The one that made it; today's, which then is not compared, if that one cannot be had any more."""
    database = schema.open_for_reading(index)
    assert database is not None
    try:
        found = find_embedder(home, schema.embedder_id(database))
    finally:
        database.close()
    return found or load_embedder(home)


def _evaluate(night: Night) -> Mapping[str, Any]:
    """Four arms over the held-out questions."""
    probes = list(rows.read_lines(night.run.probes, Probe))
    card = catalog.default("chat")
    limits = Limits.of(card)
    embedder = _embedder_of(night.run.passages, night.home)
    began, seconds = time.monotonic(), night.left(START_SHARE)

    def find(query: str) -> SearchReply:
        database = schema.open_for_search(night.run.passages, embedder)
        assert database is not None
        try:
            return search.search(database, embedder, query, SEARCHED)
        finally:
            database.close()

    with _chat(night.home) as model:
        outcomes = run_arm("base", model, None, probes, find, limits, night.control, night.emit)
        model.use_adapter(night.run.adapter)
        alone, sureness = run_memory(model, probes, limits, night.control, night.emit, outcomes)
        outcomes += alone
        outcomes += run_with_files(
            model,
            embedder,
            night.run.adapter,
            sureness,
            _fewer_general(probes),
            find,
            limits,
            night.control,
            night.emit,
            lambda more: time.monotonic() - began - night.control.waited + more > seconds,
        )
    rows.write_lines(night.run.outcomes, outcomes)
    return {"questions": len(probes), "sureness": asdict(sureness) if sureness else None}


STAGES: Mapping[str, Stage] = {
    "select": _select,
    "compose": _compose,
    "train": _train,
    "export": _export,
    "evaluate": _evaluate,
    "decide": _decide,
}
