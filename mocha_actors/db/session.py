"""The database as its own thread sees it: transactions, and the care of the write-ahead log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pony import orm

from mocha_actors.db.entities import define
from mocha_actors.db.errors import translated

BUSY_SECONDS: Final = 5.0
"""How long a transaction waits for another process's lock before it is a transient error."""

PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # What a heartbeat has acknowledged and the identify budget has counted must survive a power cut.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA cache_size = -65536",
    "PRAGMA mmap_size = 268435456",
    # A checkpoint in the middle of a burst is what makes a commit slow; it is done when the writer is idle, and here only before 40 MB.
    "PRAGMA wal_autocheckpoint = 10000",
    "PRAGMA temp_store = MEMORY",
)


class Session:
    """One connection, held by Pony and used by one thread: the one that opened it."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, which must be absolute: Pony resolves a relative one against its caller's file.

        Raises:
            MochaError: the database cannot be opened.

        """
        self._connections: list[sqlite3.Connection] = []
        self._db = orm.Database()
        # Pony registers plain functions only and passes over a bound method without a word.
        self._db.on_connect(lambda _db, connection: self._configure(connection))
        try:
            with translated():
                self._db.bind(provider="sqlite", filename=str(path), create_db=False, timeout=BUSY_SECONDS)
        except BaseException:
            # Pony forgets a connection that it could not bind to.
            for connection in self._connections:
                connection.close()
            raise
        define(self._db)

    def _configure(self, connection: sqlite3.Connection) -> None:
        # Pony reconnects after some errors, and the log can be cared for only outside its transactions.
        self._connections[:] = [connection]
        for pragma in PRAGMAS:
            connection.execute(pragma)

    def map_entities(self) -> None:
        """Bind the entities to the tables, which must exist by now. Raises MochaError where one is missing."""
        with translated():
            self._db.generate_mapping(create_tables=False)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE … COMMIT, or ROLLBACK when the block raises; gives the driver's connection.

        Raises:
            MochaError: the database's part of it failed; whether a COMMIT that failed took effect is not known.

        """
        with translated(), orm.db_session:
            yield self._db.get_connection()

    def checkpoint_log(self) -> None:
        """Move the write-ahead log into the database file, as far as no reader needs it."""
        with translated():
            self._connections[0].execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def close(self) -> None:
        """Close the connection; as the last one it empties the write-ahead log."""
        with translated():
            self._db.disconnect()
