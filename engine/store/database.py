"""SQLite through apsw, in one place: opening, transactions, and what its errors mean to a person."""

from __future__ import annotations

import errno
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import EXHAUSTED, EngineError

if TYPE_CHECKING:
    import apsw

Row = tuple[Any, ...]

_SURROGATE = re.compile("[\ud800-\udfff]")
_BUSY_MS = 5_000
# The default 2 MB page cache reads an index of any size anew for each query.
_CACHE_KIB = 32 * 1024


class Corrupt(Exception):
    """The file is not a sound database. Only its owner knows whether it can be rebuilt."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"{path}: {detail}")
        self.path = path
        self.detail = detail


class Database:
    """One connection. Several threads may share it: each call, and each transaction as a whole, takes turns.

    Every method raises EngineError(database_busy | disk_full | home_read_only | database_failed), or what
    `on_corrupt` makes of a damaged file (by default `Corrupt`).
    """

    def __init__(
        self,
        connection: apsw.Connection,
        path: Path,
        *,
        writable: bool,
        on_corrupt: Callable[[Corrupt], Exception] | None = None,
    ) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self._on_corrupt = on_corrupt
        self.path = path
        self.writable = writable

    def execute(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> list[Row]:
        """Run one or more statements; all rows of the result."""
        with self._lock, self._translated():
            return list(self._connection.execute(sql, params))

    def each(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> Iterator[Row]:
        """As `execute`, one row at a time, where all would be too many to hold. Write nothing meanwhile."""
        with self._lock, self._translated():
            yield from self._connection.execute(sql, params)

    def one(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> Row | None:
        """The first row, or None."""
        with self._lock, self._translated():
            return next(iter(self._connection.execute(sql, params)), None)

    def parts(self, table: str, column: str, wanted: Iterable[tuple[int, int, int]]) -> list[bytes]:
        """Some bytes of blobs: (rowid, first byte, length) of each; fastest where those of one row meet."""
        found, blob, opened = list[bytes](), None, None
        with self._lock, self._translated():
            try:
                for row, first, length in wanted:
                    if blob is None:
                        blob = self._connection.blob_open("main", table, column, row, False)
                    elif row != opened:
                        blob.reopen(row)
                    opened = row
                    blob.seek(first)
                    found.append(blob.read(length))
            finally:
                if blob is not None:
                    blob.close()
        return found

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of parameters; call it inside a transaction."""
        with self._lock, self._translated():
            self._connection.executemany(sql, rows)

    def insert(self, sql: str, params: Sequence[Any] | dict[str, Any] = ()) -> int:
        """Run one INSERT; the rowid it got."""
        with self._lock, self._translated():
            self._connection.execute(sql, params)
            return self._connection.last_insert_rowid()

    @property
    def changes(self) -> int:
        """Rows changed by the last statement."""
        return self._connection.changes()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, alone among writers (BEGIN IMMEDIATE). Inside another one it joins that one."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.execute("COMMIT")
            finally:
                # SQLite itself rolls back after some errors (full disk, I/O), and then ROLLBACK would raise.
                if self._connection.in_transaction:
                    self.execute("ROLLBACK")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several reads of one state of the file."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self.execute("BEGIN")
            try:
                yield
            finally:
                if self._connection.in_transaction:
                    self.execute("ROLLBACK")

    def checkpoint(self) -> bool:
        """Write everything into the main file and empty the log; False if a reader held part of it back."""
        row = self.one("PRAGMA wal_checkpoint(TRUNCATE)")
        return row is not None and row[0] == 0

    def backup_into(self, path: Path) -> None:
        """A compact copy at `path`, which must not exist yet."""
        self.execute("VACUUM INTO ?", (str(path),))

    def quick_check(self) -> None:
        """Read the whole file's structure; raises `Corrupt` (or what `on_corrupt` says) at the first flaw."""
        row = self.one("PRAGMA quick_check(1)")
        if row is None or row[0] != "ok":
            raise self._corrupt(str(row[0] if row else "no answer"))

    def copy_to_memory(self) -> Database:
        """A writable copy without a file."""
        import apsw

        with self._lock, self._translated():
            memory = apsw.Connection(":memory:")
            with memory.backup("main", self._connection, "main") as backup:
                backup.step()
            return Database(memory, self.path, writable=True)

    def close(self) -> None:
        """Close; may be called twice. The last connection to a file folds its log in."""
        with self._lock, self._translated():
            self._connection.close()

    def _corrupt(self, detail: str) -> Exception:
        corrupt = Corrupt(self.path, detail)
        return self._on_corrupt(corrupt) if self._on_corrupt else corrupt

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import apsw

        try:
            yield
        except apsw.Error as error:
            failure = translate(error, self.path)
            raise (self._corrupt(failure.detail) if isinstance(failure, Corrupt) else failure) from error


