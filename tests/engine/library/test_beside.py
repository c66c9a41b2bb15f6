"""Another embedder: a new index is made beside the old one, which serves until they change places."""

from __future__ import annotations

import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from engine.contracts import Event, FileDone, Notice
from engine.errors import Cancelled, EngineError
from engine.library import beside, check, index, ledger, scan, schema, search, vector_cache, vectors
from engine.models.fake import FakeEmbedder

if TYPE_CHECKING:
    from engine.models.embedder import Vectors
    from engine.store.database import Database
    from tests.engine.library.conftest import Library

OLD, NEW = FakeEmbedder(dimensions=64), FakeEmbedder(dimensions=32)


class _Control:
    """Calls `at` with the number of each look."""

    def __init__(self, at: Callable[[int], None] = lambda _look: None) -> None:
        self._at = at
        self._looks = 0

    def check(self) -> None:
        self._looks += 1
        self._at(self._looks)


class Shelf:
    """A library made by OLD, and runs with NEW as the index worker makes them."""

    def __init__(self, library: Library) -> None:
        self.folder = library.folder
        self.put = library.put
        self.own = library.home.root
        self.path = library.home.index_db
        self.next = beside.path_of_next(self.path)
        self.events: list[Event] = []
        self.embedder = NEW
        library.put("lease.md", "The deposit is 900 euros.")
        library.put("bread.md", "The bread needs flour and water.")
        library.index()
        library.database.close()

    def run(self, *roots: Path, at: Callable[[int], None] = lambda _look: None, **options: Any) -> bool:
        """Whether the new index took the old one's place."""
        keep = list(roots or (self.folder,))
        self.events.clear()
        with beside.opened(self.path, self.embedder, self.events.append) as indexes:
            indexes.keep_only(keep)
            index.index(
                indexes.written,
                keep,
                self.embedder,
                control=_Control(at),
                emit=self.events.append,
                own=self.own,
                serving=indexes.serving,
                **options,
            )
            return indexes.is_complete and beside.switch(indexes, lambda: None)

    def interrupt(self, look: int = 0) -> None:
        """A run that ends at this look, or else once all words are there and before the first vector."""

        def stop(found: int) -> None:
            if found == look:
                raise Cancelled

        def embed(texts: Sequence[str]) -> Vectors:
            raise Cancelled

        with pytest.MonkeyPatch.context() as patch:
            if not look:
                patch.setattr(self.embedder, "embed", embed)
            with pytest.raises(Cancelled):
                self.run(at=stop)

    def found(self, query: str, embedder: FakeEmbedder) -> list[str]:
        database = schema.open_for_search(self.path)
        assert database is not None
        try:
            reply = search.search(database, embedder, query)
            return [Path(result.path).name for result in reply.results if query in result.text]
        finally:
            database.close()

    def speaks(self, path: Path | None = None) -> str:
        database = schema.open_for_reading(path or self.path)
        assert database is not None
        try:
            return schema.embedder_id(database)
        finally:
            database.close()

    def on_disk(self, text: str) -> bool:
        files = [path for path in self.own.rglob("*") if path.is_file()]
        return any(text.encode() in path.read_bytes() for path in files)

    def notices(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Notice)]


@pytest.fixture
def shelf(library: Library) -> Iterator[Shelf]:
    yield Shelf(library)


def test_the_old_one_serves_until_they_change_places(shelf: Shelf) -> None:
    seen: list[tuple[str, list[str]]] = []
    old_cache = vector_cache.generations(shelf.path)
    assert old_cache
    assert shelf.run(at=lambda _: seen.append((shelf.speaks(), shelf.found("deposit", OLD))))
    assert shelf.notices() == ["index_beside"]
    assert len(seen) > 3 and set(map(str, seen)) == {str((OLD.id, ["lease.md"]))}
    assert shelf.speaks() == NEW.id and shelf.found("deposit", NEW) == ["lease.md"]
    assert not shelf.next.parent.exists(), "nothing of the making is left"
    assert len(vector_cache.generations(shelf.path)) == 1 and not any(map(Path.exists, old_cache))
    assert not shelf.run() and shelf.notices() == [], "it is an ordinary index from now on"


