"""The lines of answers that are a few numbers about one subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mocha_actors.showing.words import duration, moment, named, percent
from mocha_actors.stats.results import (
    Answer,
    ChannelStats,
    CoverageReport,
    GuildStats,
    MessageStats,
    ReactionStats,
    UserActivity,
    UserStats,
    VoiceStats,
)  # fmt: skip

Lines = list[tuple[str, object]]

Names = Mapping[int, str]


def lines_of(answer: Answer, names: Names) -> Lines:
    """Label and value of each number of an answer that is no list."""
    return LINES[type(answer)](answer, names)


def _guild(answer: GuildStats, _: Names) -> Lines:
    active: Lines = [] if answer.active_users is None else [("Active users", answer.active_users)]
    return [
        *_counts(answer), *_others(answer), *active, ("Active channels", answer.active_channels),
        ("Voice", duration(answer.voice_seconds)), ("Voice sessions", answer.voice_sessions), ("Reactions", answer.reactions),
        ("Joins", answer.joins), ("Leaves", answer.leaves), ("Members", answer.member_count),
    ]  # fmt: skip


def _user(answer: UserStats, _: Names) -> Lines:
    # The author of a command's reply is the bot, so of a person there never is one: that would read as if none had been used.
    counts = _counts(answer) if answer.is_bot or answer.commands else _written(answer)
    return [
        *counts, ("Rank", _rank(answer.rank, answer.ranked_users)), *_span(answer),
        ("Voice", duration(answer.voice_seconds)), ("Voice sessions", answer.voice_sessions),
        ("Reactions given", answer.reactions_given), ("Reactions received", answer.reactions_received),
        ("First seen", moment(answer.first_seen_ms, answer.time_zone)), ("Last seen", moment(answer.last_seen_ms, answer.time_zone)),
        ("Joined", moment(answer.joined_ms, answer.time_zone)), ("Has left", _yes(answer.left)),
    ]  # fmt: skip


def _channel(answer: ChannelStats, names: Names) -> Lines:
    parent = None if answer.parent_id is None else named(answer.parent_id, names.get(answer.parent_id))
    return [
        *_counts(answer), *_others(answer), ("Share of the guild", f"{answer.guild_share:.1%}"),
        ("Rank", _rank(answer.rank, answer.ranked_channels)), *_span(answer), ("Threads", answer.threads), ("Belongs to", parent),
        ("Voice", duration(answer.voice_seconds)), ("Voice visits", answer.voice_visits), ("Reactions", answer.reactions),
    ]  # fmt: skip


def _messages(answer: MessageStats, _: Names) -> Lines:
    return [*_counts(answer), *_others(answer)]


def _reactions(answer: ReactionStats, _: Names) -> Lines:
    return [
        ("Added", answer.added), ("Of these super reactions", answer.burst), ("Removed", answer.removed),
        ("Standing on these messages", answer.standing), ("Users who gave any", answer.givers), ("Distinct emoji", answer.emoji),
    ]  # fmt: skip


def _coverage(answer: CoverageReport, _: Names) -> Lines:
    return [
        ("Observed", percent(answer.coverage.observed_share, 2)), ("Gaps", len(answer.coverage.gaps)),
        ("Last sign of life", moment(answer.last_alive_ms, answer.time_zone)),
    ]  # fmt: skip


def _voice(answer: VoiceStats, _: Names) -> Lines:
    return [
        ("Voice", duration(answer.voice_seconds)), ("Sessions", answer.sessions), ("Speakers", answer.speakers),
        ("In progress", answer.open_sessions), ("Of it muted", duration(answer.muted_seconds)),
        ("Of it deafened", duration(answer.deafened_seconds)), ("Of it alone", duration(answer.alone_seconds)),
        ("Of it streaming", duration(answer.streaming_seconds)), ("Of it with video", duration(answer.video_seconds)),
        ("Of it as audience", duration(answer.suppressed_seconds)), ("In the AFK channel", duration(answer.afk_seconds)),
        ("Uncertain by", duration(answer.uncertain_seconds)),
    ]  # fmt: skip


def _activity(answer: UserActivity, _: Names) -> Lines:
    return [
        ("Active days", f"{answer.active_days:,} of {answer.days:,}"), ("Longest streak", _days(answer.longest_streak_days)),
        ("It began", answer.longest_streak_begin), ("Current streak", _days(answer.current_streak_days)),
    ]  # fmt: skip


def _counts(answer: GuildStats | UserStats | ChannelStats | MessageStats) -> Lines:
    return [*_written(answer), ("Commands", answer.commands)]


def _written(answer: GuildStats | UserStats | ChannelStats | MessageStats) -> Lines:
    return [
        ("Messages", answer.messages),
        ("Messages per day", f"{answer.messages_per_day:,.1f}"),
        ("Deleted since", answer.deleted_messages),
    ]


def _others(answer: GuildStats | ChannelStats | MessageStats) -> Lines:
    return [("Messages of bots", answer.bot_messages), ("Messages of webhooks", answer.webhook_messages)]


def _span(answer: UserStats | ChannelStats) -> Lines:
    return [
        ("First message", moment(answer.first_message_ms, answer.time_zone)),
        ("Last message", moment(answer.last_message_ms, answer.time_zone)),
    ]


def _rank(rank: int | None, of: int | None) -> str | None:
    return None if rank is None or of is None else f"{rank:,} of {of:,}"


def _days(count: int) -> str:
    return f"{count:,} {'day' if count == 1 else 'days'}"


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


LINES: Final[dict[type[Answer], Callable[[Any, Names], Lines]]] = {
    ChannelStats: _channel,
    CoverageReport: _coverage,
    GuildStats: _guild,
    MessageStats: _messages,
    ReactionStats: _reactions,
    UserActivity: _activity,
    UserStats: _user,
    VoiceStats: _voice,
}
"""The lines of each answer that is no list."""
