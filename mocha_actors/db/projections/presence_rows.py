"""The rows of ``presence_events`` and the sums of ``presence_hour``."""

from __future__ import annotations

from typing import Final

import msgspec

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.intervals import hours
from mocha_actors.discord.snowflake import HOUR_MS, time_ms


class Spell(msgspec.Struct, gc=False):
    """A row: somebody with a status other than offline. The columns are described in the migration.

    It is changed in its place: of a status that flickers the transaction writes the row as it is at the end, and a copy for each change in between
    was a third of what this projection cost.
    """

    guild_id: int
    id: int
    user_id: int
    status: int
    ended_ms: int | None
    is_bot: int
    shard: int
    end_reason: int | None
    bound_ms: int
    follows: int

    @property
    def start_ms(self) -> int:
        """When it begins, milliseconds since the epoch."""
        return time_ms(self.id)


FIELDS: Final = Spell.__struct_fields__
COLUMNS: Final = ", ".join(FIELDS)

UPSERT: Final = BulkInsert(
    f"INSERT INTO presence_events ({COLUMNS})",
    f"({', '.join('?' * len(FIELDS))})",
    "ON CONFLICT (guild_id, id) DO UPDATE SET " + ", ".join(f"{column} = excluded.{column}" for column in FIELDS[2:]),
)

OPEN: Final = f"SELECT {COLUMNS} FROM presence_events WHERE guild_id = ? AND ended_ms IS NULL"  # noqa: S608 - constants
OPEN_OF_SHARD: Final = "SELECT DISTINCT guild_id FROM presence_events WHERE ended_ms IS NULL AND shard = ?"

ADD: Final = BulkInsert(
    "INSERT INTO presence_hour (guild_id, hour, status, is_bot, ms)",
    "(?, ?, ?, ?, ?)",
    "ON CONFLICT (guild_id, hour, status, is_bot) DO UPDATE SET ms = presence_hour.ms + excluded.ms",
)


class PresenceSums:
    """Milliseconds of closed intervals by (guild, hour, status, bot)."""

    def __init__(self) -> None:
        """Nothing is summed up."""
        self._sums: dict[tuple[int, int, int, int], int] = {}

    def add(self, spell: Spell) -> None:
        """Add a closed interval."""
        start_ms, ended_ms, sums = time_ms(spell.id), spell.ended_ms, self._sums
        if ended_ms is None:
            return
        if (hour := start_ms // HOUR_MS) == (ended_ms - 1) // HOUR_MS:
            key = (spell.guild_id, hour, spell.status, spell.is_bot)
            sums[key] = sums.get(key, 0) + ended_ms - start_ms
            return
        for hour, ms in hours(start_ms, ended_ms):
            key = (spell.guild_id, hour, spell.status, spell.is_bot)
            sums[key] = sums.get(key, 0) + ms

    def clear(self) -> None:
        """Begin anew."""
        self._sums.clear()

    def write(self, connection: Connection) -> None:
        """Add everything to the table."""
        ADD.execute(connection, sorted((*key, ms) for key, ms in self._sums.items()))
