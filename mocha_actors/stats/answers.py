"""Which function answers which question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from mocha_actors.db.connection import Connection
from mocha_actors.stats.activity import active_members, inactive_members, user_activity
from mocha_actors.stats.channels import channel_ranking, channel_stats
from mocha_actors.stats.coverage import coverage
from mocha_actors.stats.guilds import compare, guild_settings, guild_stats, known_guilds
from mocha_actors.stats.hours import busiest_hours, heatmap
from mocha_actors.stats.live import Live, using
from mocha_actors.stats.members import member_growth, retention
from mocha_actors.stats.messages import message_stats, message_timeline
from mocha_actors.stats.presence import online_timeline
from mocha_actors.stats.questions import (
    ActiveMembersQuestion,
    BusiestHoursQuestion,
    ChannelQuestion,
    ChannelRankingQuestion,
    CompareQuestion,
    CoverageQuestion,
    GuildQuestion,
    GuildsQuestion,
    HeatmapQuestion,
    InactiveMembersQuestion,
    LeaderboardQuestion,
    MemberGrowthQuestion,
    MessageQuestion,
    MessageTimelineQuestion,
    OnlineTimelineQuestion,
    Question,
    RangeQuestion,
    RankQuestion,
    ReactionQuestion,
    RetentionQuestion,
    SettingsQuestion,
    TopEmojiQuestion,
    UserActivityQuestion,
    UserQuestion,
    VoiceQuestion,
    VoiceSessionsQuestion,
    VoiceTimelineQuestion,
)  # fmt: skip
from mocha_actors.stats.reactions import reaction_stats, top_emoji
from mocha_actors.stats.results import Answer, GuildSettings
from mocha_actors.stats.retention import missing_before, noting
from mocha_actors.stats.users import leaderboard, rank, user_stats
from mocha_actors.stats.voice import voice_sessions, voice_stats, voice_timeline

Result = Answer | GuildSettings | list[tuple[int, str | None]]

ANSWERS: Final[Mapping[type[RangeQuestion], Callable[[Connection, Any], Answer]]] = {
    ActiveMembersQuestion: active_members,
    BusiestHoursQuestion: busiest_hours,
    ChannelQuestion: channel_stats,
    ChannelRankingQuestion: channel_ranking,
    CompareQuestion: compare,
    CoverageQuestion: coverage,
    GuildQuestion: guild_stats,
    HeatmapQuestion: heatmap,
    InactiveMembersQuestion: inactive_members,
    LeaderboardQuestion: leaderboard,
    MemberGrowthQuestion: member_growth,
    MessageQuestion: message_stats,
    MessageTimelineQuestion: message_timeline,
    OnlineTimelineQuestion: online_timeline,
    RankQuestion: rank,
    ReactionQuestion: reaction_stats,
    RetentionQuestion: retention,
    TopEmojiQuestion: top_emoji,
    UserActivityQuestion: user_activity,
    UserQuestion: user_stats,
    VoiceQuestion: voice_stats,
    VoiceSessionsQuestion: voice_sessions,
    VoiceTimelineQuestion: voice_timeline,
}


def answer(connection: Connection, question: Question, live: Live | None = None) -> Result:
    """Answer ``question`` by ``connection``, inside a read transaction: rollups and raw rows have to agree.

    ``live`` are the live counters, which make it cheaper and no different.
    """
    match question:
        case GuildsQuestion():
            return known_guilds(connection)
        case SettingsQuestion():
            return guild_settings(connection, question.guild_id)
    with using(live), noting() as reads:
        result = ANSWERS[type(question)](connection, question)
    gone_ms = missing_before(connection, question.guild_id, reads)
    return result if gone_ms is None else replace(result, not_retained_before_ms=gone_ms)
