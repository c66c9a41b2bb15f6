"""What the ledger knows and a scan did not find: moved, gone, or to be waited for.

A file missing from a directory that was read is gone. A root, or a directory of many files, may have vanished
because its disk did: it must be missing twice, some time apart. What could not be looked at says nothing.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from os.path import sep
from pathlib import Path

from engine.library.intake import file_hash
from engine.library.scan import Entry, Scan, signed
from engine.library.writer import Known
from engine.store.database import Database

MANY = 50  # files; a directory of more is not given up at first sight
PATIENCE = 60.0  # seconds between the two looks

Ledger = Mapping[str, Known]


def vanished(found: Scan, ledger: Ledger) -> dict[str, list[str]]:
    """Paths that are not there any more, by the topmost directory gone with them; "" holds single ones."""
    groups: dict[str, list[str]] = defaultdict(list)
    unread = tuple(found.unread)
    known: dict[str, str] = {}
    for path in ledger:
        if path in found.entries or is_below_any(path, unread):
            continue
        parent = _parent(path)
        if parent not in known:
            known[parent] = _gone_with(parent, found)
        groups[known[parent]].append(path)
    rest = [path for path in ledger if is_below_any(path, found.gone)]
    for root in sorted(found.gone):  # of two, one in the other, the outer one comes first
        groups[root] = [path for path in rest if is_below_any(path, (root,))]
        rest = [path for path in rest if not is_below_any(path, (root,))]
    return groups


def _gone_with(directory: str, found: Scan) -> str:
    """The topmost directory at or above `directory` that its own parent no longer holds."""
    gone = ""
    while directory not in found.read:
        if directory in found.entries or not directory:
            return ""  # a rule leaves it out now, or it is a single file that was added
        gone, directory = directory, _parent(directory)
    return gone


def _parent(path: str) -> str:
    # Paths of a ledger are plain: as text, a hundred thousand of them take no time.
    return path.rpartition(sep)[0] or (path[:1] if path[:1] == sep != path else "")


def moves(
    missing: Mapping[str, Known], new: Iterable[Entry], look: Callable[[], None]
) -> Iterator[tuple[Known, str, Entry]]:
    """Files with the content of a missing one: (its row, its old path, the new entry), each used once.

    Only a file as large as a missing one is read, for its hash; `look` is called before, and may raise.
    """
    by_size: dict[int, dict[str, Known]] = defaultdict(dict)
    for path, known in missing.items():
        if known.has_text and known.sha256:
            by_size[known.size][path] = known
    for entry in new:
        candidates = by_size.get(entry.size)
        if not candidates:
            continue
        look()
        try:
            sha256 = file_hash(Path(entry.path))
        except OSError:
            continue
        # The name decides by whom a file is read, so another suffix is another file.
        same = [
            path
            for path, known in candidates.items()
            if known.sha256 == sha256 and Path(path).suffix.lower() == Path(entry.path).suffix.lower()
        ]
        if same:
            best = min(same, key=lambda path: (candidates[path].inode != entry.inode, path))
            yield candidates.pop(best), best, entry


def to_be_removed(
    database: Database, groups: Mapping[str, list[str]], roots: Iterable[str], now: float
) -> tuple[list[str], dict[str, int]]:
    """Paths to remove now, and how many files wait for a second look, by directory.

    `groups` as from `vanished`. When a directory was first missed is kept in the index; what is there again
    below `roots` is forgotten.
    """
    since: dict[str, float] = dict(database.execute("SELECT path, since FROM missing"))
    gone: list[str] = []
    waiting: dict[str, int] = {}
    seen = frozenset(roots)
    for directory, paths in groups.items():
        must_wait = directory and (len(paths) > MANY or directory in seen)
        if must_wait and paths and now - since.get(directory, now) < PATIENCE:
            waiting[directory] = len(paths)
        else:
            gone += paths
    with database.transaction():
        over = [path for path in since if path not in waiting and is_below_any(path, seen)]
        database.many("DELETE FROM missing WHERE path = ?", [(path,) for path in over])
        database.many(
            "INSERT INTO missing VALUES (?, ?) ON CONFLICT DO NOTHING", [(path, now) for path in waiting]
        )
    return gone, waiting


def forget(database: Database, root: str) -> None:
    """Nothing at or below `root` is waited for any more."""
    waited = [path for (path,) in database.execute("SELECT path FROM missing") if is_below_any(path, (root,))]
    with database.transaction():
        database.many("DELETE FROM missing WHERE path = ?", [(path,) for path in waited])


def is_gone(root: str, device: int | None) -> bool:
    """Whether a root was deleted, and not taken away with its disk: its place is on the disk it was on."""
    if device is None or os.path.lexists(root):
        return False
    place = Path(root).parent
    while True:
        try:
            return signed(place.stat().st_dev) == device
        except FileNotFoundError:
            if place == place.parent:
                return False
            place = place.parent
        except OSError:
            return False


def is_below_any(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(root if root.endswith(sep) else root + sep) for root in roots)
