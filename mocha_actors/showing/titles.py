"""What stands above each answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mocha_actors.showing.words import moment, named
from mocha_actors.stats.results import (
    ActiveMembers,
    Answer,
    BusiestHours,
    ChannelRanking,
    ChannelStats,
    Comparison,
    CoverageReport,
    GuildStats,
    Heatmap,
    InactiveMembers,
    Leaderboard,
    MemberGrowth,
    MessageStats,
    MessageTimeline,
    OnlineTimeline,
    Rank,
    ReactionStats,
    Retention,
    TopEmoji,
    UserActivity,
    UserStats,
    VoiceSessions,
    VoiceStats,
    VoiceTimeline,
)  # fmt: skip

METRIC_WORDS: Final = {
    "messages": "messages", "voice_seconds": "voice", "reactions": "reactions", "reactions_given": "reactions given",
    "reactions_received": "reactions received",
}  # fmt: skip

TITLES: Final[dict[type[Answer], str | Callable[[Any], str]]] = {
    ActiveMembers: lambda answer: f"Active members by {answer.interval}",
    BusiestHours: lambda answer: f"Busiest hours by {METRIC_WORDS[answer.metric]}",
    ChannelRanking: lambda answer: f"{'Categories' if answer.group == 'category' else answer.group.capitalize() + 's'} by {METRIC_WORDS[answer.metric]}",
    ChannelStats: lambda answer: f"Channel {named(answer.channel_id, answer.channel_name)}",
    Comparison: lambda answer: f"Compared with {moment(answer.previous_since_ms, answer.time_zone)} to {moment(answer.previous_until_ms, answer.time_zone)}",
    CoverageReport: "What was recorded",
    GuildStats: lambda answer: f"Guild {named(answer.guild_id, answer.guild_name)}",
    Heatmap: lambda answer: f"{METRIC_WORDS[answer.metric].capitalize()} by hour of the week",
    InactiveMembers: "Inactive members",
    Leaderboard: lambda answer: f"Users by {METRIC_WORDS[answer.metric]}",
    MemberGrowth: lambda answer: f"Members by {answer.interval}",
    MessageStats: "Messages",
    MessageTimeline: lambda answer: f"Messages by {answer.interval}",
    OnlineTimeline: lambda answer: f"Members online by {answer.interval}",
    Rank: lambda answer: f"Place of {_of_rank(answer)} by {METRIC_WORDS[answer.metric]}",
    ReactionStats: "Reactions",
    Retention: lambda answer: f"Retention of those who joined, by {answer.interval}",
    TopEmoji: "Emoji by reactions",
    UserActivity: lambda answer: f"Active days of user {answer.user_id}",
    UserStats: lambda answer: f"User {named(answer.user_id, answer.global_name or answer.username)}",
    VoiceSessions: "Voice sessions",
    VoiceStats: "Voice",
    VoiceTimeline: lambda answer: f"Voice by {answer.interval}",
}  # fmt: skip
"""What stands above an answer; who is named in it comes with the id."""


def title_of(answer: Answer) -> str:
    """What stands above an answer."""
    title = TITLES[type(answer)]
    return title if isinstance(title, str) else title(answer)


def _of_rank(answer: Rank) -> str:
    mine = next((entry for entry in answer.entries if entry.user_id == answer.user_id), None)
    place = "no place" if answer.rank is None else f"{answer.rank:,} of {answer.ranked_users:,}"
    name = None if mine is None else mine.global_name or mine.username
    return f"user {named(answer.user_id, name)}: {place}"
