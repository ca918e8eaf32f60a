"""Closing days: the rollup of messages by channel and user, which the writer would not keep up with, is built when a day is over.

A day is over an hour after its end in UTC. It is marked as being built, then counted by a reader, then written a thousand rows at a time, then
marked as built, unless something changed meanwhile: then, as after any later change (:mod:`mocha_actors.db.projections.closed_days`), it is built
again. So the rows of a day that is marked as built are right at any moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Final

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.janitor import Write
from mocha_actors.db.projections import user_columns
from mocha_actors.db.projections.closed_days import BUILDING, BUILT
from mocha_actors.db.readers import Readers
from mocha_actors.db.recounts.base import Piece
from mocha_actors.db.recounts.messages import CHANNEL_USERS
from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS

ROWS: Final = 1_000
"""Rows of one transaction: some milliseconds."""

PIECES: Final = 500
"""Days that are looked up at once."""

READ_SECONDS: Final = 120.0

KEPT: Final = """NOT EXISTS (
        SELECT 1 FROM retention_marks AS mark
        WHERE mark.guild_id = {0}.guild_id AND mark.kind = 'messages' AND mark.before_ms > CAST({0}.day AS BIGINT) * 86400000
    )"""
"""A day whose messages are past their retention cannot be built any more."""

DIRTY: Final = f"""
    SELECT guild_id, day FROM closed_days WHERE dirty <> {BUILT} AND day <= ? AND {KEPT.format("closed_days")}
    ORDER BY guild_id, day LIMIT {PIECES}"""  # noqa: S608 - constants
NEW: Final = f"""
    SELECT DISTINCT guild_id, day FROM channel_day
    WHERE day <= ? AND NOT EXISTS (
        SELECT 1 FROM closed_days WHERE closed_days.guild_id = channel_day.guild_id AND closed_days.day = channel_day.day
    ) AND {KEPT.format("channel_day")} ORDER BY guild_id, day LIMIT {PIECES}"""  # noqa: S608 - a constant

BEGIN: Final = f"""
    INSERT INTO closed_days (guild_id, day, dirty) VALUES (?, ?, {BUILDING}) ON CONFLICT (guild_id, day) DO UPDATE SET dirty = {BUILDING}"""  # noqa: S608 - a constant
CLEAR: Final = """
    DELETE FROM channel_user_day WHERE guild_id = :guild AND day = :day
    AND channel_id = (SELECT MIN(channel_id) FROM channel_user_day WHERE guild_id = :guild AND day = :day)"""
FINISH: Final = f"UPDATE closed_days SET dirty = {BUILT} WHERE guild_id = ? AND day = ? AND dirty = {BUILDING}"  # noqa: S608 - constants
INSERT: Final = BulkInsert(
    "INSERT INTO channel_user_day (guild_id, day, channel_id, user_id, author_class, kind, sent, deleted)",
    "(?, ?, ?, ?, ?, ?, ?, ?)",
    "ON CONFLICT (guild_id, day, channel_id, user_id, author_class, kind) DO UPDATE SET sent = excluded.sent, deleted = excluded.deleted",
)

Row = tuple[int, ...]


class ClosedDays:
    """The job of the janitor: a step closes one day of one guild."""

    name = "closed_days"

    def __init__(self, readers: Readers) -> None:
        """``readers`` count."""
        self._readers = readers
        self._pending: deque[Piece] = deque()
        self._searched = -1

    async def step(self, write: Write, now_ms: int) -> bool:
        """See :meth:`mocha_actors.db.janitor.Job.step`."""
        if not self._pending:
            self._pending.extend(await self._find(last_closed(now_ms)))
            if not self._pending:
                return False
        await self._close(self._pending.popleft(), write)
        return True

    async def _find(self, last: int) -> list[Piece]:
        """Days to build: those that changed, and, when another day has ended or after a start, those that nobody built yet.

        The latter are looked for in all of the table, which takes long enough to do it once a day only.
        """
        found = await self._readers.run(partial(pieces, DIRTY, last), deadline=READ_SECONDS)
        if not found and last != self._searched:
            found = await self._readers.run(partial(pieces, NEW, last), deadline=READ_SECONDS)
            if not found:
                self._searched = last
        return found

    async def _close(self, piece: Piece, write: Write) -> None:
        await write(lambda connection: connection.execute(BEGIN, piece).rowcount)
        while await write(lambda connection: connection.execute(CLEAR, piece._asdict()).rowcount):
            pass
        rows = await self._readers.run(partial(count, piece), deadline=READ_SECONDS)
        for start in range(0, len(rows), ROWS):
            await write(partial(insert, rows[start : start + ROWS]))
        await write(partial(finish, piece))


def last_closed(now_ms: int) -> int:
    """The last day that ended at least an hour before ``now_ms``."""
    return (now_ms - HOUR_MS) // DAY_MS - 1


def pieces(sql: str, last: int, connection: Connection) -> list[Piece]:
    """The days that a query finds, up to ``last``."""
    return [Piece(*row) for row in connection.execute(sql, (last,))]


def count(piece: Piece, connection: Connection) -> list[Row]:
    """The rows of a day, of its messages."""
    return sorted(tuple(row) for row in connection.execute(CHANNEL_USERS, piece.parameters()))


def finish(piece: Piece, connection: Connection) -> int:
    """Mark a day as built, unless something changed meanwhile; now that it is over, the columns of its users are due."""
    user_columns.add(connection, piece.guild, piece.day)
    return connection.execute(FINISH, piece).rowcount


def insert(rows: Sequence[Row], connection: Connection) -> int:
    """Write ``rows``."""
    return INSERT.execute(connection, rows)
