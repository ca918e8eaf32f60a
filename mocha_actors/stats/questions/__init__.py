"""Questions: what can be asked, one request type each; :mod:`mocha_actors.stats.results` has the answers."""

from __future__ import annotations

from mocha_actors.stats.questions.base import GREATEST_ID, MOST_ENTRIES, Filters, RangeQuestion, check_ids
from mocha_actors.stats.questions.guilds import (
    HOUR_METRICS,
    BusiestHoursQuestion,
    CompareQuestion,
    CoverageQuestion,
    GuildQuestion,
    GuildsQuestion,
    HeatmapQuestion,
    HourMetric,
    SettingsQuestion,
)  # fmt: skip
from mocha_actors.stats.questions.lists import (
    CHANNEL_GROUPS,
    CHANNEL_METRICS,
    USER_METRICS,
    ChannelGroup,
    ChannelMetric,
    ChannelRankingQuestion,
    InactiveMembersQuestion,
    LeaderboardQuestion,
    PageQuestion,
    RankQuestion,
    TopEmojiQuestion,
    UserMetric,
    VoiceSessionsQuestion,
)  # fmt: skip
from mocha_actors.stats.questions.subjects import (
    ChannelQuestion,
    MessageQuestion,
    ReactionQuestion,
    UserActivityQuestion,
    UserQuestion,
    VoiceQuestion,
)  # fmt: skip
from mocha_actors.stats.questions.timelines import (
    ActiveMembersQuestion,
    MemberGrowthQuestion,
    MessageTimelineQuestion,
    OnlineTimelineQuestion,
    RetentionQuestion,
    TimelineQuestion,
    VoiceTimelineQuestion,
)  # fmt: skip

Question = GuildsQuestion | SettingsQuestion | RangeQuestion

__all__ = [
    "CHANNEL_GROUPS", "CHANNEL_METRICS", "GREATEST_ID", "HOUR_METRICS", "MOST_ENTRIES", "USER_METRICS", "ActiveMembersQuestion",
    "BusiestHoursQuestion", "ChannelGroup", "ChannelMetric", "ChannelQuestion", "ChannelRankingQuestion", "CompareQuestion",
    "CoverageQuestion", "Filters", "GuildQuestion", "GuildsQuestion", "HeatmapQuestion", "HourMetric", "InactiveMembersQuestion",
    "LeaderboardQuestion", "MemberGrowthQuestion", "MessageQuestion", "MessageTimelineQuestion", "OnlineTimelineQuestion", "PageQuestion",
    "Question", "RangeQuestion", "RankQuestion", "ReactionQuestion", "RetentionQuestion", "SettingsQuestion", "TimelineQuestion",
    "TopEmojiQuestion", "UserActivityQuestion", "UserMetric", "UserQuestion", "VoiceQuestion", "VoiceSessionsQuestion",
    "VoiceTimelineQuestion", "check_ids",
]  # fmt: skip
