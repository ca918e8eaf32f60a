"""The sums of voice: user by day, channel by hour, guild by hour, of closed intervals; pure but for the last step.

Milliseconds are split at the hours of UTC; a session and a visit are counted where they begin.
"""

from __future__ import annotations

from typing import Final

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.intervals import hours
from mocha_actors.db.projections.voice_rows import AFK, ALONE, Interval
from mocha_actors.pipeline.facts import VoiceFlag

DEAFENED: Final = int(VoiceFlag.SELF_DEAF | VoiceFlag.DEAF)
MUTED: Final = int(VoiceFlag.SELF_MUTE | VoiceFlag.MUTE)
STREAM: Final = int(VoiceFlag.STREAM)
VIDEO: Final = int(VoiceFlag.VIDEO)
SUPPRESS: Final = int(VoiceFlag.SUPPRESS)

STATE_AFK: Final = 1
STATE_DEAFENED: Final = 2
STATE_ALONE: Final = 4

Sums = list[int]
"""Milliseconds in all, muted, streaming, with video, suppressed; then sessions or visits."""

MILLISECONDS: Final = ("ms", "muted_ms", "streaming_ms", "video_ms", "suppressed_ms")

KEYS: Final = {
    "voice_user_day": ("guild_id", "day", "user_id", "is_bot", "state"),
    "voice_channel_hour": ("guild_id", "hour", "channel_id", "is_bot", "state"),
    "voice_guild_hour": ("guild_id", "hour", "is_bot", "state"),
}
COUNTS: Final = {"voice_user_day": "sessions", "voice_channel_hour": "visits", "voice_guild_hour": "sessions"}


def adding(table: str) -> BulkInsert:
    """The statement that adds sums to a table."""
    sums = (*MILLISECONDS, COUNTS[table])
    columns = (*KEYS[table], *sums)
    return BulkInsert(
        f"INSERT INTO {table} ({', '.join(columns)})",
        f"({', '.join('?' * len(columns))})",
        f"ON CONFLICT ({', '.join(KEYS[table])}) DO UPDATE SET "
        + ", ".join(f"{column} = {table}.{column} + excluded.{column}" for column in sums),
    )


ADD: Final = {table: adding(table) for table in KEYS}


def state_of(flags: int) -> int:
    """The set of AFK, deafened and alone that a question may leave out."""
    return (
        (STATE_AFK if flags & AFK else 0)
        | (STATE_DEAFENED if flags & DEAFENED else 0)
        | (STATE_ALONE if flags & ALONE else 0)
    )


class VoiceSums:
    """Sums of closed intervals, by table and key."""

    def __init__(self) -> None:
        """Nothing is summed up."""
        self.tables: dict[str, dict[tuple[int, ...], Sums]] = {table: {} for table in KEYS}

    def add(self, interval: Interval) -> None:
        """Add a closed interval, which lies within one day."""
        session, visit = int(interval.begins_session), interval.visit
        ended_ms = interval.start_ms if interval.ended_ms is None else interval.ended_ms
        if ended_ms == interval.start_ms and not session and not visit:
            return
        guild, user, is_bot, state = interval.guild_id, interval.user_id, interval.is_bot, state_of(interval.flags)
        for hour, ms in hours(interval.start_ms, ended_ms):
            flags = interval.flags
            self._count("voice_user_day", (guild, hour // 24, user, is_bot, state), flags, ms, session)
            self._count("voice_channel_hour", (guild, hour, interval.channel_id, is_bot, state), flags, ms, visit)
            self._count("voice_guild_hour", (guild, hour, is_bot, state), flags, ms, session)
            session = visit = 0

    def _count(self, table: str, key: tuple[int, ...], flags: int, ms: int, begun: int) -> None:
        sums = self.tables[table].setdefault(key, [0, 0, 0, 0, 0, 0])
        sums[0] += ms
        if flags & MUTED:
            sums[1] += ms
        if flags & STREAM:
            sums[2] += ms
        if flags & VIDEO:
            sums[3] += ms
        if flags & SUPPRESS:
            sums[4] += ms
        sums[5] += begun

    def write(self, connection: Connection) -> None:
        """Add everything to the tables, and begin anew."""
        for table, sums in self.tables.items():
            ADD[table].execute(connection, sorted((*key, *numbers) for key, numbers in sums.items()))
            sums.clear()
