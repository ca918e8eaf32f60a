"""The questions as methods: what :class:`~mocha_actors.client.StatsClient` offers."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar, Unpack

from mocha_actors.runtime import Request
from mocha_actors.stats.buckets import Interval
from mocha_actors.stats.options import Options, Resolved, resolve
from mocha_actors.stats.questions import (
    ActiveMembersQuestion,
    BusiestHoursQuestion,
    ChannelGroup,
    ChannelMetric,
    ChannelQuestion,
    ChannelRankingQuestion,
    CompareQuestion,
    CoverageQuestion,
    GuildQuestion,
    GuildsQuestion,
    HeatmapQuestion,
    HourMetric,
    InactiveMembersQuestion,
    LeaderboardQuestion,
    MemberGrowthQuestion,
    MessageQuestion,
    MessageTimelineQuestion,
    OnlineTimelineQuestion,
    RankQuestion,
    ReactionQuestion,
    RetentionQuestion,
    SettingsQuestion,
    TopEmojiQuestion,
    UserActivityQuestion,
    UserMetric,
    UserQuestion,
    VoiceQuestion,
    VoiceSessionsQuestion,
    VoiceTimelineQuestion,
)  # fmt: skip
from mocha_actors.stats.results import (
    ActiveMembers,
    BusiestHours,
    ChannelRanking,
    ChannelStats,
    Comparison,
    CoverageReport,
    GuildSettings,
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

R = TypeVar("R")


class Asking(ABC):
    """Every question as a method.

    All take the range and the filters of :class:`~mocha_actors.stats.options.Options`, by name, for example::

        stats = await client.guild_stats(guild_id, days=7)
        board = await client.leaderboard(guild_id, period="last_month", metric="voice_seconds", include_bots=True)

    A range that is not named is the last 30 days; the zone and the begin of the week are the guild's. What each number means stands in the
    docstring of the answer.

    Raises:
        QuestionError: something of the question is not allowed; the text names parameter, value and what is allowed.
        DeadlineExceededError: it took longer than ``stats.deadline_s`` and was interrupted.
        ActorError: the tree could not answer.

    """

    @abstractmethod
    async def ask(self, question: Request[R]) -> R:
        """Ask any question of :mod:`mocha_actors.stats.questions`."""

    @property
    @abstractmethod
    def default_zone(self) -> str:
        """The zone of guilds that have none of their own."""

    # Guilds

    async def guilds(self) -> list[tuple[int, str | None]]:
        """The guilds that anything is known of, ascending by id, with their names where known."""
        return await self.ask(GuildsQuestion())

    async def guild_settings(self, guild_id: int) -> GuildSettings:
        """What the guild's questions assume: zone, begin of the week, what is ignored."""
        return await self.ask(SettingsQuestion(guild_id=guild_id))

    async def guild_stats(self, guild_id: int, *, count_active: bool = True, **options: Unpack[Options]) -> GuildStats:
        """What happened in a guild as a whole.

        Without ``count_active`` the distinct users are not counted, which on a very large guild costs more than all the rest.
        """
        return await self._put(GuildQuestion, guild_id, options, count_active=count_active)

    async def compare(self, guild_id: int, **options: Unpack[Options]) -> Comparison:
        """A range beside the period before it: of the same length, or the calendar unit before a calendar range."""
        resolved = await self._resolve(guild_id, options)
        return await self.ask(CompareQuestion(guild_id=guild_id, previous=resolved.previous, **resolved.fields))

    async def heatmap(self, guild_id: int, *, metric: HourMetric = "messages", **options: Unpack[Options]) -> Heatmap:
        """Activity by local day of the week and hour, 7 x 24."""
        return await self._put(HeatmapQuestion, guild_id, options, metric=metric)

    async def busiest_hours(
        self, guild_id: int, *, metric: HourMetric = "messages", limit: int = 10, **options: Unpack[Options]
    ) -> BusiestHours:
        """The local hours of the week with most activity per hour."""
        return await self._put(BusiestHoursQuestion, guild_id, options, metric=metric, limit=limit)

    async def coverage(self, guild_id: int, **options: Unpack[Options]) -> CoverageReport:
        """Which part of a range was recorded."""
        return await self._put(CoverageQuestion, guild_id, options)

    # Messages

    async def message_stats(self, guild_id: int, **options: Unpack[Options]) -> MessageStats:
        """How much was written."""
        return await self._put(MessageQuestion, guild_id, options)

    async def message_timeline(
        self, guild_id: int, *, interval: Interval = "day", **options: Unpack[Options]
    ) -> MessageTimeline:
        """How much was written when."""
        return await self._put(MessageTimelineQuestion, guild_id, options, interval=interval)

    # Users

    async def user_stats(
        self, guild_id: int, user_id: int, *, count_rank: bool = True, **options: Unpack[Options]
    ) -> UserStats:
        """What one user did in a guild; a user that is named is counted whatever the class, a bot too.

        Without ``count_rank`` the place in the leaderboard is not looked for, which on a very large guild costs more than all the rest.
        """
        return await self._put(UserQuestion, guild_id, options, user_id=user_id, count_rank=count_rank)

    async def user_activity(self, guild_id: int, user_id: int, **options: Unpack[Options]) -> UserActivity:
        """On how many local days a user was active, and for how many in a row."""
        return await self._put(UserActivityQuestion, guild_id, options, user_id=user_id)

    async def leaderboard(
        self, guild_id: int, *, metric: UserMetric = "messages", limit: int = 10, cursor: str | None = None, **options: Unpack[Options]
    ) -> Leaderboard:  # fmt: skip
        """Who did most: ties share the rank, and inside a tie the lower user id comes first.

        A page has ``limit`` users, 1 to 1000; ``cursor`` is ``next_cursor`` of the page before.
        """
        return await self._put(LeaderboardQuestion, guild_id, options, metric=metric, limit=limit, cursor=cursor)

    async def rank_of(
        self, guild_id: int, user_id: int, *, metric: UserMetric = "messages", neighbours: int = 2, **options: Unpack[Options]
    ) -> Rank:  # fmt: skip
        """Where one user stands in the leaderboard, and who is next to them."""
        return await self._put(RankQuestion, guild_id, options, user_id=user_id, metric=metric, neighbours=neighbours)

    async def active_members(
        self, guild_id: int, *, interval: Interval = "day", **options: Unpack[Options]
    ) -> ActiveMembers:
        """How many distinct members were active: with a counted message or at least 60 s of counted voice."""
        return await self._put(ActiveMembersQuestion, guild_id, options, interval=interval)

    async def inactive_members(
        self, guild_id: int, *, limit: int = 10, cursor: str | None = None, **options: Unpack[Options]
    ) -> InactiveMembers:
        """Which present members did nothing at all; see :meth:`leaderboard` for pages."""
        return await self._put(InactiveMembersQuestion, guild_id, options, limit=limit, cursor=cursor)

    # Channels

    async def channel_stats(
        self, guild_id: int, channel_id: int, *, include_threads: bool = True, **options: Unpack[Options]
    ) -> ChannelStats:
        """What happened in a channel with its threads, or in a thread."""
        return await self._put(
            ChannelQuestion, guild_id, options, channel_id=channel_id, include_threads=include_threads
        )

    async def channel_ranking(
        self, guild_id: int, *, metric: ChannelMetric = "messages", group: ChannelGroup = "channel", limit: int = 10,
        cursor: str | None = None, **options: Unpack[Options],
    ) -> ChannelRanking:  # fmt: skip
        """In which channels most happens; threads count for their channel unless ``group`` is ``thread``. See :meth:`leaderboard` for pages."""
        return await self._put(
            ChannelRankingQuestion, guild_id, options, metric=metric, group=group, limit=limit, cursor=cursor
        )

    # Voice

    async def voice_stats(self, guild_id: int, **options: Unpack[Options]) -> VoiceStats:
        """How much time was spent in voice channels, and how."""
        return await self._put(VoiceQuestion, guild_id, options)

    async def voice_timeline(
        self, guild_id: int, *, interval: Interval = "day", **options: Unpack[Options]
    ) -> VoiceTimeline:
        """How much time was spent in voice channels when."""
        return await self._put(VoiceTimelineQuestion, guild_id, options, interval=interval)

    async def voice_sessions(
        self, guild_id: int, *, limit: int = 10, cursor: str | None = None, **options: Unpack[Options]
    ) -> VoiceSessions:
        """Which voice sessions began in the range, newest first; see :meth:`leaderboard` for pages."""
        return await self._put(VoiceSessionsQuestion, guild_id, options, limit=limit, cursor=cursor)

    # Members

    async def member_growth(
        self, guild_id: int, *, interval: Interval = "day", **options: Unpack[Options]
    ) -> MemberGrowth:
        """Who joined and left when, and how many members there were."""
        return await self._put(MemberGrowthQuestion, guild_id, options, interval=interval)

    async def retention(self, guild_id: int, *, interval: Interval = "week", **options: Unpack[Options]) -> Retention:
        """How many of those who joined stayed for a week and for a month."""
        return await self._put(RetentionQuestion, guild_id, options, interval=interval)

    # Reactions and presence

    async def reaction_stats(self, guild_id: int, **options: Unpack[Options]) -> ReactionStats:
        """How many reactions were given."""
        return await self._put(ReactionQuestion, guild_id, options)

    async def top_emoji(
        self, guild_id: int, *, limit: int = 10, cursor: str | None = None, **options: Unpack[Options]
    ) -> TopEmoji:
        """Which emoji are given most; see :meth:`leaderboard` for pages."""
        return await self._put(TopEmojiQuestion, guild_id, options, limit=limit, cursor=cursor)

    async def online_timeline(
        self, guild_id: int, *, interval: Interval = "hour", **options: Unpack[Options]
    ) -> OnlineTimeline:
        """How many members were online when, on average."""
        return await self._put(OnlineTimelineQuestion, guild_id, options, interval=interval)

    async def _put(self, kind: Callable[..., Request[R]], guild_id: int, options: Options, **own: Any) -> R:
        resolved = await self._resolve(guild_id, options)
        return await self.ask(kind(guild_id=guild_id, **own, **resolved.fields))

    async def _resolve(self, guild_id: int, options: Options) -> Resolved:
        settings = await self.guild_settings(guild_id)
        return resolve(options, time.time_ns() // 1_000_000, settings, self.default_zone)
