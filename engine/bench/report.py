"""Rows of a benchmark: what was measured, against what, and whether the goal was met."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """`value` in `unit`, beside the plain arm's `plain` if there is one; `goal` is a sentence."""

    name: str
    value: float
    unit: str
    goal: str = ""
    met: bool | None = None
    plain: float | None = None
    spread: tuple[float, float] | None = None


def at_least(name: str, ours: float, plain: float, unit: str, goal: float) -> list[Row]:
    """Both arms in `unit`, and their ratio against `goal`."""
    ratio = ours / plain
    return [
        Row(name, ours, unit, plain=plain),
        Row(f"{name}, ratio to plain", ratio, "x", f"at least {goal}", ratio >= goal),
    ]


def at_most(
    name: str, value: float, unit: str, goal: float, spread: tuple[float, float] | None = None
) -> Row:
    return Row(name, value, unit, f"at most {goal:g} {unit}", value <= goal, spread=spread)


def as_json(title: str, rows: Sequence[Row]) -> dict[str, Any]:
    return {"event": "done", "bench": title, "rows": [asdict(row) for row in rows]}


def show(title: str, rows: Sequence[Row], in_json: bool) -> None:
    """Print the table, or one JSON object."""
    if in_json:
        print(json.dumps(as_json(title, rows)), flush=True)
        return
    print(f"| {title} | measured | plain | goal | met |\n|---|---|---|---|---|")
    for row in rows:
        plain = f"{row.plain:.3g} {row.unit}" if row.plain is not None else ""
        spread = f" ({row.spread[0]:.3g} to {row.spread[1]:.3g})" if row.spread else ""
        met = "" if row.met is None else "yes" if row.met else "**no**"
        print(f"| {row.name} | {row.value:.3g} {row.unit}{spread} | {plain} | {row.goal} | {met} |")
