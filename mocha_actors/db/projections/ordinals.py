"""Ids for what has none: a snowflake made of the time, told apart from others of the same guild and millisecond by an ordinal."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, from_time_ms

WIDTH: Final = 1 << 22
"""Ordinals of one millisecond."""


class Ordinals:
    """The next free id of each guild and millisecond, for one group of facts: what the table holds is looked up once."""

    def __init__(self, connection: Connection, table: str) -> None:
        """For ids of ``table``, which is keyed (guild_id, id)."""
        self._connection = connection
        self._last = f"SELECT MAX(id) FROM {table} WHERE guild_id = ? AND id >= ? AND id < ?"  # noqa: S608 - a constant of the caller
        self._next: dict[tuple[int, int], int] = {}

    def take(self, guild: int, at_ms: int) -> int:
        """The next free id of ``guild`` and ``at_ms``; a time before Discord's epoch, which only damaged data has, counts as that epoch."""
        base = from_time_ms(max(at_ms, DISCORD_EPOCH_MS))
        key = (guild, base)
        found = self._next.get(key)
        if found is None:
            (last,) = self._connection.execute(self._last, (guild, base, base + WIDTH)).fetchone()
            found = base if last is None else last + 1
        self._next[key] = found + 1
        return found
