"""What the driver raises, in Mocha's categories."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from pony.orm import CommitException, TransactionError
from pony.orm.dbapiprovider import OperationalError

from mocha_actors.db.errors import DatabaseDamagedError, DatabaseUnavailableError, translate, translated
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


def test_errors_of_mocha_and_of_the_program_pass_unchanged() -> None:
    """Only the database's are translated."""
    for error in (FencedOutError("x"), ZeroDivisionError()):
        with pytest.raises(type(error)) as caught, translated():
            raise error
        assert caught.value is error
