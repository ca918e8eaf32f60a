"""Recounts of the rollups of messages."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.projections.rollups import SYSTEM, WEBHOOK
from mocha_actors.db.recounts.base import DAY_MS, Bucket, Recount, by_sql
from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS

SENT_MS: Final = f"((message_id >> 22) + {DISCORD_EPOCH_MS})"

TIME_OF: Final[dict[str, str]] = {
    "hour": f"{SENT_MS} / 3600000",
    "day": f"{SENT_MS} / {DAY_MS}",
    "week": f"({SENT_MS} / {DAY_MS} + 3) / 7",
}
"""The time of a message as the rollups count it."""

COUNTED: Final = f"kind <> {SYSTEM}"
OF_USERS: Final = f"{COUNTED} AND author_class <> {WEBHOOK}"


def rollup(table: str, bucket: Bucket, subject: tuple[str, ...], where: str) -> Recount:
    """The recount of a rollup of messages by ``subject`` and ``bucket``."""
    key = ("guild_id", *subject, bucket, "author_class", "kind")
    columns = ", ".join(TIME_OF.get(column, column) for column in key)
    sql = f"""
        SELECT {columns}, count(*), count(deleted_ms) FROM message_events
        WHERE guild_id = :guild AND message_id >= :first AND message_id <= :last AND {where}
        GROUP BY {columns}"""  # noqa: S608 - constants of this module
    recounted = by_sql(sql, len(key), days=7 if bucket == "week" else 1)
    return Recount(table, key, ("sent", "deleted"), bucket, bucket, recounted)


MESSAGES: Final = (
    Recount(
        "message_events",
        ("guild_id", "message_id"),
        ("channel_id", "user_id", "author_class", "kind", "CASE WHEN deleted_ms IS NULL THEN 0 ELSE 1 END"),
        "message_id",
        "snowflake",
    ),
    rollup("user_day", "day", ("user_id",), OF_USERS),
    rollup("user_week", "week", ("user_id",), OF_USERS),
    rollup("channel_hour", "hour", ("channel_id",), COUNTED),
    rollup("channel_day", "day", ("channel_id",), COUNTED),
    rollup("guild_hour", "hour", (), COUNTED),
)
