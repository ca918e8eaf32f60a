"""The database as its own thread sees it: transactions, and the care of the write-ahead log."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import ProgrammingError
from typing import Final

from pony import orm

from mocha_actors.db.address import DatabaseAddress
from mocha_actors.db.connection import Connection, Dialect
from mocha_actors.db.entities import define
from mocha_actors.db.errors import DatabaseDamagedError, DatabaseUnavailableError, translated
from mocha_actors.db.sqlite import SqliteConnection
from mocha_actors.db.wal import log_of, pages_in

BUSY_SECONDS: Final = 5.0
"""How long a transaction waits for another process's lock before it is a transient error."""

PREPARED: Final = 512
"""Statements that stay prepared, more than the writer has: each bulk statement comes in three sizes, which the driver's 128 would not hold."""

PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # What a heartbeat has acknowledged and the identify budget has counted must survive a power cut.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # With 600,000 messages behind it, a message costs the same with 16 MB as with 64 (13.2 µs), as clean pages are mapped; the process is 20 MB smaller.
    "PRAGMA cache_size = -16384",
    "PRAGMA mmap_size = 268435456",
    # A checkpoint inside a commit is what makes that slow (of 10,000 pages: 260 ms). The writer makes them between commits; here only before 40 MB.
    "PRAGMA wal_autocheckpoint = 10000",
    "PRAGMA temp_store = MEMORY",
    # What is deleted is overwritten, so that an erasure is final. It costs nothing where nothing is deleted.
    "PRAGMA secure_delete = ON",
)


class Session(ABC):
    """One connection, held by Pony and used by one thread: the one that opened it.

    Attributes:
        dialect: of the database.

    """

    dialect: Dialect

    def __init__(self) -> None:
        """Not bound to a database yet."""
        self._db = orm.Database()

    def map_entities(self) -> None:
        """Bind the entities to the tables, which must exist by now. Raises MochaError where one is missing."""
        with translated():
            self._db.generate_mapping(create_tables=False)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """BEGIN … COMMIT, or ROLLBACK when the block raises; gives the driver's connection. On SQLite it locks out other writers at once.

        Raises:
            MochaError: the database's part of it failed; whether a COMMIT that failed took effect is not known.

        """
        with translated(), orm.db_session:
            yield self._connection()

    def _connection(self) -> Connection:
        """The connection, in a transaction."""
        connection: Connection = self._db.get_connection()
        return connection

    def close(self) -> None:
        """Close the connection."""
        with translated():
            self._db.disconnect()

    @abstractmethod
    def log_pages(self) -> int:
        """Pages in the write-ahead log, see :func:`~mocha_actors.db.wal.pages_in`; a server's is its own matter, and counts as 0."""

    @abstractmethod
    def checkpoint_log(self) -> int:
        """Move the write-ahead log into the database file, as far as no reader needs what stands there; a server does so by itself.

        Returns how many pages the log keeps, because of a reader: 0 when the next transaction begins it anew.
        """

    @abstractmethod
    def compact_log(self) -> None:
        """Leave nothing of what was overwritten anywhere in the files; a server cares for its own.

        A file is written anew, which takes seconds for some hundred megabytes, and as much room again meanwhile.

        Raises:
            DatabaseUnavailableError: a reader still needs the write-ahead log.

        """


def identity(path: Path) -> tuple[int, int] | None:
    """Which file stands at ``path``; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def open_session(address: DatabaseAddress) -> Session:
    """A session with the database at ``address``.

    Raises:
        MochaError: the database cannot be opened.

    """
    if isinstance(address, Path):
        return SqliteSession(address)
    from mocha_actors.db.postgresql_session import PostgresSession  # noqa: PLC0415 - its driver is an extra

    return PostgresSession(address)


class SqliteSession(Session):
    """A session with a file. When the last connection to it closes, the write-ahead log is emptied.

    Attributes:
        guard: called in each transaction, while no other process can be in one; raises FencedOutError when the ownership is lost.

    """

    dialect: Dialect = "sqlite"
    guard: Callable[[], None]

    def __init__(self, path: Path) -> None:
        """Open ``path``, which must be absolute: Pony resolves a relative one against its caller's file.

        Raises:
            MochaError: the database cannot be opened.

        """
        super().__init__()
        self._path, self._file = path, identity(path)
        self._connections: list[SqliteConnection] = []
        self.guard = lambda: None
        # Pony registers plain functions only and passes over a bound method without a word.
        self._db.on_connect(lambda _db, connection: self._configure(connection))
        try:
            with translated():
                self._db.bind(
                    provider="sqlite",
                    filename=str(path),
                    create_db=False,
                    timeout=BUSY_SECONDS,
                    factory=SqliteConnection,
                    cached_statements=PREPARED,
                )
        except BaseException:
            # Pony forgets a connection that it could not bind to.
            for connection in self._connections:
                connection.close()
            raise
        define(self._db)

    def _connection(self) -> Connection:
        connection = super()._connection()
        self.guard()
        return connection

    def _configure(self, connection: SqliteConnection) -> None:
        # Pony reconnects after some errors, and the log can be cared for only outside its transactions.
        self._connections[:] = [connection]
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """See :meth:`Session.transaction`. Nothing counts as committed that went into a file which has no name any more."""
        self._require_same_file()
        with super().transaction() as connection:
            yield connection
        self._require_same_file()

    def _require_same_file(self) -> None:
        if identity(self._path) != self._file:
            msg = (
                f"the database {self._path} was removed or replaced while it was open; what is written now would be lost. "
                "Put the file back (with its -wal), or start again with what is there"
            )
            raise DatabaseDamagedError(msg)

    def _open(self) -> SqliteConnection:
        """The connection. Pony closes it after some errors, as when the database is locked, and opens another for the next transaction."""
        connection = self._connections[0]
        try:
            connection.total_changes  # noqa: B018  # raises when it is closed
        except ProgrammingError:
            msg = "the connection was given up; the next transaction opens another"
            raise DatabaseUnavailableError(msg) from None
        return connection

    def log_pages(self) -> int:
        """See :meth:`Session.log_pages`."""
        try:
            return pages_in(log_of(self._path))
        except OSError as error:
            msg = f"the database's log cannot be read: {error}"
            raise DatabaseUnavailableError(msg) from error

    def checkpoint_log(self) -> int:
        """See :meth:`Session.checkpoint_log`."""
        with translated():
            _, pages, moved = self._open().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return pages if moved < pages else 0

    def compact_log(self) -> None:
        """See :meth:`Session.compact_log`."""
        with translated():
            connection = self._open()
            # `secure_delete` zeroes what is deleted, but not the copies that rows leave in the gap of a page that was split.
            connection.execute("VACUUM")
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            msg = "a question is still reading from the database's log"
            raise DatabaseUnavailableError(msg)
