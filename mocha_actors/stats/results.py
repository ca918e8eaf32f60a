"""Answers: what comes back. Frozen, with units in the names of fields; counts have none.

Identifiers are integers in Python and strings in JSON, since a snowflake is too large for JavaScript (rule 30).
"""

from __future__ import annotations

from typing import Any

import msgspec


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which events may be missing.

    Attributes:
        shard: the shard that did not see them; None when it was the whole service.
        since_ms: last evidence before the gap, cut to the range asked for; milliseconds since the Unix epoch.
        until_ms: when recording went on, cut likewise.
        reason: why, as in ``session_invalid``; ``not_yet_observed`` when recording has not come so far.

    """

    shard: int | None
    since_ms: int
    until_ms: int
    reason: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the range was really observed.

    Attributes:
        complete: whether the whole range was.
        gaps: where it was not, in order of time.

    """

    complete: bool
    gaps: tuple[Gap, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer carries.

    Attributes:
        guild_id: the guild that was asked about.
        since_ms: begin of the range, milliseconds since the Unix epoch.
        until_ms: end of the range, not included.
        coverage: which part of it was observed.

    """

    guild_id: int
    since_ms: int
    until_ms: int
    coverage: Coverage

    def to_builtins(self) -> dict[str, Any]:
        """The answer as JSON takes it: fields whose name ends with ``_id`` are strings."""
        return {key: _with_text_ids(key, value) for key, value in msgspec.to_builtins(self).items()}


class GuildStats(Answer, frozen=True, kw_only=True):
    """A guild as a whole.

    Attributes:
        guild_name: its name, where known.
        messages: messages of the author classes asked for.
        commands: replies to slash and context commands; their author is the bot, so they count with or without bots.
        bot_messages: messages of bots, asked for or not.
        webhook_messages: messages of webhooks, asked for or not.
        deleted_messages: how many of the messages of the author classes asked for were deleted since.
        active_users: distinct users with at least one of ``messages``; a webhook is no user.
        active_channels: distinct channels and threads with at least one of ``messages``.
        messages_per_day: ``messages`` by the length of the range in days of 24 hours.

    """

    guild_name: str | None
    messages: int
    commands: int
    bot_messages: int
    webhook_messages: int
    deleted_messages: int
    active_users: int
    active_channels: int
    messages_per_day: float


class UserStats(Answer, frozen=True, kw_only=True):
    """One user in one guild.

    Attributes:
        user_id: the user.
        username: the unique name, where known.
        global_name: the display name, where set.
        is_bot: whether it is a bot, where known.
        messages: messages, whatever the author class.
        commands: replies to slash and context commands; only bots have any.
        deleted_messages: how many of the messages were deleted since.
        messages_per_day: ``messages`` by the length of the range in days of 24 hours.
        rank: place in the leaderboard with the same range and filters; None when it does not list the user.
        ranked_users: how many users that leaderboard lists.
        first_message_id: the first of ``messages``; None when there is none.
        first_message_ms: its time.
        last_message_id: the last of them.
        last_message_ms: its time.

    """

    user_id: int
    username: str | None
    global_name: str | None
    is_bot: bool | None
    messages: int
    commands: int
    deleted_messages: int
    messages_per_day: float
    rank: int | None
    ranked_users: int
    first_message_id: int | None
    first_message_ms: int | None
    last_message_id: int | None
    last_message_ms: int | None


class ChannelStats(Answer, frozen=True, kw_only=True):
    """One channel or thread; a thread is itself and not part of its parent.

    Attributes:
        channel_id: the channel or thread.
        messages: messages of the author classes asked for.
        commands: replies to slash and context commands, with or without bots.
        bot_messages: messages of bots, asked for or not.
        webhook_messages: messages of webhooks, asked for or not.
        deleted_messages: how many of the messages of the author classes asked for were deleted since.
        messages_per_day: ``messages`` by the length of the range in days of 24 hours.
        guild_share: part of the guild's messages that were written here, 0 to 1; 0 when the guild has none.
        rank: place among the guild's channels and threads with messages; None without any.
        ranked_channels: how many channels and threads have messages.
        first_message_id: the first of ``messages``; None when there is none.
        first_message_ms: its time.
        last_message_id: the last of them.
        last_message_ms: its time.

    """

    channel_id: int
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


class LeaderboardEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One user of a leaderboard.

    Attributes:
        rank: competition rank: how many users have more messages, plus one.
        user_id: the user.
        username: the unique name, where known.
        global_name: the display name, where set.
        is_bot: whether it is a bot, where known.
        messages: messages in the range.

    """

    rank: int
    user_id: int
    username: str | None
    global_name: str | None
    is_bot: bool | None
    messages: int


class Leaderboard(Answer, frozen=True, kw_only=True):
    """Users by messages, most first; among equals the lower id comes first.

    Attributes:
        entries: one page.
        ranked_users: how many users the whole list has.
        next_cursor: where the next page begins; None after the last one.

    """

    entries: tuple[LeaderboardEntry, ...]
    ranked_users: int
    next_cursor: str | None


def _with_text_ids(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _with_text_ids(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_text_ids(key, item) for item in value]
    return str(value) if key.endswith("_id") and isinstance(value, int) else value
