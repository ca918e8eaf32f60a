"""Building the columns of users (:mod:`mocha_actors.db.projections.user_columns`), a day or a week of one guild at a time.

A unit is marked as being built, read by a reader, and written, unless something changed meanwhile: then it is due again, and has no columns until it
is built anew. So the writer is held up for the time of one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from mocha_actors.db.closing import READ_SECONDS, last_closed
from mocha_actors.db.connection import Connection
from mocha_actors.db.janitor import Write
from mocha_actors.db.projections.user_columns import BUILDING, BUILT, DAY, DUE, FEW, WEEK, Columns, week_of
from mocha_actors.db.readers import Readers
from mocha_actors.pipeline.facts import AuthorClass, MessageKind

LEAST: Final = 1_000
"""Users of a unit from which on columns are kept; so few rows are read in half a millisecond."""

TABLES: Final = {DAY: ("user_day", "day"), WEEK: ("user_week", "week")}
"""Where the rows of a unit stand, and the column of its number."""

NEXT: Final = f"""
    SELECT guild_id, unit_days, number FROM user_columns
    WHERE state >= {DUE} AND (unit_days = {DAY} AND number <= ? OR unit_days = {WEEK} AND number <= ?) LIMIT 1"""  # noqa: S608 - constants
BEGIN: Final = (
    f"UPDATE user_columns SET state = {BUILDING} WHERE guild_id = ? AND unit_days = ? AND number = ? AND state >= {DUE}"  # noqa: S608 - likewise
)
FINISH: Final = f"""
    UPDATE user_columns SET state = ?, users = ?, sent = ?, deleted = ?
    WHERE guild_id = ? AND unit_days = ? AND number = ? AND state = {BUILDING}"""  # noqa: S608 - likewise
ROWS: Final = f"""
    SELECT user_id, sent, deleted FROM {{}}
    WHERE guild_id = ? AND {{}} = ? AND author_class = {int(AuthorClass.HUMAN)} AND kind = {int(MessageKind.MESSAGE)} AND sent > 0
    ORDER BY user_id"""  # noqa: S608 - likewise
"""People's messages: what leaderboards count unless they are told otherwise."""


class Unit(NamedTuple):
    """A day or a week of one guild."""

    guild: int
    days: int
    number: int


class UserColumns:
    """The job of the janitor: a step builds the columns of one unit."""

    name = "user_columns"

    def __init__(self, readers: Readers, least: int = LEAST) -> None:
        """``readers`` read the rows; of units with fewer users than ``least`` nothing is kept."""
        self._readers, self._least = readers, least

    async def step(self, write: Write, now_ms: int) -> bool:
        """See :meth:`mocha_actors.db.janitor.Job.step`."""
        unit = await self._readers.run(partial(next_due, last_closed(now_ms)), deadline=READ_SECONDS)
        if unit is None:
            return False
        await write(lambda connection: connection.execute(BEGIN, unit).rowcount)
        rows = await self._readers.run(partial(rows_of, unit), deadline=READ_SECONDS)
        await write(partial(finish, unit, rows if len(rows) >= self._least else None))
        return True


def next_due(last: int, connection: Connection) -> Unit | None:
    """A unit that has to be built and is over with day ``last``."""
    found = connection.execute(NEXT, (last, week_of(last + 1) - 1)).fetchone()
    return None if found is None else Unit(*found)


def rows_of(unit: Unit, connection: Connection) -> list[tuple[int, int, int]]:
    """User, messages sent and messages deleted since, ascending by user."""
    return connection.execute(ROWS.format(*TABLES[unit.days]), (unit.guild, unit.number)).fetchall()


def finish(unit: Unit, rows: Sequence[tuple[int, int, int]] | None, connection: Connection) -> int:
    """Write the columns, or that there are few users; 0 if something changed meanwhile."""
    columns = (FEW, None, None, None) if rows is None else (BUILT, *Columns.of_rows(rows).packed())
    return connection.execute(FINISH, (*columns, *unit)).rowcount
