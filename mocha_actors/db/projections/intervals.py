"""What intervals of voice and of presence have in common: how they are cut, named, remembered, and why they end.

An interval is a row while it is open, so that nothing is lost with the process. When it closes it is cut at every midnight of UTC, hence a range
of time is a range of keys; an open row may have begun days ago. Its key is made of its start: a snowflake of that millisecond, with the next free
number of its guild in the lower bits. What the database holds is all that is remembered, so that memory can be thrown away at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from enum import IntEnum
from typing import Any, Final, Generic, Protocol, TypeVar

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS, HOUR_MS, TIMESTAMP_SHIFT, from_time_ms
from mocha_actors.pipeline.facts import Fact, SessionEnded

MILLISECONDS_REMEMBERED: Final = 64
"""Milliseconds of a guild of which the next free number is kept; others are looked up."""

LAST_ALIVE: Final = "SELECT last_alive_ms FROM gateway_sessions WHERE shard = ?"
BOTS: Final = "SELECT user_id FROM members WHERE guild_id = ? AND is_bot = 1"


class EndReason(IntEnum):
    """Why an interval ended."""

    CHANGED = 0
    """Something about it changed, and the next one begins where it ends."""
    LEFT = 1
    """The user left the channel, or went offline."""
    LOST = 2
    """The shard's session was lost; this is the last moment at which it was known to be followed (promise P6)."""
    OUTAGE = 3
    """Discord took the guild away for a while."""
    GONE = 4
    """The channel was deleted, or the bot left the guild."""
    DAY = 5
    """A day ended: the next one begins at midnight and is the same."""


RESUMABLE: Final = frozenset({EndReason.LOST, EndReason.OUTAGE})
"""Ends after which the same may be found to go on."""


