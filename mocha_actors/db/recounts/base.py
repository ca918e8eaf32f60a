"""What a recount is, and the pieces in which it is made.

A piece is a UTC day of one guild. Tables by the week are compared in the piece of its Monday, and then as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from mocha_actors.db.comparison import Key, Table
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.user_columns import week_of
from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS, from_time_ms, time_ms

HOURS: Final = 24
LARGEST_ID: Final = (1 << 63) - 1
FIRST_DAY: Final = DISCORD_EPOCH_MS // DAY_MS
LAST_DAY: Final = time_ms(LARGEST_ID) // DAY_MS

Bucket = Literal["day", "hour", "week", "snowflake", "ms"]
"""What the column that tells the time of a row counts in."""

Reading = Callable[[Connection, "Piece"], Table]
"""Reads the rows of one piece."""


class Piece(NamedTuple):
    """One UTC day, as a day number, of one guild."""

    guild: int
    day: int

    @property
    def monday(self) -> Piece:
        """The piece in which tables by the week are compared."""
        return Piece(self.guild, self.week * 7 - 3)

    @property
    def week(self) -> int:
        """The week as in ``user_week``: (day + 3) // 7."""
        return week_of(self.day)

    def parameters(self, days: int = 1) -> dict[str, int | None]:
        """Of the queries about this day and those that follow, ``days`` together.

        ``guild``, ``day``, ``days`` (the day after the last one), ``week``; half-open ``hour``/``hours`` and ``ms``/``ms_end``; ``first`` and ``last``,
        the first and last snowflake: no first one for a day that no snowflake has.
        """
        end = self.day + days
        following = first_id(end)
        return {
            "guild": self.guild, "day": self.day, "days": end, "week": self.week, "hour": self.day * HOURS, "hours": end * HOURS,
            "ms": self.day * DAY_MS, "ms_end": end * DAY_MS,
            "first": first_id(self.day), "last": LARGEST_ID if following is None else following - 1,
        }  # fmt: skip


def first_id(day: int) -> int | None:
    """The lowest snowflake of a day or any later one; None after the last day that has any (a damaged table may hold any number)."""
    return None if day > LAST_DAY else from_time_ms(max(day, FIRST_DAY) * DAY_MS)


@dataclass(frozen=True, slots=True)
class Recount:
    """A table of numbers, or one of raw rows, which has no recount and is compared with other accounts of the truth only.

    Attributes:
        table: its name.
        key: the columns of its key, ``guild_id`` first.
        numbers: the columns, or expressions of columns, that are compared.
        time: the column of the key that tells the time of a row.
        bucket: what ``time`` counts in.
        recounted: the rows of a piece as they come out of the raw rows: a query (:func:`by_sql`), or a function where SQL does not do. None for
            raw rows.
        only: SQL, a condition on the rows of ``table`` that this is about.

    """

    table: str
    key: tuple[str, ...]
    numbers: tuple[str, ...]
    time: str
    bucket: Bucket
    recounted: Reading | None = None
    only: str = ""

    @property
    def days(self) -> int:
        """How many days a piece of this table has."""
        return 7 if self.bucket == "week" else 1

    def stored(self, connection: Connection, piece: Piece) -> Table:
        """The rows of a piece as the table holds them."""
        columns = ", ".join((*self.key, *self.numbers))
        sql = f"SELECT {columns} FROM {self.table} WHERE guild_id = :guild AND {WITHIN[self.bucket].format(self.time)}"  # noqa: S608 - names of tables and columns
        return read(connection, sql, len(self.key), piece, self.days)

    def replace(self, connection: Connection, piece: Piece, rows: Table) -> None:
        """Write ``rows`` in place of those of a piece."""
        within = WITHIN[self.bucket].format(self.time)
        clear = f"DELETE FROM {self.table} WHERE guild_id = :guild AND {within}"  # noqa: S608 - names of tables and columns
        connection.execute(clear, piece.parameters(self.days))
        columns = (*self.key, *self.numbers)
        insert = f"INSERT INTO {self.table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - likewise
        connection.executemany(insert, [(*key, *rows[key]) for key in sorted(rows)])

    def piece(self, key: Key) -> Piece:
        """The piece in which the row with ``key`` lies."""
        value = int(key[self.key.index(self.time)])
        return Piece(int(key[0]), DAY_OF[self.bucket](value))

    @property
    def next_guild(self) -> str:
        """SQL: the first guild after ``:guild``."""
        return f"SELECT min(guild_id) FROM {self.table} WHERE guild_id > :guild"  # noqa: S608 - names of tables

    @property
    def next_day(self) -> str:
        """SQL: the first day from ``:day`` on of which ``:guild`` has a row."""
        first, since = NEXT[self.bucket]
        return f"SELECT {first.format(self.time)} FROM {self.table} WHERE guild_id = :guild AND {since.format(self.time)}{self.only}"  # noqa: S608 - names


WITHIN: Final[dict[Bucket, str]] = {
    "day": "{0} = :day",
    "hour": "{0} >= :hour AND {0} < :hours",
    "week": "{0} = :week",
    "snowflake": "{0} >= :first AND {0} <= :last",
    "ms": "{0} >= :ms AND {0} < :ms_end",
}
"""Rows of a piece, by what the column of their time counts in."""

DAY_OF: Final[dict[Bucket, Callable[[int], int]]] = {
    "day": lambda day: day,
    "hour": lambda hour: hour // HOURS,
    "week": lambda week: week * 7 - 3,
    "snowflake": lambda snowflake: time_ms(snowflake) // DAY_MS,
    "ms": lambda ms: ms // DAY_MS,
}

NEXT: Final[dict[Bucket, tuple[str, str]]] = {
    "day": ("min({0})", "{0} >= :day"),
    "hour": ("min({0}) / 24", "{0} >= :hour"),
    "week": ("min({0}) * 7 - 3", "{0} * 7 - 3 >= :day"),
    "snowflake": (f"((min({{0}}) >> 22) + {DISCORD_EPOCH_MS}) / {DAY_MS}", "{0} >= :first"),
    "ms": (f"min({{0}}) / {DAY_MS}", "{0} >= :ms"),
}
"""The first day of a table, and from where on."""


def by_sql(sql: str, width: int, *, days: int = 1) -> Reading:
    """A recount that is one query; the first ``width`` columns are the key."""

    def recounted(connection: Connection, piece: Piece) -> Table:
        return read(connection, sql, width, piece, days)

    return recounted


def read(connection: Connection, sql: str, width: int, piece: Piece, days: int = 1) -> Table:
    """The rows of a query as a table; the first ``width`` columns are the key."""
    return {row[:width]: row[width:] for row in connection.execute(sql, piece.parameters(days))}


def find(recounts: Sequence[Recount], table: str) -> Recount:
    """The recount of ``table``. Raises KeyError when there is none."""
    return {recount.table: recount for recount in recounts}[table]
