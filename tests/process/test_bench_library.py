"""The parts of `nocturne bench library` that need processes, at sizes that take no time."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.bench import deletion, indexing, large, restart
from engine.bench.report import Row
from engine.library import schema, writer
from engine.models.fake import FakeEmbedder
from engine.paths import Home

pytestmark = pytest.mark.process


def table(rows: list[Row]) -> dict[str, Row]:
    return {row.name: row for row in rows}


def test_a_file_is_deleted_in_every_way_and_leaves_no_trace(tmp_path: Path) -> None:
    for _time in range(2):  # the second finds the many files written already
        found = deletion.rows(tmp_path / "bench", 120)
        ways = [row for row in found if row.name.startswith("delete one file of 120")]
        assert [row.name.partition(", ")[2] for row in ways] == [
            "forget",
            "folders remove",
            "index, the file gone",
        ]
        traces = [row for row in found if "traces" in row.name]
        assert len(traces) == 3 and all(row.met and row.value == 0 for row in traces), traces
    home = Home(tmp_path / "bench" / "120")
    database = schema.open_for_reading(home.index_db)
    assert database is not None
    assert database.execute("SELECT count(*) FROM documents") == [(120,)]
    database.close()


def test_traces_are_found_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100 + b"walrus" + b"y" * 100)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b").write_bytes(b"tusk")
    assert deletion.sought(tmp_path, [b"walrus", b"tusk", b"seal"]) == {b"walrus", b"tusk"}


def test_a_killed_worker_goes_on_to_the_same_index_and_another_is_told_apart(tmp_path: Path) -> None:
    seconds, again, differences, cosine = restart.rows(tmp_path / "bench", 150)
    assert seconds.name == "next file after kill -9 at 75 of 150" and seconds.value > 0
    assert again.met and differences.value == 0 and cosine.value == pytest.approx(1)

    one, other = (tmp_path / "bench" / name / "index.db" for name in ("calm", "killed"))
    database = schema.open_for_writing(other, FakeEmbedder(), lambda _event: None)
    ((document,),) = database.execute("SELECT id FROM documents ORDER BY path LIMIT 1")
    database.execute("UPDATE documents SET kind = 'mail' WHERE id = ?", (document,))
    assert restart.compare(one, other)[0] == 2  # the row of either
    writer.delete(database, [document])
    assert restart.compare(one, other) == (5, pytest.approx(1))  # document, text, passage, words, name
    database.execute("DELETE FROM vectors")
    assert restart.compare(one, other)[1] == 0
    database.close()


def test_indexing_is_measured_beside_the_bare_embedder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "FILES", 2)
    monkeypatch.setattr(indexing, "WORD_FILES", 12)
    found = table(indexing.rows(tmp_path / "bench", None))
    whole = found["indexing, whole runs"]
    assert whole.value > 0 and whole.plain and whole.plain > whole.value
    ratio = found["indexing, ratio to the bare embedder"]
    assert ratio.spread and 0 < ratio.spread[0] <= ratio.value <= ratio.spread[1] < 1
    (words,) = (row for name, row in found.items() if name.startswith("words committed"))
    assert words.value > 0 and 9 < float(words.name.split()[-2]) < 11  # KB a file
    assert found["rows of the index of words committed"].value > words.value


def test_a_folder_of_ones_own_is_indexed_twice(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.txt").write_text(f"The code of door {number} is {7000 + number}.")
    found = table(indexing.rows(tmp_path / "bench", folder))
    assert found["rows of the index of words committed"].value > 0


def test_memory_is_that_of_worker_and_reading_process(tmp_path: Path) -> None:
    sizes = large.Sizes(text=60_000, rows=50, members=2, member=20_000)
    found = table(large.rows(tmp_path / "bench", sizes))
    assert found["files of the large folder"].value == 3
    assert found["left out of it or failed"].value == 0
    for name in ("index worker", "its reading process"):
        assert 10 < found[f"peak memory, {name}"].value < 1024
