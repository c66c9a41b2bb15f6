"""The folder of one night: everything its stages read and write, self-contained and portable."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.contracts import Phase

STAGES: tuple[Phase, ...] = ("select", "compose", "train", "export", "evaluate", "decide")
VERSION = 1


@dataclass(frozen=True)
class RunFolder:
    """`nights/<id>/`. A stage is done when run.json says so; a night resumes at the first that is not."""

    root: Path

    @property
    def id(self) -> str:
        return self.root.name

    @property
    def record(self) -> Path:
        return self.root / "run.json"

    @property
    def lessons(self) -> Path:
        return self.root / "passages.jsonl"

    @property
    def rows(self) -> Path:
        return self.root / "rows.jsonl"

    @property
    def tokens(self) -> Path:
        return self.root / "tokens.jsonl"

    @property
    def checkpoint(self) -> Path:
        return self.root / "checkpoint"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics.jsonl"

    @property
    def weights(self) -> Path:
        return self.root / "adapter.npz"

    @property
    def adapter(self) -> Path:
        return self.root / "adapter.gguf"

    @property
    def passages(self) -> Path:
        """A copy of the index as it was at the night's beginning: what the arms with files search."""
        return self.root / "passages.db"

    @property
    def probes(self) -> Path:
        return self.root / "probes.jsonl"

    @property
    def outcomes(self) -> Path:
        return self.root / "outcomes.jsonl"

    @property
    def scorecard(self) -> Path:
        return self.root / "scorecard.json"

    def read(self) -> dict[str, Any]:
        """run.json: {"version", "plan", "stages": {name: {...}}, ...}; empty before the night was planned."""
        if not self.record.exists():
            return {}
        record: dict[str, Any] = json.loads(self.record.read_text(encoding="utf-8"))
        return record

    def update(self, **values: Any) -> None:
        """Merge `values` into run.json; a kill leaves the old record or the new one."""
        self.root.mkdir(parents=True, exist_ok=True)
        record = {"version": VERSION, "stages": {}, **self.read(), **values}
        partial = self.record.with_name("run.json.part")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(record, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.record)

    def finish(self, stage: str, **outcome: Any) -> None:
        """Record that `stage` is done, with what it reports."""
        self.update(stages={**self.read().get("stages", {}), stage: outcome})

    def next_stage(self) -> Phase | None:
        """The first stage that is not done; None when the night is over."""
        done = self.read().get("stages", {})
        return next((stage for stage in STAGES if stage not in done), None)
