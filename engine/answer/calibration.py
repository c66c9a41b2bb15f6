"""From where on found passages count as evidence, measured for a model by `nocturne bench answers`.

A pair of thresholds lies in `resources/calibration/<id of the chat model>.toml`, with what it was measured
on. A model that nobody measured gets the defaults, which were set by hand on a few folders.
"""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from functools import cache

from resources import resource


@dataclass(frozen=True)
class Calibration:
    """The best passage must hold the share `words` of the question's terms, or the cosine `similarity`."""

    words: float = 0.5
    similarity: float = 0.5


UNMEASURED = Calibration()


@cache
def stored(model: str) -> Calibration:
    """What was measured for the chat model of this catalog id, else the defaults."""
    try:
        text = resource(f"calibration/{model}.toml").read_text(encoding="utf-8")
    except FileNotFoundError:
        return UNMEASURED
    found = tomllib.loads(text)["evidence"]
    return Calibration(float(found["words"]), float(found["similarity"]))


def written(calibration: Calibration, measured: dict[str, float]) -> str:
    """The file of a calibration; `measured` is what it gave where it was fitted and where it was not."""
    import tomli_w

    return tomli_w.dumps({"evidence": asdict(calibration), "measured": measured})
