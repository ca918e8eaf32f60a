"""The writer's session with PostgreSQL: its settings, and the ownership that is bound to its connection (promise P10)."""

from __future__ import annotations

from typing import Any, Final, cast

from pony.orm.dbproviders.postgres import PGPool, PGProvider

from mocha_actors.db.address import ServerAddress
from mocha_actors.db.connection import Connection, Dialect
from mocha_actors.db.entities import define
from mocha_actors.db.errors import DatabaseOpenError, DatabaseUnavailableError, translated
from mocha_actors.db.postgresql import PostgresConnection, connection_options, prepare
from mocha_actors.db.session import Session
from mocha_actors.errors import FencedOutError

SETTINGS: Final = """\
SELECT current_schema(), set_config('statement_timeout', '60s', false), set_config('lock_timeout', '10s', false),
       set_config('idle_in_transaction_session_timeout', '60s', false),
       set_config('client_min_messages', 'warning', false),
       set_config('tcp_keepalives_idle', '20', false), set_config('tcp_keepalives_interval', '10', false),
       set_config('tcp_keepalives_count', '3', false),
       (SELECT set_config(name, '1s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'),
       CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') THEN set_config('synchronous_commit', 'on', false) END"""
"""A writer that hangs must not hold for long what it has locked; the server must notice its death, even in the middle of a statement (from
PostgreSQL 14 on) or when its machine vanishes; and what a heartbeat has acknowledged must survive a power cut."""

LOCK: Final = "hashtextextended('mocha writer of ' || current_schema(), 0)"
"""Of the advisory lock that is the ownership. Such locks are a database's own, so it is one a database and schema."""

TRY_LOCK: Final = f"SELECT pg_try_advisory_lock({LOCK})"

HOLDER: Final = f"""\
SELECT locks.pid FROM pg_locks AS locks
WHERE locks.locktype = 'advisory' AND locks.granted AND locks.objsubid = 1 AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (CAST(locks.classid AS BIGINT) << 32) | CAST(locks.objid AS BIGINT) = {LOCK}"""  # noqa: S608 - constants

END_BACKEND: Final = "SELECT pg_terminate_backend(?)"


class Pool(PGPool):  # type: ignore[misc]
    """Pony's pool of one connection, which after each transaction would discard the session's settings and locks."""

    def release(self, con: PostgresConnection) -> None:
        """End the transaction, nothing more."""
        try:
            con.rollback()
        except BaseException:
            self.drop(con)
            raise


class Provider(PGProvider):  # type: ignore[misc]
    """Pony's way to PostgreSQL with :class:`Pool`."""

    def get_pool(self, *args: Any, **kwargs: Any) -> Pool:
        """See the base."""
        return Pool(self.dbapi_module, *args, **kwargs)


class PostgresSession(Session):
    """A session with a server. Pony replaces a connection that was lost; the ownership is then taken again, or lost too."""

    dialect: Dialect = "postgresql"

    def __init__(self, address: ServerAddress) -> None:
        """Connect to ``address``.

        Raises:
            MochaError: it cannot be reached, or refuses.

        """
        super().__init__()
        self._owner: tuple[PostgresConnection, int] | None = None
        self._db.provider_name = "postgres"
        self._db.on_connect(lambda _db, connection: configure(connection))
        with translated():
            self._db.bind(provider=Provider, **connection_options(address))
        define(self._db)

    def _connection(self) -> Connection:
        connection = cast("PostgresConnection", super()._connection())
        if self._owner is not None and self._owner[0] is not connection:
            self._own_again(connection, self._owner[1])
        return connection

    def try_own(self) -> bool:
        """Take the ownership if it is free; it is held until the connection ends, with the process or without."""
        with self.transaction() as connection:
            postgres = cast("PostgresConnection", connection)
            held = self._owner is not None or try_lock(postgres)
            if held:
                self._owner = postgres, postgres.info.backend_pid
        return held

    def owner(self) -> int | None:
        """Process id, on the server, of the connection that holds the ownership; None when it is free."""
        with self.transaction() as connection:
            row = connection.execute(HOLDER).fetchone()
        return None if row is None else int(row[0])

    def end_owner(self) -> None:
        """End the connection that holds the ownership."""
        with self.transaction() as connection:
            row = connection.execute(HOLDER).fetchone()
            if row is not None:
                connection.execute(END_BACKEND, (row[0],))

    def _own_again(self, connection: PostgresConnection, before: int) -> None:
        """Take the ownership on a new connection. The server may not have noticed the end of the old one yet; then it is told.

        Raises:
            FencedOutError: another process has taken it meanwhile.
            DatabaseUnavailableError: the old connection is being ended.

        """
        if try_lock(connection):
            self._owner = connection, connection.info.backend_pid
            return
        row = connection.execute(HOLDER).fetchone()
        if row is None or row[0] == before:
            connection.execute(END_BACKEND, (before,))
            msg = "the server still holds the connection that was lost; it is being ended"
            raise DatabaseUnavailableError(msg)
        msg = "another process took the database over while the connection was lost; this one writes nothing more"
        raise FencedOutError(msg)

    def log_pages(self) -> int:
        """See :meth:`Session.log_pages`."""
        return 0

    def checkpoint_log(self) -> int:
        """See :meth:`Session.checkpoint_log`."""
        return 0

    def compact_log(self) -> None:
        """See :meth:`Session.compact_log`."""


def configure(connection: PostgresConnection) -> None:
    """Settings of the writer's connection.

    Raises:
        DatabaseOpenError: the database cannot hold every text that Discord sends, or has not the schema that the address names.

    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        msg = f"the database {connection.info.dbname} has the encoding {encoding}, Mocha needs UTF8: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        raise DatabaseOpenError(msg)
    prepare(connection)
    schema, *_ = connection.execute(SETTINGS).fetchall()[0]
    if schema is None:
        msg = f"the database {connection.info.dbname} has no schema of its search_path; make it with CREATE SCHEMA, or name another in the address"
        raise DatabaseOpenError(msg)


def try_lock(connection: Connection) -> bool:
    """Take the advisory lock on ``connection`` if it is free. A rollback does not release it."""
    ((held,),) = connection.execute(TRY_LOCK).fetchall()
    return bool(held)
