"""Numbered migrations, one SQL text per dialect: they alone define the schema.

A file ``sqlite/0002_voice.sql``, or ``postgresql/0002_voice.sql``, is applied once, after all with smaller numbers, in the transaction that also notes its number in
``schema_version``. So a database is always at exactly one version, and a crash in between leaves the one before.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from importlib import resources
from typing import Final

import msgspec

from mocha_actors.db.connection import Connection, Dialect, Dialectal
from mocha_actors.errors import PermanentError

NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")

VERSIONS_TABLE: Final = """\
CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_ms BIGINT NOT NULL)"""

TABLES: Final = Dialectal(
    sqlite="SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    postgresql="SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = current_schema()",
)

UNLIMITED: Final = Dialectal(
    sqlite="SELECT 1",
    # An index over a large table takes its time, and so does waiting for the other one that builds it.
    postgresql="SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)",
)

ONE_AT_A_TIME: Final = Dialectal(
    # The writer's transaction holds SQLite's one write lock from its beginning.
    sqlite="SELECT 1",
    postgresql="SELECT pg_advisory_xact_lock(hashtextextended('mocha migrations of ' || current_schema(), 0))",
)


class SchemaError(PermanentError):
    """The database holds a schema that this version of Mocha cannot work with: a newer one, an older one while reading, or a foreign one."""


class Migration(msgspec.Struct, frozen=True):
    """One step of the schema. ``sql`` is one or more statements."""

    version: int
    name: str
    sql: str

    def statements(self) -> Iterator[str]:
        """The statements one by one, each from the start of a line to the end of one (``executescript`` would commit the transaction)."""
        statement = ""
        for line in self.sql.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement
                statement = ""


def known(dialect: Dialect) -> tuple[Migration, ...]:
    """The migrations of ``dialect`` in order of their numbers."""
    folder = resources.files(__name__).joinpath(dialect)
    texts = {match: entry for entry in folder.iterdir() if (match := NAME.fullmatch(entry.name))}
    migrations = [Migration(int(match[1]), match[2], entry.read_text("utf-8")) for match, entry in texts.items()]
    return tuple(sorted(migrations, key=lambda migration: migration.version))


def current_version(connection: Connection) -> int:
    """Number of the last migration applied; 0 for an empty database.

    Raises:
        SchemaError: the database has tables, but none of Mocha's.

    """
    tables = {name for (name,) in connection.execute(TABLES)}
    if not tables:
        return 0
    if "schema_version" not in tables:
        msg = f"the database is that of another program (it holds the table {min(tables)!r}); name another file, or another database of the server"
        raise SchemaError(msg)
    (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()
    return int(version)


def migrate(connection: Connection, now_ms: int, migrations: tuple[Migration, ...]) -> tuple[int, int]:
    """Bring the schema to the newest version, inside the caller's transaction; returns the version before and after.

    Raises:
        SchemaError: the database is newer than this program, or another program's.

    """
    connection.execute(UNLIMITED)
    connection.execute(ONE_AT_A_TIME)
    before = current_version(connection)
    refuse_newer(before, migrations)
    connection.execute(VERSIONS_TABLE)
    for migration in migrations[before:]:
        for statement in migration.statements():
            connection.execute(statement)
        connection.execute("INSERT INTO schema_version VALUES (?, ?, ?)", (migration.version, migration.name, now_ms))
    return before, len(migrations)


def refuse_newer(version: int, migrations: tuple[Migration, ...]) -> None:
    """Raise SchemaError if ``version`` is beyond the last migration."""
    if version > len(migrations):
        msg = f"the database has schema version {version}, this Mocha knows versions up to {len(migrations)}; use a newer Mocha"
        raise SchemaError(msg)


def require_begun(connection: Connection, migrations: tuple[Migration, ...]) -> None:
    """Raise SchemaError unless some version's schema is there: what a command needs that may migrate, but has nothing to do in a new database."""
    version = current_version(connection)
    refuse_newer(version, migrations)
    if version == 0:
        raise older(version, migrations)


def require_current(connection: Connection, migrations: tuple[Migration, ...]) -> None:
    """Raise SchemaError unless the schema is the newest: what a reader needs, which must not migrate."""
    version = current_version(connection)
    refuse_newer(version, migrations)
    if version < len(migrations):
        raise older(version, migrations)


def older(version: int, migrations: tuple[Migration, ...]) -> SchemaError:
    """The error for a schema that has to be migrated first."""
    return SchemaError(
        f"the database has schema version {version}, this Mocha needs {len(migrations)}; start mocha-run once to migrate it"
    )
