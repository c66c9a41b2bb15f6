"""Nights from the asking side: plan one, run it in its worker, read what it did, switch adapters."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from engine.answer.memory import Sureness
from engine.contracts import Check, Forgotten, NightReport
from engine.errors import Cancelled, EngineError
from engine.models import catalog, prepare
from engine.models.files import has_hash
from engine.notices import NOTICES
from engine.paths import Home
from engine.personalize import calibrate, forgetting, readiness, rows_db
from engine.personalize.night import Steering, plan
from engine.personalize.rows import read_rows
from engine.personalize.run_folder import RunFolder
from engine.store.lock import is_held
from engine.store.nights import Night
from engine.store.user import UserStore
from engine.wire import from_json, to_json
from engine.workers.jobs import Job
from engine.workers.supervisor import Worker

UNFINISHED = ("running", "paused", "cancelled", "failed")
INTERRUPTED = "It was interrupted; it can be resumed."


class NightShift:
    """The verbs of `Engine` about nights, over the home's nights folder and one worker."""

    def __init__(self, home: Home, user: UserStore, worker: Worker) -> None:
        self._home = home
        self._user = user
        self._worker = worker
        self._told: str | None = None  # the adapter of which was said that it cannot be used
        if user.writable:
            # Who may write runs the nights, and has begun none yet: whoever did was killed.
            for night in user.nights():
                if night.state == "running":
                    user.end_night(night.id, "cancelled", INTERRUPTED)

    # -- running ---------------------------------------------------------------------------------

    def start(self, minutes: float, sources: Sequence[str] | None = None) -> Job[NightReport]:
        """Plan a new night over all folders that may be learned from, and run it."""
        folders = [folder.path for folder in self._user.folders() if folder.learn]
        self._refuse_second()
        readiness.check(self._home, folders)
        run = self._run(self._new_id())
        plan(run, minutes=minutes, folders=folders, used=self._user.used(), base=_base(), sources=sources)
        self._user.start_night(run.id, _base())
        return self._submit(run)

    def _new_id(self) -> str:
        """The moment, or the next one that no night has: two may begin within a second."""
        moment, known = datetime.now(UTC), {night.id for night in self._user.nights()}
        while (name := f"{moment:%Y%m%d-%H%M%S}") in known or self._run(name).root.exists():
            moment += timedelta(seconds=1)
        return name

    def resume(self, night: str | None) -> Job[NightReport]:
        """Go on with a night (the newest unfinished one) at its first stage that is not done."""
        found = self._unfinished(night)
        self._refuse_second()
        run = self._run(found.id)
        if run.read().get("plan", {}).get("base") != _base():
            raise EngineError("night_other_model", night=found.id)
        readiness.check_trainer()
        Steering(run).clear()
        self._user.start_night(run.id, _base())
        return self._submit(run)

    def _submit(self, run: RunFolder) -> Job[NightReport]:
        job: Job[NightReport] = self._worker.submit(
            "night", {"run": str(run.root)}, lambda raw: self._finish(run, raw), restartable=True
        )
        job.subscribe(on_end=lambda ended: self._note_end(run, ended))
        return job

    def _finish(self, run: RunFolder, record: Mapping[str, Any]) -> NightReport:
        """Switch the adapter on if the gate says so; yesterday's stays otherwise."""
        decision = record["stages"]["decide"]
        if decision["promoted"]:
            self._user.use_adapter(run.id)
        # As large as the library, and of use to no later stage.
        run.passages.unlink(missing_ok=True)
        self._user.end_night(run.id, "promoted" if decision["promoted"] else "kept", decision["reason"])
        return self.report(run.id)

    def _note_end(self, run: RunFolder, job: Job[NightReport]) -> None:
        try:
            job.result(0)
        except Cancelled:
            self._user.end_night(run.id, "cancelled", "It was cancelled; it can be resumed.")
        except EngineError as error:
            self._user.end_night(run.id, "failed", f"{error.message} {error.hint}")

    def _refuse_second(self) -> None:
        if self._worker.busy:
            raise EngineError("night_running")

    # -- steering, also from another process -----------------------------------------------------

    def steer(self, how: Literal["pause", "resume", "cancel"]) -> NightReport:
        """Pause, continue or cancel the night that runs, whichever process runs it."""
        found = next((night for night in self.reports() if night.state in ("running", "paused")), None)
        if found is None:
            raise EngineError("night_missing", night="under way")
        steering = Steering(self._run(found.id))
        steering.clear()
        if how == "pause":
            steering.pause.touch()
        elif how == "cancel":
            steering.cancel.touch()
        return self.report(found.id)

    def _unfinished(self, night: str | None) -> Night:
        if night is not None:
            chosen = self._user.night(night)
            if chosen.state not in UNFINISHED:
                raise EngineError("night_over", night=night)
            return chosen
        nights = sorted(self._user.nights(), key=lambda known: known.state != "running")
        found = next((known for known in nights if known.state in UNFINISHED), None)
        if found is None:
            raise EngineError("night_missing", night="under way")
        return found

    # -- results ---------------------------------------------------------------------------------

    def reports(self) -> list[NightReport]:
        return [self._reported(night) for night in self._user.nights()]

    def report(self, night: str) -> NightReport:
        return self._reported(self._user.night(night))

    def _reported(self, night: Night) -> NightReport:
        run = self._run(night.id)
        record = run.read()
        stages: Mapping[str, Any] = record.get("stages", {})
        train = stages.get("train", {})
        state, sentence = night.state, night.sentence
        if state == "running" and not self._user.writable and not is_held(self._home):
            state, sentence = "cancelled", INTERRUPTED
        elif state == "running" and Steering(run).pause.exists():
            state = "paused"
        return NightReport(
            id=night.id,
            state=state,
            started=night.started,
            finished=night.finished,
            stage=run.next_stage() if record else None,
            active=self._user.active_adapter() == night.id,
            promoted=night.state == "promoted",
            reason=sentence,
            **_scores(run),
            minutes={name: float(outcome.get("minutes", 0.0)) for name, outcome in stages.items()},
            rows=int(stages.get("compose", {}).get("rows", 0)),
            tokens_per_s=float(train.get("tokens_per_s", 0.0)),
            peak_mb=max((float(outcome.get("peak_mb", 0.0)) for outcome in stages.values()), default=0.0),
            stale=night.stale,
        )

    def use(self, night: str | None) -> None:
        """Let this night's adapter answer, or (None) the base alone. The next answer has it."""
        if night is not None:
            self.path(night)
        self._user.use_adapter(night)

    def path(self, night: str) -> Path:
        """The adapter's file. Raises EngineError: night_missing, night_not_done, night_other_model,
        adapter_broken.
        """
        run = self._run(self._user.night(night).id)
        record = run.read()
        made = record.get("stages", {}).get("export")
        if made is None:
            raise EngineError("night_not_done", night=night)
        if record["plan"]["base"] != _base():
            raise EngineError("night_other_model", night=night)
        if not run.adapter.exists():
            raise EngineError("adapter_broken", path=str(run.adapter), detail="the file is missing")
        if "sha256" in made and not has_hash(run.adapter, made["sha256"], self._home):
            raise EngineError("adapter_broken", path=str(run.adapter), detail="the file is damaged")
        return run.adapter

    def discard(self, night: str) -> None:
        """Delete what a night made; its adapter is switched off first."""
        run = self._run(self._user.night(night).id)
        if self._worker.busy and run.next_stage() is not None:
            raise EngineError("night_running")
        if self._user.active_adapter() == night:
            self._user.use_adapter(None)
        shutil.rmtree(run.root, ignore_errors=True)
        self._user.end_night(night, "discarded", "")

    def forget(self, path: str, keep: Sequence[str] = ()) -> Forgotten:
        """Remove what nights keep of files at or below `path`, except below `keep`.

        Raises EngineError(night_running): a night under way would write it anew.
        """
        self._refuse_second()
        gone = forgetting.at_or_below(path, keep)
        cleaned, discarded, stale = [], [], []
        for night in self._user.nights():
            run, is_over = self._run(night.id), night.state not in UNFINISHED
            held = forgetting.holds(run, gone)
            if held and not is_over:
                self.discard(night.id)
                discarded.append(night.id)
                continue
            if held:
                cleaned.append(night.id)
            if forgetting.learned(run, gone):
                self._user.mark_stale(night.id)
                stale.append(night.id)
            forgetting.remove_copies(run, Path(path), keep, is_over)
            forgetting.remove_rows(run, gone)
        asked = rows_db.forget(self._home.rows_db, gone)
        return Forgotten(path, 0, 0, asked, tuple(cleaned), tuple(discarded), tuple(stale))

    def answering(self, chosen: str | None) -> tuple[dict[str, Any] | None, str]:
        """Night and file of the adapter to answer with; and, once, why the one that is on cannot.

        `chosen` as in `Engine.ask`.
        """
        if chosen == "none":
            return None, ""
        try:
            path = self.active_path() if chosen is None else self.path(chosen)
        except EngineError as error:
            if chosen is not None:
                raise
            told, self._told = self._told, self._user.active_adapter()
            note = NOTICES["without_adapter"].format(problem=error.message, hint=error.hint)
            return None, note if told != self._told else ""
        self._told = None
        if path is None:
            return None, ""
        night = path.parent.name
        known = {"chosen": chosen is not None, "sureness": to_json(self.sureness(night))}
        return {"night": night, "path": str(path), **known}, ""

    def check(self) -> Check:
        """Whether the adapter that is on can be used."""
        try:
            path = self.active_path()
        except EngineError as error:
            return Check("adapter", False, error.message, error.hint)
        return Check("adapter", True, f"{path.parent.name} is on" if path else "the base answers")

    def active_path(self) -> Path | None:
        """The file of the adapter that is on. Raises what `path` does: then the base answers."""
        night = self._user.active_adapter()
        return self.path(night) if night is not None else None

    def taught_by(self, night: str, answer: str) -> str:
        """The file that taught a night this answer; empty if no row of it says so, or it is forgotten."""
        file = self._run(night).rows
        rows = read_rows(file) if file.exists() else iter(())
        return next((row.path for row in rows if row.answer == answer), "")

    def sureness(self, night: str) -> Sureness | None:
        """When an answer of this night's adapter is known and when guessed."""
        return calibrate.stored(self._run(night))

    def _run(self, night: str) -> RunFolder:
        return RunFolder(self._home.nights / night)


def _base() -> str:
    return prepare.base_id(catalog.default("chat"))


def _scores(run: RunFolder) -> dict[str, Any]:
    """`arms` and `asked` of a report, from the scorecard."""
    if not run.scorecard.exists():
        return {}
    card = json.loads(run.scorecard.read_text(encoding="utf-8"))
    return {
        "arms": from_json(dict[str, dict[str, float]], card["arms"]),
        "asked": from_json(dict[str, dict[str, int]], card.get("asked", {})),
    }