def test_the_new_one_brings_its_cache_along(shelf: Shelf) -> None:
    assert shelf.run()
    with beside.opened(shelf.path, NEW, shelf.events.append) as indexes:
        lookup = vector_cache.Lookup(indexes.written, 5)
        assert lookup._generation is not None


def test_vectors_of_two_embedders_never_meet(shelf: Shelf) -> None:
    def look(_look: int) -> None:
        for path, dimensions in ((shelf.path, OLD.dimensions), (shelf.next, NEW.dimensions)):
            database = schema.open_for_reading(path)
            assert database is not None
            sizes = database.execute("SELECT DISTINCT length(vector) / 4 FROM vectors")
            database.close()
            assert sizes in ([], [(dimensions,)])
        asked.clear()
        shelf.found("deposit", deaf)
        assert asked == [], "who made other vectors is not asked for one"

    asked: list[str] = []

    class Listening(FakeEmbedder):
        def embed(self, texts):
            asked.extend(texts)
            return super().embed(texts)

    deaf = Listening(dimensions=32)
    assert shelf.run(at=look)
    shelf.found("deposit", deaf)
    assert asked == ["deposit"], "once its own serve, it is"


def test_a_half_made_one_is_gone_on_with(shelf: Shelf) -> None:
    for number in range(4):
        shelf.put(f"{number}.md", f"word{number}")
    shelf.interrupt(look=7)
    assert shelf.next.exists()
    done = beside.remaking(shelf.path)
    assert done is not None and done.files == 6 and done.words + done.meaning < 6
    assert shelf.run()
    assert "index_beside" not in shelf.notices()
    read_now = [event for event in shelf.events if isinstance(event, FileDone)]
    assert 0 < len(read_now) < 6, "some were read before"
    assert beside.remaking(shelf.path) is None


def test_a_half_made_one_of_yet_another_embedder_is_begun_anew(shelf: Shelf) -> None:
    shelf.interrupt()
    shelf.embedder = FakeEmbedder(dimensions=16)
    assert shelf.run()
    assert shelf.speaks() == shelf.embedder.id and shelf.found("deposit", shelf.embedder) == ["lease.md"]


def test_a_half_made_one_is_dropped_when_the_old_embedder_is_back(shelf: Shelf) -> None:
    shelf.interrupt()
    shelf.embedder = OLD
    assert not shelf.run()
    assert not shelf.next.parent.exists() and shelf.speaks() == OLD.id
    assert not any(isinstance(event, FileDone) for event in shelf.events), "and nothing is read again"


def test_what_is_taken_out_leaves_both(shelf: Shelf) -> None:
    shelf.put("gone.md", "the peculiarword")
    forgotten = shelf.put("forgotten.md", "the otherword")
    shelf.embedder = OLD
    shelf.run()
    shelf.embedder = NEW
    shelf.interrupt()
    assert shelf.on_disk("peculiarword") and shelf.on_disk("otherword")
    with beside.opened(shelf.path, NEW, shelf.events.append) as indexes:
        assert indexes.remove(forgotten, []) == 1
    assert not shelf.on_disk("otherword") and shelf.found("otherword", OLD) == []
    forgotten.unlink()
    (shelf.folder / "gone.md").unlink()
    shelf.interrupt()
    assert not shelf.on_disk("peculiarword") and shelf.found("peculiarword", OLD) == []
    assert shelf.found("deposit", OLD) == ["lease.md"]


def test_what_is_left_out_now_leaves_the_old_one(shelf: Shelf) -> None:
    shelf.put(".gitignore", "lease.md")
    shelf.interrupt()
    assert shelf.found("deposit", OLD) == [] and shelf.found("bread", OLD) == ["bread.md"]


