"""The search cache finds what the vectors of record hold: after additions, deletions, crashes, switches."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import Cancelled
from engine.library import index, schema, vector_cache, vector_files, vectors
from engine.models.fake import FakeEmbedder
from engine.store.database import Database

if TYPE_CHECKING:
    from tests.engine.library.conftest import Library

D = 64


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def cloud(count: int, seed: int = 0, dimensions: int = D, centres: int = 0) -> np.ndarray:
    """Unit vectors, all over or around `centres`, and not around zero."""
    dice = np.random.default_rng(seed)
    rows = dice.normal(size=(count, dimensions))
    if centres:
        rows = 0.6 * rows + 2 * dice.normal(size=(centres, dimensions))[dice.integers(centres, size=count)]
    return unit(rows + 0.5)


class Store:
    """The tables of an index with vectors alone, four passages a document."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.documents = 0
        vector_cache.follow(database, lambda: None)

    def add(self, rows: np.ndarray, *, cached: bool = True) -> list[int]:
        with self.database.transaction():
            ids = []
            for number in range(0, len(rows), 4):
                self.documents += 1
                document = self.database.insert(
                    "INSERT INTO documents (path, name, size, mtime_ns, inode, state)"
                    " VALUES (?, '', 0, 0, 0, 'words')",
                    (f"/{self.documents % 7}/{self.documents}",),
                )
                for ordinal in range(min(4, len(rows) - number)):
                    ids.append(
                        self.database.insert(
                            'INSERT INTO passages (document, ordinal, start, "end", heading, header,'
                            " text_hash) VALUES (?, ?, 0, 0, '', '', x'')",
                            (document, ordinal),
                        )
                    )
            vectors.add(self.database, ids, rows)
            if cached:
                vector_cache.append(self.database, ids, rows)
        return ids

    def delete(self, document: int) -> None:
        with self.database.transaction():
            vectors.delete(self.database, document)
            self.database.execute("DELETE FROM passages WHERE document = ?", (document,))

    def follow(self) -> None:
        vector_cache.follow(self.database, lambda: None)


