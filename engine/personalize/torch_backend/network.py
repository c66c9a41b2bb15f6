"""The served model as a network that is trained: frozen weights, LoRA beside them, gradients by hand.

A decoder of the Llama family (Touvron et al., 2023) with LoRA (Hu et al., 2021) on every linear layer.
Autograd and PEFT compute the same about three times slower on a processor (lab log): they run each of
seven LoRA pairs a layer through products of its own, cast its weights at every use, and attend over all
rows of a pack at once. Here layers that read the same input are one product, a row attends to the head and
itself only, and what a step changes is one flat tensor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.models import metadata
from engine.models.threads import physical_cores
from engine.personalize.export import LAYERS, architecture, unpermute
from engine.personalize.rows import TokenRow
from engine.personalize.torch_backend import packs
from engine.personalize.torch_backend.attention import Attention, Rotation
from engine.personalize.torch_backend.packs import Batch

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[np.float32]]

HEAD_SLICE = 64  # answer tokens whose logits are held at once: 49,152 numbers each
SIDE_BY_SIDE = 2  # packs computed at once, on any machine: the same rows give the same weights
# Linear layers that read the same input, by llama.cpp's names.
GROUPS = (("attn_q", "attn_k", "attn_v"), ("attn_output",), ("ffn_gate", "ffn_up"), ("ffn_down",))


@dataclass(frozen=True)
class Shape:
    """What a GGUF file says of its network: counts, `width` of the residual stream in numbers."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    epsilon: float
    rope_base: float

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @classmethod
    def read(cls, base: Path) -> Shape:
        """Raises EngineError: night_unsupported, model_broken."""
        kind = architecture(base)
        if kind not in LAYERS:
            raise EngineError("night_unsupported", architecture=kind)
        names = {
            "layers": f"{kind}.block_count",
            "width": f"{kind}.embedding_length",
            "heads": f"{kind}.attention.head_count",
            "kv_heads": f"{kind}.attention.head_count_kv",
            "epsilon": f"{kind}.attention.layer_norm_rms_epsilon",
            "rope_base": f"{kind}.rope.freq_base",
        }
        told = metadata.read(base, *names.values())
        found = {field: told[name] for field, name in names.items() if name in told}
        heads = int(found["heads"])
        return cls(
            int(found["layers"]),
            int(found["width"]),
            heads,
            int(found.get("kv_heads", heads)),
            float(found["epsilon"]),
            float(found.get("rope_base", 10_000.0)),
        )


