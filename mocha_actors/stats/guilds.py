"""Guilds as a whole: their numbers, how these compare with the period before, and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mocha_actors.db.connection import Connection
from mocha_actors.stats.channels import active_channels
from mocha_actors.stats.coverage import coverage_of, head
from mocha_actors.stats.member_counts import member_counts_at, moves
from mocha_actors.stats.message_counts import message_totals
from mocha_actors.stats.message_sums import writers
from mocha_actors.stats.questions import CompareQuestion, GuildQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.reaction_counts import reaction_totals
from mocha_actors.stats.results import Change, Comparison, GuildSettings, GuildStats
from mocha_actors.stats.scope import IGNORED_CHANNEL, IGNORED_ROLE, IGNORED_USER, IGNORES, Scope, scope_of
from mocha_actors.stats.voice_counts import voice_totals

NAME: Final = "SELECT name FROM guilds WHERE id = :guild_id"

SETTINGS: Final = "SELECT time_zone, week_start FROM guilds WHERE id = :guild_id"

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
    """Answer ``question``: people's messages, voice and reactions unless bots are included; joins and leaves likewise (rules 1 to 3, 11, A3.9)."""
    scope, period = scope_of(connection, question), question.range
    counted_messages = message_totals(connection, scope, period)
    spoken = voice_totals(connection, scope, period)
    joins, leaves = _moves(connection, scope, period)
    return GuildStats(
        **head(connection, question),
        guild_name=_name(connection, question.guild_id),
        messages=counted_messages.messages,
        commands=counted_messages.commands,
        bot_messages=counted_messages.by_bots,
        webhook_messages=counted_messages.by_webhooks,
        deleted_messages=counted_messages.deleted,
        active_users=len(writers(connection, scope, period)) if question.count_active else None,
        active_channels=active_channels(connection, scope, period),
        messages_per_day=counted_messages.messages / period.days,
        voice_seconds=spoken.ms // 1000,
        voice_sessions=spoken.starts,
        reactions=reaction_totals(connection, scope, period).added,
        joins=joins,
        leaves=leaves,
        member_count=member_counts_at(connection, question.guild_id, [period.until_ms])[0],
    )


def compare(connection: Connection, question: CompareQuestion) -> Comparison:
    """Answer ``question``: the period before is of the same length, or the calendar unit before a calendar range (A3.16)."""
    before = question.previous or Range(question.range.since_ms - question.range.duration_ms, question.range.since_ms)
    scope = scope_of(connection, question)
    now, then = (_numbers(connection, scope, period) for period in (question.range, before))
    return Comparison(
        **head(connection, question),
        previous_since_ms=before.since_ms,
        previous_until_ms=before.until_ms,
        previous_coverage=coverage_of(connection, before),
        **_changes(now, then),
    )


def known_guilds(connection: Connection) -> list[tuple[int, str | None]]:
    """The guilds that the database has anything of, ascending by id, with their names where known."""
    return [(guild_id, name) for guild_id, name in connection.execute(KNOWN)]


def guild_settings(connection: Connection, guild_id: int) -> GuildSettings:
    """What the guild's questions assume unless told otherwise."""
    row = connection.execute(SETTINGS, {"guild_id": guild_id}).fetchone() or (None, None)
    ignored: dict[int, list[int]] = {IGNORED_CHANNEL: [], IGNORED_USER: [], IGNORED_ROLE: []}
    for kind, key in connection.execute(IGNORES, (guild_id,)):
        ignored[kind].append(key)
    return GuildSettings(
        guild_id=guild_id,
        time_zone=row[0],
        week_start=row[1],
        ignored_channel_id=tuple(ignored[IGNORED_CHANNEL]),
        ignored_user_id=tuple(ignored[IGNORED_USER]),
        ignored_role_id=tuple(ignored[IGNORED_ROLE]),
    )


def _numbers(connection: Connection, scope: Scope, period: Range) -> dict[str, int]:
    joins, leaves = _moves(connection, scope, period)
    return {
        "messages": message_totals(connection, scope, period).messages,
        "active_users": len(writers(connection, scope, period)),
        "voice_seconds": voice_totals(connection, scope, period).ms // 1000,
        "reactions": reaction_totals(connection, scope, period).added,
        "joins": joins,
        "leaves": leaves,
    }


def _changes(now: Mapping[str, int], then: Mapping[str, int]) -> dict[str, Any]:
    return {name: _change(current, then[name]) for name, current in now.items()}


def _change(current: int, previous: int) -> Change:
    ratio = current / previous if previous else None
    return Change(current=current, previous=previous, difference=current - previous, ratio=ratio)


def _moves(connection: Connection, scope: Scope, period: Range) -> tuple[int, int]:
    joins = leaves = 0
    for each in moves(connection, scope, [period.since_ms, period.until_ms]):
        if scope.with_bots or not each.is_bot:
            joins, leaves = joins + each.joins, leaves + each.leaves
    return joins, leaves


def _name(connection: Connection, guild_id: int) -> str | None:
    row = connection.execute(NAME, {"guild_id": guild_id}).fetchone()
    return row[0] if row else None
