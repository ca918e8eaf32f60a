"""What the driver raises, in Mocha's categories."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from pony.orm import CommitException, TransactionError
from pony.orm.dbapiprovider import OperationalError

from mocha_actors.db.errors import (
    DatabaseDamagedError,
    DatabaseUnavailableError,
    DeadlineExceededError,
    RefusedRowError,
    translate,
    translate_postgresql,
    translated,
)
from mocha_actors.errors import FencedOutError
from tests.db.builders import open_session


def driver_error(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    """An error with a result code, as the driver raises it."""
    error = kind("what SQLite says")
    error.sqlite_errorcode = code  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE]
)
def test_what_may_pass_is_transient(code: int) -> None:
    """Locked, disk full, I/O error: extended codes count as their primary one."""
    assert isinstance(translate(driver_error(code)), DatabaseUnavailableError)


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_READONLY]
)
def test_what_no_retry_mends_is_damage(code: int) -> None:
    """A corrupted page, a missing table, a file that may not be written."""
    assert isinstance(translate(driver_error(code, sqlite3.DatabaseError)), DatabaseDamagedError)


def test_an_error_about_a_row_stays_what_it_is() -> None:
    """So that the row can be found and set aside."""
    error = driver_error(sqlite3.SQLITE_CONSTRAINT, sqlite3.IntegrityError)

    assert translate(error) is error


def test_what_pony_wraps_is_looked_into() -> None:
    """Its class says nothing, the driver's error inside does."""
    assert isinstance(translate(OperationalError(driver_error(sqlite3.SQLITE_BUSY))), DatabaseUnavailableError)


def test_what_fails_at_commit_is_looked_into_as_well(path: Path) -> None:
    """Pony hides it in a list: a foreign key that is checked at COMMIT is an error about a row, a full disk may pass."""
    full = driver_error(sqlite3.SQLITE_FULL)
    hidden = CommitException("commit failed", [(type(full), full, None)])

    assert isinstance(translate(hidden), DatabaseUnavailableError)
    with open_session(path) as session:
        with session.transaction() as connection:
            connection.execute("CREATE TABLE child (guild REFERENCES guilds (id) DEFERRABLE INITIALLY DEFERRED)")
        with pytest.raises(sqlite3.IntegrityError), session.transaction() as connection:
            connection.execute("INSERT INTO child VALUES (7)")


def test_what_pony_finds_wrong_by_itself_is_damage_and_nobodys_data() -> None:
    """Otherwise a whole group of events would be set aside for it."""
    assert isinstance(translate(TransactionError("no session")), DatabaseDamagedError)


class FromServer(Exception):
    """What the driver raises, as far as it is looked at."""

    def __init__(self, code: str | None) -> None:
        super().__init__("what the server says\nDETAIL: and more")
        self.pgcode = code


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("08006", DatabaseUnavailableError),  # connection_failure
        ("40001", DatabaseUnavailableError),  # serialization_failure
        ("40P01", DatabaseUnavailableError),  # deadlock_detected
        ("53100", DatabaseUnavailableError),  # disk_full
        ("53300", DatabaseUnavailableError),  # too_many_connections
        ("55P03", DatabaseUnavailableError),  # lock_not_available
        ("57P01", DatabaseUnavailableError),  # admin_shutdown
        ("57P03", DatabaseUnavailableError),  # cannot_connect_now
        ("58030", DatabaseUnavailableError),  # io_error
        ("25006", DatabaseUnavailableError),  # read_only_sql_transaction
        (None, DatabaseUnavailableError),
        ("57014", DeadlineExceededError),  # query_canceled
        ("22003", RefusedRowError),  # numeric_value_out_of_range
        ("23505", RefusedRowError),  # unique_violation
        ("54000", RefusedRowError),  # program_limit_exceeded
        ("42P01", DatabaseDamagedError),  # undefined_table
        ("42501", DatabaseDamagedError),  # insufficient_privilege
        ("XX001", DatabaseDamagedError),  # data_corrupted
    ],
)
def test_errors_of_postgresql_are_told_apart_by_their_codes(code: str | None, meant: type[Exception]) -> None:
    """The texts depend on the server's language; what is kept of them is one line."""
    translation = translate_postgresql(FromServer(code))

    assert type(translation) is meant
    assert "\n" not in str(translation)


def test_errors_of_mocha_and_of_the_program_pass_unchanged() -> None:
    """Only the database's are translated."""
    for error in (FencedOutError("x"), ZeroDivisionError()):
        with pytest.raises(type(error)) as caught, translated():
            raise error
        assert caught.value is error