def test_a_folder_that_is_removed_leaves_both(shelf: Shelf, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.md").write_text("the peculiarword")
    shelf.embedder = OLD
    shelf.run(shelf.folder, other)
    shelf.embedder = NEW
    shelf.interrupt()  # whose only folder is the first
    assert not shelf.on_disk("peculiarword")


def test_a_moved_file_is_found_in_its_new_place_meanwhile(shelf: Shelf) -> None:
    (shelf.folder / "lease.md").rename(shelf.folder / "contract.md")
    shelf.interrupt()
    assert shelf.found("deposit", OLD) == ["contract.md"]


def test_what_is_on_a_disk_that_is_away_is_taken_over(shelf: Shelf, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with zipfile.ZipFile(disk / "trip.zip", "w") as archive:
        archive.writestr("photo.md", "the holiday")
    (disk / "東京.md").write_text("東京タワー")
    shelf.embedder = OLD
    shelf.run(shelf.folder, disk)
    # As if it had been a mount point then: now it is an empty directory, which the new index has never seen.
    _set_mounted(shelf.path, disk, True)
    old = schema.open_copy(shelf.path)
    made_by_old = check.count(old)
    old.close()
    disk.rename(tmp_path / "unplugged")
    disk.mkdir()
    shelf.embedder = NEW
    assert shelf.run(shelf.folder, disk)
    assert "folder_unavailable" in shelf.notices()
    for query, name in (("holiday", "photo.md"), ("東京", "東京.md"), ("deposit", "lease.md")):
        assert shelf.found(query, NEW) == [name]
    database = schema.open_copy(shelf.path)
    rows = check.count(database)
    assert check.check(database) == check.Checked(rows) and rows["pending"] == 0
    assert rows == made_by_old
    database.close()
    _set_mounted(shelf.path, disk, False)
    disk.rmdir()
    (tmp_path / "unplugged").rename(disk)
    shelf.run(shelf.folder, disk)
    assert {Path(event.path).name for event in shelf.events if isinstance(event, FileDone)} == {
        "trip.zip",
        "東京.md",
    }, "once they can be, they are read again, for this embedder"
    shelf.run(shelf.folder, disk)
    assert not any(isinstance(event, FileDone) for event in shelf.events)


def _set_mounted(path: Path, root: Path, mounted: bool) -> None:
    database = schema.open_copy(path)
    database.execute("UPDATE roots SET mounted = ? WHERE path = ?", (int(mounted), str(root)))
    database.close()


def test_what_is_only_in_the_cloud_now_is_taken_over(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len("The deposit is 900 euros.")
    monkeypatch.setattr(scan, "_is_in_cloud", lambda status: status.st_size == size)
    assert shelf.run()
    assert shelf.found("deposit", NEW) == ["lease.md"] and shelf.found("bread", NEW) == ["bread.md"]


def test_a_vanished_directory_is_waited_for_in_both(shelf: Shelf) -> None:
    for number in range(60):
        shelf.put(f"many/{number}.md", f"the peculiarword {number}")
    shelf.embedder = OLD
    shelf.run()
    shelf.embedder = NEW
    (shelf.folder / "many").rename(shelf.own.parent / "away")
    assert shelf.run(now=lambda: 1000.0)
    assert shelf.notices().count("folder_missing_yet") == 1
    assert shelf.found("peculiarword", NEW)
    shelf.run(now=lambda: 1100.0)
    assert shelf.found("peculiarword", NEW) == [] and not shelf.on_disk("peculiarword")


def test_they_do_not_change_places_under_a_reader(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "_TRIES", 2)
    reader = schema.open_for_search(shelf.path)
    assert reader is not None
    assert not shelf.run()
    assert len(search.search(reader, OLD, "deposit").results) >= 1
    reader.close()
    assert shelf.speaks() == OLD.id
    assert shelf.run() and shelf.speaks() == NEW.id


def test_a_reader_that_opened_it_at_the_last_moment_keeps_what_it_sees(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[Database] = []

    def rename(path: Path, target: Path) -> Path:
        reader = schema.open_for_search(shelf.path)
        assert reader is not None
        readers.append(reader)
        return replace(path, target)

    replace = Path.replace
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", rename)
        assert shelf.run()
    (reader,) = readers
    found = search.search(reader, OLD, "deposit").results
    assert Path(found[0].path).name == "lease.md" and schema.speaks(reader, OLD)
    shelf.put("later.md", "the laterword")
    with beside.opened(shelf.path, NEW, shelf.events.append) as indexes:
        index.index(
            indexes.written,
            [shelf.folder],
            NEW,
            control=_Control(),
            emit=shelf.events.append,
            own=shelf.own,
        )
        # The end of a reader takes no companion of the new one away: here its log, not folded in yet.
        assert shelf.path.with_name("index.db-wal").stat().st_size > 0
        reader.close()
        assert shelf.found("laterword", NEW) == ["later.md"]


@pytest.mark.parametrize("when", ["folder", "replace", "sweep"])
def test_a_kill_amid_changing_places_loses_nothing(shelf: Shelf, when: str) -> None:
    program = _KILLED.format(when=when)
    ended = subprocess.run(
        [sys.executable, "-c", program, str(shelf.path), str(shelf.folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    serves = {"folder": OLD, "replace": OLD, "sweep": NEW}[when]
    assert shelf.speaks() == serves.id and shelf.found("deposit", serves) == ["lease.md"]
    shelf.run()
    assert not any(isinstance(event, FileDone) for event in shelf.events), "nothing is read again"
    assert shelf.speaks() == NEW.id and shelf.found("deposit", NEW) == ["lease.md"]
    assert len(vector_cache.generations(shelf.path)) == 1 and not shelf.next.parent.exists()


_KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from engine.library import beside, index
from engine.models.fake import FakeEmbedder

path, folder, when = Path(sys.argv[1]), Path(sys.argv[2]), "{when}"

def die(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)

class Control:
    def check(self): pass

embedder = FakeEmbedder(dimensions=32)
with beside.opened(path, embedder, lambda event: None) as indexes:
    index.index(indexes.written, [folder], embedder, control=Control(), emit=lambda event: None,
                own=path.parent, serving=indexes.serving)
    assert indexes.is_complete
    if when == "folder":
        Path.rename = die
    elif when == "replace":
        Path.replace = die
    else:
        shutil.rmtree = die
    beside.switch(indexes, lambda: None)
"""


def test_a_full_disk_leaves_the_old_one(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise EngineError("disk_full", path=str(shelf.next))

    with monkeypatch.context() as patch:
        patch.setattr(vectors, "add", full)
        with pytest.raises(EngineError) as caught:
            shelf.run()
    assert caught.value.code == "disk_full"
    assert shelf.speaks() == OLD.id and shelf.found("deposit", OLD) == ["lease.md"]
    assert shelf.run() and shelf.found("deposit", NEW) == ["lease.md"]


def test_a_damaged_old_one_makes_room_at_once(shelf: Shelf) -> None:
    shelf.interrupt()
    shelf.path.write_bytes(b"garbage" * 1000)
    assert not shelf.run()
    assert shelf.notices() == ["index_rebuilt"]
    assert shelf.speaks() == NEW.id and shelf.found("deposit", NEW) == ["lease.md"]
    assert not shelf.next.parent.exists()


def test_a_damaged_new_one_is_begun_anew(shelf: Shelf) -> None:
    shelf.interrupt()
    shelf.next.write_bytes(b"garbage" * 1000)
    assert shelf.run()
    assert shelf.notices() == ["index_rebuilt"]
    assert shelf.speaks() == NEW.id and shelf.found("deposit", NEW) == ["lease.md"]


def test_it_is_told_how_far_it_is(shelf: Shelf) -> None:
    assert beside.remaking(shelf.path) is None
    shelf.interrupt()
    new = beside.remaking(shelf.path)
    assert new is not None and (new.files, new.words, new.meaning) == (2, 2, 0)
    reader = schema.open_for_reading(shelf.path)
    assert reader is not None
    assert ledger.coverage(reader).meaning == 2, "the counts are those of the one that serves"
    reader.close()
