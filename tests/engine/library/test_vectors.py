"""Nearest vectors: exact, and filtered inside the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.errors import EngineError
from engine.library import vectors

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library


@pytest.fixture
def filled(library: Library) -> np.ndarray:
    """500 vectors for passages 1..500 of one document."""
    made = np.random.default_rng(7).normal(size=(500, 64)).astype(np.float32)
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    database = library.database
    with database.transaction():
        database.execute(
            "INSERT INTO documents (path, name, size, mtime_ns, inode, state)"
            " VALUES ('/a', 'a', 0, 0, 0, 'words')"
        )
        database.many(
            'INSERT INTO passages (document, ordinal, start, "end", heading, header, text_hash)'
            " VALUES (1, ?, 0, 0, '', '', x'')",
            [(number,) for number in range(500)],
        )
        vectors.add(database, range(1, 501), made)
    return made


def test_the_loaded_extension_says_its_version() -> None:
    assert vectors.version().startswith("v0.1.")


def test_nearest_is_exact(library: Library, filled: np.ndarray) -> None:
    query = filled[41] + 0.1 * filled[7]
    expected = (np.argsort(-(filled @ query))[:10] + 1).tolist()
    found = vectors.nearest(library.database, query.astype(np.float32), 10)
    assert [passage for passage, _ in found] == expected
    assert found[0][1] == pytest.approx(1 - filled[41] @ query / np.linalg.norm(query), abs=1e-5)


def test_a_filter_loses_no_rows(library: Library, filled: np.ndarray) -> None:
    """Of the ten nearest overall none is allowed; the ten nearest allowed ones are found all the same."""
    order = (np.argsort(-(filled @ filled[0])) + 1).tolist()
    allowed = ("SELECT id FROM passages WHERE id % 2 = ? AND id NOT IN (SELECT value FROM json_each(?))",
               (1, str(order[:10])))  # fmt: skip
    expected = [passage for passage in order[10:] if passage % 2 == 1][:10]
    found = vectors.nearest(library.database, filled[0], 10, allowed)
    assert [passage for passage, _ in found] == expected


def test_a_second_vector_for_a_passage_is_refused(library: Library, filled: np.ndarray) -> None:
    with pytest.raises(EngineError), library.database.transaction():
        vectors.add(library.database, [1], filled[:1])
    assert library.database.one("SELECT count(*) FROM vectors") == (500,)


def test_deleting_takes_the_vectors_of_one_document(library: Library, filled: np.ndarray) -> None:
    vectors.delete(library.database, 2)
    assert library.database.one("SELECT count(*) FROM vectors") == (500,)
    vectors.delete(library.database, 1)
    assert vectors.nearest(library.database, filled[0], 5) == []


def test_all_vectors_can_be_read_from_the_tables_behind(library: Library, filled: np.ndarray) -> None:
    """Their layout is the extension's own: wholly and partly deleted rows, values, and the order of ids."""
    kept = [number for number in range(1, 501) if not 30 <= number < 140 and number % 7]
    library.database.many(
        "DELETE FROM vectors WHERE rowid = ?", [(number,) for number in range(1, 501) if number not in kept]
    )
    parts = list(vectors.every(library.database))
    found = dict(zip(*(np.concatenate(part) for part in zip(*parts, strict=True)), strict=True))
    assert sorted(found) == kept == vectors.ids(library.database).tolist()
    assert all((found[number] == filled[number - 1]).all() for number in kept)
    assert vectors.count(library.database) == len(kept)
    ids, rows = vectors.of(library.database, [500, 31, 3, 8])
    assert ids == [500, 3, 8] and (rows == filled[[499, 2, 7]]).all()
    mean = vectors.mean(library.database, sample=10_000)
    assert mean == pytest.approx(filled[np.array(kept) - 1].mean(axis=0), abs=1e-6)
