"""Recounts of the rollups of reactions."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.recounts.base import Recount, by_sql
from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS

AT_MS: Final = f"((id >> 22) + {DISCORD_EPOCH_MS})"
HOUR: Final = f"{AT_MS} / 3600000"
DAY: Final = f"{AT_MS} / {DAY_MS}"

ADDED: Final = "count(CASE WHEN action = 0 THEN 1 END)"
REMOVED: Final = "count(CASE WHEN action = 1 THEN 1 END)"
BURST: Final = "count(CASE WHEN action = 0 AND burst = 1 THEN 1 END)"

OF_PIECE: Final = "FROM reaction_events WHERE guild_id = :guild AND id >= :first AND id <= :last"


def counted(columns: str) -> str:
    """SQL that counts the events of a piece by ``columns``."""
    return f"SELECT {columns}, {ADDED}, {REMOVED}, {BURST} {OF_PIECE} GROUP BY {columns}"


USERS: Final = f"""
    SELECT guild_id, day, user_id, is_bot,
        CAST(SUM(given) AS BIGINT), CAST(SUM(removed) AS BIGINT), CAST(SUM(received) AS BIGINT), CAST(SUM(received_bot) AS BIGINT),
        CAST(SUM(own) AS BIGINT)
    FROM (
        SELECT guild_id, {DAY} AS day, user_id, is_bot, 1 - action AS given, action AS removed, 0 AS received, 0 AS received_bot,
            CASE WHEN action = 0 AND receiver_id = user_id THEN 1 ELSE 0 END AS own
        {OF_PIECE}
        UNION ALL
        SELECT guild_id, {DAY}, receiver_id, receiver_bot, 0, 0, 1 - is_bot, is_bot, 0
        {OF_PIECE} AND action = 0 AND receiver_id IS NOT NULL AND receiver_id <> user_id
    ) AS shares
    GROUP BY guild_id, day, user_id, is_bot"""  # noqa: S608 - constants of this module
"""Each event counts for who reacts, and an add to somebody else's message for its author."""

REACTIONS: Final = (
    Recount(
        "reaction_state",
        ("guild_id", "message_id", "user_id", "emoji", "burst"),
        ("channel_id", "is_bot"),
        "message_id",
        "snowflake",
    ),
    Recount(
        "reaction_channel_hour",
        ("guild_id", "hour", "channel_id", "is_bot"),
        ("added", "removed", "burst"),
        "hour",
        "hour",
        by_sql(counted(f"guild_id, {HOUR}, channel_id, is_bot"), 4),
    ),
    Recount(
        "reaction_emoji_day",
        ("guild_id", "day", "emoji", "is_bot"),
        ("added", "removed", "burst"),
        "day",
        "day",
        by_sql(counted(f"guild_id, {DAY}, emoji, is_bot"), 4),
    ),
    Recount(
        "reaction_user_day",
        ("guild_id", "day", "user_id", "is_bot"),
        ("given", "removed", "received", "received_bot", "self"),
        "day",
        "day",
        by_sql(USERS, 4),
    ),
)
