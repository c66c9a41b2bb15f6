"""The real chat model: one llama.cpp model and one context, its conversation kept between calls."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import Cancelled, EngineError
from engine.models import adapters, together
from engine.models.chat import (
    ChatMessage,
    Finish,
    Generation,
    OnPrompt,
    Pieces,
    Sampling,
    Snapshot,
    repeats,
)
from engine.models.native import AbortSwitch, library, listening, model_parameters, state_format
from engine.models.sampling import Sampler
from engine.models.template import ChatTemplate
from engine.models.threads import physical_cores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# The most tokens evaluated between two looks at the stop flag. Longer slices are no faster (measured), and
# the compute buffers grow with them.
SLICE = 64

_ABORTED = 2


def context_settings(context: int, threads: int | None = None) -> dict[str, Any]:
    """The parameters every context of ours is made with, as `llama_cpp.Llama` names them.

    Compared arms must be equal: a raw context defaults to flash attention AUTO, `Llama` to off, and their
    logits differ by 0.9.
    """
    threads = threads or physical_cores()
    return {
        "n_gpu_layers": 0,
        "n_ctx": context,
        "n_batch": SLICE,
        "n_ubatch": SLICE,
        "n_threads": threads,
        "n_threads_batch": threads,
        "flash_attn": False,
    }


class LlamaChat:
    """`ChatModel` over a GGUF file (memory-mapped). The same prompt gets the same answer.

    Raises EngineError: model_broken, no_memory. `_kept` are the tokens whose keys and values are in memory;
    a prompt that begins with them is evaluated only from where it differs.
    """

    def __init__(
        self,
        path: Path,
        *,
        id: str,
        context: int,
        name: str = "chat",
        threads: int | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self.id = id
        self.base_id = id
        self.name = name
        self.adapter: adapters.AdapterCard | None = None
        self._adapter: adapters.Adapter | None = None
        self._scale = 1.0
        self._worn: tuple[adapters.Adapter | None, float] = None, 1.0
        self._llama = library()
        settings = context_settings(context, threads)
        with listening() as errors:
            self._model = self._load(path, settings)
            if not self._model:
                raise self._failure(errors.out_of_memory, errors.cause)
            self._context = self._llama.llama_init_from_model(self._model, self._parameters(settings))
            if not self._context:
                self._llama.llama_model_free(self._model)
                # llama.cpp does not always say why; with these parameters only memory can be short.
                raise self._failure(True, errors.cause)
        self.context = int(self._llama.llama_n_ctx(self._context))
        self._vocabulary = self._llama.llama_model_get_vocab(self._model)
        self._vocabulary_size = int(self._llama.llama_vocab_n_tokens(self._vocabulary))
        self._memory = self._llama.llama_get_memory(self._context)
        self._batch = self._llama.llama_batch_init(SLICE, 0, 1)
        self._switch = AbortSwitch(self._llama, self._context)
        self._sampler = Sampler(self._llama, self._vocabulary_size, sampling or Sampling())
        self._kept: list[int] = []
        self._closed = False
        self._template = self._read_template()
        self.opens_thought = self._template.opens_thought()

    # -- the protocol ----------------------------------------------------------------------------

    def tokenize(self, text: str) -> list[int]:
        return self._tokens(text, special=False)

    def render(self, messages: Sequence[ChatMessage]) -> list[int]:
        tokens: list[int] = []
        for text, is_markup in self._template.segments(messages):
            tokens += self._tokens(text, special=is_markup)
        return tokens

    def generate(
        self, prompt: Sequence[int], max_tokens: int, on_prompt: OnPrompt | None = None
    ) -> Generation:
        if len(prompt) >= self.context:
            raise EngineError("question_too_long", tokens=len(prompt), limit=self.context - 1)
        self._switch.clear()
        tokens = list(prompt)
        limit = min(max_tokens, self.context - len(tokens))
        return Generation(len(tokens), lambda generation: self._run(generation, tokens, limit, on_prompt))

    def answers(self, prompts: Sequence[Sequence[int]], max_tokens: int) -> list[tuple[str, Finish]]:
        self._switch.clear()
        written: list[tuple[str, Finish]] = []
        for first in range(0, len(prompts), together.TOGETHER):
            some = prompts[first : first + together.TOGETHER]
            with self._beside(sum(map(len, some)) + len(some) * max_tokens, len(some)) as sequences:
                written += [
                    (b"".join(map(self._piece, one.tokens)).decode(errors="ignore"), one.finish)
                    for one in together.write(sequences, some, max_tokens)
                ]
        return written

    def score(self, prompt: Sequence[int], completion: Sequence[int]) -> list[float]:
        return [
            self._logprob(logits, token)
            for logits, token in zip(self._predictions(prompt, completion), completion, strict=True)
        ]

    def logits(self, prompt: Sequence[int], completion: Sequence[int]) -> npt.NDArray[np.float32]:
        """float32 (completion, vocabulary): what was predicted in place of each completion token.

        `completion` has at least one token. Raises Cancelled on `stop`, EngineError("question_too_long").
        """
        import numpy as np

        return np.stack([logits.copy() for logits in self._predictions(prompt, completion)])

    def use_adapter(self, path: Path | None, scale: float = 1.0) -> None:
        """Answer with the adapter at `path`, or as the base (None), from the next call on; nothing reloads.

        On an error the model answers as before. Raises EngineError: adapter_broken, adapter_other_base.
        """
        loaded = None if path is None else adapters.load(self._llama, self._model, path, self.base_id)
        self._put_on(loaded, scale)
        if self._adapter is not None:
            self._adapter.close()
        self._adapter, self._scale = loaded, scale
        self.adapter = None if loaded is None else loaded.card
        self.id = self.base_id if loaded is None else f"{self.base_id}+{loaded.card.night}*{scale:g}"

    @contextmanager
    def as_base(self) -> Iterator[None]:
        """Inside, the model computes as the base; its adapter stays loaded and is on again after."""
        if self._adapter is None:
            yield
            return
        self._put_on(None, 1.0)
        try:
            yield
        finally:
            self._put_on(self._adapter, self._scale)

    @property
    def memory_key(self) -> str:
        adapter, scale = self._worn
        worn = "" if adapter is None else f"+{adapter.card.night}/{adapter.card.prepared_sha256}*{scale:g}"
        return f"{self.base_id}{worn}|{self.context}|{state_format()}"

    def remembers(self, prompt: Sequence[int]) -> int:
        return _shared(self._kept, prompt)

    def snapshot(self) -> Snapshot:
        size = int(self._llama.llama_state_seq_get_size(self._context, 0))
        buffer = (ctypes.c_uint8 * size)()
        written = int(self._llama.llama_state_seq_get_data(self._context, buffer, size, 0))
        return Snapshot(self.memory_key, list(self._kept), bytes(memoryview(buffer)[:written]))

    def resume(self, snapshot: Snapshot) -> bool:
        self._trim(0)
        if snapshot.key != self.memory_key or not 0 < len(snapshot.tokens) < self.context:
            return False
        data = (ctypes.c_uint8 * len(snapshot.data)).from_buffer_copy(snapshot.data)
        with listening():
            read = self._llama.llama_state_seq_set_data(self._context, data, len(data), 0)
        # Whether these are the keys and values of these tokens nobody can see, but how many there are.
        last = self._llama.llama_memory_seq_pos_max(self._memory, 0)
        if not read or last != len(snapshot.tokens) - 1:
            self._llama.llama_memory_clear(self._memory, True)
            return False
        self._kept = list(snapshot.tokens)
        return True

    @contextmanager
    def _beside(self, tokens: int, sequences: int) -> Iterator[_Beside]:
        """A second context of the model with room for `tokens` in all; the first keeps its conversation."""
        parameters = self._parameters(context_settings(tokens))
        parameters.n_seq_max, parameters.kv_unified = sequences, True
        with listening() as errors:
            context = self._llama.llama_init_from_model(self._model, parameters)
        if not context:
            raise self._failure(True, errors.cause)
        try:
            adapters.put_on(self._llama, context, *self._worn)
            yield _Beside(self, context)
        finally:
            self._llama.llama_free(context)

    def _put_on(self, adapter: adapters.Adapter | None, scale: float) -> None:
        adapters.put_on(self._llama, self._context, adapter, scale)
        self._worn = adapter, scale
        # Keys and values computed under other weights would be reused without complaint.
        self._llama.llama_memory_clear(self._memory, True)
        self._kept.clear()

    def _predictions(
        self, prompt: Sequence[int], completion: Sequence[int]
    ) -> Iterator[npt.NDArray[np.float32]]:
        """Logits for each completion token in turn, each valid until the next is asked for."""
        if len(prompt) + len(completion) > self.context:
            raise EngineError("question_too_long", tokens=len(prompt) + len(completion), limit=self.context)
        self._switch.clear()
        if not completion:
            return
        # Each token is predicted by the position before it; the last one predicts nothing we need.
        tokens = [*prompt, *completion[:-1]]
        first = len(prompt) - 1
        position = self._reuse(tokens, at_most=first)
        while position < len(tokens):
            taken = tokens[position : position + SLICE]
            wanted = range(max(first - position, 0), len(taken))
            if not self._decode(taken, wanted):
                raise Cancelled
            for index in wanted:
                yield self._logits(self._context, index)
            position += len(taken)

    def stop(self) -> None:
        self._switch.set()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._sampler.close()
        self._llama.llama_batch_free(self._batch)
        self._llama.llama_free(self._context)
        self._llama.llama_model_free(self._model)

    # -- one generation --------------------------------------------------------------------------

    def _run(
        self, generation: Generation, prompt: list[int], limit: int, on_prompt: OnPrompt | None
    ) -> Pieces:
        done = generation.cached_tokens = self._reuse(prompt, at_most=len(prompt) - 1)
        while done < len(prompt):
            taken = prompt[done : done + SLICE]
            if not self._decode(taken, range(len(taken) - 1, len(taken))):
                return
            done += len(taken)
            if on_prompt is not None:
                on_prompt(done, len(prompt))
        self._sampler.begin()
        while True:
            logits = self._logits(self._context, -1)
            token = self._sampler.draw(self._context, logits)
            generation.mark_first_token()
            if self._is_end(token):
                generation.finish = "stop"
                return
            if len(generation.tokens) >= limit:
                generation.finish = "length"
                return
            generation.tokens.append(token)
            generation.logprobs.append(self._logprob(logits, token))
            yield self._piece(token)
            if repeats(generation.tokens):
                generation.finish = "loop"
                return
            if len(self._kept) >= self.context:
                generation.finish = "length"
                return
            if not self._decode([token], range(1)):
                return

    def _reuse(self, tokens: Sequence[int], at_most: int) -> int:
        """Keep what memory and `tokens` share, `at_most` so many; returns how many are kept."""
        return self._trim(_shared(self._kept[:at_most], tokens))

    def _trim(self, length: int) -> int:
        if not self._llama.llama_memory_seq_rm(self._memory, 0, length, -1):
            # Recurrent models cannot forget a part.
            self._llama.llama_memory_clear(self._memory, True)
            length = 0
        del self._kept[length:]
        return length

    def _decode(self, tokens: Sequence[int], wanted: range) -> bool:
        """Evaluate at most SLICE tokens, computing logits for the `wanted` ones; False when stopped."""
        past = len(self._kept)
        inputs = [together.Input(token, past + at, 0, at in wanted) for at, token in enumerate(tokens)]
        try:
            evaluated = self._evaluate(self._context, inputs)
        except EngineError:
            self._trim(past)
            raise
        if evaluated:
            self._kept.extend(tokens)
        else:
            # What was evaluated before stays; what this call may have left half-done goes.
            self._trim(past)
        return evaluated

    def _evaluate(self, context: Any, inputs: Sequence[together.Input]) -> bool:
        """Evaluate at most SLICE inputs; False when stopped."""
        if self._switch.is_set:
            return False
        batch = self._batch
        batch.n_tokens = len(inputs)
        for index, (token, position, sequence, last) in enumerate(inputs):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = sequence
            batch.logits[index] = last
        with listening() as errors:
            code = self._llama.llama_decode(context, batch)
        if code in (0, _ABORTED):
            return bool(code == 0)
        raise self._failure(errors.out_of_memory, errors.cause)

    # -- the C side ------------------------------------------------------------------------------

    def _load(self, path: Path, settings: dict[str, Any]) -> Any:
        parameters = model_parameters(self._llama)
        parameters.n_gpu_layers = settings["n_gpu_layers"]
        parameters.load_mode = self._llama.LLAMA_LOAD_MODE_MMAP
        return self._llama.llama_model_load_from_file(os.fsencode(path), parameters)

    def _parameters(self, settings: dict[str, Any]) -> Any:
        llama, parameters = self._llama, self._llama.llama_context_default_params()
        for name in ("n_ctx", "n_batch", "n_ubatch", "n_threads", "n_threads_batch"):
            setattr(parameters, name, settings[name])
        parameters.flash_attn_type = (
            llama.LLAMA_FLASH_ATTN_TYPE_ENABLED
            if settings["flash_attn"]
            else llama.LLAMA_FLASH_ATTN_TYPE_DISABLED
        )
        return parameters

    def _read_template(self) -> ChatTemplate:
        source = self._llama.llama_model_chat_template(self._model, None)
        if not source:
            self.close()
            raise self._failure(False, "it carries no chat template")
        bos, eos = (
            self._token_text(token)
            for token in (
                self._llama.llama_vocab_bos(self._vocabulary),
                self._llama.llama_vocab_eos(self._vocabulary),
            )
        )
        return ChatTemplate(source.decode(), bos, eos, self.name)

    def _token_text(self, token: int) -> str:
        text = self._llama.llama_vocab_get_text(self._vocabulary, token) if token >= 0 else b""
        return bytes(text).decode()

    def _tokens(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        buffer = (self._llama.llama_token * room)()
        count = self._llama.llama_tokenize(self._vocabulary, data, len(data), buffer, room, False, special)
        return list(buffer[:count])

    def _is_end(self, token: int) -> bool:
        return bool(self._llama.llama_vocab_is_eog(self._vocabulary, token))

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        size = self._llama.llama_token_to_piece(self._vocabulary, token, buffer, len(buffer), 0, False)
        return buffer.raw[: max(size, 0)]

    def _logits(self, context: Any, index: int) -> npt.NDArray[np.float32]:
        """float32 (vocabulary,) of one position of the last batch: llama.cpp's memory, gone at the next."""
        import numpy as np

        pointer = self._llama.llama_get_logits_ith(context, index)
        return np.ctypeslib.as_array(pointer, shape=(self._vocabulary_size,))

    @staticmethod
    def _logprob(logits: npt.NDArray[np.float32], token: int) -> float:
        import numpy as np

        highest = logits.max()
        return float(logits[token] - highest - np.log(np.exp(logits - highest).sum()))

    def _failure(self, out_of_memory: bool, detail: str) -> EngineError:
        if out_of_memory:
            return EngineError("no_memory", model=self.name)
        return EngineError("model_broken", model=self.name, detail=detail)


class _Beside:
    """`together.Sequences` in a second context of a `LlamaChat`."""

    size = SLICE

    def __init__(self, chat: LlamaChat, context: Any) -> None:
        self._chat = chat
        self._context = context

    def evaluate(self, inputs: Sequence[together.Input]) -> list[int]:
        if not self._chat._evaluate(self._context, inputs):
            raise Cancelled
        return [
            int(self._chat._logits(self._context, at).argmax()) for at, one in enumerate(inputs) if one.last
        ]

    def copy(self, source: int, target: int, length: int) -> None:
        memory = self._chat._llama.llama_get_memory(self._context)
        self._chat._llama.llama_memory_seq_cp(memory, source, target, 0, length)

    def is_end(self, token: int) -> bool:
        return self._chat._is_end(token)


def _shared(kept: Sequence[int], wanted: Sequence[int]) -> int:
    """How many leading tokens are the same."""
    for index, (one, other) in enumerate(zip(kept, wanted, strict=False)):
        if one != other:
            return index
    return min(len(kept), len(wanted))
