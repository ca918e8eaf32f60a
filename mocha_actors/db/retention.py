"""Retention: what is older than the configuration wants kept is deleted by the janitor, a thousand rows a transaction (statistics, rule 24).

Everything is kept unless the configuration says otherwise, but for dead letters. Raw rows go by kind; the rollups by the hour have a limit of their own, those by
day and week stay. Open intervals are never deleted, nor are the reactions that stand, since they are what is true now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from mocha_actors.db.connection import Connection
from mocha_actors.db.janitor import Write
from mocha_actors.db.marks import HOURLY, Kind, mark
from mocha_actors.db.readers import Readers
from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS, HOUR_MS, from_time_ms

ROWS: Final = 1_000
"""Rows of one transaction: some milliseconds."""

READ_SECONDS: Final = 120.0

CLOSED: Final = " AND ended_ms IS NOT NULL AND suspended = 0"

GUILDS: Final = "SELECT id FROM guilds ORDER BY id"


class Store(NamedTuple):
    """A table that grows with time.

    Attributes:
        table: its name.
        along: the second column of its key, after the guild, which tells the time.
        unit: what ``along`` counts in: snowflakes, milliseconds or hours.
        only: a condition that rows to be deleted fulfil besides.

    """

    table: str
    along: str
    unit: str = "snowflake"
    only: str = ""

    def key(self, ms: int) -> int:
        """The lowest value of ``along`` at ``ms``."""
        if self.unit == "snowflake":
            return from_time_ms(max(ms, DISCORD_EPOCH_MS))
        return ms if self.unit == "ms" else ms // HOUR_MS


STORES: Final[dict[Kind, tuple[Store, ...]]] = {
    "messages": (Store("message_details", "message_id"), Store("message_events", "message_id")),
    "voice": (Store("voice_events", "id", only=CLOSED),),
    "reactions": (Store("reaction_events", "id"),),
    "presence": (Store("presence_events", "id", only=" AND ended_ms IS NOT NULL"),),
    "members": (Store("member_events", "at_ms", "ms"),),
    "hours": tuple(Store(table, "hour", "hour") for table in HOURLY),
}
"""What is deleted of each kind."""


class Limits(NamedTuple):
    """Days that rows are kept; None for ever."""

    messages: int | None = None
    voice: int | None = None
    reactions: int | None = None
    presence: int | None = None
    members: int | None = None
    hours: int | None = None
    dead_letters: int | None = None

    def kinds(self) -> Iterator[tuple[Kind, int]]:
        """The kinds that have a limit, and the limit."""
        for kind in STORES:
            days: int | None = getattr(self, kind)
            if days is not None:
                yield kind, days


class Sweep(NamedTuple):
    """The rows of a table of one guild before a moment."""

    guild: int
    kind: Kind
    store: Store
    before_ms: int


class Retention:
    """The job of the janitor: a step deletes some rows of one table of one guild, and says first that they are going."""

    name = "retention"

    def __init__(self, readers: Readers, limits: Limits) -> None:
        """``readers`` look for what is old."""
        self._readers, self._limits = readers, limits
        self._pending: deque[Sweep] = deque()
        self._searched = -1

    async def step(self, write: Write, now_ms: int) -> bool:
        """See :meth:`mocha_actors.db.janitor.Job.step`."""
        today = now_ms // DAY_MS
        if not self._pending and self._searched != today:
            # Days are deleted as a whole, so nothing grows too old before the next midnight.
            self._pending.extend(await self._readers.run(partial(self._find, today), deadline=READ_SECONDS))
            self._searched = today
        if self._pending:
            if await write(partial(delete_some, self._pending[0])) == 0:
                self._pending.popleft()
            return True
        return self._limits.dead_letters is not None and await self._drop_letters(write, now_ms) > 0

    def _find(self, today: int, connection: Connection) -> list[Sweep]:
        return [
            sweep
            for (guild,) in connection.execute(GUILDS).fetchall()
            for kind, days in self._limits.kinds()
            for sweep in (Sweep(guild, kind, store, (today - days) * DAY_MS) for store in STORES[kind])
            if first_old(connection, sweep) is not None
        ]

    async def _drop_letters(self, write: Write, now_ms: int) -> int:
        assert self._limits.dead_letters is not None
        before_ms = now_ms - self._limits.dead_letters * DAY_MS
        ids = await self._readers.run(partial(old_letters, before_ms), deadline=READ_SECONDS)
        return 0 if not ids else await write(partial(delete_letters, ids))


def first_old(connection: Connection, sweep: Sweep, offset: int = 0) -> int | None:
    """The key, after the guild, of the oldest row that is to go, or of a later one; None if there are not so many."""
    _, table, along, _, only = (sweep.guild, *sweep.store)
    sql = f"SELECT {along} FROM {table} WHERE guild_id = ? AND {along} < ?{only} ORDER BY {along} LIMIT 1 OFFSET ?"  # noqa: S608 - names of the map
    row = connection.execute(sql, (sweep.guild, sweep.store.key(sweep.before_ms), offset)).fetchone()
    return None if row is None else int(row[0])


def delete_some(sweep: Sweep, connection: Connection) -> int:
    """Delete the first rows of a sweep and set the mark; returns how many they were, 0 at its end."""
    first = first_old(connection, sweep)
    if first is None:
        return 0
    mark(connection, sweep.guild, sweep.kind, sweep.before_ms)
    bound = first_old(connection, sweep, ROWS)
    # An hour may have more rows than that, and is deleted as a whole.
    end = sweep.store.key(sweep.before_ms) if bound is None else max(bound, first + 1)
    sql = f"DELETE FROM {sweep.store.table} WHERE guild_id = ? AND {sweep.store.along} < ?{sweep.store.only}"  # noqa: S608 - names of the map
    return connection.execute(sql, (sweep.guild, end)).rowcount


def old_letters(before_ms: int, connection: Connection) -> Sequence[int]:
    """The first dead letters from before ``before_ms``."""
    sql = "SELECT id FROM dead_letters WHERE at_ms < ? ORDER BY id LIMIT ?"
    return [letter for (letter,) in connection.execute(sql, (before_ms, ROWS))]


def delete_letters(ids: Sequence[int], connection: Connection) -> int:
    """Delete dead letters."""
    return connection.executemany("DELETE FROM dead_letters WHERE id = ?", [(letter,) for letter in ids]).rowcount
