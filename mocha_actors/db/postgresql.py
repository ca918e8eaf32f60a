"""PostgreSQL: its connection, for the writer and for readers. The driver, psycopg2, is an extra of the package and imported here only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from io import StringIO
from typing import Any, Final, TypeVar

import psycopg2
from psycopg2 import extensions

from mocha_actors.db.address import ServerAddress
from mocha_actors.db.bulk import BulkInsert, flat
from mocha_actors.db.connection import Connection, Dialect, Parameters, Statement
from mocha_actors.db.copying import copying, text_of
from mocha_actors.db.dialects import for_postgresql
from mocha_actors.db.errors import translated
from mocha_actors.errors import ConfigError

R = TypeVar("R")

ROWS: Final = 1000
"""Rows of one statement."""

COPIED: Final = 200
"""So many rows and more are copied. Below, the statements around the COPY cost what it saves; from here on, transactions of messages take half
the time (500 to 5,000 in one: 10,000 to 25,000 messages a second instead of 6,000 to 14,000, SQLite beside it 27,000 to 75,000)."""

DEFAULTS: Final = {
    "fallback_application_name": "mocha",
    "connect_timeout": 10,
    # A server that has vanished without a word is noticed within a minute.
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
"""Of a connection, in seconds. https://www.postgresql.org/docs/current/libpq-connect.html."""

LIMIT: Final = "SELECT set_config('statement_timeout', ?, true)"

BYTEA: Final = 17
"""Object id of the type. https://www.postgresql.org/docs/current/catalog-pg-type.html."""


class PostgresConnection(extensions.connection):
    """The driver's connection, which is a :class:`~mocha_actors.db.connection.Connection` too; for ``connection_factory``."""

    dialect: Dialect = "postgresql"

    def execute(self, sql: Statement, parameters: Parameters = (), /) -> extensions.cursor:
        """See :meth:`Connection.execute`."""
        cursor = self.cursor()
        cursor.execute(for_postgresql(sql), parameters)
        return cursor

    def executemany(self, sql: Statement, rows: Iterable[Parameters], /) -> extensions.cursor:
        """See :meth:`Connection.executemany`."""
        cursor = self.cursor()
        cursor.executemany(for_postgresql(sql), rows)
        return cursor

    def insert(self, bulk: BulkInsert, rows: Sequence[tuple[Any, ...]], /) -> int:
        """See :meth:`Connection.insert`."""
        cursor = self.cursor()
        how = copying(bulk) if len(rows) >= COPIED else None
        if how is not None:
            cursor.execute(how.prepare)
            cursor.copy_expert(how.copy, StringIO(text_of(rows)))
            cursor.execute(how.insert)
            return cursor.rowcount
        into, values, then = (for_postgresql(part) for part in (bulk.into, bulk.values, bulk.then))
        changed, left = 0, len(rows)
        for parameters in flat(rows, ROWS):
            count = min(ROWS, left)
            cursor.execute(f"{into} VALUES {', '.join([values] * count)} {then}", parameters)
            changed += cursor.rowcount
            left -= count
        return changed


def connect(address: ServerAddress) -> PostgresConnection:
    """Connect. Raises what the driver raises, and ConfigError where it cannot read the address."""
    connection: PostgresConnection = psycopg2.connect(**connection_options(address))
    prepare(connection)
    return connection


def connection_options(address: ServerAddress) -> dict[str, Any]:
    """What a connection is made with; of the defaults, what the address gives comes first.

    Raises:
        ConfigError: the driver cannot read the address.

    """
    try:
        given = extensions.parse_dsn(address.url.reveal())
    except psycopg2.ProgrammingError:
        # The driver's own text quotes the address, with the password.
        raise ConfigError(f"database.url: the address or an option behind it is not understood ({address})") from None
    return {**DEFAULTS, **given, "connection_factory": PostgresConnection}


def prepare(connection: extensions.connection) -> None:
    """Have the driver give bytes for bytes, as SQLite's does, and text in UTF-8."""
    connection.set_client_encoding("UTF8")
    extensions.register_type(extensions.new_type((BYTEA,), "BYTES", as_bytes), connection)


def as_bytes(value: str | bytes | None, cursor: extensions.cursor) -> bytes | None:
    """The bytes of a BYTEA."""
    return None if value is None else bytes(psycopg2.BINARY(value, cursor))


class PostgresReader:
    """A connection that can only read, used by one thread at a time. See :class:`~mocha_actors.db.readers.Reader`."""

    def __init__(self, address: ServerAddress) -> None:
        """Connect. Raises what :func:`connect` raises."""
        self._address = address
        self._connection = self._connect()

    def _connect(self) -> PostgresConnection:
        connection = connect(self._address)
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        return connection

    def answer(self, question: Callable[[Connection], R], seconds: float) -> R:
        """Run ``question`` in a transaction that sees one moment; a connection that was lost since the last one is made anew."""
        with translated():
            try:
                return self._answer(question, seconds)
            except (psycopg2.OperationalError, psycopg2.InterfaceError):
                if not self._connection.closed:
                    raise
            self._connection = self._connect()
            return self._answer(question, seconds)

    def _answer(self, question: Callable[[Connection], R], seconds: float) -> R:
        try:
            self._connection.execute(LIMIT, (str(max(1, round(seconds * 1000))),))
            return question(self._connection)
        finally:
            if not self._connection.closed:
                self._connection.rollback()

    def interrupt(self) -> None:
        """See :meth:`Reader.interrupt`."""
        # A server that is away has nothing to stop, and the question finds out by itself.
        with suppress(psycopg2.Error):
            self._connection.cancel()

    def close(self) -> None:
        """See :meth:`Reader.close`."""
        self._connection.close()
