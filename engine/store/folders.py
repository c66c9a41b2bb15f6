"""The folders and single files a person gave to Nocturne."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.errors import EngineError
from engine.store.tables import Tables, now


@dataclass(frozen=True)
class Folder:
    """An indexed folder or file. `learn`: nights may train on it."""

    path: str
    kind: Literal["folder", "file"]
    learn: bool
    added: str


class Folders(Tables):
    """Table `folders`."""

    def folders(self) -> list[Folder]:
        """All, in the order of their paths."""
        rows = self._database.execute("SELECT path, kind, learn, added FROM folders ORDER BY path")
        return [Folder(path, kind, bool(learn), added) for path, kind, learn, added in rows]

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

    def _expect_one(self, path: str | Path) -> None:
        if not self._database.changes:
            raise EngineError("folder_missing", path=str(path))
