"""Training: packs of rows through the frozen base with LoRA, within a time budget, resumable at any step."""

from __future__ import annotations

import hashlib
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.contracts import Control, Event, Progress
from engine.errors import Cancelled, EngineError
from engine.personalize.rows import TokenRow
from engine.personalize.run_folder import RunFolder
from engine.personalize.torch_backend import checkpoint, load, packs
from engine.personalize.torch_backend.network import SIDE_BY_SIDE, Network

WARMUP = 0.03  # share of the training with a rising learning rate
CLIP = 1.0
CHECKPOINT_SECONDS = 60.0


@dataclass(frozen=True)
class TrainPlan:
    """`seconds` of work at most, and at most `epochs` over the rows. One step is `SIDE_BY_SIDE` packs,
    each of `micro_batch_tokens` at most. The weights scale by alpha / rank.
    """

    seconds: float
    epochs: int = 4
    rank: int = 16
    alpha: float = 32.0
    learning_rate: float = 1e-3
    micro_batch_tokens: int = 256
    seed: int = 0


@dataclass(frozen=True)
class TrainResult:
    """`epochs` is a fraction when time ran out. `tokens` were computed, of `row_tokens` the rows have with
    their shared head counted in each; `loss` is the mean of the last tenth of the steps, nats a token.
    """

    steps: int
    epochs: float
    loss: float
    tokens: int
    row_tokens: int
    rows: int
    seconds: float


def train(
    rows: Sequence[TokenRow],
    base: Path,
    out: RunFolder,
    plan: TrainPlan,
    control: Control,
    emit: Callable[[Event], None],
) -> TrainResult:
    """Train on `rows` and leave the weights in `out.weights`; goes on from `out.checkpoint` if there is one.

    Paused and cancelled between steps; a cancelled training can go on later as if nothing had been.
    Raises Cancelled, EngineError: night_diverged, night_unsupported, model_broken.
    """
    if not rows:
        raise ValueError("there are no rows to train on")
    control.check()
    began = time.monotonic()
    network = Network(base, plan.rank, plan.alpha, plan.seed, load.fastest())
    training = Training(network, rows, plan, _identity(rows, base, plan))
    training.resume(out)
    training.run(out, control, emit, time.monotonic() - began)
    checkpoint.save_weights(out.weights, network.weights())
    checkpoint.discard(out.checkpoint)
    return training.result()


def measured_speed(base: Path, seconds: float = 4.0) -> float:
    """Tokens a second that a training computes here, tried on rows of no meaning for about `seconds`.

    Raises EngineError: night_unsupported, model_broken.
    """
    plan = TrainPlan(0, rank=TrainPlan.rank)
    chance = random.Random(1)
    # Lengths as of real rows: a pack of one shape alone would be faster than a night ever is.
    tried = [
        TokenRow(str(number), tuple(range(20, 44 + chance.randrange(12))), tuple(range(100, 108)))
        for number in range(600)
    ]
    training = Training(Network(base, plan.rank, plan.alpha, plan.seed, load.fastest()), tried, plan)
    for step in training.steps[:2]:
        training.step(step, 0.0)
    began, tokens = time.perf_counter(), 0
    for step in training.steps[2:]:
        training.step(step, 0.0)
        tokens += sum(pack.tokens for pack in step)
        if time.perf_counter() - began > seconds:
            break
    return tokens / (time.perf_counter() - began)


