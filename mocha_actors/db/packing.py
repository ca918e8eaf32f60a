"""Building the columns of users (:mod:`mocha_actors.db.projections.user_columns`), a day or a week of one guild at a time.

A unit is marked as being built, read and packed by a reader, and written, unless something changed meanwhile: then it is due again, and has no columns
until it is built anew. A round goes through what is due once, by guild and time, so that units that change all the time keep nothing else waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from mocha_actors.db.closing import READ_SECONDS, last_closed
from mocha_actors.db.connection import Connection
from mocha_actors.db.janitor import Write
from mocha_actors.db.projections.user_columns import BUILDING, BUILT, DAY, DUE, FEW, UNITS, WEEK, Columns, week_of
from mocha_actors.db.readers import Readers
from mocha_actors.pipeline.facts import AuthorClass, MessageKind

LEAST: Final = 1_000
"""Users of a unit from which on columns are kept; so few rows are read in half a millisecond."""

LOOKED_AT: Final = 500
"""Units that a step looks at, so that thousands of small guilds are done with in a moment."""

TABLES: Final = {days: (table, table.removeprefix("user_")) for table, days in UNITS.items()}
"""Where the rows of a unit stand, and the column of its number."""

NEXT: Final = f"""
    SELECT guild_id, number, unit_days FROM user_columns
    WHERE state >= {DUE} AND (unit_days = {DAY} AND number <= :day OR unit_days = {WEEK} AND number <= :week)
    AND guild_id >= :guild AND (guild_id > :guild OR number > :number OR number = :number AND unit_days > :days)
    ORDER BY guild_id, number, unit_days LIMIT {LOOKED_AT}"""  # noqa: S608 - constants
UNIT: Final = "guild_id = ? AND number = ? AND unit_days = ?"
SMALL: Final = f"UPDATE user_columns SET state = {FEW} WHERE {UNIT} AND state >= {DUE}"  # noqa: S608 - likewise
BEGIN: Final = f"UPDATE user_columns SET state = {BUILDING} WHERE {UNIT} AND state >= {DUE}"  # noqa: S608 - likewise
FINISH: Final = (
    f"UPDATE user_columns SET state = ?, users = ?, sent = ?, deleted = ? WHERE {UNIT} AND state = {BUILDING}"  # noqa: S608 - likewise
)
OF_PEOPLE: Final = f"""
    FROM {{}} WHERE guild_id = ? AND {{}} = ? AND author_class = {int(AuthorClass.HUMAN)} AND kind = {int(MessageKind.MESSAGE)} AND sent > 0"""
"""People's messages: what leaderboards count unless they are told otherwise."""
ROWS: Final = f"SELECT user_id, sent, deleted {OF_PEOPLE} ORDER BY user_id"
HAS: Final = f"SELECT COUNT(*) FROM (SELECT 1 {OF_PEOPLE} LIMIT ?) AS users"  # noqa: S608 - likewise

Packed = tuple[bytes, bytes, bytes | None]


class Unit(NamedTuple):
    """A day or a week of one guild, in the order of the key."""

    guild: int
    number: int
    days: int


START: Final = Unit(-1, 0, 0)


class Found(NamedTuple):
    """What of the units that are due comes next: those with few users, and the first one behind them that has many; None at the end of a round."""

    few: Sequence[Unit]
    many: Unit | None


class UserColumns:
    """The job of the janitor: a step builds the columns of one unit, and passes over those before it that have few users."""

    name = "user_columns"

    def __init__(self, readers: Readers, least: int = LEAST) -> None:
        """``readers`` read the rows; of units with fewer users than ``least`` nothing is kept."""
        self._readers, self._least = readers, least
        self._after = START

    async def step(self, write: Write, now_ms: int) -> bool:
        """See :meth:`mocha_actors.db.janitor.Job.step`."""
        look = partial(next_due, last_closed(now_ms), self._after, self._least)
        few, many = await self._readers.run(look, deadline=READ_SECONDS)
        # What goes wrong with a unit must not make it come first for ever.
        self._after = many or (few[-1] if few else START)
        if few:
            await write(partial(pass_over, few))
        if many is not None:
            await self._build(many, write)
        return self._after != START

    async def _build(self, unit: Unit, write: Write) -> None:
        await write(lambda connection: connection.execute(BEGIN, unit).rowcount)
        packed = await self._readers.run(partial(pack, unit, self._least), deadline=READ_SECONDS)
        await write(partial(finish, unit, packed))


def next_due(last: int, after: Unit, least: int, connection: Connection) -> Found:
    """What has to be built behind ``after``, and is over with day ``last``."""
    bounds = {"day": last, "week": week_of(last + 1) - 1, **after._asdict()}
    few: list[Unit] = []
    for row in connection.execute(NEXT, bounds).fetchall():
        unit = Unit(*row)
        (users,) = connection.execute(HAS.format(*TABLES[unit.days]), (unit.guild, unit.number, least)).fetchone()
        if users >= least:
            return Found(few, unit)
        few.append(unit)
    return Found(few, None)


def pass_over(units: Sequence[Unit], connection: Connection) -> int:
    """Of these nothing is kept. That is never wrong, since what has no columns is read from its rows."""
    return connection.executemany(SMALL, units).rowcount


def rows_of(unit: Unit, connection: Connection) -> list[tuple[int, int, int]]:
    """User, messages sent and messages deleted since, ascending by user."""
    return connection.execute(ROWS.format(*TABLES[unit.days]), (unit.guild, unit.number)).fetchall()


def pack(unit: Unit, least: int, connection: Connection) -> Packed | None:
    """The columns of a unit; None where there are few users, or the table is damaged, which is ``mocha verify``'s to find."""
    rows = rows_of(unit, connection)
    try:
        return Columns.of_rows(rows).packed() if len(rows) >= least else None
    except OverflowError:
        return None


def finish(unit: Unit, packed: Packed | None, connection: Connection) -> int:
    """Write the columns, or that there are none; 0 if something changed meanwhile."""
    columns = (FEW, None, None, None) if packed is None else (BUILT, *packed)
    return connection.execute(FINISH, (*columns, *unit)).rowcount
