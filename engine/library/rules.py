"""A person's own rules of what is left out: `.gitignore`, `.nocturneignore`, and patterns kept with a folder.

All are written as in a `.gitignore`. Where several speak of one path, the folder's patterns win over
`.nocturneignore`, which wins over `.gitignore`; within one kind the file nearest to the path wins, within a
file the last line. A pattern that begins with "!" takes something in again, also what the program leaves out
by default, but never secrets.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.contracts import FolderRules

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

OURS = ".nocturneignore"
GIT = ".gitignore"
_LARGEST = 1_000_000  # bytes; nobody writes such a file by hand


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a path: leave it out, or take it in. `rule` names it for the person."""

    ignored: bool
    rule: str


@dataclass(frozen=True, slots=True)
class _Layer:
    base: str  # the directory that its patterns are relative to
    source: str
    spec: GitIgnoreSpec
    lines: tuple[str, ...]

    def verdict(self, path: str, is_directory: bool) -> Verdict | None:
        relative = os.path.relpath(path, self.base).replace(os.sep, "/") + ("/" if is_directory else "")
        found = self.spec.check_file(relative)
        if found.include is None or found.index is None:
            return None
        return Verdict(found.include, f"{self.source}: {self.lines[found.index]}")


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force in one directory; the strongest layer first in each kind."""

    root: str
    uses_gitignore: bool
    folder: tuple[_Layer, ...] = ()
    ours: tuple[_Layer, ...] = ()
    git: tuple[_Layer, ...] = ()

    @classmethod
    def of(cls, root: str, chosen: FolderRules) -> Rules:
        """Those that are in force before any directory was read."""
        layer = _layer(root, "this folder's rule", chosen.ignore)
        return cls(root, chosen.gitignore, folder=(layer,) if layer else ())

    def entered(self, directory: str, names: set[str], may_open: Callable[[os.stat_result], bool]) -> Rules:
        """Those in force for what lies in `directory`, which holds `names`.

        A file of rules for which `may_open` is false is not opened.
        """
        ours = self._with(self.ours, directory, OURS, names, may_open)
        git = self._with(self.git, directory, GIT, names, may_open) if self.uses_gitignore else ()
        if (ours, git) == (self.ours, self.git):
            return self
        return Rules(self.root, self.uses_gitignore, self.folder, ours, git)

    def verdict(self, path: str, is_directory: bool) -> Verdict | None:
        """What they say of something in the directory; None if nothing."""
        for layer in (*self.folder, *self.ours, *self.git):
            if (found := layer.verdict(path, is_directory)) is not None:
                return found
        return None

    def _with(
        self,
        layers: tuple[_Layer, ...],
        directory: str,
        name: str,
        names: set[str],
        may_open: Callable[[os.stat_result], bool],
    ) -> tuple[_Layer, ...]:
        if name not in names:
            return layers
        path = Path(directory, name)
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST or not may_open(status):
                return layers
            lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        except OSError:
            return layers
        layer = _layer(directory, os.path.relpath(path, self.root), lines)
        return (layer, *layers) if layer else layers


def is_pattern(line: str) -> bool:
    """Whether `line` is a pattern that can match something."""
    return _layer("", "", [line]) is not None


def _layer(base: str, source: str, lines: Sequence[str]) -> _Layer | None:
    from pathspec import GitIgnoreSpec

    usable = tuple(line for line in lines if _is_usable(line))
    if not usable:
        return None
    # One fixed way of matching: others may be chosen by what happens to be installed.
    return _Layer(base, source, GitIgnoreSpec.from_lines(usable, backend="simple"), usable)


def _is_usable(line: str) -> bool:
    """One bad line must not switch off the others, as in git."""
    from pathspec import GitIgnoreSpec

    try:
        (pattern,) = GitIgnoreSpec.from_lines([line], backend="simple").patterns
    except ValueError:
        return False
    return pattern.include is not None
