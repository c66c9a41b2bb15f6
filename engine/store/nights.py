"""Nights and the adapter that is on: what `personalize` did, and which of its results answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.errors import EngineError
from engine.store.tables import Tables, now

NightState = Literal["running", "paused", "cancelled", "failed", "kept", "promoted", "discarded"]


@dataclass(frozen=True)
class Night:
    """One night. `kept`: it finished and its adapter stayed off; `promoted`: it was switched on.

    `stale`: its adapter learned from a file that is forgotten.
    """

    id: str
    started: str
    finished: str | None
    base: str
    state: NightState
    stale: bool
    sentence: str


class Nights(Tables):
    """Tables `nights` and `active_adapter`."""

    def start_night(self, night: str, base: str) -> None:
        """Record that a night began on the model `base`."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO nights (id, started, base, state) VALUES (?, ?, ?, 'running')"
                " ON CONFLICT DO UPDATE SET state = 'running', finished = NULL",
                (night, now(), base),
            )

    def end_night(self, night: str, state: NightState, sentence: str = "") -> None:
        """Record how it ended, or that it stands still. Raises EngineError(night_missing)."""
        with self._writing() as database:
            database.execute(
                "UPDATE nights SET state = ?, sentence = ?, finished = ? WHERE id = ?",
                (state, sentence, now(), night),
            )
            if not database.changes:
                raise EngineError("night_missing", night=night)

    def mark_stale(self, night: str) -> None:
        """Record that its adapter learned from a file that is forgotten."""
        with self._writing() as database:
            database.execute("UPDATE nights SET stale = 1 WHERE id = ?", (night,))

    def nights(self) -> list[Night]:
        """All, newest first."""
        rows = self._database.execute(
            "SELECT id, started, finished, base, state, stale, sentence FROM nights ORDER BY id DESC"
        )
        return [
            Night(id, started, finished, base, state, bool(stale), sentence)
            for id, started, finished, base, state, stale, sentence in rows
        ]

    def night(self, night: str) -> Night:
        """One. Raises EngineError(night_missing)."""
        found = next((known for known in self.nights() if known.id == night), None)
        if found is None:
            raise EngineError("night_missing", night=night)
        return found

    def use_adapter(self, night: str | None) -> None:
        """Switch an adapter on, or (None) every one off. Raises EngineError(night_missing)."""
        if night is not None:
            self.night(night)
        with self._writing() as database:
            database.execute("DELETE FROM active_adapter")
            if night is not None:
                database.execute("INSERT INTO active_adapter VALUES (1, ?, ?)", (night, now()))

    def active_adapter(self) -> str | None:
        """The night whose adapter answers."""
        row = self._database.one("SELECT night FROM active_adapter")
        return str(row[0]) if row else None

    def used(self) -> dict[str, float]:
        """How often each file was opened or asked about: what a night should rather learn."""
        rows = self._database.execute(
            "SELECT path, count(*) FROM events WHERE path IS NOT NULL GROUP BY path"
        )
        return {path: float(count) for path, count in rows}
