"""Bulk statements insert the same as single ones, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocha_actors.db.bulk import ROWS, SOME, BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.copying import copying
from tests.db.builders import connected

INSERT = BulkInsert("INSERT INTO numbers (a, b, c)", "(?, ?, 7)", "ON CONFLICT DO NOTHING")
UPSERT = BulkInsert(
    "INSERT INTO numbers (a, b, c)", "(?, ?, 7)", "ON CONFLICT (a) DO UPDATE SET b = numbers.b + excluded.b"
)
SUM = BulkInsert("INSERT INTO numbers (a, b, c)", "(?, ?, ? + 1)")
TEXTS = BulkInsert("INSERT INTO texts (a, b, c)", "(?, ?, ?)")

COUNTS = [0, 1, SOME - 1, SOME, SOME + 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 2 * SOME + 5, 2505]
"""Around the sizes at which each database changes its way."""


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    """A database with two tables."""
    with connected(url) as connection:
        connection.execute("CREATE TABLE numbers (a INTEGER PRIMARY KEY, b INTEGER, c INTEGER)")
        kind = "BLOB" if connection.dialect == "sqlite" else "BYTEA"
        connection.execute(f"CREATE TABLE texts (a BIGINT, b TEXT, c {kind})")
        yield connection


@pytest.mark.parametrize("count", COUNTS)
def test_every_row_is_inserted_whatever_their_number(connection: Connection, count: int) -> None:
    """Whole statements and the rest."""
    rows = [(n, 2 * n) for n in range(count)]

    assert INSERT.execute(connection, rows) == count
    assert connection.execute("SELECT a, b, c FROM numbers ORDER BY a").fetchall() == [(a, b, 7) for a, b in rows]


def test_rows_that_are_there_already_are_not_counted(connection: Connection) -> None:
    """By this the caller knows that some were."""
    INSERT.execute(connection, [(0, 0), (ROWS + 3, 0)])

    assert INSERT.execute(connection, [(n, 0) for n in range(ROWS + 10)]) == ROWS + 8


@pytest.mark.parametrize("count", COUNTS)
def test_what_follows_the_values_applies_to_each_row(connection: Connection, count: int) -> None:
    """Every key is there the second time, and changed rows are counted as well."""
    for _ in range(2):
        assert UPSERT.execute(connection, [(n, n + 1) for n in range(count)]) == count

    found = connection.execute("SELECT a, b, c FROM numbers ORDER BY a").fetchall()
    assert found == [(n, 2 * (n + 1), 7) for n in range(count)]


@pytest.mark.parametrize("count", COUNTS)
def test_a_value_may_be_an_expression(connection: Connection, count: int) -> None:
    """Then the rows cannot be copied, and need not be."""
    assert copying(SUM) is None
    assert SUM.execute(connection, [(n, 0, n) for n in range(count)]) == count
    assert connection.execute("SELECT a, c FROM numbers ORDER BY a").fetchall() == [(n, n + 1) for n in range(count)]


def test_a_savepoint_undoes_a_bulk_insert_and_it_can_be_done_again(connection: Connection) -> None:
    """As the projection of messages does when some of them are known."""
    rows = [(n, 0) for n in range(ROWS + 10)]
    connection.execute("SAVEPOINT here")
    INSERT.execute(connection, rows)
    connection.execute("ROLLBACK TO SAVEPOINT here")

    assert INSERT.execute(connection, rows[5:]) == len(rows) - 5
    assert INSERT.execute(connection, rows) == 5
    connection.execute("RELEASE SAVEPOINT here")


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.sampled_from(
    ["", "\\N", "\\.", "a\tb\nc\rd\\", "\\x41", "NULL", " ", "\x7f\x85\u2028"]
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.none() | texts, st.none() | st.binary()), min_size=1, max_size=20))
def test_texts_and_bytes_come_back_as_they_went(
    connection: Connection, values: list[tuple[str | None, bytes | None]]
) -> None:
    """Tabs, backslashes and what the formats of statements and copies mean by them."""
    for times in (1, ROWS // len(values) + 1):
        rows = [(n, *value) for n, value in enumerate(values * times)]
        connection.execute("DELETE FROM texts")

        assert TEXTS.execute(connection, rows) == len(rows)
        assert connection.execute("SELECT a, b, c FROM texts ORDER BY a").fetchall() == rows
