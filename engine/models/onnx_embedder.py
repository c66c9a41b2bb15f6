"""The default embedder: a sentence model in ONNX form with the fast `tokenizers`, mean-pooled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.models.catalog import ModelCard
from engine.models.threads import physical_cores
from resources import resource

if TYPE_CHECKING:
    from engine.models.embedder import Vectors

# Texts in one run of the model. Small batches of equal length beat large ones on a CPU (measured).
BATCH = 8


class OnnxEmbedder:
    """`Embedder` over an ONNX file. Raises EngineError("model_broken" | "no_memory").

    `threads` bounds its computing threads (physical cores by default). Vectors of one text differ a little
    with its batch, because int8 scales are drawn from the whole batch.
    """

    def __init__(self, card: ModelCard, path: Path, threads: int | None = None, batch: int = BATCH) -> None:
        from tokenizers import Tokenizer

        self.id = f"{card.id}-{card.sha256[:12]}"
        self.dimensions = card.dimensions
        self.window = card.window
        self._batch = batch
        # The file asks for truncation and padding, both of which would falsify counts.
        tokenizer_file = str(resource(card.tokenizer))
        self._counter = Tokenizer.from_file(tokenizer_file)
        self._counter.no_truncation()
        self._counter.no_padding()
        self._tokenizer = Tokenizer.from_file(tokenizer_file)
        self._tokenizer.enable_truncation(card.window)
        self._tokenizer.no_padding()
        self._session = _session(path, card.name, threads or physical_cores())

    def count_tokens(self, text: str) -> int:
        return len(self._counter.encode(text).ids)

    def embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        encoded = [item.ids for item in self._tokenizer.encode_batch_fast(list(texts))]
        by_length = sorted(range(len(texts)), key=lambda index: len(encoded[index]))
        for start in range(0, len(by_length), self._batch):
            chosen = by_length[start : start + self._batch]
            vectors[chosen] = self._run([encoded[index] for index in chosen])
        return vectors

    def _run(self, batch: list[list[int]]) -> Vectors:
        import numpy as np

        shape = (len(batch), max(map(len, batch)))
        ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (states,) = self._session.run(["last_hidden_state"], inputs)
        # Normalising makes dividing by the number of tokens needless.
        summed: Vectors = np.einsum("bsd,bs->bd", states, mask.astype(np.float32))
        summed /= np.linalg.norm(summed, axis=1, keepdims=True)
        return summed


def _session(path: Path, name: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The arena would keep the largest batch's memory for ever, and a pattern is learned per input shape.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class of their own
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "bad_alloc" in detail or "memory" in detail.lower():
            raise EngineError("no_memory", model=name) from error
        raise EngineError("model_broken", model=name, detail=detail) from error
