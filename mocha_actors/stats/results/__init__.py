"""Answers: what comes back. See :mod:`mocha_actors.stats.results.base` for what all share."""

from __future__ import annotations

from mocha_actors.stats.results.base import Answer, Coverage, Gap, Step
from mocha_actors.stats.results.channels import (
    BusiestHours,
    Cell,
    ChannelStats,
    Heatmap,
    MessageStats,
    MessageStep,
    MessageTimeline,
)  # fmt: skip
from mocha_actors.stats.results.guilds import Change, Comparison, CoverageReport, GuildSettings, GuildStats
from mocha_actors.stats.results.lists import (
    ChannelEntry,
    ChannelRanking,
    EmojiEntry,
    Entry,
    InactiveMember,
    InactiveMembers,
    Leaderboard,
    Rank,
    TopEmoji,
)  # fmt: skip
from mocha_actors.stats.results.users import (
    ActiveMembers,
    ActiveStep,
    Cohort,
    MemberGrowth,
    MemberStep,
    OnlineStep,
    OnlineTimeline,
    Retention,
    UserActivity,
    UserStats,
)  # fmt: skip
from mocha_actors.stats.results.voice import (
    ReactionStats,
    VoiceSession,
    VoiceSessions,
    VoiceStats,
    VoiceStep,
    VoiceTimeline,
)  # fmt: skip

__all__ = [
    "ActiveMembers", "ActiveStep", "Answer", "BusiestHours", "Cell", "Change", "ChannelEntry", "ChannelRanking", "ChannelStats", "Cohort",
    "Comparison", "Coverage", "CoverageReport", "EmojiEntry", "Entry", "Gap", "GuildSettings", "GuildStats", "Heatmap", "InactiveMember",
    "InactiveMembers", "Leaderboard", "MemberGrowth", "MemberStep", "MessageStats", "MessageStep", "MessageTimeline", "OnlineStep",
    "OnlineTimeline", "Rank", "ReactionStats", "Retention", "Step", "TopEmoji", "UserActivity", "UserStats", "VoiceSession", "VoiceSessions",
    "VoiceStats", "VoiceStep", "VoiceTimeline",
]  # fmt: skip
