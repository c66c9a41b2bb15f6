"""How what is seen of a line is weighed, measured for an embedder by `nocturne bench answers --part lines`.

The weights lie in `resources/calibration/<id of the embedder>.toml`, with what they gave where nothing was
fitted. An embedder that nobody measured gets the defaults, which were set by hand.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from resources import resource


@dataclass(frozen=True)
class Weights:
    """Linear weights by the name of a feature of `lookup.py`.

    `line`: which of several lines answers; `sure`: does it at all, as a logit with `bias`. An answer is given
    from the probability `least` on.
    """

    line: Mapping[str, float] = field(
        default_factory=lambda: {"words": 4, "named": 2, "beside": 1, "kind": 1, "telling": 3}
    )
    sure: Mapping[str, float] = field(
        default_factory=lambda: {"words": 5, "named": 1, "beside": 4, "kind": 1, "telling": 3}
    )
    bias: float = -9.0
    least: float = 0.5

    def of_line(self, features: Mapping[str, float]) -> float:
        return sum(weight * features[name] for name, weight in self.line.items())

    def of_sureness(self, features: Mapping[str, float]) -> float:
        """Log-odds that the line answers."""
        return self.bias + sum(weight * features[name] for name, weight in self.sure.items())


UNMEASURED = Weights()


@cache
def stored(embedder: str) -> Weights:
    """What was measured for the embedder of this id, else the defaults."""
    try:
        text = resource(f"calibration/{embedder}.toml").read_text(encoding="utf-8")
    except FileNotFoundError:
        return UNMEASURED
    found = tomllib.loads(text)["weights"]
    return Weights(found["line"], found["sure"], float(found["bias"]), float(found["least"]))


def written(weights: Weights, measured: Mapping[str, float]) -> str:
    """The file of these weights; `measured` is what they gave where they were fitted and where not."""
    import tomli_w

    table: dict[str, Any] = {"weights": asdict(weights), "measured": dict(measured)}
    return tomli_w.dumps(table)
