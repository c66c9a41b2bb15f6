"""Hints of real changes lead to looks; where there are none, the looks go on."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from engine.contracts import IndexSummary, Notice, Progress
from engine.errors import Cancelled, EngineError
from engine.library import scan
from engine.workers import schedule, watcher
from engine.workers.jobs import Job
from engine.workers.watcher import Watcher, is_remote

HANG = 60.0


def wait_until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < limit, "hung"
        time.sleep(0.01)


class Watching:
    """A watcher over real folders, whose looks are only counted."""

    def __init__(self, folders: list[str]) -> None:
        self.folders = folders
        self.looks: list[list[str]] = []
        self.recognise: list[bool] = []
        self.jobs: list[Job[IndexSummary]] = []
        self.notices: list[str] = []
        self.failing: list[Exception] = []
        self.rejecting: list[Exception] = []
        self.rounds = 0
        self.ends_at_once = True
        self.watcher = Watcher(self._folders, self._look, scan.is_noise, self._listen, self._notice)

    def _folders(self) -> list[str]:
        self.rounds += 1
        return list(self.folders)

    def _listen(self, job: Job[IndexSummary]) -> None:
        if self.rejecting:
            raise self.rejecting.pop()
        self.jobs.append(job)

    def _notice(self, notice: Notice) -> None:
        self.notices.append(notice.code)

    def _look(self, paths: list[str], recognise: bool) -> Job[IndexSummary]:
        if self.failing:
            raise self.failing.pop()
        self.looks.append(paths)
        self.recognise.append(recognise)
        job: Job[IndexSummary] = Job(lambda raw: raw, lambda: None)
        if self.ends_at_once:
            job.succeed(IndexSummary(0, 0, 0, 0, 0, 0, 0.0))
        return job


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "sub" / "a.md").write_text("text")
    return folder


@pytest.fixture
def watching(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watching]:
    monkeypatch.setattr(schedule, "QUIET", 0.05)
    monkeypatch.setattr(schedule, "_SHARE", 0.0)
    monkeypatch.setattr(watcher, "_TICK", 0.05)
    watching = Watching([str(folder)])
    wait_until(lambda: bool(watching.watcher.watched))
    yield watching
    watching.watcher.stop()


CHANGES: dict[str, Callable[[Path], Any]] = {
    "created": lambda folder: (folder / "new.md").write_text("new"),
    "created in a new folder": lambda folder: (folder / "x" / "y").mkdir(parents=True),
    "changed": lambda folder: (folder / "sub" / "a.md").write_text("other"),
    "deleted": lambda folder: (folder / "sub" / "a.md").unlink(),
    "moved": lambda folder: (folder / "sub" / "a.md").rename(folder / "sub" / "deep" / "b.md"),
    "moved away": lambda folder: (folder / "sub" / "a.md").rename(folder.parent / "b.md"),
    "a folder deleted": lambda folder: shutil.rmtree(folder / "sub"),
    "a hidden file": lambda folder: (folder / ".todo.md").write_text("new"),
    "a rule": lambda folder: (folder / ".gitignore").write_text("*.log"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_change_leads_to_a_look(watching: Watching, folder: Path, change: Callable[[Path], Any]) -> None:
    change(folder)
    wait_until(lambda: bool(watching.jobs))
    assert watching.looks[0] == [str(folder)]


def test_looks_go_on_while_text_in_pictures_is_recognised(watching: Watching, folder: Path) -> None:
    watching.ends_at_once = False
    (folder / "scan.pdf").write_text("x")
    wait_until(lambda: len(watching.jobs) == 1)
    slow = watching.jobs[0]
    slow.emit(Progress("words", 0, 1, str(folder / "scan.pdf")))
    slow.emit(Progress("recognise", 0, 500, str(folder / "scan.pdf")))
    (folder / "new.md").write_text("x")
    wait_until(lambda: len(watching.jobs) == 2)
    watching.jobs[1].succeed(IndexSummary(0, 0, 0, 0, 0, 0, 0.0))
    assert watching.recognise == [True, False]
    # What came meanwhile may be a scan, too: it is looked at once more, without a hint.
    slow.succeed(IndexSummary(0, 0, 0, 0, 0, 0, 0.0))
    wait_until(lambda: len(watching.jobs) == 3)
    assert (watching.recognise[2], watching.looks[2]) == (True, [str(folder)])


def test_noise_leads_to_none(watching: Watching, folder: Path) -> None:
    (folder / ".git" / "index").write_text("x")
    (folder / "~$letter.docx").write_text("x")
    (folder / "sub" / "film.part").write_text("x")
    (folder / "sub" / "a.md").read_text()
    # What comes after is a hint: had the noise been one, there would be two looks by then.
    watching.ends_at_once = False
    (folder / "real.md").write_text("x")
    wait_until(lambda: bool(watching.jobs))
    watching.jobs[0].succeed(IndexSummary(0, 0, 0, 0, 0, 0, 0.0))
    assert len(watching.looks) == 1


def test_one_look_at_a_time(watching: Watching, folder: Path) -> None:
    watching.ends_at_once = False
    (folder / "a.md").write_text("x")
    wait_until(lambda: bool(watching.jobs))
    (folder / "b.md").write_text("x")
    wait_until(lambda: watching.watcher._schedule._folders[str(folder)].first_hint is not None)
    assert len(watching.looks) == 1
    watching.ends_at_once = True
    watching.jobs[0].succeed(IndexSummary(0, 0, 0, 0, 0, 0, 0.0))
    wait_until(lambda: len(watching.looks) == 2)


def test_folders_are_followed_as_they_come_and_go(watching: Watching, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    single = tmp_path / "single.md"
    single.write_text("x")
    watching.folders[:] = [str(other), str(single)]
    wait_until(lambda: watching.watcher.watched == [str(other), str(single)])
    (folder / "new.md").write_text("x")
    (tmp_path / "beside.md").write_text("x")
    (other / "new.md").write_text("x")
    wait_until(lambda: bool(watching.looks))
    assert watching.looks[0] == [str(other)]
    single.write_text("changed")
    wait_until(lambda: [str(single)] in watching.looks)


def test_a_folder_that_went_and_came_back_is_followed_again(watching: Watching, folder: Path) -> None:
    folder.rename(folder.parent / "away")
    wait_until(lambda: not watching.watcher.watched)
    (folder.parent / "away").rename(folder)
    wait_until(lambda: bool(watching.watcher.watched))
    watching.looks.clear()
    (folder / "new.md").write_text("x")
    wait_until(lambda: bool(watching.looks))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
def test_where_the_system_has_no_watches_left_that_is_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    from watchdog.observers import Observer

    def refusing(self: Any) -> None:
        raise OSError(number, "inotify watch limit reached")

    monkeypatch.setattr(Observer, "start", refusing)
    monkeypatch.setattr(watcher, "EVERY_REMOTE", 0.1)
    monkeypatch.setattr(watcher, "_TICK", 0.05)
    watching = Watching([str(folder)])
    wait_until(lambda: len(watching.looks) >= 3)
    assert watching.notices == ["not_watched"] and not watching.watcher.watched
    watching.watcher.stop()


watched_one_by_one = pytest.mark.skipif(
    sys.platform != "linux", reason="other systems watch a folder with all below it at once"
)


class Watches:
    """The system's watches, of which it gives out only so many."""

    def __init__(self, patch: pytest.MonkeyPatch, most: int) -> None:
        from watchdog.observers import inotify_c

        self.most = most
        self.asked: list[Path] = []
        self._given = 0
        self._add = inotify_c.inotify_add_watch
        patch.setattr(inotify_c, "inotify_add_watch", self._give)

    def _give(self, descriptor: Any, path: bytes, mask: Any) -> Any:
        self.asked.append(Path(os.fsdecode(path)))
        if self._given >= self.most:
            ctypes.set_errno(errno.ENOSPC)
            return -1
        self._given += 1
        return self._add(descriptor, path, mask)


