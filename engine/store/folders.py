"""The folders and single files a person gave to Nocturne."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.contracts import FolderRules
from engine.errors import EngineError
from engine.store.tables import Tables, now


@dataclass(frozen=True)
class Folder:
    """An indexed folder or file. `learn`: nights may train on it. `rules`: what of it is left out."""

    path: str
    kind: Literal["folder", "file"]
    learn: bool
    added: str
    rules: FolderRules


class Folders(Tables):
    """Tables `folders`, `folder_rules` and `forgotten`. A pattern's "!" is kept as the effect `include`."""

    def folders(self) -> list[Folder]:
        """All, in the order of their paths."""
        patterns: dict[str, list[str]] = {}
        # What is left out comes first: of several patterns the last one that matches counts.
        for folder, pattern, effect in self._database.execute(
            "SELECT folder, pattern, effect FROM folder_rules ORDER BY effect, pattern"
        ):
            patterns.setdefault(folder, []).append(f"!{pattern}" if effect == "include" else pattern)
        rows = self._database.execute("SELECT path, kind, learn, added, gitignore FROM folders ORDER BY path")
        return [
            Folder(
                path, kind, bool(learn), added, FolderRules(tuple(patterns.get(path, ())), bool(gitignore))
            )
            for path, kind, learn, added, gitignore in rows
        ]

    def add_folder(
        self, path: str | Path, kind: Literal["folder", "file"] = "folder", learn: bool = False
    ) -> None:
        """Remember an absolute path; one that is known keeps its choices."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO folders (path, kind, learn, added) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (str(path), kind, int(learn), now()),
            )

    def remove_folder(self, path: str | Path) -> None:
        """Forget it. Raises EngineError(folder_missing)."""
        with self._writing() as database:
            database.execute("DELETE FROM folders WHERE path = ?", (str(path),))
            self._expect_one(path)

    def set_learn(self, path: str | Path, learn: bool) -> None:
        """Allow or forbid training on it. Raises EngineError(folder_missing)."""
        with self._writing() as database:
            database.execute("UPDATE folders SET learn = ? WHERE path = ?", (int(learn), str(path)))
            self._expect_one(path)

    def set_rules(self, path: str | Path, rules: FolderRules) -> None:
        """Replace what is left out of it. Raises EngineError(folder_missing)."""
        with self._writing() as database:
            database.execute(
                "UPDATE folders SET gitignore = ? WHERE path = ?", (int(rules.gitignore), str(path))
            )
            self._expect_one(path)
            database.execute("DELETE FROM folder_rules WHERE folder = ?", (str(path),))
            database.many(
                "INSERT OR REPLACE INTO folder_rules (folder, pattern, effect) VALUES (?, ?, ?)",
                [
                    (str(path), pattern.removeprefix("!"), "include" if pattern[:1] == "!" else "exclude")
                    for pattern in rules.ignore
                ],
            )

    def forgotten(self) -> list[str]:
        """Hashes of the paths that are not to be read again."""
        return [row[0] for row in self._database.execute("SELECT hash FROM forgotten ORDER BY hash")]

    def set_forgotten(self, path_hash: str, forgotten: bool) -> None:
        """Keep a path from being read again, or end that."""
        with self._writing() as database:
            if forgotten:
                database.execute("INSERT INTO forgotten VALUES (?) ON CONFLICT DO NOTHING", (path_hash,))
            else:
                database.execute("DELETE FROM forgotten WHERE hash = ?", (path_hash,))

    def _expect_one(self, path: str | Path) -> None:
        if not self._database.changes:
            raise EngineError("folder_missing", path=str(path))