@pytest.fixture
def store(library: Library) -> Store:
    return Store(library.database)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs are scanned from 200 rows on, and 150 of them compared."""
    for module in (vector_cache, vector_files):
        monkeypatch.setattr(module, "EXACT", 200)
    monkeypatch.setattr(vector_files, "_FETCHED", 150)
    monkeypatch.setattr(vector_files, "_COMPARED", 100)
    monkeypatch.setattr(vector_files, "_TIMES", 5)
    monkeypatch.setattr(vector_cache, "_SPARE", 0)


def oracle(database: Database, query: np.ndarray, k: int, documents: str | None = None) -> list[int]:
    allowed = (f"SELECT id FROM passages WHERE document IN ({documents})", ()) if documents else None
    return [row[0] for row in vectors.nearest(database, query, k, allowed)]


def cached(database: Database, query: np.ndarray, k: int, documents: str | None = None) -> list[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vector_cache, "_nearest_of_record", _no_fallback)
        with database.snapshot():
            return list(vector_cache.nearest(database, query, k, (documents, ()) if documents else None))


def _no_fallback(*_: object) -> dict[int, float]:
    raise AssertionError("the cache was not used")


def answers(database: Database, query: np.ndarray, k: int) -> list[int]:
    """With the cache or without."""
    with database.snapshot():
        return list(vector_cache.nearest(database, query, k))


def held(database: Database) -> set[int]:
    """The passages the files hold, wherever in them."""
    state = vector_cache._state(database)
    generation = vector_cache._open(database, state, write=True)
    assert state is not None and generation is not None
    assert not generation.ids[state.rows :].any()
    found = generation.ids[generation.ids != 0].tolist()
    assert len(found) == len(set(found)) == state.rows - state.erased
    return set(found)


def reader_of(library: Library) -> Database:
    reader = schema.open_for_search(library.home.index_db, library.embedder)
    assert reader is not None
    return reader


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 40), k=st.integers(1, 50), gone=st.integers(0, 3))
def test_a_small_cache_is_exact(store: Store, seed: int, count: int, k: int, gone: int) -> None:
    store.add(cloud(count, seed))
    for (document,) in store.database.execute("SELECT max(id) FROM documents LIMIT ?", (gone,)):
        store.delete(document)
    query = cloud(1, seed + 1)[0]
    # By distance, not by name: examples of one seed add the same vectors again.
    expected = [1 - distance for _, distance in vectors.nearest(store.database, query, k)]
    for _ in range(2):
        found = vector_cache.nearest(store.database, query, k)
        assert list(found.values()) == pytest.approx(expected, abs=1e-6)
        assert set(found) <= set(vectors.ids(store.database).tolist())
        vector_cache.erase(store.database)
    assert list(found) == cached(store.database, query, k)


def test_cosines_are_those_of_the_record(store: Store) -> None:
    store.add(cloud(30))
    query = 3 * cloud(1, 5)[0]
    found = vector_cache.nearest(store.database, query, 30)
    expected = {passage: 1 - distance for passage, distance in vectors.nearest(store.database, query, 30)}
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("sources", [20, 1000])
def test_signs_find_almost_all_of_the_nearest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sources: int
) -> None:
    """Few are compared. All rows lie around few or many sources, at a cosine of about .8."""
    monkeypatch.setattr(vector_files, "EXACT", 200)
    monkeypatch.setattr(vector_files, "_FETCHED", 2000)
    monkeypatch.setattr(vector_files, "_COMPARED", 500)
    centres = cloud(sources, 3, dimensions=384)
    rows = unit(np.tile(centres, (10_000 // sources, 1)) + 0.75 * cloud(10_000, 4, dimensions=384))
    generation = vector_files.Generation.create(
        tmp_path / "g", vector_files.Shape(384, True), rows.mean(axis=0)
    )
    generation.put(0, np.arange(1, 10_001), np.ones(10_000, np.int64), rows)
    queries = unit(centres[:20] + 1.2 * cloud(20, 5, dimensions=384))
    assert len(generation._similar(queries[0], 2000, 10_000, None)) < 2500
    assert len(generation._likely(queries[0], np.arange(3000), 500)) == 500
    best = np.argsort(-queries @ rows.T, axis=1)[:, :10] + 1
    found = [generation.nearest(query, 20, 10_000) for query in queries]
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, best, strict=True)]) >= 0.95


def test_the_mean_is_taken_off_before_signs_are_compared(tmp_path: Path) -> None:
    """Of vectors that all point one way the signs are equal, and would choose nothing."""
    rows = unit(cloud(2000, 5) + 2)

    def similar(mean: np.ndarray) -> int:
        shape = vector_files.Shape(D, True)
        generation = vector_files.Generation.create(tmp_path / str(mean.any()), shape, mean)
        generation.put(0, np.arange(1, 2001), np.ones(2000, np.int64), rows)
        return len(generation._similar(rows[3], 150, 2000, None))

    assert 150 <= similar(rows.mean(axis=0)) < 300
    assert similar(np.zeros(D, np.float32)) > 1000


@pytest.mark.parametrize("folder", ["/1", "/1 /2 /3 /4 /5 /6", "/none"])
def test_a_filter_works_inside_the_search(few: None, store: Store, folder: str) -> None:
    """Below 200 allowed rows every one is compared; above, signs are scanned among the allowed ones alone."""
    store.add(cloud(2000, 8))
    store.follow()
    wanted = " OR ".join(f"path LIKE '{name}/%'" for name in folder.split())
    documents = f"SELECT id FROM documents WHERE {wanted}"
    for query in cloud(10, 9):
        found = cached(store.database, query, 20, documents)
        expected = oracle(store.database, query, 20, documents)
        assert len(found) == len(expected)
        allowed = store.database.execute(f"SELECT id FROM passages WHERE document IN ({documents})")
        assert {(passage,) for passage in found} <= set(allowed)
        if len(allowed) <= 200:
            assert found == expected


def test_a_reader_sees_what_is_added_and_deleted(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (vector_cache, vector_files):
        monkeypatch.setattr(module, "BLOCK", 16)
    store = Store(library.database)
    store.add(cloud(10))
    reader = reader_of(library)
    query = cloud(1, 3)[0]
    assert len(cached(reader, query, 50)) == 10
    # More than a block: the files grow under the reader.
    store.add(cloud(30, 4))
    assert cached(reader, query, 50) == oracle(reader, query, 50)
    best = cached(reader, query, 50)[0]
    (document,) = store.database.one("SELECT document FROM passages WHERE id = ?", (best,)) or (0,)
    store.delete(document)
    assert cached(reader, query, 50) == oracle(reader, query, 50)
    assert best not in cached(reader, query, 50)
    vector_cache.erase(store.database)
    assert cached(reader, query, 50) == oracle(reader, query, 50)
    reader.close()


def test_what_a_transaction_took_back_is_not_found(store: Store) -> None:
    store.add(cloud(8))
    query = cloud(1, 2)[0]
    before = cached(store.database, query, 50)
    with pytest.raises(ZeroDivisionError), store.database.transaction():
        store.add(cloud(8, 1))
        store.delete(1)
        raise ZeroDivisionError
    assert cached(store.database, query, 50) == before
    store.add(cloud(4, 6))
    assert cached(store.database, query, 50) == oracle(store.database, query, 50)


def test_a_deleted_vector_leaves_the_files(library: Library, few: None, store: Store) -> None:
    rows = cloud(300)
    store.add(rows)
    store.follow()
    state = vector_cache._state(store.database)
    assert state is not None and state.signs
    folder = vector_cache._folder(store.database, state)
    scale = np.abs(rows[0]).max() / 127
    traces = {
        "rows": np.rint(rows[0] / scale).astype(np.int8).tobytes(),
        "scales": np.float32(scale).tobytes(),
    }
    assert all(trace in (folder / name).read_bytes() for name, trace in traces.items())
    store.delete(1)
    vector_cache.erase(store.database)
    assert not any(trace in (folder / name).read_bytes() for name, trace in traces.items())
    signs = np.fromfile(folder / "signs", "<u8").reshape(-1, 1, vector_files.BLOCK)
    assert not signs[0, :, :4].any() and signs[0, :, 4:300].all()
    assert not np.fromfile(folder / "ids", "<i8")[:4].any()
    assert not np.fromfile(folder / "documents", "<i8")[:4].any()
    assert store.database.one("SELECT count(*) FROM vectors_gone") == (0,)


def test_a_snapshot_keeps_what_was_erased_after_it(library: Library, store: Store) -> None:
    store.add(cloud(12))
    reader = reader_of(library)
    query = cloud(1, 3)[0]
    with reader.snapshot():
        before = answers(reader, query, 12)
        store.delete(2)
        vector_cache.erase(store.database)
        assert answers(reader, query, 12) == before
    assert len(answers(reader, query, 12)) == 8
    reader.close()


def test_a_switch_of_generations_under_a_reader(library: Library, store: Store) -> None:
    store.add(cloud(12))
    reader = reader_of(library)
    query = cloud(1, 3)[0]
    with reader.snapshot():
        before = answers(reader, query, 12)
        vector_cache.forget(store.database)
        store.follow()
        store.add(cloud(4, 7))
        assert answers(reader, query, 12) == before
    assert len(cached(reader, query, 50)) == 16
    assert len(list(library.home.cache.iterdir())) == 1
    reader.close()


def test_it_is_made_anew_when_outgrown_or_hollow(few: None, store: Store) -> None:
    def generation() -> tuple[str, bool, int]:
        state = vector_cache._state(store.database)
        assert state is not None
        return state.generation, state.signs, state.rows

    first = generation()
    store.add(cloud(190))
    store.follow()
    assert generation() == (first[0], False, 190)
    store.add(cloud(20, 1))
    store.follow()
    second = generation()
    assert second[0] != first[0] and second[1:] == (True, 210)
    store.add(cloud(700, 2))
    store.follow()
    third = generation()
    assert third[0] != second[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vector_cache, "BLOCK", 100)
        for document in range(1, 60):
            store.delete(document)
        store.follow()
        assert generation()[0] != third[0] and generation()[2] == len(vectors.ids(store.database))
    assert held(store.database) == set(vectors.ids(store.database).tolist())


def _damages() -> Iterator[tuple[str, Callable[[Database, Path], object]]]:
    def state(value: str) -> Callable[[Database, Path], object]:
        return lambda database, _: database.execute("UPDATE meta SET value = ? WHERE key = 'cache'", (value,))

    yield "deleted", lambda _, folder: shutil.rmtree(folder)
    yield "one file missing", lambda _, folder: (folder / "scales").unlink()
    yield "truncated", lambda _, folder: (folder / "rows").write_bytes(b"")
    yield "no mean", lambda _, folder: (folder / "mean").write_bytes(b"12345678")
    yield "not a state", state("{]")
    yield "another state", state('{"rows": 3}')
    yield (
        "a state of other types",
        lambda database, _: database.execute(
            "UPDATE meta SET value = replace(value, '\"rows\": 12', '\"rows\": \"12\"') WHERE key = 'cache'"
        ),
    )
    yield (
        "another version",
        lambda database, _: database.execute(
            "UPDATE meta SET value = replace(value, '\"version\": 1', '\"version\": 0') WHERE key = 'cache'"
        ),
    )


@pytest.mark.parametrize("damage", [pytest.param(damage, id=name) for name, damage in _damages()])
def test_a_cache_that_cannot_be_used_is_made_anew(
    library: Library, store: Store, damage: Callable[[Database, Path], object]
) -> None:
    store.add(cloud(12))
    state = vector_cache._state(store.database)
    assert state is not None
    vector_cache._mapped.cache_clear()
    damage(store.database, vector_cache._folder(store.database, state))
    query = cloud(1, 3)[0]
    assert answers(store.database, query, 5) == oracle(store.database, query, 5)
    store.add(cloud(4, 8))
    assert answers(store.database, query, 20) == oracle(store.database, query, 20)
    vector_cache.mend(store.database)
    store.follow()
    assert cached(store.database, query, 20) == oracle(store.database, query, 20)
    assert len(list(library.home.cache.iterdir())) == 1


def test_making_it_may_be_cancelled(store: Store) -> None:
    def cancel() -> None:
        raise Cancelled

    store.add(cloud(12))
    vector_cache.forget(store.database)
    with pytest.raises(Cancelled):
        vector_cache.follow(store.database, cancel)
    query = cloud(1, 3)[0]
    assert answers(store.database, query, 12) == oracle(store.database, query, 12)
    store.follow()
    assert len(cached(store.database, query, 50)) == 12


def test_what_cannot_be_used_holds_nothing_that_was_deleted(library: Library, store: Store) -> None:
    """A generation that was not finished, and one that lost a file."""

    def cancel() -> None:
        if len(list(library.home.cache.iterdir())) == 2:
            raise Cancelled

    store.add(cloud(12))
    state = vector_cache._state(store.database)
    assert state is not None
    with pytest.raises(Cancelled):
        vector_cache._rebuild(store.database, cancel)
    store.delete(1)
    vector_cache.erase(store.database)
    assert [folder.name for folder in library.home.cache.iterdir()] == [f"vectors-{state.generation}"]
    (vector_cache._folder(store.database, state) / "scales").unlink()
    store.delete(2)
    vector_cache.erase(store.database)
    assert not list(library.home.cache.iterdir())
    assert store.database.one("SELECT count(*) FROM vectors_gone") == (0,)


@pytest.mark.parametrize("lost", ["ids", "rows"])
@pytest.mark.parametrize("unsynced", [2, 8])
def test_what_a_power_cut_took_is_read_again(store: Store, lost: str, unsynced: int) -> None:
    """Rows that index.db counts but that never reached the disk are not trusted at the start of a job."""
    store.add(cloud(12))
    store.follow()
    store.add(cloud(unsynced, 1))
    generation = vector_cache._open(store.database, vector_cache._state(store.database), write=True)
    assert generation is not None
    generation._flat(lost)[12:] = 0
    vector_cache.mend(store.database)
    # A few are added again, of many the cache is made anew.
    assert (vector_cache._state(store.database) is None) == (unsynced == 8)
    store.follow()
    query = cloud(1, 3)[0]
    assert cached(store.database, query, 50) == oracle(store.database, query, 50)
    assert held(store.database) == set(vectors.ids(store.database).tolist())


def test_an_index_of_another_embedder_begins_another_cache(library: Library) -> None:
    library.put("a.md", "Alpha beta gamma.")
    library.index()
    (before,) = library.home.cache.iterdir()
    library.database.close()
    library.embedder = FakeEmbedder(dimensions=32)
    library.database = library.open()
    library.index()
    (after,) = library.home.cache.iterdir()
    assert after != before
    assert cached(library.database, library.embedder.embed(["beta"])[0], 3) == [1]


def test_killed_anywhere_it_is_right_or_caught_up(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """The home is copied around every write of runs that add, change and remove files; each copy serves."""
    copies: list[Path] = []

    def copy() -> None:
        target = library.home.root.with_name(f"copy-{len(copies)}")
        target.mkdir()
        for path in library.home.root.glob("index.db*"):
            if not path.name.endswith("-shm"):
                shutil.copy(path, target)
        if library.home.cache.exists():
            shutil.copytree(library.home.cache, target / "cache")
        copies.append(target)

    def around(owner: type, name: str, is_write: Callable[..., bool] = lambda *_: True) -> None:
        original = getattr(owner, name)

        def wrapped(*args: object, **kwargs: object) -> object:
            watched = is_write(*args)
            if watched:
                copy()
            result = original(*args, **kwargs)
            if watched:
                copy()
            return result

        monkeypatch.setattr(owner, name, staticmethod(wrapped) if name == "create" else wrapped)

    monkeypatch.setattr(index, "BATCH", 2)
    library.put("a.md", "Alpha one.\n\n# Two\n\nBeta two.\n\n# Three\n\nGamma three.")
    library.put("b.md", "Delta four.")
    monkeypatch.setattr(vector_files, "BLOCK", 2)
    monkeypatch.setattr(vector_cache, "BLOCK", 2)
    with monkeypatch.context():
        for name in ("put", "erase", "sync", "create"):
            around(vector_files.Generation, name)
        around(Database, "execute", lambda _, sql, *__: sql == "COMMIT")
        library.index()
        library.put("a.md", "Epsilon five.\n\n# Six\n\nZeta six.")
        (library.folder / "b.md").unlink()
        library.put("c.md", "Eta seven.\n\n# Eight\n\nTheta eight.")
        library.index()
        monkeypatch.undo()
    assert len(copies) > 40
    query = library.embedder.embed(["beta gamma six"])[0]
    for home in copies:
        try:
            reader = schema.open_for_search(home / "index.db")
        except Exception as error:
            raise AssertionError(home) from error
        if reader is None:
            continue
        assert answers(reader, query, 20) == oracle(reader, query, 20), home
        reader.close()
        writer = schema.open_for_writing(home / "index.db", library.embedder, lambda _: None)
        vector_cache.mend(writer)
        vector_cache.follow(writer, lambda: None)
        assert held(writer) == set(vectors.ids(writer).tolist()), home
        assert cached(writer, query, 20) == oracle(writer, query, 20), home
        writer.close()
