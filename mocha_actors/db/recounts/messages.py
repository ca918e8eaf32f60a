"""Recounts of the rollups of messages."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.comparison import Table
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.closed_days import BUILT
from mocha_actors.db.projections.rollups import SYSTEM, WEBHOOK
from mocha_actors.db.recounts.base import Bucket, Piece, Recount, by_sql, read
from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS

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


CHANNEL_USERS: Final = f"""
    SELECT guild_id, {TIME_OF["day"]}, channel_id, user_id, author_class, kind, count(*), count(deleted_ms) FROM message_events
    WHERE guild_id = :guild AND message_id >= :first AND message_id <= :last AND {OF_USERS}
    GROUP BY guild_id, {TIME_OF["day"]}, channel_id, user_id, author_class, kind"""  # noqa: S608 - constants of this module
"""The rows of ``channel_user_day``."""

IS_BUILT: Final = f"SELECT 1 FROM closed_days WHERE guild_id = :guild AND day = :day AND dirty = {BUILT}"  # noqa: S608 - a constant


def channel_users(connection: Connection, piece: Piece) -> Table:
    """The rows of ``channel_user_day`` as they have to be: right, if the day is marked as built, else as they are, since nobody reads them."""
    if connection.execute(IS_BUILT, piece.parameters()).fetchone() is None:
        return CHANNEL_USER_DAY.stored(connection, piece)
    return read(connection, CHANNEL_USERS, 6, piece)


CHANNEL_USER_DAY: Final = Recount(
    "channel_user_day",
    ("guild_id", "day", "channel_id", "user_id", "author_class", "kind"),
    ("sent", "deleted"),
    "day",
    "day",
    channel_users,
)

MESSAGES: Final = (
    Recount(
        "message_events",
        ("guild_id", "message_id"),
        ("channel_id", "user_id", "author_class", "kind", "CASE WHEN deleted_ms IS NULL THEN 0 ELSE 1 END"),
        "message_id",
        "snowflake",
    ),
    Recount(
        "message_details",
        ("guild_id", "message_id"),
        ("attachments", "embeds", "mentions", "links", "length", "words", "invoker_id", "edited_ms", "edits"),
        "message_id",
        "snowflake",
    ),
    rollup("user_day", "day", ("user_id",), OF_USERS),
    rollup("user_week", "week", ("user_id",), OF_USERS),
    rollup("channel_hour", "hour", ("channel_id",), COUNTED),
    rollup("channel_day", "day", ("channel_id",), COUNTED),
    rollup("guild_hour", "hour", (), COUNTED),
    CHANNEL_USER_DAY,
)
