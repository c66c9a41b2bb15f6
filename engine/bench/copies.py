"""A library of any size: the documents of a small one, repeated, their vectors with noise.

Noise is Gaussian, so that a vector's cosine to its source is .80 in the middle; the first copy has none. All
of it follows from `SEED` and the small library. Everything goes through the product's own writer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.documents.extract import Extract
from engine.documents.passages import PassageSpan
from engine.library import schema, vector_cache, vectors, writer
from engine.library.scan import Entry
from engine.models.embedder import Embedder
from engine.store.database import Database

if TYPE_CHECKING:
    import numpy as np

    from engine.models.embedder import Vectors

SEED = 4
COSINE = 0.8

_TOGETHER = 50  # documents in one transaction
_SHA256 = "0" * 64  # nothing compares these documents with files


@dataclass(frozen=True)
class _Source:
    path: str
    extract: Extract
    spans: list[PassageSpan]
    vectors: Vectors


def make(small: Database, path: Path, embedder: Embedder, passages: int) -> None:
    """Write an index of `passages` at `path` by repeating the documents of `small`; the last may be cut."""
    schema.discard(path)
    database = schema.open_for_writing(path, embedder, lambda _event: None)
    documents = [row[0] for row in small.execute("SELECT id FROM documents WHERE state = 'meaning'")]
    wanted = _entries(small, documents, passages)
    while batch := list(itertools.islice(wanted, _TOGETHER)):
        with database.transaction():
            for copy, source in batch:
                path_of_copy = str(Path("/copies", str(copy), *Path(source.path).parts[1:]))
                write(database, path_of_copy, source.extract, source.spans, source.vectors)
    vector_cache.follow(database, lambda: None)
    database.checkpoint()
    database.close()


def noisy(rows: Vectors, dice: np.random.Generator) -> Vectors:
    """`rows`, float32 (n, d) of length 1, each turned by a random angle whose cosine is about `COSINE`."""
    import numpy as np

    length = (1 / COSINE**2 - 1) ** 0.5
    noise = dice.standard_normal(rows.shape, dtype=np.float32) * np.float32(length / rows.shape[1] ** 0.5)
    turned: Vectors = rows + noise
    turned /= np.linalg.norm(turned, axis=1, keepdims=True)
    return turned


def _entries(small: Database, documents: list[int], passages: int) -> Iterator[tuple[int, _Source]]:
    import numpy as np

    dice = np.random.default_rng(SEED)
    for copy in itertools.count():
        for document in documents:
            if passages <= 0:
                return
            source = _source(small, document)
            if not source.spans:
                continue
            kept = len(source.spans[:passages])
            passages -= kept
            rows = source.vectors[:kept]
            turned = noisy(rows, dice) if copy else rows
            yield copy, _Source(source.path, source.extract, source.spans[:kept], turned)


def _source(small: Database, document: int) -> _Source:
    path, kind, title, reader, pages, text = small.execute(
        "SELECT path, kind, title, reader, pages, text FROM documents JOIN texts ON document = id"
        " WHERE id = ?",
        (document,),
    )[0]
    rows = small.execute(
        'SELECT id, start, "end", page, heading, header FROM passages WHERE document = ? ORDER BY ordinal',
        (document,),
    )
    spans = [
        PassageSpan(start, end, page, tuple(heading.split(" > ")) if heading else (), header, 0)
        for _, start, end, page, heading, header in rows
    ]
    _, found = vectors.of(small, [row[0] for row in rows])
    return _Source(path, Extract(text, (), title, reader, pages, kind), spans, found)


def write(
    database: Database, path: str, extract: Extract, spans: Sequence[PassageSpan], found: Vectors
) -> None:
    """A document with its passages and their vectors, float32 (n, dimensions), as the index worker does."""
    entry = Entry(path, str(Path(path).anchor), len(extract.text))
    with database.transaction():
        writer.write(database, entry, extract, spans, sha256=_SHA256, folder=Path(path).parent.name)
        rows = database.execute(
            "SELECT p.id, d.id FROM passages AS p JOIN documents AS d ON d.id = p.document"
            " WHERE d.path = ? ORDER BY p.ordinal",
            (path,),
        )
        ids = [row[0] for row in rows]
        vectors.add(database, ids, found)
        vector_cache.append(database, ids, found)
        writer.mark_meaning(database, {rows[0][1]})
