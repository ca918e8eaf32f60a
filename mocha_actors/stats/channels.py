"""Channels and threads of a guild, from the rollup ``channel_hour``; a thread is itself, as Discord named it."""

from __future__ import annotations

from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.stats.coverage import coverage_of
from mocha_actors.stats.messages import Span, buckets_with_messages, find_span, total
from mocha_actors.stats.questions import ChannelQuestion, Filters
from mocha_actors.stats.ranges import HOUR_MS, Range, split
from mocha_actors.stats.ranking import rank_of
from mocha_actors.stats.results import ChannelStats

MESSAGES_BY_CHANNEL: Final = """
WITH edge (low, high) AS (VALUES (:head_from, :head_to), (:tail_from, :tail_to)),
part (channel_id, sent, deleted) AS (
    SELECT channel_id, CAST(SUM(sent) AS BIGINT), CAST(SUM(deleted) AS BIGINT) FROM channel_hour
    WHERE guild_id = :guild_id AND hour >= :first AND hour < :last
    AND author_class IN (0, :bots, :webhooks) AND kind = 0
    GROUP BY channel_id
    UNION ALL
    SELECT channel_id, COUNT(*), COUNT(deleted_ms) FROM edge CROSS JOIN message_events
    WHERE guild_id = :guild_id AND message_id >= low AND message_id < high
    AND author_class IN (0, :bots, :webhooks) AND kind = 0
    GROUP BY channel_id
)
SELECT channel_id, CAST(SUM(sent - :exclude_deleted * deleted) AS BIGINT) FROM part
GROUP BY channel_id HAVING SUM(sent - :exclude_deleted * deleted) > 0
"""

COUNTS_OF_CHANNEL: Final = """
WITH RECURSIVE edge (low, high) AS (VALUES (:head_from, :head_to), (:tail_from, :tail_to)),
whole (number) AS (SELECT :first WHERE :first < :last UNION ALL SELECT number + 1 FROM whole WHERE number + 1 < :last)
SELECT hour, author_class, kind, sent, deleted FROM whole CROSS JOIN channel_hour
WHERE guild_id = :guild_id AND hour = number AND channel_id = :channel_id
UNION ALL
SELECT NULL, author_class, kind, COUNT(*), COUNT(deleted_ms) FROM edge CROSS JOIN message_events
WHERE guild_id = :guild_id AND message_id >= low AND message_id < high AND channel_id = :channel_id
GROUP BY author_class, kind
"""
"""The hours are enumerated, so that each costs one key look-up and not the rows of all channels of that hour."""

SPAN_OF_CHANNEL: Final = """
SELECT MIN(message_id), MAX(message_id) FROM message_events
WHERE guild_id = :guild_id AND message_id >= :low AND message_id < :high AND channel_id = :channel_id AND kind = 0
AND author_class IN (0, :bots, :webhooks) AND (:exclude_deleted = 0 OR deleted_ms IS NULL)
"""


def channel_stats(connection: Connection, question: ChannelQuestion) -> ChannelStats:
    """Answer ``question``."""
    period, filters = question.range, question.filters
    rows = connection.execute(COUNTS_OF_CHANNEL, _parameters(question)).fetchall()
    counted = total((row[1:] for row in rows), filters.classes, exclude_deleted=filters.exclude_deleted)
    others = messages_by_channel(connection, question.guild_id, period, filters)
    hours = buckets_with_messages(rows, filters.classes, exclude_deleted=filters.exclude_deleted)
    return ChannelStats(
        guild_id=question.guild_id,
        since_ms=period.since_ms,
        until_ms=period.until_ms,
        coverage=coverage_of(connection, period),
        channel_id=question.channel_id,
        messages=counted.messages,
        commands=counted.commands,
        bot_messages=counted.by_bots,
        webhook_messages=counted.by_webhooks,
        deleted_messages=counted.deleted,
        messages_per_day=counted.messages / period.days,
        guild_share=counted.messages / sum(others.values()) if others else 0.0,
        rank=rank_of(others, counted.messages) if counted.messages else None,
        ranked_channels=len(others),
        **_span(connection, question, hours)._asdict(),
    )


def messages_by_channel(connection: Connection, guild_id: int, period: Range, filters: Filters) -> dict[int, int]:
    """Messages of each channel and thread that has any in ``period``."""
    parameters = {"guild_id": guild_id, **split(period, HOUR_MS).parameters(), **filters.parameters()}
    return dict(connection.execute(MESSAGES_BY_CHANNEL, parameters).fetchall())


def _span(connection: Connection, question: ChannelQuestion, hours: set[int]) -> Span:
    parameters = _parameters(question)

    def find(window: Range) -> tuple[int | None, int | None]:
        low, high = window.keys
        least, greatest = connection.execute(SPAN_OF_CHANNEL, {**parameters, "low": low, "high": high}).fetchone()
        return least, greatest

    return find_span(find, split(question.range, HOUR_MS), hours)


def _parameters(question: ChannelQuestion) -> dict[str, int]:
    subject = {"guild_id": question.guild_id, "channel_id": question.channel_id}
    return {**subject, **split(question.range, HOUR_MS).parameters(), **question.filters.parameters()}
