"""Migrations alone define the schema; entities map it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pony import orm

from mocha_actors.db import migrations
from mocha_actors.db.entities import define
from mocha_actors.db.migrations import Migration, SchemaError
from mocha_actors.db.sqlite import SqliteConnection

KNOWN = migrations.known("sqlite")


@pytest.fixture
def connection() -> Iterator[SqliteConnection]:
    """An empty database in memory, with transactions begun by hand."""
    with closing(sqlite3.connect(":memory:", isolation_level=None, factory=SqliteConnection)) as connection:
        yield connection


def test_the_numbers_of_the_migrations_have_no_gap() -> None:
    """A migration's number is its place in the order, beginning with 1."""
    assert [migration.version for migration in KNOWN] == list(range(1, len(KNOWN) + 1))


def test_an_empty_database_is_brought_to_the_newest_version(connection: SqliteConnection) -> None:
    """Every migration is applied and noted with its time."""
    assert migrations.migrate(connection, 1234, KNOWN) == (0, len(KNOWN))
    assert connection.execute("SELECT version, applied_ms FROM schema_version").fetchall() == [
        (number, 1234) for number in range(1, len(KNOWN) + 1)
    ]


def test_migrating_twice_changes_nothing(connection: SqliteConnection) -> None:
    """A database at the newest version is left as it is."""
    migrations.migrate(connection, 1, KNOWN)
    before = connection.execute("SELECT * FROM sqlite_schema").fetchall()

    assert migrations.migrate(connection, 2, KNOWN) == (len(KNOWN), len(KNOWN))
    assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == before


def test_a_database_is_migrated_from_where_it_is(connection: SqliteConnection) -> None:
    """Only what is missing is applied."""
    first, second = (
        Migration(1, "one", "CREATE TABLE one (a INTEGER);"),
        Migration(2, "two", "ALTER TABLE one ADD COLUMN b INTEGER;"),
    )
    migrations.migrate(connection, 1, (first,))

    assert migrations.migrate(connection, 1, (first, second)) == (1, 2)


def test_a_migration_that_fails_leaves_the_version_before(connection: SqliteConnection) -> None:
    """All of it happens in the caller's transaction, tables included."""
    broken = Migration(len(KNOWN) + 1, "broken", "CREATE TABLE half (a INTEGER);\nCREATE TABLE half (a INTEGER);")
    migrations.migrate(connection, 1, KNOWN)
    connection.execute("BEGIN")
    with pytest.raises(sqlite3.OperationalError):
        migrations.migrate(connection, 2, (*KNOWN, broken))
    connection.rollback()

    assert migrations.current_version(connection) == len(KNOWN)
    assert "half" not in {name for (name,) in connection.execute(migrations.TABLES)}


def test_a_newer_schema_is_refused(connection: SqliteConnection) -> None:
    """The error names both versions and says what to do."""
    migrations.migrate(connection, 1, KNOWN)
    connection.execute("INSERT INTO schema_version VALUES (99, 'future', 0)")

    with pytest.raises(SchemaError, match=f"version 99, this Mocha knows versions up to {len(KNOWN)}; use a newer"):
        migrations.migrate(connection, 1, KNOWN)


def test_the_database_of_another_program_is_refused(connection: SqliteConnection) -> None:
    """A wrong path in the configuration must not fill somebody else's file with tables."""
    connection.execute("CREATE TABLE photos (id INTEGER)")

    with pytest.raises(SchemaError, match="another program.*'photos'"):
        migrations.migrate(connection, 1, KNOWN)


def test_a_reader_refuses_a_schema_that_is_not_the_newest(connection: SqliteConnection) -> None:
    """It cannot migrate, so it says who can."""
    with pytest.raises(SchemaError, match="start mocha-run once"):
        migrations.require_current(connection, KNOWN)


def test_statements_are_split_at_their_ends_only() -> None:
    """A semicolon inside a text or a comment ends nothing."""
    sql = "CREATE TABLE a (b TEXT DEFAULT ';'); -- c;\nINSERT INTO a\nVALUES ('x;y');\n"

    assert [statement.strip()[:6] for statement in Migration(1, "x", sql).statements()] == ["CREATE", "INSERT"]


def test_entities_and_migrations_agree(connection: SqliteConnection, tmp_path: Path) -> None:
    """Pony's tables have the same columns, with the same types and nullability, and the same keys."""
    migrations.migrate(connection, 1, KNOWN)
    db = orm.Database()
    db.bind(provider="sqlite", filename=str(tmp_path / "pony.db"), create_db=True)
    define(db)
    db.generate_mapping(check_tables=False)

    mapped = {table.name: pony_columns(table) for table in db.schema.tables.values()}
    names = {name for (name,) in connection.execute(migrations.TABLES)} - {"schema_version"}
    db.disconnect()

    assert {name: sqlite_columns(connection, name) for name in names} == mapped


def sqlite_columns(connection: SqliteConnection, table: str) -> tuple[dict[str, tuple[str, bool]], list[str]]:
    """Type and nullability by column, and the columns of the primary key in order."""
    info = connection.execute(f"PRAGMA table_info({table})").fetchall()
    key = [name for _, name, *_, place in sorted(info, key=lambda column: column[5]) if place]
    return {name: (kind, bool(required) or bool(place)) for _, name, kind, required, _, place in info}, key


def pony_columns(table: Any) -> tuple[dict[str, tuple[str, bool]], list[str]]:
    """The same of a mapped table."""
    columns = {c.name: (c.sql_type, bool(c.is_not_null) or bool(c.is_pk)) for c in table.column_list}
    key = [column.name for column in table.pk_index.columns]
    return columns, key
