"""What the database says, in the four categories of :mod:`mocha_actors.errors`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pony.orm.core import CommitException, OrmError, RollbackException
from pony.orm.dbapiprovider import DBException

from mocha_actors.db import postgresql_errors
from mocha_actors.errors import DataError, MochaError, PermanentError, SystemFailure, TransientError


class DatabaseUnavailableError(TransientError):
    """The database is locked, its disk is full or fails: the same transaction may succeed later."""


class DatabaseDamagedError(SystemFailure):
    """The database answers in a way that no retry mends: a corrupted page, a missing table, a file that became read-only."""


class DatabaseOpenError(PermanentError):
    """The database cannot be opened: wrong address, no database file, no permission."""


class RefusedRowError(DataError):
    """PostgreSQL refuses a value of one row. SQLite's driver says so by errors of its own, which stay as they are."""


class DeadlineExceededError(TransientError):
    """A question took longer than it was given and was interrupted."""


TRANSIENT_CODES: Final = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
})  # fmt: skip
"""Primary result codes after which the same call may succeed. https://sqlite.org/rescode.html."""

DATA_ERRORS: Final = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError)
"""What SQLite raises about the values of one row; it stays as it is, so that the row can be found."""


STOPPED: Final = "the question took longer than it was given and was stopped"


def original(error: BaseException) -> BaseException:
    """The exception of the driver inside one of Pony's; a failed COMMIT or ROLLBACK hides it in a list of what failed."""
    while True:
        inner = getattr(error, "original_exc", None)
        if isinstance(error, CommitException | RollbackException) and error.exceptions:
            _, inner, _ = error.exceptions[0]
        if not isinstance(inner, BaseException):
            return error
        error = inner


def translate(error: Exception) -> BaseException:
    """``error`` in Mocha's categories; an error of SQLite's about the data itself is returned as the driver raised it."""
    cause = original(error)
    if postgresql_errors.is_error(cause):
        return translate_postgresql(cause)
    if isinstance(cause, DATA_ERRORS):
        return cause
    if not isinstance(cause, sqlite3.Error):
        return DatabaseDamagedError(f"the database cannot be used: {error}")
    # The driver attaches no code to errors that it finds itself; then only the class is left to judge by.
    code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return DeadlineExceededError(STOPPED)
    if code in TRANSIENT_CODES:
        return DatabaseUnavailableError(f"the database is not available: {cause}")
    if code == sqlite3.SQLITE_TOOBIG:
        return cause
    return DatabaseDamagedError(f"the database cannot be used: {cause}")


def translate_postgresql(cause: BaseException) -> MochaError:
    """The same of an error of PostgreSQL's driver."""
    text = postgresql_errors.in_one_line(cause)
    match postgresql_errors.meaning(cause):
        case "passing":
            return DatabaseUnavailableError(f"the database is not available: {text}")
        case "cancelled":
            return DeadlineExceededError(STOPPED)
        case "damage":
            return DatabaseDamagedError(f"the database cannot be used: {text}")
        case "data":
            return RefusedRowError(text)


@contextmanager
def translated() -> Iterator[None]:
    """Raise what the block raises about the database as a MochaError, from the driver's error."""
    try:
        yield
    except MochaError:
        raise
    except Exception as error:
        if not isinstance(error, sqlite3.Error | DBException | OrmError) and not postgresql_errors.is_error(error):
            raise
        translation = translate(error)
        if translation is error:
            raise
        raise translation from error
