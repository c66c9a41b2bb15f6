"""What is found below the folders, and what is left out with a reason."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.errors import REASONS
from engine.library import scan as module
from engine.library.scan import Scan, scan


def _put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")


def _scan(*roots: Path, own: Path = Path("/nowhere")) -> Scan:
    return scan(roots, own)


def _reasons(found: Scan, folder: Path) -> dict[str, str]:
    assert all(entry.reason in REASONS for entry in found.entries.values() if entry.reason)
    return {str(Path(path).relative_to(folder)): entry.reason for path, entry in found.entries.items()}


def test_files_and_one_entry_for_each_ignored_directory(tmp_path: Path) -> None:
    _put(
        tmp_path, "a.md", "sub/deep/b.md", ".hidden", ".git/config", "node_modules/x/y.js", "env/pyvenv.cfg",
        "env/lib/z.py", "cached/CACHEDIR.TAG", "cached/c.txt", "code/setup.py", "code/build/out.txt",
        "letters/build/plan.md",
    )  # fmt: skip
    assert _reasons(_scan(tmp_path), tmp_path) == {
        "a.md": "",
        "sub/deep/b.md": "",
        ".hidden": "",
        ".git": "ignored",
        "node_modules": "ignored",
        "env": "ignored",
        "cached": "ignored",
        "code/setup.py": "",
        "code/build": "ignored",
        "letters/build/plan.md": "",
    }


def test_an_ignored_directory_can_be_added_by_itself(tmp_path: Path) -> None:
    _put(tmp_path, ".notes/a.md", "node_modules/pack/b.md", "node_modules/pack/node_modules/c.md")
    assert _reasons(_scan(tmp_path / ".notes"), tmp_path) == {".notes/a.md": ""}
    both = _scan(tmp_path, tmp_path / ".notes", tmp_path / "node_modules" / "pack")
    assert _reasons(both, tmp_path) == {
        ".notes/a.md": "",
        "node_modules": "ignored",
        "node_modules/pack/b.md": "",
        "node_modules/pack/node_modules": "ignored",
    }


def test_overlapping_roots_and_single_files_are_walked_once(tmp_path: Path) -> None:
    _put(tmp_path, "a.md", "sub/b.md")
    found = _scan(tmp_path / "sub", tmp_path, tmp_path / "a.md", tmp_path)
    assert _reasons(found, tmp_path) == {"a.md": "", "sub/b.md": ""}


def test_links_are_not_followed_and_cannot_loop(tmp_path: Path) -> None:
    _put(tmp_path, "a.md", "sub/b.md")
    (tmp_path / "sub" / "self").symlink_to(tmp_path / "sub")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "c.md").symlink_to(tmp_path / "a.md")
    (tmp_path / "dead").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert _reasons(_scan(tmp_path), tmp_path) == {"a.md": "", "sub/b.md": ""}
    assert list(_scan(tmp_path / "sub" / "self").entries) == [str(tmp_path / "sub" / "self" / "b.md")]


def test_what_must_not_be_read_is_named(tmp_path: Path) -> None:
    _put(
        tmp_path, ".ssh/id_rsa", ".env", "server.pem", "~$letter.docx", "film.mp4.part", "notes.TMP", "home/x"
    )
    assert _reasons(_scan(tmp_path, own=tmp_path / "home"), tmp_path) == {
        ".ssh": "secret",
        ".env": "secret",
        "server.pem": "secret",
        "~$letter.docx": "temporary",
        "film.mp4.part": "temporary",
        "notes.TMP": "temporary",
        "home": "own_data",
    }


@pytest.mark.parametrize(
    "attributes", [{"st_flags": 0x40000000}, {"st_file_attributes": 0x400000}, {"st_file_attributes": 0x1000}]
)
def test_placeholders_of_the_cloud_are_recognised(attributes: dict[str, int]) -> None:
    assert module._reason("/cloud/a.md", SimpleNamespace(**attributes)) == "cloud_only"
    assert module._reason("/cloud/a.md", SimpleNamespace(st_flags=1)) == ""


def test_a_name_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("text")
    (entry,) = _scan(tmp_path).entries.values()
    assert (entry.path, entry.reason, entry.state) == (str(tmp_path / "caf\ufffd.txt"), "bad_name", "failed")


class _Item:
    """A directory entry that says what the test wants."""

    def __init__(self, item: os.DirEntry[str], **changes: Any) -> None:
        self._item = item
        self._changes = changes
        self.name, self.path = item.name, item.path

    def is_symlink(self) -> bool:
        return self._item.is_symlink()

    def stat(self, *, follow_symlinks: bool) -> Any:
        if "error" in self._changes:
            raise self._changes["error"]
        status = self._item.stat(follow_symlinks=follow_symlinks)
        names = ("st_mode", "st_dev", "st_ino", "st_size", "st_mtime_ns")
        return SimpleNamespace(**{name: getattr(status, name) for name in names} | self._changes)


@pytest.fixture
def listing(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Changes by name: an OSError for a directory's listing, or attributes of an entry."""
    changes: dict[str, Any] = {}
    real = os.scandir

    class Listing:
        def __init__(self, directory: str) -> None:
            if isinstance(problem := changes.get(Path(directory).name), OSError):
                raise problem
            self._directory = directory

        def __enter__(self) -> list[Any]:
            with real(self._directory) as items:
                found = list(items)
            return [
                _Item(item, **change) if isinstance(change := changes.get(item.name), dict) else item
                for item in found
            ]

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(os, "scandir", Listing)
    return changes


