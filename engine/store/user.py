"""user.db opened as a whole: what cannot be rebuilt, with one writer, backups and migrations."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from engine.errors import EngineError
from engine.paths import Home
from engine.store import backups
from engine.store.chats import Chats
from engine.store.database import Corrupt, Database, memory_database, open_database
from engine.store.folders import Folders
from engine.store.lock import holder
from engine.store.migrations import MIGRATIONS, migrate, version
from engine.store.nights import Nights


class UserStore(Chats, Folders, Nights):
    """The person's chats, folders and choices.

    `write=True` needs the home's lock, creates and migrates the file, backs it up once a day and purges
    chats deleted 30 days ago. Without it nothing on disk changes, a missing file reads as empty, and writing
    verbs raise EngineError(read_only). A file of a newer Nocturne can be read; writing raises user_db_newer.
    Opening and every verb may raise user_db_corrupt (naming the newest backup), and those of `Database`.
    """

    def __init__(self, home: Home, write: bool) -> None:
        self._home = home
        database = self._open(write)
        try:
            refusal = self._why_not(database, write)
            if refusal is None:
                self._prepare(database)
            elif version(database) < len(MIGRATIONS):
                database = self._in_memory(database)
            super().__init__(database, refusal)
            if refusal is None:
                self.purge()
        except BaseException:
            database.close()
            raise

    def forget(self, gone: Callable[[str], bool]) -> int:
        """Delete what chats quote of files that are `gone`, and that they were used; how many entries.

        What answers say in their own words stays: chats are the person's. Backups that hold it are replaced.
        """
        count = 0
        with self._writing() as database:
            for table in ("citations", "nearest", "events", "row_edits"):
                for (path,) in database.execute(f"SELECT DISTINCT path FROM {table} WHERE path NOT NULL"):
                    if gone(path):
                        database.execute(f"DELETE FROM {table} WHERE path = ?", (path,))
                        count += database.changes
        self._database.checkpoint()
        if count:
            backups.renew(self._home, self._database)
        return count

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> UserStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, write: bool) -> Database:
        path = self._home.user_db
        exists = path.exists()
        if not exists and not write:
            return memory_database()
        # An empty file is a valid new database to SQLite; where backups exist it is a lost one.
        if exists and path.stat().st_size == 0 and backups.newest(self._home) is not None:
            raise self._damaged(Corrupt(path, "empty"))
        return open_database(path, write=write, synchronous="FULL", on_corrupt=self._damaged)

    def _why_not(self, database: Database, write: bool) -> EngineError | None:
        path, found = str(self._home.user_db), version(database)
        if found > len(MIGRATIONS):
            return EngineError("user_db_newer", path=path, found=found, known=len(MIGRATIONS))
        if write:
            return None
        name, _ = holder(self._home) or ("Another program", 0)
        return EngineError("read_only", holder=name, path=str(self._home.root))

    def _prepare(self, database: Database) -> None:
        found = version(database)
        if 0 < found < len(MIGRATIONS):
            backups.before_migration(self._home, database, found)
        migrate(database, MIGRATIONS)
        backups.daily(self._home, database)

    def _in_memory(self, database: Database) -> Database:
        """A reader may not migrate the file, so it migrates a copy of its own."""
        copy = database.copy_to_memory()
        database.close()
        migrate(copy, MIGRATIONS)
        return copy

    def _damaged(self, corrupt: Corrupt) -> EngineError:
        newest = backups.newest(self._home)
        if newest is None:
            return EngineError("user_db_corrupt_no_backup", path=str(corrupt.path))
        return EngineError("user_db_corrupt", path=str(corrupt.path), backup=str(newest))
