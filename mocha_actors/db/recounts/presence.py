"""The recount of the sums of presence: from the closed intervals of a day, in Python."""

from __future__ import annotations

from collections import Counter
from typing import Final

from mocha_actors.db.comparison import Table
from mocha_actors.db.connection import Connection
from mocha_actors.db.recounts.base import Piece, Recount
from mocha_actors.discord.snowflake import HOUR_MS, time_ms

INTERVALS: Final = """
    SELECT id, ended_ms, status, is_bot FROM presence_events
    WHERE guild_id = :guild AND id >= :first AND id <= :last AND ended_ms IS NOT NULL"""


def recounted(connection: Connection, piece: Piece) -> Table:
    """Milliseconds by (guild, hour, status, bot)."""
    sums: Counter[tuple[int, ...]] = Counter()
    for row_id, ended, status, is_bot in connection.execute(INTERVALS, piece.parameters()):
        start = time_ms(row_id)
        for hour in range(start // HOUR_MS, (ended - 1) // HOUR_MS + 1):
            ms = min(ended, (hour + 1) * HOUR_MS) - max(start, hour * HOUR_MS)
            sums[piece.guild, hour, status, is_bot] += ms
    return {key: (ms,) for key, ms in sums.items()}


PRESENCE: Final = (
    Recount("presence_events", ("guild_id", "id"), ("user_id",), "id", "snowflake"),
    Recount("presence_hour", ("guild_id", "hour", "status", "is_bot"), ("ms",), "hour", "hour", recounted),
)
