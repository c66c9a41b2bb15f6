"""Attention over a pack: every row sees the shared head and itself, each as if it stood alone."""

from __future__ import annotations

from typing import Any

from engine.personalize.torch_backend.packs import Batch


class Rotation:
    """Rotary positions (Su et al., 2021), the halves of a head turned against each other."""

    def __init__(self, base: float, head_width: int, factors: Any = None) -> None:
        import torch

        self._speeds = base ** -(torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
        if factors is not None:
            self._speeds /= factors.float()

    def at(self, positions: Any, dtype: Any) -> tuple[Any, Any]:
        """(cosine, sine) for each position, (T, 1, head width), the sine negative in the first half."""
        import torch

        angles = positions.float()[:, None] * self._speeds
        cosine, sine = angles.cos(), angles.sin()
        return torch.cat((cosine, cosine), 1).to(dtype)[:, None], torch.cat((-sine, sine), 1).to(dtype)[
            :, None
        ]


class Attention:
    """Grouped-query attention (Ainslie et al., 2023) for one pack and its gradient.

    Tokens come as (T, ...): those of the head, then rows of equal length, padded at their end. What follows a
    row's end attends and is attended to by itself alone, and nothing is asked of it; what follows the last
    row takes no part.
    """

    def __init__(self, heads: int, kv_heads: int, width: int, batch: Batch) -> None:
        import torch

        self._heads, self._kv, self._width = heads, kv_heads, width
        self._head, self._rows, self._length = batch.head, batch.rows, batch.length
        self._size = batch.head + batch.rows * batch.length
        self._rest = len(batch.tokens) - self._size
        self._share = heads // kv_heads
        self._scale = width**-0.5
        # (query, key): a row's token sees all of the head and what stands before it in its row.
        self._hidden = [
            torch.ones(length, before + length, dtype=torch.bool).triu_(before + 1).repeat(self._share, 1)
            for before, length in ((0, self._head), (self._head, self._length))
        ]

    def forward(self, mixed: Any, turned: Any) -> tuple[Any, Any]:
        """Queries, keys and values (T, (heads + 2 kv) width) -> (T, heads width), and `seen`."""
        mixed = mixed[: self._size]
        cut = (self._heads + self._kv) * self._width
        both = _turn(mixed[:, :cut].view(len(mixed), -1, self._width), *turned)
        queries = both[:, : self._heads] * self._scale
        keys = both[:, self._heads :]
        values = mixed[:, cut:].view(len(mixed), self._kv, self._width)
        head, rows = self._parts(queries, keys, values)
        outs, seen = [], []
        for part, hidden in zip((head, rows), self._hidden, strict=True):
            if part is None:
                continue
            q, k, v = part
            likely = (q @ k.mT).masked_fill_(hidden, float("-inf")).softmax(-1)
            outs.append(likely @ v)
            seen.append((q, k, v, likely))
        return self._filled(self._back(outs)), seen

    def backward(self, dout: Any, seen: Any, turned: Any) -> Any:
        """The gradient of `mixed`."""
        import torch

        dout = dout[: self._size]
        douts = self._queries(dout.view(len(dout), self._heads, self._width))
        found = []
        for dpart, (q, k, v, likely) in zip(douts, seen, strict=True):
            dvalues = likely.mT @ dpart
            dlikely = dpart @ v.mT
            dscores = torch._softmax_backward_data(dlikely, likely, -1, likely.dtype)
            found.append((dscores @ k, dscores.mT @ q, dvalues))
        dqueries = self._back([dq for dq, _dk, _dv in found]).view(len(dout), self._heads, self._width)
        dkeys = self._gathered([dk for _dq, dk, _dv in found])
        dvalues = self._gathered([dv for _dq, _dk, dv in found])
        dboth = torch.cat((dqueries * self._scale, dkeys), 1)
        # Turned back: the transpose of a rotation is that by the negative angle.
        dturned = _turn(dboth, turned[0], -turned[1]).flatten(1)
        return self._filled(torch.cat((dturned, dvalues.reshape(len(dout), -1)), 1))

    def _filled(self, tokens: Any) -> Any:
        """Zeros for what takes no part."""
        import torch

        return torch.nn.functional.pad(tokens, (0, 0, 0, self._rest))

    # -- layouts: (rows * kv, queries or keys, width) --------------------------------------------

    def _parts(self, queries: Any, keys: Any, values: Any) -> list[Any]:
        import torch

        sides = []
        for tokens in (keys, values):
            head = tokens[: self._head].transpose(0, 1)
            rows = tokens[self._head :].view(self._rows, self._length, self._kv, self._width).transpose(1, 2)
            wide = head[None].expand(self._rows, -1, -1, -1)
            sides.append((head, torch.cat((wide, rows), 2).flatten(0, 1)))
        (head_keys, row_keys), (head_values, row_values) = sides
        asked = self._queries(queries)
        if not self._head:
            return [None, (asked[0], row_keys, row_values)]
        return [(asked[0], head_keys, head_values), (asked[1], row_keys, row_values)]

    def _queries(self, tokens: Any) -> list[Any]:
        """(T, heads, width) -> for head (if there is one) and rows: (rows * kv, share * length, width)."""
        head = tokens[: self._head].view(self._head, self._kv, self._share, self._width)
        rows = tokens[self._head :].view(self._rows, self._length, self._kv, self._share, self._width)
        turned = rows.permute(0, 2, 3, 1, 4).reshape(self._rows * self._kv, -1, self._width)
        if not self._head:
            return [turned]
        return [head.permute(1, 2, 0, 3).reshape(self._kv, -1, self._width), turned]

    def _back(self, parts: list[Any]) -> Any:
        """The reverse of `_queries`: (T, heads * width)."""
        import torch

        rows = parts[-1].view(self._rows, self._kv, self._share, self._length, self._width)
        flat = [rows.permute(0, 3, 1, 2, 4).reshape(self._rows * self._length, -1)]
        if self._head:
            head = parts[0].view(self._kv, self._share, self._head, self._width)
            flat.insert(0, head.permute(2, 0, 1, 3).reshape(self._head, -1))
        return torch.cat(flat)

    def _gathered(self, parts: list[Any]) -> Any:
        """Gradients of keys or values -> (T, kv, width); the head's come from all rows and from itself."""
        import torch

        wide = parts[-1].view(self._rows, self._kv, self._head + self._length, self._width)
        rows = wide[:, :, self._head :].transpose(1, 2).reshape(-1, self._kv, self._width)
        if not self._head:
            return rows
        head = wide[:, :, : self._head].float().sum(0).to(rows.dtype) + parts[0]
        return torch.cat((head.transpose(0, 1), rows))


def _turn(tokens: Any, cosine: Any, sine: Any) -> Any:
    """(T, heads, width) turned by the angles of `Rotation.at`."""
    half = tokens.shape[-1] // 2
    return tokens * cosine + tokens.roll(half, -1) * sine
