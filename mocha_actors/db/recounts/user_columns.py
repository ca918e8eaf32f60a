"""Recounts of the columns of users: they have to say what the rows say that they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from mocha_actors.db.comparison import Table
from mocha_actors.db.connection import Connection
from mocha_actors.db.packing import Unit, rows_of
from mocha_actors.db.projections import user_columns
from mocha_actors.db.projections.user_columns import BUILT, DAY, WEEK, Columns
from mocha_actors.db.recounts.base import Bucket, Piece, Recount

STORED: Final = f"""
    SELECT users, sent, deleted FROM user_columns WHERE guild_id = ? AND unit_days = ? AND number = ? AND state = {BUILT}"""  # noqa: S608 - a constant

KEY: Final = ("guild_id", "number", "user_id")

UNITS: Final[dict[Bucket, int]] = {"day": DAY, "week": WEEK}


@dataclass(frozen=True, slots=True)
class ColumnsRecount(Recount):
    """The columns of a day or a week, user by user."""

    def stored(self, connection: Connection, piece: Piece) -> Table:
        """What the columns say; nothing where they are not built."""
        unit = unit_of(piece, self.bucket)
        columns = columns_of(connection, unit)
        if columns is None:
            return {}
        deleted = columns.deleted or [0] * len(columns.users)
        return table_of(unit, list(zip(columns.users, columns.sent, deleted, strict=True)))

    def replace(self, connection: Connection, piece: Piece, rows: Table) -> None:
        """Take the columns back; they are built anew."""
        user_columns.outdate_guild(connection, piece.guild)


def unit_of(piece: Piece, bucket: Bucket) -> Unit:
    """The day, or the week, of a piece."""
    return Unit(piece.guild, UNITS[bucket], piece.week if bucket == "week" else piece.day)


def columns_of(connection: Connection, unit: Unit) -> Columns | None:
    """The columns of a unit; None where they are not built."""
    found = connection.execute(STORED, unit).fetchone()
    return None if found is None else Columns.of_packed(*found)


def from_rows(bucket: Bucket, connection: Connection, piece: Piece) -> Table:
    """What the rows say of a unit whose columns are built; of another one nobody misses them."""
    unit = unit_of(piece, bucket)
    return {} if columns_of(connection, unit) is None else table_of(unit, rows_of(unit, connection))


def table_of(unit: Unit, rows: list[tuple[int, int, int]]) -> Table:
    """Rows of (user, sent, deleted) as they are compared."""
    return {(unit.guild, unit.number, user): (sent, deleted) for user, sent, deleted in rows}


USER_COLUMNS: Final = tuple(
    ColumnsRecount(
        "user_columns", KEY, ("sent", "deleted"), "number", bucket, partial(from_rows, bucket), f" AND unit_days = {days} AND state = {BUILT}"
    )
    for bucket, days in UNITS.items()
)  # fmt: skip
