"""Guilds as a whole, from the rollup ``guild_hour``."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.stats.channels import messages_by_channel
from mocha_actors.stats.coverage import coverage_of
from mocha_actors.stats.messages import Totals, total
from mocha_actors.stats.questions import Filters, GuildQuestion
from mocha_actors.stats.ranges import HOUR_MS, Range, split
from mocha_actors.stats.results import GuildStats
from mocha_actors.stats.users import messages_by_user

TOTALS: Final = """
WITH edge (low, high) AS (VALUES (:head_from, :head_to), (:tail_from, :tail_to))
SELECT author_class, kind, CAST(SUM(sent) AS BIGINT), CAST(SUM(deleted) AS BIGINT) FROM guild_hour
WHERE guild_id = :guild_id AND hour >= :first AND hour < :last
GROUP BY author_class, kind
UNION ALL
SELECT author_class, kind, COUNT(*), COUNT(deleted_ms) FROM edge CROSS JOIN message_events
WHERE guild_id = :guild_id AND message_id >= low AND message_id < high
GROUP BY author_class, kind
"""

NAME: Final = "SELECT name FROM guilds WHERE id = :guild_id"

KNOWN: Final = """
WITH RECURSIVE written (id) AS (
    SELECT MIN(guild_id) FROM message_events
    UNION ALL
    SELECT (SELECT MIN(guild_id) FROM message_events WHERE guild_id > id) FROM written WHERE id IS NOT NULL
)
SELECT written.id, name FROM written LEFT JOIN guilds ON guilds.id = written.id WHERE written.id IS NOT NULL
UNION
SELECT id, name FROM guilds
ORDER BY 1
"""
"""One key look-up per guild, because a DISTINCT would read every message."""


def guild_stats(connection: Connection, question: GuildQuestion) -> GuildStats:
    """Answer ``question``."""
    counted = guild_totals(connection, question.guild_id, question.range, question.filters)
    return GuildStats(
        guild_id=question.guild_id,
        since_ms=question.range.since_ms,
        until_ms=question.range.until_ms,
        coverage=coverage_of(connection, question.range),
        guild_name=_name(connection, question.guild_id),
        messages=counted.messages,
        commands=counted.commands,
        bot_messages=counted.by_bots,
        webhook_messages=counted.by_webhooks,
        deleted_messages=counted.deleted,
        active_users=len(messages_by_user(connection, question.guild_id, question.range, question.filters)),
        active_channels=len(messages_by_channel(connection, question.guild_id, question.range, question.filters)),
        messages_per_day=counted.messages / question.range.days,
    )


def guild_totals(connection: Connection, guild_id: int, period: Range, filters: Filters) -> Totals:
    """The messages of a guild in ``period``."""
    rows = connection.execute(TOTALS, {"guild_id": guild_id, **split(period, HOUR_MS).parameters()})
    return total(rows, filters.classes, exclude_deleted=filters.exclude_deleted)


def known_guilds(connection: Connection) -> list[tuple[int, str | None]]:
    """The guilds that the database has anything of, ascending by id, with their names where known."""
    return [(guild_id, name) for guild_id, name in connection.execute(KNOWN)]


def _name(connection: Connection, guild_id: int) -> str | None:
    row = connection.execute(NAME, {"guild_id": guild_id}).fetchone()
    return row[0] if row else None
