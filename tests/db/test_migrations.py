"""Migrations alone define the schema; entities map it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pony import orm

from mocha_actors.db import migrations
from mocha_actors.db.address import DatabaseAddress, database_address
from mocha_actors.db.connection import Connection, Dialectal
from mocha_actors.db.engine import bring_up
from mocha_actors.db.entities import define
from mocha_actors.db.migrations import Migration, SchemaError
from mocha_actors.db.session import open_session as session_with
from mocha_actors.db.sqlite import SqliteConnection
from tests.db.builders import connected, open_session

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


def test_both_databases_get_the_same_schema(connection: SqliteConnection, postgres_url: str) -> None:
    """Tables, columns in their order, types, nullability, keys and indexes; the numbers and names of the migrations too."""
    migrations.migrate(connection, 1, KNOWN)
    with open_session(postgres_url) as session, session.transaction() as postgres:
        names = {name for (name,) in postgres.execute(migrations.TABLES)}
        there = {name: (postgres_columns(postgres, name), indexes(postgres, name)) for name in names}
    here = {
        name: (sqlite_columns(connection, name), indexes(connection, name))
        for (name,) in connection.execute(migrations.TABLES)
    }

    assert {name: (renamed(columns), found) for name, (columns, found) in here.items()} == there
    assert [(m.version, m.name) for m in migrations.known("postgresql")] == [(m.version, m.name) for m in KNOWN]


def test_a_newer_schema_is_refused_on_postgresql_too(postgres_url: str) -> None:
    """Before anything is changed."""
    with open_session(postgres_url) as session, session.transaction() as connection:
        connection.execute("INSERT INTO schema_version VALUES (99, 'future', 0)")

    with pytest.raises(SchemaError, match="version 99.*use a newer Mocha"), open_session(postgres_url):
        pass


def test_the_schema_of_another_program_is_refused_on_postgresql_too(postgres_url: str) -> None:
    """Names like users and guilds are common."""
    with connected(postgres_url) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")

    with pytest.raises(SchemaError, match="another program.*'photos'"), open_session(postgres_url):
        pass


def test_two_programs_that_migrate_at_once_do_it_one_after_the_other(postgres_url: str) -> None:
    """The second finds it done."""
    address = database_address(postgres_url)
    with ThreadPoolExecutor(4) as threads:
        sessions = list(threads.map(lambda _: migrated(address), range(4)))

    assert sorted(sessions) == [(0, len(KNOWN)), *[(len(KNOWN), len(KNOWN))] * 3]


def migrated(address: DatabaseAddress) -> tuple[int, int]:
    """The versions before and after on a session of its own."""
    session = session_with(address)
    try:
        return bring_up(session)
    finally:
        session.close()


SAME: dict[str, str] = {"tinyint": "smallint", "blob": "bytea"}
"""Types of SQLite by PostgreSQL's name for them, where that is another."""

Columns = tuple[dict[str, tuple[str, bool]], list[str]]


def renamed(columns: Columns) -> Columns:
    """Columns of SQLite with PostgreSQL's types."""
    types, key = columns
    return {name: (SAME.get(kind.lower(), kind.lower()), required) for name, (kind, required) in types.items()}, key


def postgres_columns(connection: Connection, table: str) -> Columns:
    """Type and nullability by column, and the columns of the primary key in order."""
    info = connection.execute(
        "SELECT column_name, data_type, is_nullable = 'NO' FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name = ? ORDER BY ordinal_position",
        (table,),
    ).fetchall()
    key = connection.execute(
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey) "
        "WHERE indrelid = CAST(? AS regclass) AND indisprimary ORDER BY array_position(CAST(indkey AS smallint[]), attnum)",
        (table,),
    ).fetchall()
    return {name: (kind, required) for name, kind, required in info}, [name for (name,) in key]


INDEXES = Dialectal(
    sqlite="SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL",
    postgresql="SELECT indexname, replace(replace(indexdef, current_schema() || '.', ''), ' USING btree', '') FROM pg_indexes "
    "WHERE schemaname = current_schema() AND tablename = ? AND indexname NOT LIKE '%_pkey'",
)


def indexes(connection: Connection, table: str) -> dict[str, str]:
    """The statement of each index beside the primary key, by its name."""
    return {
        name: " ".join(re.sub(r"WHERE \((.*)\)$", r"WHERE \1", sql).split())
        for name, sql in connection.execute(INDEXES, (table,))
    }


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
