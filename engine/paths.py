"""The only place that knows where things live inside a home folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """A home folder: everything Nocturne keeps, and nothing of it anywhere else."""

    root: Path

    @property
    def user_db(self) -> Path:
        return self.root / "user.db"

    @property
    def index_db(self) -> Path:
        return self.root / "index.db"

    @property
    def rows_db(self) -> Path:
        return self.root / "rows.db"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def models(self) -> Path:
        return self.root / "models"

    @property
    def nights(self) -> Path:
        return self.root / "nights"

    @property
    def states(self) -> Path:
        return self.root / "states"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def settings(self) -> Path:
        return self.root / "settings.toml"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def bench(self) -> Path:
        return self.root / "bench"


def find_home(chosen: str | os.PathLike[str] | None = None) -> Home:
    """`chosen`, else NOCTURNE_HOME, else the platform's folder for user data. Nothing is created."""
    from_environment = os.environ.get("NOCTURNE_HOME")
    if chosen or from_environment:
        return Home(Path(chosen or from_environment or "").expanduser().resolve())
    import platformdirs

    return Home(Path(platformdirs.user_data_dir("nocturne", appauthor=False)))
