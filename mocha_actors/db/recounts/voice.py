"""Recounts of the sums of voice: from the closed intervals of a day, in Python, by arithmetic of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from mocha_actors.db.comparison import Table
from mocha_actors.db.connection import Connection
from mocha_actors.db.recounts.base import HOURS, Bucket, Piece, Recount
from mocha_actors.discord.snowflake import HOUR_MS, time_ms
from mocha_actors.pipeline.facts import VoiceFlag

INTERVALS: Final = """
    SELECT id, ended_ms, user_id, channel_id, flags, is_bot, visit, CASE WHEN session_id = id THEN 1 ELSE 0 END FROM voice_events
    WHERE guild_id = :guild AND id >= :first AND id <= :last AND ended_ms IS NOT NULL"""

STATE: Final = ((VoiceFlag.AFK, 1), (VoiceFlag.SELF_DEAF | VoiceFlag.DEAF, 2), (VoiceFlag.ALONE, 4))
"""The flags that are told apart by key, and their part of ``state``."""

SUMS: Final = (
    ~VoiceFlag(0),
    VoiceFlag.SELF_MUTE | VoiceFlag.MUTE,
    VoiceFlag.STREAM,
    VoiceFlag.VIDEO,
    VoiceFlag.SUPPRESS,
)
"""The flags of which each column of milliseconds sums up the time; the first one is of all time."""

COLUMNS: Final = ("ms", "muted_ms", "streaming_ms", "video_ms", "suppressed_ms")


class Slice(NamedTuple):
    """The part of an interval within one hour."""

    hour: int
    ms: int
    user: int
    channel: int
    flags: VoiceFlag
    is_bot: int
    visits: int
    sessions: int

    @property
    def state(self) -> int:
        """The set of AFK, deafened and alone."""
        return sum(part for flags, part in STATE if self.flags & flags)

    @property
    def sums(self) -> tuple[int, ...]:
        """The columns of milliseconds."""
        return (self.ms, *(self.ms if self.flags & flags else 0 for flags in SUMS[1:]))


def slices(connection: Connection, piece: Piece) -> Iterator[Slice]:
    """The closed intervals of a piece, by hours; a session and a visit stand with the first."""
    for row_id, ended, user, channel, flags, is_bot, visit, session in connection.execute(
        INTERVALS, piece.parameters()
    ):
        start = time_ms(row_id)
        for hour in range(start // HOUR_MS, max(start // HOUR_MS, (ended - 1) // HOUR_MS) + 1):
            ms = min(ended, (hour + 1) * HOUR_MS) - max(start, hour * HOUR_MS)
            first = hour == start // HOUR_MS
            begun = (visit, session) if first else (0, 0)
            yield Slice(hour, ms, user, channel, VoiceFlag(flags), is_bot, *begun)


def rollup(
    table: str, bucket: Bucket, subject: tuple[str, ...], count: str, key: Callable[[Slice], tuple[int, ...]]
) -> Recount:
    """The recount of a table of sums whose key, after the guild, is ``key`` of a slice and whose last column counts ``sessions`` or ``visits``."""

    def recounted(connection: Connection, piece: Piece) -> Table:
        times: dict[tuple[int, ...], Counter[int]] = {}
        for part in slices(connection, piece):
            numbers = (*part.sums, part.visits if count == "visits" else part.sessions)
            if any((part.ms, part.visits, part.sessions)):
                times.setdefault((piece.guild, *key(part)), Counter()).update(dict(enumerate(numbers)))
        return {row: tuple(sums[column] for column in range(6)) for row, sums in times.items()}

    columns = ("guild_id", *subject, bucket, "is_bot", "state")
    return Recount(table, columns, (*COLUMNS, count), bucket, bucket, recounted)


VOICE: Final = (
    Recount("voice_events", ("guild_id", "id"), ("user_id", "channel_id"), "id", "snowflake"),
    rollup(
        "voice_user_day",
        "day",
        ("user_id",),
        "sessions",
        lambda part: (part.user, part.hour // HOURS, part.is_bot, part.state),
    ),
    rollup(
        "voice_channel_hour",
        "hour",
        ("channel_id",),
        "visits",
        lambda part: (part.channel, part.hour, part.is_bot, part.state),
    ),
    rollup("voice_guild_hour", "hour", (), "sessions", lambda part: (part.hour, part.is_bot, part.state)),
)
