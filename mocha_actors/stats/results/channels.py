"""Answers about channels, and about when and how much was written."""

from __future__ import annotations

import msgspec

from mocha_actors.stats.results.base import Answer, Step


class ChannelStats(Answer, frozen=True, kw_only=True):
    """One channel with its threads, or one thread.

    Attributes:
        channel_id: the channel or thread.
        channel_name: its name, where known.
        parent_id: the category of a channel, the channel of a thread; None without one or where unknown.
        threads: how many of its threads are included; 0 when they were not asked for.
        messages: messages of the author classes asked for.
        commands: replies to slash and context commands, with or without bots.
        bot_messages: messages of bots, asked for or not.
        webhook_messages: messages of webhooks, asked for or not.
        deleted_messages: how many of the messages of the author classes asked for were deleted since.
        messages_per_day: ``messages`` by the length of the range in days of 24 hours, observed or not.
        guild_share: part of the guild's messages that were written here, 0 to 1; 0 when the guild has none.
        rank: place among the guild's channels (a thread: among threads and channels, each by itself) with messages; None without any.
        ranked_channels: how many of them have messages.
        first_message_id: the first of ``messages``; None when there is none.
        first_message_ms: its time.
        last_message_id: the last of them.
        last_message_ms: its time.
        voice_seconds: counted time in this voice channel, over all users.
        voice_visits: how often somebody came in.
        reactions: reactions added to messages here.

    """

    channel_id: int
    channel_name: str | None
    parent_id: int | None
    threads: int
    messages: int
    commands: int
    bot_messages: int
    webhook_messages: int
    deleted_messages: int
    messages_per_day: float
    guild_share: float
    rank: int | None
    ranked_channels: int
    first_message_id: int | None
    first_message_ms: int | None
    last_message_id: int | None
    last_message_ms: int | None
    voice_seconds: int
    voice_visits: int
    reactions: int


class MessageStats(Answer, frozen=True, kw_only=True):
    """Messages, by the filters given.

    Attributes:
        messages: messages of the author classes asked for.
        commands: replies to slash and context commands; their author is the bot, so they count with or without bots.
        bot_messages: messages of bots, asked for or not.
        webhook_messages: messages of webhooks, asked for or not.
        deleted_messages: how many of the messages of the author classes asked for were deleted since.
        messages_per_day: ``messages`` by the length of the range in days of 24 hours, observed or not.

    """

    messages: int
    commands: int
    bot_messages: int
    webhook_messages: int
    deleted_messages: int
    messages_per_day: float


class MessageStep(Step, frozen=True, kw_only=True):
    """Messages of one bucket; see :class:`MessageStats`.

    Attributes:
        messages: see there.
        commands: see there.
        deleted_messages: see there.

    """

    messages: int
    commands: int
    deleted_messages: int


class MessageTimeline(Answer, frozen=True, kw_only=True):
    """Messages over time.

    Attributes:
        interval: length of a bucket.
        messages: in the whole range.
        buckets: the steps.

    """

    interval: str
    messages: int
    buckets: tuple[MessageStep, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One local hour of the week.

    Attributes:
        weekday: 0 for Monday to 6 for Sunday.
        hour: 0 to 23.
        value: the sum over all such hours, in the unit of the heatmap's ``metric``; a repeated hour adds to it (A3.7).
        hours: how many such hours the range really holds; one that is cut off is a fraction, a skipped one none. Observed or not.
        average_per_hour: ``value`` by ``hours``; None where the range holds none.

    """

    weekday: int
    hour: int
    value: int
    hours: float
    average_per_hour: float | None


class Heatmap(Answer, frozen=True, kw_only=True):
    """Activity by local day of the week and hour: 7 x 24 cells, Monday 0:00 first.

    Attributes:
        metric: ``messages`` or ``voice_seconds``.
        cells: the 168 cells.

    """

    metric: str
    cells: tuple[Cell, ...]


class BusiestHours(Answer, frozen=True, kw_only=True):
    """The local hours of the week with most activity per hour, most first; among equals the earlier in the week.

    Attributes:
        metric: ``messages`` or ``voice_seconds``.
        cells: the busiest ones.

    """

    metric: str
    cells: tuple[Cell, ...]
