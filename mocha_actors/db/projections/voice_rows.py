"""The rows of ``voice_events``, and how those that memory is made of are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec.structs import replace

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.intervals import EndReason
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.pipeline.facts import VoiceFlag

AFK: Final = int(VoiceFlag.AFK)
ALONE: Final = int(VoiceFlag.ALONE)
STATED: Final = ~(AFK | ALONE)
"""The flags that an event states; the others follow from the guild and from who else is in the channel."""


class Interval(msgspec.Struct, frozen=True, gc=False):
    """A row: somebody in a channel while nothing about it changed. The columns are described in the migration.

    A struct is copied with changes in a tenth of the time that a named tuple takes, and each change of a voice state makes several copies.
    """

    guild_id: int
    id: int
    user_id: int
    channel_id: int
    ended_ms: int | None
    flags: int
    is_bot: int
    device: int
    shard: int
    session_id: int
    visit: int
    continues_id: int | None
    end_reason: int | None
    bound_ms: int
    suspended: int

    @property
    def start_ms(self) -> int:
        """When it begins, milliseconds since the epoch."""
        return time_ms(self.id)

    @property
    def begins_session(self) -> bool:
        """Whether it is the first one of its session."""
        return self.session_id == self.id


FIELDS: Final = Interval.__struct_fields__
COLUMNS: Final = ", ".join(FIELDS)

UPSERT: Final = BulkInsert(
    f"INSERT INTO voice_events ({COLUMNS})",
    f"({', '.join('?' * len(FIELDS))})",
    "ON CONFLICT (guild_id, id) DO UPDATE SET " + ", ".join(f"{column} = excluded.{column}" for column in FIELDS[2:]),
)

OPEN: Final = f"SELECT {COLUMNS} FROM voice_events WHERE guild_id = ? AND ended_ms IS NULL"  # noqa: S608 - constants
SUSPENDED: Final = f"SELECT {COLUMNS} FROM voice_events WHERE guild_id = ? AND suspended = 1"  # noqa: S608 - constants
OPEN_OF_SHARD: Final = "SELECT DISTINCT guild_id FROM voice_events WHERE ended_ms IS NULL AND shard = ?"
AFK_CHANNEL: Final = "SELECT afk_channel_id FROM guilds WHERE id = ?"


def read(connection: Connection, sql: str, guild: int) -> Iterator[Interval]:
    """The rows of a guild that :data:`OPEN` or :data:`SUSPENDED` selects."""
    return (Interval(*row) for row in connection.execute(sql, (guild,)))


def afk_channel(connection: Connection, guild: int) -> int | None:
    """The channel of a guild whose time does not count."""
    row = connection.execute(AFK_CHANNEL, (guild,)).fetchone()
    return None if row is None else row[0]


def closed(interval: Interval, pieces: list[tuple[int, int, int]], bound_ms: int, reason: EndReason) -> list[Interval]:
    """The closed rows of an interval.

    Args:
        interval: the open row.
        pieces: (id, start, end) of each, the first with the row's own id.
        bound_ms: how uncertain its end is.
        reason: why it ends.

    """
    last = len(pieces) - 1
    return [
        replace(
            interval,
            id=row_id,
            ended_ms=end,
            visit=interval.visit if index == 0 else 0,
            continues_id=interval.continues_id if index == 0 else None,
            end_reason=int(reason if index == last else EndReason.DAY),
            bound_ms=(interval.bound_ms if index == 0 else 0) + (bound_ms if index == last else 0),
        )
        for index, (row_id, _, end) in enumerate(pieces)
    ]
