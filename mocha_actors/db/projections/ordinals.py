"""Ids for what has none: a snowflake made of the time, told apart from others of the same guild and millisecond by an ordinal."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, from_time_ms

WIDTH: Final = 1 << 22
"""Ordinals of one millisecond."""


class Ordinals:
    """The next free id of each guild and millisecond, for one group of facts.

    The table is asked for the highest id of each guild, and of a millisecond only where that is not older: time nearly always runs forwards.
    """

    def __init__(self, connection: Connection, table: str) -> None:
        """For ids of ``table``, which is keyed (guild_id, id)."""
        self._connection = connection
        self._last = f"SELECT MAX(id) FROM {table} WHERE guild_id = ? AND id >= ? AND id < ?"  # noqa: S608 - a constant of the caller
        self._next: dict[tuple[int, int], int] = {}
        self._highest: dict[int, int] = {}

    def take(self, guild: int, at_ms: int) -> int:
        """The next free id of ``guild`` and ``at_ms``; a time before Discord's epoch, which only damaged data has, counts as that epoch."""
        base = from_time_ms(max(at_ms, DISCORD_EPOCH_MS))
        key = (guild, base)
        found = self._next.get(key)
        if found is None:
            last = self._look_up(guild, base, base + WIDTH) if base <= self._highest_of(guild) else None
            found = base if last is None else last + 1
        self._next[key] = found + 1
        return found

    def _highest_of(self, guild: int) -> int:
        """The highest id of a guild in the table; -1 where it has none."""
        known = self._highest.get(guild)
        if known is None:
            highest = self._look_up(guild, 0, (1 << 63) - 1)
            known = self._highest[guild] = -1 if highest is None else highest
        return known

    def _look_up(self, guild: int, first: int, stop: int) -> int | None:
        """The highest id of a guild from ``first`` up to but without ``stop``."""
        (last,) = self._connection.execute(self._last, (guild, first, stop)).fetchone()
        return None if last is None else int(last)
