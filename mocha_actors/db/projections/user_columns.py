"""Columns of users: what all people wrote in a day or a week that is over, as three arrays in one row.

The rows of ``user_day`` and ``user_week`` are what is true. A leaderboard of thirty days reads hundreds of thousands of them in a large guild, and half of
its time was making rows of the database into numbers of Python. The arrays of a day with 13,800 users are read in a tenth of that.

A row that is built says what the rows of its unit say, at any moment: whatever changes those takes it back in the same transaction, be it a late message, a
deletion (:func:`outdate`), or anything that is no fact, such as an erasure or a repair (:func:`outdate_guild`). Then it is due, and
:mod:`mocha_actors.db.packing` builds it again.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.closed_days import by_day

BUILT: Final = 0
FEW: Final = 1
DUE: Final = 2
BUILDING: Final = 3
"""What ``user_columns.state`` may be; only what is ``BUILT`` has columns. Of ``FEW`` users the rows are as soon read."""

DAY: Final = 1
WEEK: Final = 7
"""Days of a unit."""

EMPTY: Final = f"state = {DUE}, users = NULL, sent = NULL, deleted = NULL"

OUTDATE: Final = (
    f"UPDATE user_columns SET {EMPTY} WHERE guild_id IN (SELECT value FROM json_each(?)) "  # noqa: S608 - constants
    f"AND unit_days IN ({DAY}, {WEEK}) AND number IN (?, ?) AND state <> {DUE}"
)
"""No day has the number of a week that anybody lived in, nor the other way round."""

OUTDATE_GUILD: Final = f"UPDATE user_columns SET {EMPTY} WHERE guild_id = ? AND state <> {DUE}"  # noqa: S608 - constants

ADD: Final = f"""
    INSERT INTO user_columns (guild_id, unit_days, number, state) VALUES (?, {DAY}, ?, {DUE}), (?, {WEEK}, ?, {DUE})
    ON CONFLICT (guild_id, unit_days, number) DO NOTHING"""  # noqa: S608 - constants


class Columns(NamedTuple):
    """Users who wrote, ascending by id; beside each how many messages, and how many of these were deleted since.

    Attributes:
        users: ids.
        sent: messages, at least 1.
        deleted: None where there are none.

    """

    users: array[int]
    sent: array[int]
    deleted: array[int] | None

    @classmethod
    def of_rows(cls, rows: Iterable[tuple[int, int, int]]) -> Columns:
        """Columns of (user, sent, deleted), in this order."""
        users, sent, deleted = array("q"), array("I"), array("I")
        for row in rows:
            for column, value in zip((users, sent, deleted), row, strict=True):
                column.append(value)
        return cls(users, sent, deleted if any(deleted) else None)

    def packed(self) -> tuple[bytes, bytes, bytes | None]:
        """As the table holds them: integers of 64, 32 and 32 bits, the lowest byte first."""
        deleted = None if self.deleted is None else little(self.deleted).tobytes()
        return little(self.users).tobytes(), little(self.sent).tobytes(), deleted

    @classmethod
    def of_packed(cls, users: bytes, sent: bytes, deleted: bytes | None) -> Columns:
        """Columns as the table holds them."""
        return cls(_array("q", users), _array("I", sent), None if deleted is None else _array("I", deleted))


def week_of(day: int) -> int:
    """The week in which a day lies, as in ``user_week``."""
    return (day + 3) // 7


def add(connection: Connection, guild: int, day: int) -> None:
    """A day is closed: its columns, and those of its week, are due."""
    connection.execute(ADD, (guild, day, guild, week_of(day)))


def outdate(connection: Connection, days: Iterable[tuple[int, ...]]) -> None:
    """Something changed in each of ``days`` (guild, day)."""
    for day, guilds in by_day(days):
        connection.execute(OUTDATE, (guilds, day, week_of(day)))


def outdate_guild(connection: Connection, guild: int) -> None:
    """Anything may have changed in a guild. Nobody whom an erasure has taken out of the rows stays in a column."""
    connection.execute(OUTDATE_GUILD, (guild,))


def little(column: array[int]) -> array[int]:
    """A column with the lowest byte first."""
    if sys.byteorder == "little":
        return column
    swapped = column[:]
    swapped.byteswap()
    return swapped


def _array(code: str, packed: bytes) -> array[int]:
    column: array[int] = array(code)
    column.frombytes(packed)
    return little(column)
