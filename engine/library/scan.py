"""What lies below the indexed folders, without opening any file but those that hold rules.

Each regular file is one entry, and so is each directory that is left out as a whole. Symbolic links are not
followed. Directories whose name begins with a dot are left out: programs fill those; one can be added by
itself, as can everything else that is ignored.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from engine.contracts import FileState, FolderRules
from engine.documents.secrets import is_secret
from engine.library.rules import GIT, OURS, Rules
from engine.store.database import storable

_IGNORED = frozenset(
    """__pycache__ node_modules bower_components jspm_packages site-packages venv virtualenv lost+found
    $recycle.bin deriveddata cmakefiles __macosx""".split()
) | {"system volume information"}
# Programs fill these only beside one of the files that tell a programmer's project.
_BUILT = frozenset("build dist target out bin obj vendor htmlcov".split())
_PROJECT = frozenset(
    """pyproject.toml setup.py package.json cargo.toml pom.xml build.gradle build.gradle.kts cmakelists.txt
    makefile composer.json meson.build go.mod gemfile""".split()
)
# A directory that holds one of these is a virtual environment or a cache, whatever its name.
_TAGS = frozenset(("pyvenv.cfg", "CACHEDIR.TAG"))
_TEMPORARY = re.compile(
    r"~\$.*|\.~lock.*|.*(\.tmp|\.temp|\.crdownload|\.part|\.partial|\.swp|~)|\.ds_store|thumbs\.db|desktop\.ini",
    re.IGNORECASE,
)
# Windows: RECALL_ON_DATA_ACCESS, RECALL_ON_OPEN, OFFLINE; macOS: SF_DATALESS. Opening such a file fetches it.
_CLOUD_ATTRIBUTES = 0x400000 | 0x40000 | 0x1000
_CLOUD_FLAGS = 0x40000000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or a directory left out as a whole. A `reason` (of errors.REASONS) settles it unread."""

    path: str
    root: str
    size: int = 0
    mtime_ns: int = 0
    inode: int = 0
    reason: str = ""
    detail: str = ""

    @property
    def state(self) -> FileState:
        if not self.reason:
            return "waiting"
        return "failed" if self.reason in {"unreadable", "bad_name"} else "skipped"


