"""The night worker: runs a night on its run folder, from the first stage that is not done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.paths import Home
from engine.personalize.night import run_night
from engine.personalize.run_folder import RunFolder
from engine.workers.main import Work


class NightRole:
    """Verb: night."""

    background = True

    def __init__(self, home: Home) -> None:
        self._home = home

    def run(self, verb: str, params: dict[str, Any], work: Work) -> Any:
        from engine.personalize.stages import STAGES

        return run_night(RunFolder(Path(params["run"])), self._home, STAGES, work, work.emit)

    def stop(self) -> None:
        """Nothing to do: every stage looks at its flag between micro-batches and questions."""
