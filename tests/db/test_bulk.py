"""Bulk statements insert the same as single ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from mocha_actors.db.bulk import ROWS, BulkInsert
from mocha_actors.db.sqlite import SqliteConnection

INSERT = BulkInsert("INSERT OR IGNORE INTO numbers (a, b, c)", "(?, ?, 7)")
UPSERT = BulkInsert("INSERT INTO numbers (a, b, c)", "(?, ?, 7)", "ON CONFLICT (a) DO UPDATE SET b = b + excluded.b")


@pytest.fixture
def connection() -> Iterator[SqliteConnection]:
    """A database with one table."""
    with closing(sqlite3.connect(":memory:", factory=SqliteConnection)) as connection:
        connection.execute("CREATE TABLE numbers (a INTEGER PRIMARY KEY, b INTEGER, c INTEGER)")
        yield connection


@pytest.mark.parametrize("count", [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 5])
def test_every_row_is_inserted_whatever_their_number(connection: SqliteConnection, count: int) -> None:
    """Whole statements and the rest."""
    rows = [(n, 2 * n) for n in range(count)]

    assert INSERT.execute(connection, rows) == count
    assert connection.execute("SELECT a, b, c FROM numbers ORDER BY a").fetchall() == [(a, b, 7) for a, b in rows]


def test_rows_that_are_there_already_are_not_counted(connection: SqliteConnection) -> None:
    """By this the caller knows that some were."""
    INSERT.execute(connection, [(0, 0), (ROWS + 3, 0)])

    assert INSERT.execute(connection, [(n, 0) for n in range(ROWS + 10)]) == ROWS + 8


def test_what_follows_the_values_applies_to_each_row(connection: SqliteConnection) -> None:
    """Also to two rows of one key in one statement."""
    UPSERT.execute(connection, [(n % 3, 1) for n in range(ROWS + 1)])

    assert connection.execute("SELECT sum(b), count(*) FROM numbers").fetchone() == (ROWS + 1, 3)
