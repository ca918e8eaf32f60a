"""Answers about a guild as a whole."""

from __future__ import annotations

import msgspec

from mocha_actors.stats.results.base import Answer, Coverage


class GuildSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a guild's questions assume unless told otherwise.

    Attributes:
        guild_id: the guild.
        time_zone: IANA name; None: that of the configuration.
        week_start: 0 for Monday to 6 for Sunday; None: Monday.
        ignored_channel_id: channels that are left out, with their threads.
        ignored_user_id: users that are left out.
        ignored_role_id: roles whose members are left out.

    """

    guild_id: int
    time_zone: str | None = None
    week_start: int | None = None
    ignored_channel_id: tuple[int, ...] = ()
    ignored_user_id: tuple[int, ...] = ()
    ignored_role_id: tuple[int, ...] = ()


class GuildStats(Answer, frozen=True, kw_only=True):
    """A guild as a whole.

    Attributes:
        guild_name: its name, where known.
        messages: messages of the author classes asked for.
        commands: replies to slash and context commands; their author is the bot, so they count with or without bots.
        bot_messages: messages of bots, asked for or not.
        webhook_messages: messages of webhooks, asked for or not.
        deleted_messages: how many of the messages of the author classes asked for were deleted since.
        active_users: distinct users with at least one of ``messages``; a webhook is no user. None when it was not asked for.
        active_channels: distinct channels with at least one of ``messages``; a thread counts as its channel.
        messages_per_day: ``messages`` by the length of the range in days of 24 hours, observed or not.
        voice_seconds: counted time in voice channels, over all users.
        voice_sessions: how many sessions began; moves and interruptions of the recording begin none.
        reactions: reactions added.
        joins: members who joined.
        leaves: members who left.
        member_count: Discord's number of members at the end of the range, bots included; None where unknown.

    """

    guild_name: str | None
    messages: int
    commands: int
    bot_messages: int
    webhook_messages: int
    deleted_messages: int
    active_users: int | None
    active_channels: int
    messages_per_day: float
    voice_seconds: int
    voice_sessions: int
    reactions: int
    joins: int
    leaves: int
    member_count: int | None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One number now and before.

    Attributes:
        current: in the range.
        previous: in the period before.
        difference: ``current`` less ``previous``.
        ratio: ``current`` by ``previous``; None when there was nothing before.

    """

    current: int
    previous: int
    difference: int
    ratio: float | None


class Comparison(Answer, frozen=True, kw_only=True):
    """A range beside the period before it.

    Attributes:
        previous_since_ms: begin of the period before: of the same length for a rolling range, the calendar unit before for a named one.
        previous_until_ms: its end, not included.
        previous_coverage: which part of it was observed.
        messages: see :class:`GuildStats`, as are the others.
        active_users: see there.
        voice_seconds: see there.
        reactions: see there.
        joins: see there.
        leaves: see there.

    """

    previous_since_ms: int
    previous_until_ms: int
    previous_coverage: Coverage
    messages: Change
    active_users: Change
    voice_seconds: Change
    reactions: Change
    joins: Change
    leaves: Change


class CoverageReport(Answer, frozen=True, kw_only=True):
    """Which part of a range was recorded, see ``coverage``.

    Attributes:
        last_alive_ms: the last sign of life of the service; None without any.

    """

    last_alive_ms: int | None