@dataclass
class Scan:
    """Entries by path, and the directories that were `read`. What lies below `unread` could not be seen now,
    which says nothing about it; roots that are `gone` were deleted. `mounted` has the other roots, and
    whether each is a mount point; `devices` the disks they are on.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)
    unavailable: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    mounted: dict[str, bool] = field(default_factory=dict)
    devices: dict[str, int] = field(default_factory=dict)


def scan(
    roots: Sequence[Path],
    own: Path,
    *,
    rules: Mapping[str, FolderRules] | None = None,
    forgotten: Collection[str] = (),
    was_mounted: Callable[[str], bool] = lambda root: False,
    visit: Callable[[str, int], None] = lambda directory, found: None,
) -> Scan:
    """Walk `roots` (folders or files; overlapping ones are walked once). `own` is the home, never entered.

    `rules` are by root; `forgotten` are `path_hash`es of what is left out unless it is a root. `was_mounted`
    tells roots that were mount points earlier: one that no longer is has lost its disk, and its directory
    says nothing, with files in it or without: programs write into the place of a disk that is away. `visit`
    hears of each directory before it is read, and may raise.
    """
    walk = _Walk(
        {str(root): (rules or {}).get(str(root), FolderRules()) for root in roots}, forgotten, own, visit
    )
    for root in sorted({str(root) for root in roots}, key=lambda root: (len(root), root)):
        walk.root(root, was_mounted(root))
    return walk.found


def path_hash(path: str) -> str:
    """How a path is known that may not be named."""
    return blake2b(os.fsencode(path), digest_size=16).hexdigest()


def is_noise(path: str, root: str, chosen: FolderRules | None = None) -> bool:
    """Whether a change at `path` below `root`, with the rules `chosen` for it, is none of what is indexed.

    Rules are asked only where they take in a folder that programs fill: what else they leave out may have
    been indexed until they changed.
    """
    *folders, name = Path(path).relative_to(root).parts or ("",)
    above = [root]
    for folder in folders:
        directory = str(Path(above[-1], folder))
        if _is_programs_own(folder) and not _is_taken_in(
            directory, tuple(above), chosen or FolderRules(), _stamps(above)
        ):
            return True
        above.append(directory)
    return bool(_TEMPORARY.fullmatch(name))


def _is_programs_own(folder: str) -> bool:
    return folder.startswith(".") or folder.lower() in _IGNORED


@lru_cache(64)
def _is_taken_in(
    directory: str, above: tuple[str, ...], chosen: FolderRules, _stamps: tuple[object, ...]
) -> bool:
    """Whether rules take in a directory. Asked for each of thousands of changes in it, so it is remembered
    while the files of rules `above` bear the same `_stamps`.
    """
    rules = Rules.of(above[0], chosen)
    for place in above:
        rules = rules.entered(place, {OURS, GIT}, lambda status: not _is_in_cloud(status))
    verdict = rules.verdict(directory, is_directory=True)
    return verdict is not None and not verdict.ignored


def _stamps(directories: Sequence[str]) -> tuple[object, ...]:
    """What tells whether the files of rules in some directories are as they were."""
    found: list[object] = []
    for path in (Path(directory, name) for directory in directories for name in (OURS, GIT)):
        try:
            status = path.lstat()
        except OSError:
            found.append(None)
        else:
            found.append((status.st_mtime_ns, status.st_size))
    return tuple(found)


class _Walk:
    def __init__(
        self,
        roots: Mapping[str, FolderRules],
        forgotten: Collection[str],
        own: Path,
        visit: Callable[[str, int], None],
    ) -> None:
        self.found = Scan()
        self._forgotten = frozenset(forgotten)
        self._roots = roots
        self._own = _identity(own)
        self._visit = visit
        self._visited: set[tuple[int, int]] = set()

    def root(self, root: str, was_mounted: bool) -> None:
        mounted = os.path.ismount(root)
        try:
            status = Path(root).stat()
            if was_mounted and not mounted:
                raise OSError("not mounted")
        except OSError:
            self.found.unavailable.append(root)
            self.found.unread.append(root)
            return
        self.found.mounted[root] = mounted
        self.found.devices[root] = signed(status.st_dev)
        if not stat.S_ISDIR(status.st_mode):
            self._file(root, root, status)
            return
        stack = [(root, status, Rules.of(root, self._roots[root]))]
        while stack:
            directory, status, rules = stack.pop()
            identity = (status.st_dev, status.st_ino)
            if identity in self._visited:
                continue
            self._visited.add(identity)
            stack += self._directory(root, directory, status.st_dev, identity, rules)

    def _directory(
        self, root: str, directory: str, device: int, identity: tuple[int, int], rules: Rules
    ) -> Iterator[tuple[str, os.stat_result, Rules]]:
        self._visit(directory, len(self.found.entries))
        if identity == self._own:
            self._leave_out(directory, root, "own_data")
            return
        try:
            with os.scandir(directory) as listing:
                items = list(listing)
        except OSError as error:
            self.found.unread.append(directory)
            self._leave_out(directory, root, "unreadable", error.strerror or "")
            return
        self.found.read.add(storable(directory))
        names = {item.name for item in items}
        if directory not in self._roots and not _TAGS.isdisjoint(names):
            self._leave_out(directory, root, "ignored", f"holds {min(_TAGS & names)}")
            return
        rules = rules.entered(directory, names, lambda status: not _is_in_cloud(status))
        is_project = not _PROJECT.isdisjoint(name.lower() for name in names)
        for item in items:
            try:
                if item.is_symlink() or _is_junction(item):
                    continue
                status = item.stat(follow_symlinks=False)
                if sys.platform == "win32":
                    status = Path(item.path).lstat()  # a listing there carries neither inode nor device
            except FileNotFoundError:
                continue
            except OSError as error:
                # A directory may be listed but not entered: that says nothing about what is in it.
                self.found.unread.append(item.path)
                self._leave_out(item.path, root, "unreadable", error.strerror or "")
                continue
            if stat.S_ISREG(status.st_mode):
                self._file(item.path, root, status, rules)
            elif stat.S_ISDIR(status.st_mode):
                reason, detail = self._why_not(item, device, status, is_project, rules)
                if reason:
                    self._leave_out(item.path, root, reason, detail)
                    if reason == "other_disk":
                        self.found.unread.append(item.path)
                elif item.path in self._roots:
                    yield item.path, status, Rules.of(item.path, self._roots[item.path])
                else:
                    yield item.path, status, rules

    def _why_not(
        self, item: os.DirEntry[str], device: int, status: os.stat_result, is_project: bool, rules: Rules
    ) -> tuple[str, str]:
        """Why a directory is not entered, and the rule that says so; empty if it is."""
        if item.path in self._roots:
            return "", ""
        if is_secret(Path(item.path) / "any"):
            return "secret", ""
        if status.st_dev != device:
            return "other_disk", ""
        if self._is_forgotten(item.path):
            return "forgotten", ""
        verdict = rules.verdict(item.path, is_directory=True)
        if verdict is not None:
            return ("ignored", verdict.rule) if verdict.ignored else ("", "")
        name = item.name.lower()
        if name.startswith("."):
            return "ignored", "default: hidden"
        if name in _IGNORED or (is_project and name in _BUILT) or _is_platforms_own(item.path):
            return "ignored", f"default: {item.name}"
        return "", ""

    def _file(self, path: str, root: str, status: os.stat_result, rules: Rules | None = None) -> None:
        try:
            path.encode("utf-8")
        except UnicodeEncodeError:
            self._leave_out(path, root, "bad_name")
            return
        reason, detail = _reason(path, status), ""
        if rules is not None and path not in self._roots and reason != "secret":
            verdict = rules.verdict(path, is_directory=False)
            if self._is_forgotten(path):
                reason = "forgotten"
            elif verdict is not None and verdict.ignored:
                reason, detail = "ignored", verdict.rule
        self.found.entries[path] = Entry(
            path, root, status.st_size, status.st_mtime_ns, signed(status.st_ino), reason, detail
        )

    def _is_forgotten(self, path: str) -> bool:
        return bool(self._forgotten) and path_hash(path) in self._forgotten

    def _leave_out(self, path: str, root: str, reason: str, detail: str = "") -> None:
        path = storable(path)
        self.found.entries[path] = Entry(path, root, reason=reason, detail=detail)


def _reason(path: str, status: os.stat_result) -> str:
    if is_secret(Path(path)):
        return "secret"
    if _TEMPORARY.fullmatch(Path(path).name):
        return "temporary"
    return "cloud_only" if _is_in_cloud(status) else ""


def _is_in_cloud(status: os.stat_result) -> bool:
    return bool(
        getattr(status, "st_file_attributes", 0) & _CLOUD_ATTRIBUTES
        or getattr(status, "st_flags", 0) & _CLOUD_FLAGS
    )


def _is_platforms_own(path: str) -> bool:
    home = Path.home()
    if sys.platform == "darwin":
        return Path(path) == home / "Library"
    return sys.platform == "win32" and Path(path) == home / "AppData"


def _is_junction(item: os.DirEntry[str]) -> bool:
    return bool(getattr(item, "is_junction", lambda: False)())


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def signed(number: int) -> int:
    """An inode or a disk as it is kept: SQLite's integers are signed, some file systems use all 64 bits."""
    return number - (1 << 64) if number >= 1 << 63 else number
