"""The recount of joins and leaves; members as other accounts of the truth know them."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.recounts.base import Recount, by_sql

HOURS: Final = """
    SELECT guild_id, at_ms / 3600000, is_bot, count(CASE WHEN kind = 0 THEN 1 END), count(CASE WHEN kind = 1 THEN 1 END)
    FROM member_events WHERE guild_id = :guild AND at_ms >= :ms AND at_ms < :ms_end
    GROUP BY guild_id, at_ms / 3600000, is_bot"""

MEMBERS: Final = (
    # By the age of the account: its id is the only time that never changes.
    Recount(
        "members",
        ("guild_id", "user_id"),
        ("is_bot", "joined_ms", "CASE WHEN left_ms IS NULL THEN 0 ELSE 1 END", "nick", "roles"),
        "user_id",
        "snowflake",
    ),
    Recount("member_hour", ("guild_id", "hour", "is_bot"), ("joins", "leaves"), "hour", "hour", by_sql(HOURS, 3)),
)