class _Group:
    """Layers with one input: y = x W' + (x A') B' * scale, the parts of W, A and B stacked, B in blocks.

    `joint` holds the rows of W and below them those of A, so that one product gives both.
    """

    def __init__(self, weights: list[Any], rank: int, scale: float) -> None:
        import torch

        self.outs = [weight.shape[0] for weight in weights]
        self.out, self.inner, self.rank, self.scale = sum(self.outs), weights[0].shape[1], rank, scale
        narrow = rank * len(weights)
        empty = torch.zeros(narrow, self.inner, dtype=weights[0].dtype)
        self.joint = torch.cat([*weights, empty])
        self.blocks = torch.zeros(self.out, narrow, dtype=weights[0].dtype)

    @property
    def sizes(self) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Shapes of (A, B) of each layer."""
        return [((self.rank, self.inner), (out, self.rank)) for out in self.outs]

    def take(self, pairs: list[tuple[Any, Any]]) -> None:
        """Compute with these A and B from now on."""
        row = 0
        for number, (a, b) in enumerate(pairs):
            place = slice(number * self.rank, (number + 1) * self.rank)
            self.joint[self.out :][place].copy_(a)
            self.blocks[row : row + len(b), place].copy_(b * self.scale)
            row += len(b)

    def forward(self, x: Any) -> tuple[Any, Any]:
        """(y, x A'): the second is needed for the gradient."""
        import torch

        both = x @ self.joint.T
        narrow = both[:, self.out :].contiguous()
        return torch.addmm(both[:, : self.out], narrow, self.blocks.T), narrow

    def backward(self, dy: Any, x: Any, narrow: Any, gradients: list[tuple[Any, Any]], wanted: bool) -> Any:
        """Fill in the gradients of A and B; returns that of x if `wanted`."""
        import torch

        dnarrow = dy @ self.blocks
        row = 0
        for number, (da, db) in enumerate(gradients):
            place = slice(number * self.rank, (number + 1) * self.rank)
            db.copy_(dy[:, row : row + len(db)].T @ narrow[:, place]).mul_(self.scale)
            da.copy_(dnarrow[:, place].T @ x)
            row += len(db)
        if not wanted:
            return None
        return torch.addmm(dnarrow @ self.joint[self.out :], dy, self.joint[: self.out])


class Network:
    """`flat` (float32) holds all LoRA weights, `gradient` what the last `loss` found for them."""

    def __init__(self, base: Path, rank: int, alpha: float, seed: int, dtype: Any) -> None:
        """Read the frozen weights from a GGUF file. Raises EngineError: night_unsupported, model_broken."""
        import torch

        torch.set_num_threads(max(1, physical_cores() // SIDE_BY_SIDE))
        self.shape, self.rank, self.dtype = Shape.read(base), rank, dtype
        tensors = dict(_tensors(base, self.shape, dtype))
        self._embedding = tensors.pop("token_embd.weight")
        self._head = tensors.pop("output.weight", self._embedding)
        self._last_norm = tensors.pop("output_norm.weight")
        self._norms, self._groups = [], []
        for number in range(self.shape.layers):
            layer = f"blk.{number}"
            self._norms.append(
                (tensors.pop(f"{layer}.attn_norm.weight"), tensors.pop(f"{layer}.ffn_norm.weight"))
            )
            self._groups.append(
                [
                    _Group([tensors.pop(f"{layer}.{name}.weight") for name in names], rank, alpha / rank)
                    for names in GROUPS
                ]
            )
        self._rotation = Rotation(
            self.shape.rope_base, self.shape.head_width, tensors.pop("rope_freqs.weight", None)
        )
        if tensors:  # biases, norms of queries, experts: computed without them the model would be another
            raise EngineError("night_unsupported", architecture=f"llama with {min(tensors)}")
        sizes = [size for groups in self._groups for group in groups for pair in group.sizes for size in pair]
        count = sum(math.prod(size) for size in sizes)
        self.flat, self.gradient = torch.zeros(count), torch.zeros(count)
        self._pool = ThreadPoolExecutor(SIDE_BY_SIDE)
        self._reset(seed)

    # -- the LoRA weights ------------------------------------------------------------------------

    def pairs(self, flat: Any) -> Iterator[tuple[int, int, list[tuple[Any, Any]]]]:
        """(layer, group, [(A, B), ...]): views of a flat tensor."""
        at = 0
        for layer, groups in enumerate(self._groups):
            for number, group in enumerate(groups):
                found = []
                for first, second in group.sizes:
                    a = flat[at : at + math.prod(first)].view(first)
                    at += math.prod(first)
                    found.append((a, flat[at : at + math.prod(second)].view(second)))
                    at += math.prod(second)
                yield layer, number, found

    def named(self) -> Iterator[tuple[str, Any]]:
        """llama.cpp's name and a view of `flat`: lora_a (rank, in), lora_b (out, rank), float32."""
        for layer, number, found in self.pairs(self.flat):
            for name, (a, b) in zip(GROUPS[number], found, strict=True):
                yield f"blk.{layer}.{name}.weight.lora_a", a
                yield f"blk.{layer}.{name}.weight.lora_b", b

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """Copies of the LoRA weights by name, rows in the order of transformers."""
        return {name: tensor.numpy().copy() for name, tensor in self.named()}

    def set_weights(self, arrays: Arrays) -> None:
        """Go on from these weights. Raises ValueError if they are another model's."""
        import torch

        named = dict(self.named())
        if named.keys() != arrays.keys():
            raise ValueError("the weights are those of another model")
        for name, tensor in named.items():
            tensor.copy_(torch.from_numpy(arrays[name]))

    def _reset(self, seed: int) -> None:
        """As PEFT begins: A uniform within 1 / sqrt(in), B zero, so that nothing is changed yet."""
        import torch

        chance = torch.Generator().manual_seed(seed)
        for _layer, _number, found in self.pairs(self.flat):
            for a, _b in found:
                a.uniform_(-1 / math.sqrt(a.shape[1]), 1 / math.sqrt(a.shape[1]), generator=chance)

    # -- packs -----------------------------------------------------------------------------------

    def loss(self, batches: Sequence[Batch], own: Sequence[Any]) -> float:
        """Mean loss over the answer tokens of all packs, nats; leaves its gradient in `gradient`.

        Cross-entropy with the answer; where a batch says `kept`, the divergence from the base's distribution
        (Hinton et al., 2015), whose `states` are in `own`, one tensor a pack.

        Packs are computed side by side, each by threads of its own: cores that work on one product wait for
        each other after every operation, which costs half the speed beside other programs.
        """
        import torch

        answers = sum(len(batch.targets) for batch in batches)
        with torch.inference_mode():
            self._take()
        spare = [self.gradient, *(torch.empty_like(self.gradient) for _ in batches[1:])]
        losses = list(
            self._pool.map(
                lambda batch, states, gradient: self._pack(batch, states, gradient, answers),
                batches,
                own,
                spare,
            )
        )
        for other in spare[1:]:
            self.gradient += other
        return sum(losses)

    def logits(self, batch: Batch) -> npt.NDArray[np.float32]:
        """float32 (A, vocabulary): what is predicted in place of each answer token of a pack."""
        import torch

        with torch.inference_mode():
            found: npt.NDArray[np.float32] = (self.states(batch) @ self._head.T).float().numpy()
            return found

    def states(self, batch: Batch) -> Any:
        """(A, width): what the head reads in place of each answer token of a pack."""
        import torch

        with torch.inference_mode():
            self._take()
            attention = Attention(self.shape.heads, self.shape.kv_heads, self.shape.head_width, batch)
            turned = self._rotation.at(torch.from_numpy(batch.positions), self.dtype)
            x = self._embedding[torch.from_numpy(batch.tokens)]
            for layer in range(self.shape.layers):
                x, _kept = self._forward(layer, x, attention, turned)
            return self._norm(x[torch.from_numpy(batch.predicting)], self._last_norm)[0]

    def _take(self) -> None:
        """Compute with what `flat` holds now."""
        for layer, number, found in self.pairs(self.flat.to(self.dtype)):
            self._groups[layer][number].take(found)

    def _pack(self, batch: Batch, own: Any, gradient: Any, answers: int) -> float:
        """The part of a pack in the mean over `answers` tokens; its gradient goes into `gradient`."""
        import torch

        with torch.inference_mode():
            attention = Attention(self.shape.heads, self.shape.kv_heads, self.shape.head_width, batch)
            turned = self._rotation.at(torch.from_numpy(batch.positions), self.dtype)
            x = self._embedding[torch.from_numpy(batch.tokens)]
            steps = []
            for layer in range(self.shape.layers):
                x, kept = self._forward(layer, x, attention, turned)
                steps.append(kept)
            loss, dx = self._answers(x, batch, own, answers)
            gradients = {(layer, number): found for layer, number, found in self.pairs(gradient)}
            for layer in reversed(range(self.shape.layers)):
                dx = self._backward(layer, dx, steps.pop(), attention, turned, gradients)
            return loss

    def _forward(self, layer: int, x: Any, attention: Attention, turned: Any) -> tuple[Any, Any]:
        qkv, out, gate_up, down = self._groups[layer]
        first, second = self._norms[layer]
        normed, root = self._norm(x, first)
        mixed, narrow = qkv.forward(normed)
        attended, seen = attention.forward(mixed, turned)
        added, narrow_out = out.forward(attended)
        middle = x + added
        normed_too, root_too = self._norm(middle, second)
        both, narrow_both = gate_up.forward(normed_too)
        gate, up = both.chunk(2, dim=1)
        added, narrow_down = down.forward(gate * gate.sigmoid() * up)
        kept = (
            (x, root, normed, narrow, attended, seen, narrow_out),
            (middle, root_too, normed_too, narrow_both, gate, up, narrow_down),
        )
        return middle + added, kept

    def _backward(
        self, layer: int, dx: Any, kept: Any, attention: Attention, turned: Any, gradients: Any
    ) -> Any:
        qkv, out, gate_up, down = self._groups[layer]
        first, second = self._norms[layer]
        (x, root, normed, narrow, attended, seen, narrow_out), rest = kept
        middle, root_too, normed_too, narrow_both, gate, up, narrow_down = rest
        # Computed once more: keeping these two for every layer costs over 100 MB and gains no speed.
        sigmoid = gate.sigmoid()
        opened = gate * sigmoid
        dacted = down.backward(dx, opened * up, narrow_down, gradients[layer, 3], True)
        # d(gate sigmoid(gate)) = sigmoid + opened - opened sigmoid
        dgate = dacted * up * (sigmoid + opened - opened * sigmoid)
        dboth = _joined(dgate, dacted * opened)
        dnormed = gate_up.backward(dboth, normed_too, narrow_both, gradients[layer, 2], True)
        dmiddle = dx + _norm_gradient(dnormed, middle, root_too, second)
        dattended = out.backward(dmiddle, attended, narrow_out, gradients[layer, 1], True)
        dmixed = attention.backward(dattended, seen, turned)
        dnormed = qkv.backward(dmixed, normed, narrow, gradients[layer, 0], layer > 0)
        return None if layer == 0 else dmiddle + _norm_gradient(dnormed, x, root, first)

    def _answers(self, x: Any, batch: Batch, own: Any, answers: int) -> tuple[float, Any]:
        """The part of the loss, and its gradient for the last layer's output: only what predicts has one."""
        import torch

        places = torch.from_numpy(batch.predicting)
        states = x[places]
        normed, root = self._norm(states, self._last_norm)
        dnormed = torch.empty_like(normed)
        wanted = torch.empty_like(normed)
        kept, targets = torch.from_numpy(batch.kept), torch.from_numpy(batch.targets)
        if own is not None:
            wanted[kept] = own
        loss = 0.0
        for first in range(0, len(places), HEAD_SLICE):
            part = slice(first, first + HEAD_SLICE)
            found, dlogits = self._predicted(normed[part], targets[part], kept[part], wanted[part])
            loss += found
            dnormed[part] = dlogits.div_(answers).to(self.dtype) @ self._head
        dx = torch.zeros_like(x)
        dx[places] = _norm_gradient(dnormed, states, root, self._last_norm)
        return loss / answers, dx

    def _predicted(self, normed: Any, targets: Any, kept: Any, wanted: Any) -> tuple[float, Any]:
        """Sum of the loss over some answer tokens, and its gradient for their logits.

        `wanted`: where a token is `kept`, what the base's head read for it.
        """
        logprobs = (normed @ self._head.T).float().log_softmax(1)
        learned, taught = (~kept).nonzero()[:, 0], targets[~kept]
        loss = -logprobs[learned, taught].sum()
        told = (wanted[kept] @ self._head.T).float().log_softmax(1)
        loss += (told.exp() * (told - logprobs[kept])).sum()
        dlogits = logprobs.exp_()
        dlogits[learned, taught] -= 1
        dlogits[kept] -= told.exp_()
        return float(loss), dlogits

    def _norm(self, x: Any, weight: Any) -> tuple[Any, Any]:
        """RMS norm (Zhang and Sennrich, 2019): (x root weight, root), root float32 (T, 1)."""
        wide = x.float()
        root = (wide.square().mean(1, keepdim=True) + self.shape.epsilon).rsqrt_()
        return (wide * root).to(x.dtype) * weight, root


def _norm_gradient(dy: Any, x: Any, root: Any, weight: Any) -> Any:
    dwide, wide = (dy * weight).float(), x.float()
    along = (dwide * wide).mean(1, keepdim=True) * root.pow(3)
    return (dwide * root).sub_(wide * along).to(dy.dtype)


def _joined(first: Any, second: Any) -> Any:
    import torch

    return torch.cat((first, second), dim=1)


def _tensors(base: Path, shape: Shape, dtype: Any) -> Iterator[tuple[str, Any]]:
    """Name and weight of each tensor of a GGUF file, dequantised one by one, rows as in transformers."""
    import gguf
    import torch

    for tensor in gguf.GGUFReader(base).tensors:
        try:
            wide = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        except NotImplementedError as error:
            raise EngineError("night_unsupported", architecture=tensor.tensor_type.name) from error
        if ".attn_q." in tensor.name or ".attn_k." in tensor.name:
            wide = unpermute(wide, shape.heads if ".attn_q." in tensor.name else shape.kv_heads)
        yield tensor.name, torch.from_numpy(wide.copy()).to(dtype)


def trained(base: Path, file: Path, alpha: float) -> Callable[[TokenRow], npt.NDArray[np.float32]]:
    """The trainer's side of a parity check: TokenRow -> float32 logits (answer, vocabulary).

    `file` holds the weights a training left; computed in float32, so that what differs is llama.cpp's doing.
    """
    import numpy as np
    import torch

    with np.load(file) as stored:
        arrays = {name: stored[name] for name in stored.files}
    rank = next(array.shape[0] for name, array in arrays.items() if name.endswith("lora_a"))
    network = Network(base, rank, alpha, 0, torch.float32)
    network.set_weights(arrays)
    return lambda row: network.logits(packs.batch(packs.Pack(0, (row,))))
