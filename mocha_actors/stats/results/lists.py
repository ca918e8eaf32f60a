"""Answers that are lists: leaderboards, rankings, who is inactive."""

from __future__ import annotations

import msgspec

from mocha_actors.stats.results.base import Answer


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One user of a list.

    Attributes:
        rank: competition rank: how many have a greater value, plus one.
        user_id: the user.
        username: the unique name, where known.
        global_name: the display name, where set.
        is_bot: whether it is a bot, where known.
        left: whether the user has left the guild; None where no membership is known.
        value: the number that the list is ordered by, in the unit of its ``metric``.

    """

    rank: int
    user_id: int
    username: str | None
    global_name: str | None
    is_bot: bool | None
    left: bool | None
    value: int


class Leaderboard(Answer, frozen=True, kw_only=True):
    """Users by what they did, most first; equals share the rank, and among them the lower id comes first.

    Attributes:
        metric: what ``value`` is: ``messages``, ``voice_seconds``, ``reactions_given`` or ``reactions_received``.
        entries: one page.
        ranked_users: how many users the whole list has.
        next_cursor: where the next page begins; None after the last one.

    """

    metric: str
    entries: tuple[Entry, ...]
    ranked_users: int
    next_cursor: str | None


class Rank(Answer, frozen=True, kw_only=True):
    """The place of one user in a leaderboard, and the neighbours.

    Attributes:
        metric: as in :class:`Leaderboard`.
        user_id: the user.
        rank: competition rank; None when the list does not hold the user.
        value: the user's number.
        ranked_users: how many users the list has.
        entries: the user and those next in the list, best first.

    """

    metric: str
    user_id: int
    rank: int | None
    value: int
    ranked_users: int
    entries: tuple[Entry, ...]


class ChannelEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One channel, thread or category of a ranking.

    Attributes:
        rank: competition rank.
        channel_id: the channel, thread or category.
        channel_name: its name, where known.
        parent_id: the category of a channel, the channel of a thread; None without one or where unknown.
        deleted: it exists no more.
        value: the number that the list is ordered by, in the unit of its ``metric``.
        share: part of the sum over all, 0 to 1.

    """

    rank: int
    channel_id: int
    channel_name: str | None
    parent_id: int | None
    deleted: bool
    value: int
    share: float


class ChannelRanking(Answer, frozen=True, kw_only=True):
    """Channels by what happened in them, most first. Threads count for their channel unless they are asked for (rule 8).

    Attributes:
        metric: ``messages``, ``voice_seconds`` or ``reactions``.
        group: ``channel``, ``thread`` (each by itself) or ``category``.
        entries: one page.
        ranked_channels: how many the whole list has.
        next_cursor: where the next page begins; None after the last one.

    """

    metric: str
    group: str
    entries: tuple[ChannelEntry, ...]
    ranked_channels: int
    next_cursor: str | None


class EmojiEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One emoji.

    Attributes:
        rank: competition rank.
        emoji: the character, or the id of a custom one.
        name: the name of a custom one, where known.
        added: how often it was given.
        removed: how often it was taken back.
        burst: how many of the added were super reactions.

    """

    rank: int
    emoji: str
    name: str | None
    added: int
    removed: int
    burst: int


class TopEmoji(Answer, frozen=True, kw_only=True):
    """Emoji by how often they were given as reactions, most first.

    Attributes:
        entries: one page.
        ranked_emoji: how many the whole list has.
        next_cursor: where the next page begins; None after the last one.

    """

    entries: tuple[EmojiEntry, ...]
    ranked_emoji: int
    next_cursor: str | None


class InactiveMember(msgspec.Struct, frozen=True, kw_only=True):
    """A member who did nothing in the range.

    Attributes:
        user_id: the member.
        username: the unique name, where known.
        global_name: the display name, where set.
        joined_ms: when they joined; None where unknown.
        last_seen_ms: their last message, voice or reaction before the end of the range, in whatever channel; None: never seen.

    """

    user_id: int
    username: str | None
    global_name: str | None
    joined_ms: int | None
    last_seen_ms: int | None


class InactiveMembers(Answer, frozen=True, kw_only=True):
    """Present members without a message, voice or reaction in the range (A3.16), longest members first.

    Attributes:
        members: one page.
        inactive_members: how many there are.
        present_members: how many members there are.
        next_cursor: where the next page begins; None after the last one.

    """

    members: tuple[InactiveMember, ...]
    inactive_members: int
    present_members: int
    next_cursor: str | None
