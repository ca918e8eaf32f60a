"""What an error of PostgreSQL means, by its SQLSTATE. Pure, and without the driver, which may not be installed.

https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

import sys
from typing import Final, Literal

Meaning = Literal["passing", "data", "cancelled", "damage"]

CANCELLED: Final = "57014"

PASSING_CLASSES: Final = frozenset({"08", "40", "53", "57", "58"})
"""Connection lost, serialisation failure or deadlock, disk full or too many connections, shutdown, I/O error."""

PASSING_CODES: Final = frozenset({
    "25006",  # read-only: a standby that takes over is so for a while
    "25P03",  # the transaction was idle for too long
    "55P03",  # a lock could not be had in time
})  # fmt: skip

DATA_CLASSES: Final = frozenset({"22", "23", "54"})
"""A value out of range, a constraint, a limit: about one row."""


def is_error(error: object) -> bool:
    """Whether the driver raised ``error``; without the driver, nothing is its."""
    driver = sys.modules.get("psycopg2")
    return driver is not None and isinstance(error, driver.Error)


def meaning(error: BaseException) -> Meaning:
    """What an error of the driver is about: something that passes, one row's data, a cancellation, or nothing that a retry mends."""
    code: str | None = getattr(error, "pgcode", None)
    if code is None:
        # The driver's own. A value that it cannot send is a ProgrammingError or DataError; the rest is about the connection.
        return "data" if type(error).__name__ in {"ProgrammingError", "DataError", "NotSupportedError"} else "passing"
    if code == CANCELLED:
        return "cancelled"
    if code in PASSING_CODES or code[:2] in PASSING_CLASSES:
        return "passing"
    return "data" if code[:2] in DATA_CLASSES else "damage"


def in_one_line(error: BaseException) -> str:
    """The driver's text; it comes in several lines, of which the later ones repeat the statement."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
