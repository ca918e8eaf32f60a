"""The rows of ``presence_events`` and the sums of ``presence_hour``."""

from __future__ import annotations

from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.intervals import hours
from mocha_actors.discord.snowflake import time_ms


class Spell(NamedTuple):
    """A row: somebody with a status other than offline. The columns are described in the migration."""

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


COLUMNS: Final = ", ".join(Spell._fields)

UPSERT: Final = BulkInsert(
    f"INSERT INTO presence_events ({COLUMNS})",
    f"({', '.join('?' * len(Spell._fields))})",
    "ON CONFLICT (guild_id, id) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in Spell._fields[2:]),
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
        if spell.ended_ms is None:
            return
        for hour, ms in hours(spell.start_ms, spell.ended_ms):
            key = (spell.guild_id, hour, spell.status, spell.is_bot)
            self._sums[key] = self._sums.get(key, 0) + ms

    def write(self, connection: Connection) -> None:
        """Add everything to the table, and begin anew."""
        ADD.execute(connection, sorted((*key, ms) for key, ms in self._sums.items()))
        self._sums.clear()
