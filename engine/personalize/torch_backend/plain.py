"""The training everybody would write first: transformers' `Trainer` around PEFT. The benchmark's other arm.

bfloat16 where the processor has it, rows padded to the longest of their batch, each row with its own head,
logits at every position.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.models.threads import physical_cores
from engine.personalize.rows import TokenRow
from engine.personalize.torch_backend import load

_IGNORED = -100  # the label of a token that is not to be learned


class PlainTraining:
    """`model` of `load.load_base` with a LoRA, trained a few batches at a time."""

    def __init__(self, base: Path, rank: int, alpha: float, learning_rate: float) -> None:
        self._model = load.load_base(base)
        load.attach(self._model, rank, alpha, seed=0)
        self._learning_rate = learning_rate

    def seconds(self, batches: Sequence[Sequence[TokenRow]]) -> float:
        """How long one step over each batch takes, the loop's own preparations not counted."""
        import torch
        from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

        torch.set_num_threads(physical_cores())
        clock: dict[str, float] = {}

        class Clock(TrainerCallback):  # type: ignore[misc]  # mypy is told to skip transformers
            def on_step_begin(self, *_arguments: Any, **_more: Any) -> None:
                clock.setdefault("began", time.perf_counter())

            def on_step_end(self, *_arguments: Any, **_more: Any) -> None:
                clock["ended"] = time.perf_counter()

        with tempfile.TemporaryDirectory() as folder, load.quiet():
            trainer = Trainer(
                model=self._model,
                args=TrainingArguments(
                    output_dir=folder,
                    per_device_train_batch_size=1,  # an item of the data set is a whole batch
                    max_steps=len(batches),
                    learning_rate=self._learning_rate,
                    bf16=load.has_bf16(),
                    use_cpu=True,
                    save_strategy="no",
                    logging_strategy="no",
                    report_to=[],
                    disable_tqdm=True,
                    remove_unused_columns=False,
                    dataloader_pin_memory=False,
                ),
                train_dataset=[_padded(batch) for batch in batches],
                data_collator=lambda items: items[0],
                callbacks=[Clock()],
            )
            trainer.remove_callback(PrinterCallback)  # stdout is ours
            trainer.train()
        return clock["ended"] - clock["began"]


def _padded(rows: Sequence[TokenRow]) -> dict[str, Any]:
    """Tensors (rows, longest): input_ids, attention_mask, labels."""
    import torch

    longest = max(len(row.prompt) + len(row.answer) for row in rows)
    tokens = torch.zeros(len(rows), longest, dtype=torch.long)
    mask, labels = torch.zeros_like(tokens), torch.full_like(tokens, _IGNORED)
    for place, row in enumerate(rows):
        whole = torch.tensor([*row.prompt, *row.answer])
        tokens[place, : len(whole)] = whole
        mask[place, : len(whole)] = 1
        labels[place, len(row.prompt) : len(whole)] = whole[len(row.prompt) :]
    return {"input_ids": tokens, "attention_mask": mask, "labels": labels}