def days(start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    """``[start_ms, end_ms)`` cut at the midnights of UTC; an empty one is one empty piece."""
    while (midnight := (start_ms // DAY_MS + 1) * DAY_MS) < end_ms:
        yield start_ms, midnight
        start_ms = midnight
    yield start_ms, end_ms


def hours(start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    """The hours that ``[start_ms, end_ms)`` touches, counted since the epoch, and its milliseconds in each; an empty one has 0 in one."""
    while (following := (start_ms // HOUR_MS + 1) * HOUR_MS) < end_ms:
        yield start_ms // HOUR_MS, following - start_ms
        start_ms = following
    yield start_ms // HOUR_MS, end_ms - start_ms


def storable(at_ms: int) -> int:
    """``at_ms``, or the first moment that a snowflake can tell: a clock that stands in 1970 must not stop the writer."""
    return max(at_ms, DISCORD_EPOCH_MS)


class Taken:
    """The ids of one millisecond that were taken here: all from ``first`` up to :attr:`next`, but for those that were given back.

    Attributes:
        next: the one above the highest that is taken; whoever takes it raises this by one.

    """

    __slots__ = ("_first", "_free", "next")

    def __init__(self, first: int) -> None:
        """``first`` is the one above the highest in the table."""
        self._first = self.next = first
        self._free: set[int] = set()

    def give_back(self, row_id: int) -> bool:
        """Its row is gone; False if it was taken before, so that the table must tell which one is the highest now."""
        if row_id < self._first:
            return False
        self._free.add(row_id)
        while self.next - 1 in self._free:
            self.next -= 1
            self._free.remove(self.next)
        return True


class Ids:
    """The keys of one guild's intervals: the next free snowflake of a millisecond, known without a question wherever time runs forwards.

    Which one is free depends on the table alone, so that a fresh start gives the same.
    """

    def __init__(self, highest: Callable[[int, int], int | None]) -> None:
        """``highest(first, last)`` tells the highest id in the table between two, both included."""
        self._highest = highest
        self._last: int | None = None
        self._taken: dict[int, Taken] = {}

    def take(self, at_ms: int) -> int:
        """A new id of this millisecond. By calls, to take it and to make the snowflake that it begins with, it took 0.20 µs and not 0.09."""
        taken = self._taken.get(at_ms)
        if taken is None:
            if len(self._taken) >= MILLISECONDS_REMEMBERED:
                self._taken.clear()
            taken = self._taken[at_ms] = Taken(self._look_up(from_time_ms(at_ms)))
        new, taken.next = taken.next, taken.next + 1
        if self._last is None or new > self._last:
            self._last = new
        return new

    def give_back(self, row_id: int) -> None:
        """A row was deleted.

        In a flood, where all of a batch happens in one millisecond, somebody in it often changes twice. To ask the database then, for which
        everything gathered has to be written first, was half of what a presence cost.
        """
        at_ms = (row_id >> TIMESTAMP_SHIFT) + DISCORD_EPOCH_MS
        taken = self._taken.get(at_ms)
        if taken is not None and not taken.give_back(row_id):
            del self._taken[at_ms]

    def _look_up(self, first: int) -> int:
        if self._last is None:
            self._last = self._highest(0, (1 << 63) - 1) or 0
        if first > self._last:
            return first
        highest = self._highest(first, first + (1 << 22) - 1)
        return first if highest is None else highest + 1


class Evidence:
    """Until when shards are known to have followed their sessions, at the fact in hand."""

    def __init__(self, connection: Connection, facts: Sequence[Fact]) -> None:
        """``facts`` are all of this transaction: a session that ends in it has been replaced in the table already."""
        self._connection = connection
        ends = SessionEnded in set(map(type, facts))
        self._ending = [fact for fact in facts if isinstance(fact, SessionEnded)] if ends else []

    def of(self, shard: int) -> int:
        """The last evidence of a shard; 0 for one that nothing is known of."""
        for fact in self._ending:
            if fact.shard == shard:
                return fact.evidence_ms
        row = self._connection.execute(LAST_ALIVE, (shard,)).fetchone()
        return 0 if row is None else int(row[0])

    def passed(self, fact: SessionEnded) -> None:
        """This end of a session has been applied."""
        self._ending.remove(fact)


def bots_of(connection: Connection, guild: int) -> set[int]:
    """The members of a guild that are known as bots."""
    return {user for (user,) in connection.execute(BOTS, (guild,))}


class Row(Protocol):
    """A row of a table of intervals."""

    @property
    def guild_id(self) -> int:
        """The guild."""

    @property
    def id(self) -> int:
        """Its key within the guild."""


class Journal:
    """The rows of one table of intervals that a transaction writes: each goes to the database once, as it is at the end, sorted by key."""

    def __init__(self, table: str, upsert: BulkInsert, values: Callable[[Any], tuple[Any, ...]] = tuple) -> None:
        """Rows of ``table``, whose key is (guild_id, id); ``values`` makes of a row what ``upsert`` takes."""
        self._upsert, self._values = upsert, values
        self._delete = f"DELETE FROM {table} WHERE guild_id = ? AND id = ?"  # noqa: S608 - a name of this package
        self._highest = f"SELECT MAX(id) FROM {table} WHERE guild_id = ? AND id >= ? AND id <= ?"  # noqa: S608 - likewise
        self._written: dict[tuple[int, int], Row] = {}
        self._fresh: set[tuple[int, int]] = set()
        self._deleted: set[tuple[int, int]] = set()
        self._guilds: set[int] = set()
        self._connection: Connection | None = None

    def open(self, connection: Connection) -> None:
        """Write into this transaction from now on; what is left of a failed one is forgotten."""
        self._connection = connection
        self._written.clear()
        self._fresh.clear()
        self._deleted.clear()
        self._guilds = set()

    def add(self, row: Row) -> None:
        """Put a row whose key nothing has. If it is deleted before it is written, the database never hears of it.

        In a flood of presences two of three go that way. To delete from the table what never was in it took 0.05 µs of the 0.63 that each event costs
        their projection.
        """
        key = row.guild_id, row.id
        self._written[key] = row
        if key in self._deleted:
            self._deleted.remove(key)
        else:
            self._fresh.add(key)

    def put(self, row: Row) -> None:
        """Insert a row, or replace the one of its key. It is written as it is when the transaction ends: until it is put again it must not change."""
        key = row.guild_id, row.id
        self._written[key] = row
        if self._deleted:
            self._deleted.discard(key)

    def delete(self, guild: int, row_id: int) -> None:
        """Remove a row."""
        key = guild, row_id
        self._written.pop(key, None)
        if key in self._fresh:
            self._fresh.remove(key)
        else:
            self._deleted.add(key)

    def ids(self, guild: int) -> Ids:
        """The keys of a guild's rows, those not yet written included."""
        return Ids(lambda first, last: self._highest_id(guild, first, last))

    def flush(self) -> set[int]:
        """Write what has been gathered; returns the guilds of which anything was written since the transaction was opened.

        Raises:
            RuntimeError: no transaction was opened.

        """
        if self._connection is None:
            raise RuntimeError("a journal is flushed inside the transaction that it was opened for")
        self._guilds.update({guild for guild, _ in self._written}, {guild for guild, _ in self._deleted})
        if self._deleted:
            self._connection.executemany(self._delete, sorted(self._deleted))
        rows = [self._values(self._written[key]) for key in sorted(self._written)]
        self._upsert.execute(self._connection, rows)
        self._written.clear()
        self._fresh.clear()
        self._deleted.clear()
        return self._guilds

    def _highest_id(self, guild: int, first: int, last: int) -> int | None:
        self.flush()
        if self._connection is None:
            return None
        row = self._connection.execute(self._highest, (guild, first, last)).fetchone()
        return None if row is None else row[0]


G = TypeVar("G")


class Guilds(Generic[G]):
    """What is remembered of guilds: so many at most, those longest out of use are let go first, and never within a transaction."""

    def __init__(self, limit: int) -> None:
        """Nothing is remembered; at most ``limit`` guilds will be."""
        self._limit = limit
        self._guilds: dict[int, G] = {}

    def __len__(self) -> int:
        return len(self._guilds)

    def items(self) -> Collection[tuple[int, G]]:
        """The guilds in memory."""
        return self._guilds.items()

    def of(self, guild: int, load: Callable[[int], G]) -> G:
        """What is remembered of ``guild``, loaded if nothing is."""
        found = self._guilds.pop(guild, None)
        if found is None:
            found = load(guild)
        self._guilds[guild] = found
        return found

    def trim(self) -> None:
        """Let go of what is too much; to be called when everything is written."""
        for guild in list(self._guilds)[: max(0, len(self._guilds) - self._limit)]:
            del self._guilds[guild]

    def clear(self) -> None:
        """Forget everything."""
        self._guilds.clear()
