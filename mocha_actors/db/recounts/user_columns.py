"""Recounts of the columns of users: they have to say what the rows say that they are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from mocha_actors.db.comparison import Table
from mocha_actors.db.connection import Connection
from mocha_actors.db.packing import TABLES, Unit, rows_of
from mocha_actors.db.projections import user_columns
from mocha_actors.db.projections.user_columns import BUILT, DAY, WEEK, Columns
from mocha_actors.db.recounts.base import Bucket, Piece, Recount

STORED: Final = f"""
    SELECT users, sent, deleted FROM user_columns WHERE guild_id = ? AND number = ? AND unit_days = ? AND state = {BUILT}"""  # noqa: S608 - a constant
IS_BUILT: Final = f"""
    SELECT 1 FROM user_columns WHERE guild_id = ? AND number = ? AND unit_days = ? AND state = {BUILT}"""  # noqa: S608 - likewise

KEY: Final = ("guild_id", "number", "user_id")

BUCKETS: Final[dict[Bucket, int]] = {"day": DAY, "week": WEEK}


@dataclass(frozen=True, slots=True)
class ColumnsRecount(Recount):
    """The columns of a day or a week, user by user."""

    def stored(self, connection: Connection, piece: Piece) -> Table:
        """What the columns say; nothing where they are not built. Somebody who stands there twice has both numbers, as for whoever adds them up."""
        unit = unit_of(piece, self.bucket)
        found = connection.execute(STORED, unit).fetchone()
        if found is None:
            return {}
        columns = Columns.of_packed(*found)
        deleted = columns.deleted or [0] * len(columns.users)
        sums: dict[int, tuple[int, int]] = {}
        for user, *numbers in zip(columns.users, columns.sent, deleted, strict=True):
            before = sums.get(user, (0, 0))
            sums[user] = before[0] + numbers[0], before[1] + numbers[1]
        return {(unit.guild, unit.number, user): numbers for user, numbers in sums.items()}

    def replace(self, connection: Connection, piece: Piece, rows: Table) -> None:
        """Take the columns back; the janitor builds them anew."""
        _, number, _ = unit_of(piece, self.bucket)
        table, _ = TABLES[BUCKETS[self.bucket]]
        user_columns.take_back(connection, table, piece.guild, number, number + 1)


def unit_of(piece: Piece, bucket: Bucket) -> Unit:
    """The day, or the week, of a piece."""
    return Unit(piece.guild, piece.week if bucket == "week" else piece.day, BUCKETS[bucket])


def from_rows(bucket: Bucket, connection: Connection, piece: Piece) -> Table:
    """What the rows say of a unit whose columns are built; of another one nobody misses them."""
    unit = unit_of(piece, bucket)
    if connection.execute(IS_BUILT, unit).fetchone() is None:
        return {}
    return {(unit.guild, unit.number, user): (sent, deleted) for user, sent, deleted in rows_of(unit, connection)}


USER_COLUMNS: Final = tuple(
    ColumnsRecount(
        "user_columns", KEY, ("sent", "deleted"), "number", bucket, partial(from_rows, bucket), f" AND unit_days = {days} AND state = {BUILT}"
    )
    for bucket, days in BUCKETS.items()
)  # fmt: skip
