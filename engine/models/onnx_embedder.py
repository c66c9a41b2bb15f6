"""The default embedder: a sentence model in ONNX form with the fast `tokenizers`, mean-pooled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.models.catalog import ModelCard
from engine.models.embedder import Tokens
from engine.models.threads import physical_cores
from resources import resource

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from engine.models.embedder import Vectors

# Most tokens in one run of the model, padding included: a passage alone, or a few short texts of like length.
# Larger runs are slower on a CPU (5,500 tokens/s for passages one by one, 2,900 by sixteen) and need memory.
RUN_TOKENS = 256
# Tokens of texts read last that are kept, 1.5 KB each: a follow-up meets lines of the question before it.
KEPT_TOKENS = 8192


class OnnxEmbedder:
    """`Embedder` over an ONNX file. Raises EngineError("model_broken" | "no_memory").

    `threads` bounds its computing threads (physical cores by default).
    """

    def __init__(self, card: ModelCard, path: Path, threads: int | None = None) -> None:
        from tokenizers import Tokenizer

        self.id = embedder_id(card)
        self.dimensions = card.dimensions
        self.window = card.window
        # The file asks for truncation and padding, both of which would falsify counts.
        tokenizer_file = str(resource(card.tokenizer))
        self._counter = Tokenizer.from_file(tokenizer_file)
        self._counter.no_truncation()
        self._counter.no_padding()
        self._tokenizer = Tokenizer.from_file(tokenizer_file)
        self._tokenizer.enable_truncation(card.window)
        self._tokenizer.no_padding()
        self._session = _session(path, card.name, threads or physical_cores())
        self._kept: dict[str, Tokens] = {}  # those used last at the end

    def count_tokens(self, text: str) -> int:
        return len(self._counter.encode(text).ids)

    def embed(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        encoded = [item.ids for item in self._tokenizer.encode_batch_fast(list(texts))]
        for chosen in _runs([len(tokens) for tokens in encoded]):
            vectors[chosen] = self._run([encoded[index] for index in chosen])
        return vectors

    def embed_tokens(self, texts: Sequence[str]) -> list[Tokens]:
        new = [text for text in dict.fromkeys(texts) if text not in self._kept]
        found = {text: self._kept.pop(text) for text in dict.fromkeys(texts) if text in self._kept}
        found |= zip(new, self._read_tokens(new), strict=True)
        self._kept |= found
        room = KEPT_TOKENS - sum(len(tokens.spans) for tokens in self._kept.values())
        while room < 0:
            room += len(self._kept.pop(next(iter(self._kept))).spans)
        return [found[text] for text in texts]

    def _read_tokens(self, texts: Sequence[str]) -> list[Tokens]:
        import numpy as np

        encoded = self._tokenizer.encode_batch(list(texts))
        found = [Tokens(np.empty((0, self.dimensions), dtype=np.float32), ())] * len(texts)
        for chosen in _runs([len(item.ids) for item in encoded]):
            states, _mask = self._states([encoded[index].ids for index in chosen])
            for index, rows in zip(chosen, states, strict=True):
                item = encoded[index]
                kept = [at for at, special in enumerate(item.special_tokens_mask) if not special]
                vectors = rows[kept]
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
                found[index] = Tokens(vectors, tuple(item.offsets[at] for at in kept))
        return found

    def _run(self, batch: list[list[int]]) -> Vectors:
        import numpy as np

        states, mask = self._states(batch)
        # Normalising makes dividing by the number of tokens needless.
        summed: Vectors = np.einsum("bsd,bs->bd", states, mask.astype(np.float32))
        summed /= np.linalg.norm(summed, axis=1, keepdims=True)
        return summed

    def _states(self, batch: list[list[int]]) -> tuple[Vectors, npt.NDArray[np.int64]]:
        """Last hidden states (len(batch), longest, dimensions), and 1 where a token stands, 0 for padding."""
        import numpy as np

        shape = (len(batch), max(map(len, batch)))
        ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (states,) = self._session.run(["last_hidden_state"], inputs)
        return states, mask


def embedder_id(card: ModelCard) -> str:
    """The `id` of the embedder of this card, which need not be loaded for it."""
    return f"{card.id}-{card.sha256[:12]}"


def _runs(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of texts that share a run: neighbours in length, within RUN_TOKENS unless one is longer."""
    run: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if run and (len(run) + 1) * lengths[index] > RUN_TOKENS:
            yield run
            run = []
        run.append(index)
    if run:
        yield run


def _session(path: Path, name: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The arena would keep the largest batch's memory for ever, and a pattern is learned per input shape.
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    # Threads that wait by spinning take a core from whoever else is working, and gain nothing here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class of their own
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "bad_alloc" in detail or "memory" in detail.lower():
            raise EngineError("no_memory", model=name) from error
        raise EngineError("model_broken", model=name, detail=detail) from error
