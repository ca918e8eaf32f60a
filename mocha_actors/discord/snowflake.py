"""Snowflakes: Discord's 64-bit ids, whose upper 42 bits are a time.

See https://discord.com/developers/docs/reference#snowflakes.
"""

from __future__ import annotations

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
"""An hour and a day in milliseconds. Unix time has no leap seconds: every UTC day is that long."""

DISCORD_EPOCH_MS = 1_420_070_400_000
"""The first second of 2015 UTC, in milliseconds since the Unix epoch."""

TIMESTAMP_SHIFT = 22
"""How many bits stand below the time: worker, process and increment."""

HOUR_OF_IDS = HOUR_MS << TIMESTAMP_SHIFT
"""How far ids of an hour apart differ. Discord's epoch begins a UTC day, hence ``snowflake // HOUR_OF_IDS + DISCORD_EPOCH_HOUR`` is the hour of a
snowflake since the Unix epoch, in half the time of the way over milliseconds: that counts where every message pays for it."""

DISCORD_EPOCH_HOUR = DISCORD_EPOCH_MS // HOUR_MS
"""Hours since the Unix epoch at Discord's."""

DAY_OF_IDS = 24 * HOUR_OF_IDS
DISCORD_EPOCH_DAY = DISCORD_EPOCH_HOUR // 24
"""The same for days."""


def from_time_ms(ms: int, low: int = 0) -> int:
    """Make the snowflake of a time.

    With `low` left at 0 it is the lowest snowflake of that millisecond, hence the bound of a key range.

    Args:
        ms: milliseconds since the Unix epoch, UTC.
        low: the lower 22 bits.

    Raises:
        ValueError: the time is before Discord's epoch, or `low` does not fit into 22 bits.
    """
    if ms < DISCORD_EPOCH_MS:
        msg = f"no snowflake is as old as {ms} ms: Discord's epoch is {DISCORD_EPOCH_MS} ms"
        raise ValueError(msg)
    if not 0 <= low < 1 << TIMESTAMP_SHIFT:
        msg = f"the lower bits of a snowflake are between 0 and {(1 << TIMESTAMP_SHIFT) - 1}, not {low}"
        raise ValueError(msg)
    return (ms - DISCORD_EPOCH_MS) << TIMESTAMP_SHIFT | low


def time_ms(snowflake: int) -> int:
    """Tell when a snowflake was made, in milliseconds since the Unix epoch, UTC."""
    return (snowflake >> TIMESTAMP_SHIFT) + DISCORD_EPOCH_MS