def open_database(
    path: Path,
    *,
    write: bool,
    extensions: Sequence[str] = (),
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL",
    on_corrupt: Callable[[Corrupt], Exception] | None = None,
) -> Database:
    """Open `path`, created with its folder when `write`. Raises what the methods of `Database` raise.

    `extensions` are paths of loadable SQLite extensions.
    """
    if write:
        make_folder(path.parent)
    connection = _connect(path, write, on_corrupt)
    database = Database(connection, path, writable=write, on_corrupt=on_corrupt)
    try:
        with database._translated():
            _load(connection, extensions)
        database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}; PRAGMA foreign_keys = ON")
        if write:
            # SQLite opens a file it may not write without a word.
            if connection.readonly("main"):
                raise EngineError("home_read_only", path=str(path))
            database.execute("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON")
            database.execute(f"PRAGMA synchronous = {synchronous}")
        database.one("SELECT count(*) FROM sqlite_schema")
    except BaseException:
        connection.close()
        raise
    return database


def memory_database(extensions: Sequence[str] = ()) -> Database:
    """An empty database without a file."""
    import apsw

    connection = apsw.Connection(":memory:")
    database = Database(connection, Path(":memory:"), writable=True)
    with database._translated():
        _load(connection, extensions)
    return database


def make_folder(path: Path) -> None:
    """Create a private folder. Raises EngineError(home_read_only | disk_full | database_failed)."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise from_os_error(error, path) from error


def from_os_error(error: OSError, path: Path) -> EngineError:
    """What a failed file operation on `path` inside the home means."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return EngineError("disk_full", path=str(path))
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}:
        return EngineError("home_read_only", path=str(path))
    detail = error.strerror or type(error).__name__
    if error.errno in EXHAUSTED:
        return EngineError("exhausted", detail=detail)
    return EngineError("database_failed", path=str(path), detail=detail)


def storable(text: str) -> str:
    """`text` as UTF-8 can hold it, of the same length: lone surrogates (undecodable bytes) become U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def translate(error: apsw.Error, path: Path) -> EngineError | Corrupt:
    """The one mapping from apsw's exceptions to the product's; what has no code of its own keeps its text."""
    import apsw

    extended = getattr(error, "extendedresult", None)
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return EngineError("database_busy", path=str(path))
    if isinstance(error, apsw.FullError) or extended == apsw.SQLITE_IOERR_SHMSIZE:
        return EngineError("disk_full", path=str(path))
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError):
        return EngineError("home_read_only", path=str(path))
    if isinstance(error, apsw.CorruptError | apsw.NotADBError | apsw.FormatError):
        return Corrupt(path, str(error))
    return EngineError("database_failed", path=str(path), detail=str(error) or type(error).__name__)


def _load(connection: apsw.Connection, extensions: Sequence[str]) -> None:
    for extension in extensions:
        connection.enable_load_extension(True)
        connection.load_extension(extension)
        connection.enable_load_extension(False)


def _connect(path: Path, write: bool, on_corrupt: Callable[[Corrupt], Exception] | None) -> apsw.Connection:
    import apsw

    try:
        if write:
            return _patient(apsw.Connection(str(path)))
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        uri = path.absolute().as_uri() + "?mode=ro"
        connection = _patient(apsw.Connection(uri, flags=flags))
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema")
        except (apsw.CantOpenError, apsw.ReadOnlyError):
            # A file in WAL mode on a disk that nobody can write: there is no log beside it, and no writer.
            connection.close()
            connection = _patient(apsw.Connection(uri + "&immutable=1", flags=flags))
        return connection
    except apsw.Error as error:
        failure = translate(error, path)
        if isinstance(failure, Corrupt) and on_corrupt is not None:
            raise on_corrupt(failure) from error
        raise failure from error


def _patient(connection: apsw.Connection) -> apsw.Connection:
    """From its first statement on: a writer may have the file to itself for a moment."""
    connection.set_busy_timeout(_BUSY_MS)
    return connection
