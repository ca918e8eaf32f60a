"""SQLite: its connection, and one that only reads."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from mocha_actors.db.bulk import ROWS, SOME, BulkInsert, flat
from mocha_actors.db.connection import Connection, Dialect, Statement
from mocha_actors.db.dialects import for_sqlite
from mocha_actors.db.errors import translated

R = TypeVar("R")

READER_PRAGMAS: Final = (
    "PRAGMA query_only = ON",
    "PRAGMA cache_size = -65536",
    "PRAGMA mmap_size = 268435456",
    "PRAGMA temp_store = MEMORY",
)


class SqliteConnection(sqlite3.Connection):
    """The driver's connection, which is a :class:`~mocha_actors.db.connection.Connection` too; for ``sqlite3.connect(…, factory=…)``."""

    dialect: Dialect = "sqlite"

    def execute(self, sql: Statement, parameters: Any = (), /) -> sqlite3.Cursor:
        """See :meth:`Connection.execute`."""
        return super().execute(for_sqlite(sql), parameters)

    def executemany(self, sql: Statement, rows: Iterable[Any], /) -> sqlite3.Cursor:
        """See :meth:`Connection.executemany`."""
        return super().executemany(for_sqlite(sql), rows)

    def insert(self, bulk: BulkInsert, rows: Sequence[tuple[Any, ...]], /) -> int:
        """See :meth:`Connection.insert`."""
        changed = start = 0
        for size in (ROWS, SOME):
            stop = len(rows) - (len(rows) - start) % size
            if stop > start:
                text = bulk.statement(size)
                changed += sum(self.execute(text, values).rowcount for values in flat(rows[start:stop], size))
                start = stop
        if start < len(rows):
            changed += self.executemany(bulk.statement(1), rows[start:]).rowcount
        return changed


class SqliteReader:
    """A connection to a file that can only read, used by one thread at a time. See :class:`~mocha_actors.db.readers.Reader`."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises what the driver raises."""
        # Interrupts and the closing come from another thread; nothing is ever executed from one.
        self._connection = sqlite3.connect(
            f"{path.as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            factory=SqliteConnection,
        )
        try:
            for pragma in READER_PRAGMAS:
                self._connection.execute(pragma)
        except BaseException:
            self._connection.close()
            raise

    def answer(self, question: Callable[[Connection], R], seconds: float) -> R:
        """Run ``question`` in a deferred transaction, a snapshot from its first statement on."""
        with translated():
            self._connection.execute("BEGIN DEFERRED")
            try:
                return question(self._connection)
            finally:
                self._connection.rollback()

    def interrupt(self) -> None:
        """See :meth:`Reader.interrupt`."""
        self._connection.interrupt()

    def close(self) -> None:
        """See :meth:`Reader.close`."""
        self._connection.close()