class Training:
    """A network being trained, and how far it is."""

    def __init__(
        self, network: Network, rows: Sequence[TokenRow], plan: TrainPlan, identity: str = ""
    ) -> None:
        import torch

        self._network, self._plan, self._identity = network, plan, identity
        self._optimizer = torch.optim.AdamW(
            [network.flat], lr=plan.learning_rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        )
        # All epochs are laid out ahead: the step alone says where in the data a training is.
        self.steps = [
            step
            for number in range(plan.epochs)
            for step in _together(packs.epoch(rows, plan.micro_batch_tokens, plan.seed, number))
        ]
        self._seconds = plan.seconds
        self._done = checkpoint.Progress()
        # Asked while the network is still the base.
        self._own: dict[str, Any] = {}
        for pack in packs.epoch([row for row in rows if row.keep], plan.micro_batch_tokens, plan.seed, 0):
            states = network.states(packs.batch(pack)).split([len(row.answer) for row in pack.rows])
            self._own.update(zip((row.row for row in pack.rows), states, strict=True))

    def run(
        self, out: RunFolder, control: Control, emit: Callable[[Event], None], spent: float = 0.0
    ) -> None:
        """Step until the epochs are through or the time is used up, of which `spent` seconds are gone: half
        of it is for steps, however slow the start was.

        Raises Cancelled, EngineError.
        """
        self._seconds = max(self._plan.seconds / 2, self._plan.seconds - spent)
        saved = time.monotonic()
        with out.metrics.open("a", encoding="utf-8") as metrics:
            for step in self._remaining():
                try:
                    control.check()
                except Cancelled:
                    self.save(out)
                    raise
                started = time.monotonic()
                rate = self.learning_rate()
                loss = self.step(step, rate)
                self._done = self._done.after(loss, step, time.monotonic() - started)
                self._report(metrics, emit, loss, rate)
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    metrics.flush()
                    self.save(out)
                    saved = time.monotonic()

    def step(self, step: Sequence[packs.Pack], rate: float) -> float:
        """One update; returns the loss before it. Raises EngineError("night_diverged")."""
        import torch

        flat = self._network.flat
        loss = self._network.loss(
            [packs.batch(pack) for pack in step], [self._own_states(pack) for pack in step]
        )
        flat.grad = self._network.gradient
        norm = torch.nn.utils.clip_grad_norm_([flat], CLIP)
        # Not updated: weights that are not finite would spoil the checkpoint, too.
        if not math.isfinite(loss) or not math.isfinite(float(norm)):
            raise EngineError("night_diverged", step=self._done.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        return loss

    def _own_states(self, pack: packs.Pack) -> Any:
        """What the base's head read for the rows to keep, in their order; None without any."""
        import torch

        kept = [self._own[row.row] for row in pack.rows if row.keep]
        return torch.cat(kept) if kept else None

    def learning_rate(self) -> float:
        """Rises, then falls in a line to 0 at the end of the epochs or of the time, whichever is nearer."""
        share = self._share()
        return self._plan.learning_rate * min((share + 1 / len(self.steps)) / WARMUP, 1.0) * (1 - share)

    def save(self, out: RunFolder) -> None:
        """A checkpoint from which a training goes on as if it had not been interrupted."""
        checkpoint.save(out.checkpoint, self._identity, self._network.weights(), self._optimizer, self._done)

    def resume(self, out: RunFolder) -> None:
        """Go on from the checkpoint, if there is one."""
        found = checkpoint.restore(out.checkpoint, self._identity, self._optimizer)
        if found is not None:
            arrays, self._done = found
            self._network.set_weights(arrays)
        checkpoint.cut(out.metrics, self._done.step)

    def result(self) -> TrainResult:
        done, each = self._done, len(self.steps) / self._plan.epochs
        recent = done.losses[-max(1, len(done.losses) // 10) :]
        loss = sum(recent) / len(recent) if recent else math.nan
        return TrainResult(
            done.step, done.step / each, loss, done.tokens, done.row_tokens, done.rows, done.seconds
        )

    def _remaining(self) -> Iterator[Sequence[packs.Pack]]:
        while self._done.step < len(self.steps) and self._done.seconds < self._seconds:
            yield self.steps[self._done.step]

    def _share(self) -> float:
        """How much of the training is behind us, by steps or by time, whichever is further."""
        return min(1.0, max(self._done.step / len(self.steps), self._done.seconds / self._seconds))

    def _report(self, metrics: Any, emit: Callable[[Event], None], loss: float, rate: float) -> None:
        done = self._done
        line = {
            "step": done.step,
            "loss": loss,
            "lr": rate,
            "tokens": done.tokens,
            "seconds": round(done.seconds, 3),
        }
        metrics.write(json.dumps(line) + "\n")
        share = self._share()
        left = done.seconds * (1 - share) / share if share else None
        emit(Progress("train", done.step, len(self.steps), f"{loss:.3f}", done.tokens / done.seconds, left))


def _together(found: Sequence[packs.Pack]) -> list[tuple[packs.Pack, ...]]:
    """Packs of one step each."""
    return [tuple(found[at : at + SIDE_BY_SIDE]) for at in range(0, len(found), SIDE_BY_SIDE)]


def _identity(rows: Sequence[TokenRow], base: Path, plan: TrainPlan) -> str:
    """Changes with all that makes a checkpoint useless; more or less time does not."""
    parts = (base.name, base.stat().st_size, replace(plan, seconds=0.0), tuple(rows))
    return hashlib.sha256(repr(parts).encode()).hexdigest()