def test_an_unreadable_directory_is_one_failure(tmp_path: Path, listing: dict[str, Any]) -> None:
    _put(tmp_path, "a.md", "closed/b.md")
    listing["closed"] = PermissionError(13, "Permission denied")
    found = _scan(tmp_path)
    assert _reasons(found, tmp_path) == {"a.md": "", "closed": "unreadable"}
    assert found.entries[str(tmp_path / "closed")].state == "failed"
    assert found.unread == [str(tmp_path / "closed")]


def test_a_file_that_may_not_be_looked_at_is_not_taken_for_missing(
    tmp_path: Path, listing: dict[str, Any]
) -> None:
    _put(tmp_path, "a.md", "b.md", "c.md")
    listing["a.md"] = {"error": PermissionError(13, "Permission denied")}
    listing["b.md"] = {"error": FileNotFoundError(2, "gone")}
    found = _scan(tmp_path)
    assert _reasons(found, tmp_path) == {"a.md": "unreadable", "c.md": ""}
    assert found.unread == [str(tmp_path / "a.md")]


def test_another_disk_is_named_and_not_entered(tmp_path: Path, listing: dict[str, Any]) -> None:
    _put(tmp_path, "disk/a.md", "b.md")
    listing["disk"] = {"st_dev": -1}
    found = _scan(tmp_path)
    assert _reasons(found, tmp_path) == {"disk": "other_disk", "b.md": ""}
    assert found.unread == [str(tmp_path / "disk")]
    assert "disk/a.md" in _reasons(_scan(tmp_path, tmp_path / "disk"), tmp_path)


def test_a_missing_root_says_nothing_about_its_files(tmp_path: Path) -> None:
    found = _scan(tmp_path / "gone")
    assert (found.entries, found.unavailable, found.unread) == (
        {},
        [str(tmp_path / "gone")],
        [str(tmp_path / "gone")],
    )


def test_a_mount_point_without_its_disk_is_unavailable(tmp_path: Path) -> None:
    _put(tmp_path, "a.md")
    found = scan([tmp_path], Path("/nowhere"), was_mounted=lambda root: root == str(tmp_path))
    assert not found.entries and found.unavailable == [str(tmp_path)]


def test_each_directory_is_announced_and_the_walk_can_be_stopped(tmp_path: Path) -> None:
    _put(tmp_path, "one/a.md", "two/b.md")
    seen: list[str] = []

    def visit(directory: str, _found: int) -> None:
        seen.append(Path(directory).name)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan([tmp_path], Path("/nowhere"), visit=visit)
    assert len(seen) == 2 and seen[1] in {"one", "two"}


def test_of_two_spellings_of_a_root_the_same_one_is_walked_each_time(tmp_path: Path) -> None:
    pairs = [(tmp_path / f"a{number}", tmp_path / f"b{number}") for number in range(8)]
    for first, second in pairs:
        first.mkdir()
        (first / "file.md").write_text("words")
        second.symlink_to(first)
    found = scan([root for pair in pairs for root in pair], tmp_path / "own")
    assert sorted(found.entries) == [str(first / "file.md") for first, _ in pairs]
