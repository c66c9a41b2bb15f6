"""The night worker: runs one stage of a night on its run folder, the first that is not done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import Again
from engine.paths import Home
from engine.personalize import readiness
from engine.personalize.night import run_next
from engine.personalize.run_folder import RunFolder
from engine.workers.main import Work


class NightRole:
    """Verb: night."""

    background = True

    def __init__(self, home: Home) -> None:
        self._home = home

    def run(self, verb: str, params: dict[str, Any], work: Work) -> Any:
        from engine.personalize.stages import STAGES

        run = RunFolder(Path(params["run"]))
        readiness.hold_base(run, self._home)
        # A process of its own for each stage: only its end gives back what a stage took.
        if run_next(run, self._home, STAGES, work, work.emit):
            raise Again
        return run.read()

    def stop(self) -> None:
        """Nothing to do: every stage looks at its flag between micro-batches and questions."""
