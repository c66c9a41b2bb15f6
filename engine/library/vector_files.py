"""One generation of the search cache: arrays of vectors in plain files, mapped into memory.

Row i of every file belongs to one passage; a row of `ids` that is 0 was erased, or is not in use yet. Who has
mapped a generation sees rows appear and vanish while it is written.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.store.database import from_os_error, make_folder

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from engine.models.embedder import Vectors

    Ids = npt.NDArray[np.int64]
    Where = npt.NDArray[np.intp]
    Mask = npt.NDArray[np.bool_]

# Files grow by so many rows: what the scan of one block needs stays in a core's own cache.
BLOCK = 8192
# Of so many rows every vector is compared: that takes 7 ms and loses nothing.
EXACT = 50_000
# Of more, these many whose signs agree best with the query's, or such a share of all; of these some by the
# query's own values (lab log). A row's values cost more to read: each lies in another page of a large file.
_FETCHED = 10_000
_SHARE = 100
_COMPARED = 4_000
_TIMES = 20  # and never fewer than so many for each one that is asked for
_AT_ONCE = 512  # rows turned into floats together: these, too, stay in a core's own cache
_KEPT = 100_000_000  # bytes of vectors that may stay mapped; to map more again takes 8 ms a search
_FARTHEST = 0xFFFF
_TINY = 1e-12  # a length that is none


@dataclass(frozen=True, slots=True)
class Shape:
    """What a generation is made for: vectors of a length, and whether it holds signs to scan."""

    dimensions: int
    signs: bool

    def parts(self) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Files, each with the type and shape of one block."""
        parts: dict[str, tuple[str, tuple[int, ...]]] = {
            "ids": ("<i8", (BLOCK,)),
            "documents": ("<i8", (BLOCK,)),
            "scales": ("<f4", (BLOCK,)),
            "rows": ("<i1", (BLOCK, self.dimensions)),
        }
        if self.signs:
            # In columns, so that one stroke counts the bits of 64 dimensions for a whole block.
            parts["signs"] = ("<u8", (-(-self.dimensions // 64), BLOCK))
        return parts


class Generation:
    """The mapped files: a vector is `rows` x `scales`; `signs` are those of the vector less `mean`.

    Raises OSError or ValueError if files are missing or not of this shape.
    """

    def __init__(self, folder: Path, shape: Shape, *, write: bool = False) -> None:
        import numpy as np

        self._folder = folder
        self._shape = shape
        self._write = write
        self._mean: Vectors = np.fromfile(folder / "mean", "<f4")
        if self._mean.shape != (shape.dimensions,):
            raise ValueError("the mean has another length")
        self._map()

    @staticmethod
    def create(folder: Path, shape: Shape, mean: Vectors) -> Generation:
        """An empty one, to be written; `mean` is float32 (dimensions,). Raises EngineError as `put` does."""
        make_folder(folder)
        try:
            mean.astype("<f4").tofile(folder / "mean")
        except OSError as error:
            raise from_os_error(error, folder) from error
        _grow(folder, shape, 1)
        return Generation(folder, shape, write=True)

    @property
    def capacity(self) -> int:
        """Rows the files have room for."""
        return len(self._blocks["ids"]) * BLOCK

    @property
    def ids(self) -> Ids:
        return self._flat("ids")

    @property
    def documents(self) -> Ids:
        return self._flat("documents")

    def erased(self, rows: int) -> int:
        """How many of the first `rows` rows were erased."""
        return int((self.ids[:rows] == 0).sum())

    # -- writing ---------------------------------------------------------------------------------

    def put(self, start: int, ids: Ids, documents: Ids, vectors: Vectors) -> None:
        """Write rows from `start` on: ids and documents (n,), vectors float32 (n, dimensions).

        Raises EngineError(disk_full | home_read_only | database_failed).
        """
        import numpy as np

        stop = start + len(ids)
        if stop > self.capacity:
            _grow(self._folder, self._shape, -(-stop // BLOCK))
            self._map()
        scales = np.abs(vectors).max(axis=1, initial=np.finfo(np.float32).tiny) / 127
        self._flat("rows")[start:stop] = np.rint(vectors / scales[:, None])
        self._flat("scales")[start:stop] = scales
        if self._shape.signs:
            where = np.arange(start, stop)
            self._blocks["signs"][where // BLOCK, :, where % BLOCK] = self._signs(vectors)
        self.documents[start:stop] = documents
        self.ids[start:stop] = ids

    def erase(self, where: Where) -> None:
        """Overwrite rows with zeros, also on the disk once this returns."""
        if not len(where):
            return
        for name, blocks in self._blocks.items():
            if name == "signs":
                blocks[where // BLOCK, :, where % BLOCK] = 0
            elif name != "ids":
                self._flat(name)[where] = 0
        # Ids last: by them an erasure that was cut short is found and done again.
        self.sync()
        self.ids[where] = 0
        self.sync()

    def sync(self) -> None:
        """Return when everything written is on the disk."""
        for file in self._files.values():
            file.flush()

    # -- searching -------------------------------------------------------------------------------

    def nearest(
        self, query: Vectors, k: int, rows: int, allowed: Mask | None = None, gone: Ids | None = None
    ) -> Ids:
        """Passages (<= k,) of the first `rows` rows nearest to `query`, float32 (d,), nearest first.

        `allowed` is a mask (rows,) of the rows to search; passages of `gone` are left out.
        """
        import numpy as np

        query = query / max(float(np.linalg.norm(query)), _TINY)
        where = np.arange(rows) if allowed is None else np.flatnonzero(allowed)
        if self._shape.signs and len(where) > EXACT:
            where = self._similar(query, max(_FETCHED, len(where) // _SHARE, _TIMES * k), rows, allowed)
            where = self._likely(query, where, max(_COMPARED, _TIMES * k))
        ids = self.ids[where]
        alive = ids != 0
        if gone is not None and len(gone):
            alive &= ~np.isin(ids, gone)
        if not alive.all():
            where, ids = where[alive], ids[alive]
        return ids[np.argsort(-self._cosines(query, where), kind="stable")[:k]]

    def _similar(self, query: Vectors, count: int, rows: int, allowed: Mask | None) -> Where:
        """At least `count` rows whose signs differ least from the query's; all that tie with the last."""
        import numpy as np

        signs = self._blocks["signs"][: -(-rows // BLOCK)]
        wanted = self._signs(query[None])[0][:, None]
        differing = np.empty((len(signs), BLOCK), np.uint16)
        # uint8 counts of one block at a time: twenty times as fast as a table, and little memory.
        for block, out in zip(signs, differing, strict=True):
            np.bitwise_count(block ^ wanted).sum(axis=0, dtype=np.uint16, out=out)
        flat = differing.reshape(-1)[:rows]
        if allowed is not None:
            flat[~allowed] = _FARTHEST
        last = np.partition(flat, count)[count] if count < rows else _FARTHEST - 1
        return np.flatnonzero(flat <= min(last, _FARTHEST - 1))

    def _likely(self, query: Vectors, where: Where, count: int) -> Where:
        """The `count` of the rows `where` whose signs go best with the query's own values."""
        import numpy as np

        if len(where) <= count:
            return where
        signs, query = self._blocks["signs"], query - self._mean
        scores = np.empty(len(where), np.float32)
        for start in range(0, len(where), _AT_ONCE):
            part = where[start : start + _AT_ONCE]
            bits = np.unpackbits(
                signs[part // BLOCK, :, part % BLOCK].view(np.uint8), axis=1, count=len(query)
            )
            scores[start : start + _AT_ONCE] = np.vecdot(bits.astype(np.float32), query)
        return np.sort(where[np.argpartition(-scores, count)[:count]])

    def _cosines(self, query: Vectors, where: Where) -> Vectors:
        import numpy as np

        rows, found = self._flat("rows"), np.empty(len(where), np.float32)
        for start in range(0, len(where), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            # Not `@`: its threads wait for each other, beside a search by words for tens of milliseconds.
            found[part] = np.vecdot(rows[where[part]].astype(np.float32), query)
        found *= self._flat("scales")[where]
        if rows.nbytes > _KEPT and hasattr(mmap, "MADV_DONTNEED"):
            # Else the whole file would count as this process's memory after a few searches.
            mapped: Any = self._files["rows"].base
            mapped.madvise(mmap.MADV_DONTNEED)
        return found

    def _signs(self, vectors: Vectors) -> npt.NDArray[np.uint64]:
        """(n, words): one bit a dimension, the last word filled up with zeros."""
        import numpy as np

        packed = np.packbits(vectors > self._mean, axis=1)
        return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view("<u8")

    # -- files -----------------------------------------------------------------------------------

    def _map(self) -> None:
        """Map what all files hold alike: the last growth may have been cut short."""
        import numpy as np

        parts = self._shape.parts()
        blocks = min((self._folder / name).stat().st_size // _bytes(part) for name, part in parts.items())
        self._files = {
            name: np.memmap(self._folder / name, kind, "r+" if self._write else "r", shape=(blocks, *shape))
            for name, (kind, shape) in parts.items()
        }
        # Plain views: each slice of a memmap would cost more than the work on it.
        self._blocks: dict[str, npt.NDArray[Any]] = {
            name: file.view(np.ndarray) for name, file in self._files.items()
        }

    def _flat(self, name: str) -> npt.NDArray[Any]:
        blocks = self._blocks[name]
        return blocks.reshape(-1, *blocks.shape[2:])


def _bytes(part: tuple[str, tuple[int, ...]]) -> int:
    import numpy as np

    kind, shape = part
    return int(np.prod(shape)) * np.dtype(kind).itemsize


def _grow(folder: Path, shape: Shape, blocks: int) -> None:
    """Write zeros, and leave no holes: on a full disk a later write into one would kill the process."""
    try:
        for name, part in shape.parts().items():
            with (folder / name).open("ab") as file:
                missing = blocks * _bytes(part) - file.tell()
                while missing > 0:
                    missing -= file.write(bytes(min(missing, _bytes(part))))
    except OSError as error:
        raise from_os_error(error, folder) from error