@watched_one_by_one
@pytest.mark.parametrize("most", [0, 2])
def test_a_folder_that_is_watched_in_part_counts_as_unwatched(
    folder: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """It has three folders below it, whose watches watchdog does without in silence."""
    watches = Watches(monkeypatch, most)
    monkeypatch.setattr(watcher, "EVERY_REMOTE", 0.2)
    monkeypatch.setattr(watcher, "_TICK", 0.05)
    watching = Watching([str(folder)])
    wait_until(lambda: len(watching.looks) >= 3)
    assert watching.notices == ["not_watched"] and not watching.watcher.watched
    watches.most = 1000
    wait_until(lambda: watching.watcher.watched == [str(folder)])
    assert watching.notices == ["not_watched"]
    watching.watcher.stop()


@watched_one_by_one
def test_a_folder_that_outgrows_the_watches_is_unwatched_from_then_on(
    watching: Watching, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Watches(monkeypatch, 0)
    (folder / "new").mkdir()
    wait_until(lambda: not watching.watcher.watched)
    wait_until(lambda: watching.notices == ["not_watched"])
    followed = watching.watcher._schedule._folders[str(folder)]
    wait_until(lambda: followed.every == schedule.EVERY_REMOTE)


@watched_one_by_one
def test_watches_that_were_refused_are_asked_for_as_rarely_as_a_network_drive_is_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watches = Watches(monkeypatch, 0)
    monkeypatch.setattr(watcher, "_TICK", 0.01)
    watching = Watching([str(folder)])
    wait_until(lambda: watching.rounds > 20)
    assert watches.asked == [folder]
    watching.watcher.stop()
    monkeypatch.setattr(watcher, "EVERY_REMOTE", 0.1)
    watching = Watching([str(folder)])
    wait_until(lambda: watches.asked.count(folder) > 4)
    watching.watcher.stop()
    said = [record for record in caplog.records if record.name == watcher.__name__]
    assert len(said) == 2, "once for each watcher"


def test_where_the_system_makes_no_more_observers_the_looks_go_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from watchdog import observers

    def refusing() -> None:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(observers, "Observer", refusing)
    monkeypatch.setattr(watcher, "EVERY_REMOTE", 0.1)
    monkeypatch.setattr(watcher, "_TICK", 0.05)
    watching = Watching([str(folder)])
    wait_until(lambda: len(watching.looks) >= 2)
    assert watching.notices == ["not_watched"] and not watching.watcher.watched
    watching.watcher.stop()


def test_a_listener_that_fails_ends_nothing(watching: Watching, folder: Path) -> None:
    watching.rejecting = [RuntimeError("surprise")]
    (folder / "a.md").write_text("x")
    wait_until(lambda: not watching.rejecting)
    (folder / "b.md").write_text("x")
    wait_until(lambda: len(watching.looks) == 2)


@pytest.mark.parametrize(
    "end", [RuntimeError("surprise"), EngineError("database_busy", path="x"), Cancelled()]
)
def test_a_look_that_ends_in_any_way_is_followed_by_others(
    watching: Watching, folder: Path, end: Exception
) -> None:
    watching.ends_at_once = False
    (folder / "a.md").write_text("x")
    wait_until(lambda: bool(watching.jobs))
    watching.jobs[0].fail(end)
    (folder / "b.md").write_text("x")
    wait_until(lambda: len(watching.looks) == 2)


def test_a_look_that_cannot_begin_ends_nothing(watching: Watching, folder: Path) -> None:
    watching.failing = [EngineError("database_busy", path="x"), RuntimeError("surprise")]
    for left in (1, 0):
        (folder / f"{left}.md").write_text("x")
        wait_until(lambda left=left: len(watching.failing) == left)
    (folder / "a.md").write_text("x")
    wait_until(lambda: bool(watching.looks))


def test_a_network_drive_is_known_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = {"/": "ext4", "/net": "nfs4", "/net/local": "xfs", "/ssh": "fuse.sshfs", "/mnt": "fuseblk"}
    parts = [SimpleNamespace(mountpoint=place, fstype=kind) for place, kind in mounts.items()]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: parts)
    monkeypatch.setattr("os.path.realpath", lambda path: path)
    remote = [
        path
        for path in ("/a", "/net", "/net/x", "/net/local/x", "/ssh/x", "/mnt", "/netz")
        if is_remote(path)
    ]
    assert remote == ["/net", "/net/x", "/ssh/x"]
