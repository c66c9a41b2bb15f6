"""Copies of user.db: one a day, one before each migration; the newest seven of each kind are kept."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from engine.paths import Home
from engine.store.database import Database, from_os_error, make_folder

KEPT = 7


def daily(home: Home, database: Database, now: datetime | None = None) -> Path | None:
    """Back up unless today's copy exists. A damaged database raises and replaces no backup."""
    day = (now or datetime.now(UTC)).strftime("%Y%m%d")
    target = home.backups / f"user-{day}.db"
    if target.exists():
        return None
    database.quick_check()
    _copy(database, target)
    _thin(home, "user-????????.db")
    return target


def before_migration(home: Home, database: Database, version: int, now: datetime | None = None) -> Path:
    """Back up the state of schema `version` before it is changed."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%d-%H%M%S-%f")
    database.quick_check()
    target = home.backups / f"user-{moment}-schema{version}.db"
    _copy(database, target)
    _thin(home, "user-*-schema*.db")
    return target


def renew(home: Home, database: Database) -> None:
    """One backup of what is there now, in place of all earlier ones: they hold what was deleted since."""
    old = set(home.backups.glob("user-*.db"))
    target = home.backups / f"user-{datetime.now(UTC):%Y%m%d}.db"
    _copy(database, target)
    for path in old - {target}:
        path.unlink(missing_ok=True)


def newest(home: Home) -> Path | None:
    """The latest backup by its time of writing, or None."""
    found = sorted(home.backups.glob("user-*.db"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    return found[-1] if found else None


def _copy(database: Database, target: Path) -> None:
    make_folder(target.parent)
    partial = target.with_name(target.name + ".part")
    try:
        partial.unlink(missing_ok=True)
        database.backup_into(partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise from_os_error(error, target) from error
    finally:
        partial.unlink(missing_ok=True)


def _thin(home: Home, pattern: str) -> None:
    # Names begin with the moment of writing, so the order of names is the order of time.
    for path in sorted(home.backups.glob(pattern))[:-KEPT]:
        path.unlink(missing_ok=True)
