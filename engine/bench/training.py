"""`nocturne bench training`: the night's training against plain `Trainer` + PEFT, on the same rows.

Runs alternate, because a shared machine drifts: each run is the same steps by one arm, then by the other.
The rows are those that rules write about an invented folder. Tokens count without padding; what a pack
computes once for all its rows counts once.
"""

from __future__ import annotations

import shutil
import statistics
import time
from collections.abc import Sequence

from engine.api import Engine
from engine.bench import everyday, report
from engine.bench.report import Row, at_least
from engine.library import schema
from engine.models import catalog, prepare
from engine.models.llama import LlamaChat
from engine.paths import Home, find_home
from engine.personalize import rows, select
from engine.personalize.compose import compose as composing
from engine.personalize.run_folder import RunFolder
from engine.personalize.torch_backend import load
from engine.personalize.torch_backend.loop import Training, TrainPlan
from engine.personalize.torch_backend.network import Network
from engine.personalize.torch_backend.plain import PlainTraining

STEPS, WARM, RUNS = 8, 2, 5
GOAL_TOKENS, GOAL_ROWS = 1.5, 2.5


def run(chosen_home: str | None, as_json: bool, seed: int) -> int:
    """Measure, print the table, return 0: a goal that is missed is a result, not an error."""
    home = Home(find_home(chosen_home).bench / "training")
    shutil.rmtree(home.root, ignore_errors=True)
    learned = _rows(home, seed)
    base, plan = prepare.prepared(catalog.default("chat"), home), TrainPlan(0)
    ours = Training(Network(base, plan.rank, plan.alpha, plan.seed, load.fastest()), learned, plan)
    plain = PlainTraining(base, plan.rank, plan.alpha, plan.learning_rate)
    speeds: dict[str, list[tuple[float, float]]] = {"ours": [], "plain": []}
    for number in range(-1, RUNS):  # the first warms both up
        chosen = ours.steps[WARM + max(number, 0) * STEPS :][: STEPS if number >= 0 else WARM]
        began = time.perf_counter()
        for step in chosen:
            ours.step(step, plan.learning_rate)
        took = time.perf_counter() - began
        plainly = plain.seconds([[row for pack in step for row in pack.rows] for step in chosen])
        if number >= 0:
            count = sum(len(pack.rows) for step in chosen for pack in step)
            tokens = sum(pack.tokens for step in chosen for pack in step)
            whole = sum(pack.row_tokens for step in chosen for pack in step)
            speeds["ours"].append((tokens / took, count / took))
            speeds["plain"].append((whole / plainly, count / plainly))
    report.show("training", _table(speeds["ours"], speeds["plain"]), as_json)
    return 0


def _table(ours: Sequence[tuple[float, float]], plain: Sequence[tuple[float, float]]) -> list[Row]:
    """Medians of both arms, their ratio, and the smallest and largest ratio of a pair of runs."""
    table: list[Row] = []
    for at, (name, unit, goal) in enumerate(
        (("tokens computed", "tokens/s", GOAL_TOKENS), ("rows trained", "rows/s", GOAL_ROWS))
    ):
        mine, theirs = [one[at] for one in ours], [one[at] for one in plain]
        table += at_least(name, statistics.median(mine), statistics.median(theirs), unit, goal)
        ratios = sorted(one / other for one, other in zip(mine, theirs, strict=True))
        table.append(
            Row(f"{name}, ratio of pairs", statistics.median(ratios), "x", spread=(ratios[0], ratios[-1]))
        )
    return table


def _rows(home: Home, seed: int) -> list[rows.TokenRow]:
    """What rules write about the invented folder, as the trainer sees it."""
    folder = home.root.with_name("training-files")
    shutil.rmtree(folder, ignore_errors=True)
    everyday.write(folder, seed)
    with Engine(home.root, write=True, program="nocturne bench") as engine:
        engine.index([folder]).result()
    database = schema.open_for_reading(home.index_db)
    assert database is not None
    try:
        chosen = select.select(
            database, [str(folder)], RunFolder(home.nights / "bench"), budget_tokens=1 << 20, used={}
        )
    finally:
        database.close()
    card = catalog.default("chat")
    model = LlamaChat(prepare.prepared(card, home), id="bench", context=card.context, name=card.name)
    try:
        plan = composing.Plan(composing.Arms(questions=False, replay=False), held=0, absent=0)
        made = composing.compose(chosen.lessons, model, plan, _Always(), lambda _event: None)
        return list(composing.tokenise(made, model))
    finally:
        model.close()


class _Always:
    def check(self) -> None: ...
