"""Every question of the client, about some of the last days of the guild of :mod:`history`, and the least SQL that answers its main number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from history import CHANNEL, DAYS, END_MS, FIRST_USER, GUILD

from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.stats.questions import (
    ActiveMembersQuestion,
    BusiestHoursQuestion,
    ChannelQuestion,
    ChannelRankingQuestion,
    CompareQuestion,
    CoverageQuestion,
    Filters,
    GuildQuestion,
    GuildsQuestion,
    HeatmapQuestion,
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
    UserQuestion,
    VoiceQuestion,
    VoiceSessionsQuestion,
    VoiceTimelineQuestion,
)  # fmt: skip
from mocha_actors.stats.ranges import Range

SOMEBODY: Final = FIRST_USER + 99
"""The hundredth of those who write most."""

HOUR: Final = "((message_id >> 22) + 1420070400000) // 3600000"
DAY: Final = "((message_id >> 22) + 1420070400000) // 86400000"

RANKED: Final = "GROUP BY user_id ORDER BY n DESC, user_id LIMIT 10"


class Measured(NamedTuple):
    """A question.

    Attributes:
        name: as it is shown: the client's method, and what is asked of it.
        kind: its type.
        own: its fields beside guild and range.
        sql: the least SQL that answers its main number, with ``{where}`` for people's messages in the range; ``//`` divides integers. Mocha's
            answer holds more, such as ranks, names and coverage. None where it is not about messages alone.
        dashboard: whether a dashboard repeats it.
        live: whether the live counters have a part in it.

    """

    name: str
    kind: Callable[..., Any]
    own: Mapping[str, Any] = {}
    sql: str | None = None
    dashboard: bool = False
    live: bool = False

    def about(self, period: Range) -> Any:
        """The question about a range."""
        if self.kind is GuildsQuestion:
            return GuildsQuestion()
        if self.kind is SettingsQuestion:
            return SettingsQuestion(guild_id=GUILD)
        return self.kind(guild_id=GUILD, range=period, **self.own)

    def statement(self, period: Range) -> str | None:
        """The SQL about a range, on a table ``messages``, as DuckDB takes it."""
        if self.sql is None:
            return None
        before = Range(period.since_ms - period.duration_ms, period.since_ms)
        return self.sql.format(where=where(period), earlier=where(before))


def where(period: Range) -> str:
    """People's messages in a range."""
    low, high = period.keys
    return f"WHERE guild_id = {GUILD} AND message_id >= {low} AND message_id < {high} AND author_class = 0 AND kind = 0"


LEADERBOARD: Final = f"SELECT user_id, count(*) AS n FROM messages {{where}} {RANKED}"
ACTIVE: Final = "SELECT count(*), count(DISTINCT user_id) FROM messages {where}"
BY_HOUR: Final = f"SELECT {HOUR} % 168 AS h, count(*) FROM messages {{where}} GROUP BY h"
RANK: Final = (
    "WITH counts AS (SELECT user_id, count(*) AS n FROM messages {where} GROUP BY user_id) "
    f"SELECT 1 + count(*) FROM counts WHERE n > (SELECT n FROM counts WHERE user_id = {SOMEBODY})"
)

MEASURED: Final = (
    Measured("guild_stats", GuildQuestion, {}, ACTIVE, dashboard=True, live=True),
    Measured("guild_stats, count_active=False", GuildQuestion, {"count_active": False}, "SELECT count(*) FROM messages {where}", dashboard=True),
    Measured("leaderboard", LeaderboardQuestion, {}, LEADERBOARD, dashboard=True, live=True),
    Measured(
        "leaderboard of a channel", LeaderboardQuestion, {"filters": Filters(channels=(CHANNEL,))},
        f"SELECT user_id, count(*) AS n FROM messages {{where}} AND channel_id = {CHANNEL} {RANKED}", dashboard=True, live=True,
    ),
    Measured(
        "active_members", ActiveMembersQuestion, {},
        f"SELECT {DAY} AS d, count(DISTINCT user_id) FROM messages {{where}} GROUP BY d", dashboard=True, live=True,
    ),
    Measured(
        "active_members, in Berlin", ActiveMembersQuestion, {"time_zone": "Europe/Berlin"},
        f"SELECT {DAY.replace('1420070400000', '1420077600000')} AS d, count(DISTINCT user_id) FROM messages {{where}} GROUP BY d", live=True,
    ),
    Measured("heatmap", HeatmapQuestion, {}, BY_HOUR, dashboard=True),
    Measured("heatmap, in Kathmandu", HeatmapQuestion, {"time_zone": "Asia/Kathmandu"}, BY_HOUR.replace("1420070400000", "1420091100000")),
    Measured(
        "channel_ranking", ChannelRankingQuestion, {},
        "SELECT channel_id, count(*) AS n FROM messages {where} GROUP BY channel_id ORDER BY n DESC LIMIT 10", dashboard=True,
    ),
    Measured("member_growth", MemberGrowthQuestion, dashboard=True),
    Measured("message_timeline, by the hour", MessageTimelineQuestion, {"interval": "hour"}, BY_HOUR.replace(" % 168", "")),
    Measured("message_timeline", MessageTimelineQuestion, {}, f"SELECT {DAY} AS d, count(*) FROM messages {{where}} GROUP BY d"),
    Measured("message_stats", MessageQuestion, {}, "SELECT count(*) FROM messages {where}"),
    Measured("busiest_hours", BusiestHoursQuestion, {}, f"{BY_HOUR} ORDER BY 2 DESC LIMIT 10"),
    Measured(
        "compare", CompareQuestion, {},
        f"{ACTIVE} UNION ALL SELECT count(*), count(DISTINCT user_id) FROM messages {{earlier}}", live=True,
    ),
    Measured("coverage", CoverageQuestion),
    Measured("user_stats", UserQuestion, {"user_id": SOMEBODY}, RANK, live=True),
    Measured(
        "user_stats, count_rank=False", UserQuestion, {"user_id": SOMEBODY, "count_rank": False},
        f"SELECT count(*), min(message_id), max(message_id) FROM messages {{where}} AND user_id = {SOMEBODY}",
    ),
    Measured(
        "user_activity", UserActivityQuestion, {"user_id": SOMEBODY},
        f"SELECT {DAY} AS d, count(*) FROM messages {{where}} AND user_id = {SOMEBODY} GROUP BY d",
    ),
    Measured("rank_of", RankQuestion, {"user_id": SOMEBODY}, RANK, live=True),
    Measured("inactive_members", InactiveMembersQuestion, live=True),
    Measured("channel_stats", ChannelQuestion, {"channel_id": CHANNEL}, f"SELECT count(*) FROM messages {{where}} AND channel_id = {CHANNEL}"),
    Measured("voice_stats", VoiceQuestion, live=True),
    Measured("voice_timeline", VoiceTimelineQuestion),
    Measured("voice_sessions", VoiceSessionsQuestion),
    Measured("retention", RetentionQuestion, {"interval": "week"}),
    Measured("reaction_stats", ReactionQuestion),
    Measured("top_emoji", TopEmojiQuestion),
    Measured("online_timeline", OnlineTimelineQuestion),
    Measured("guilds", GuildsQuestion),
    Measured("guild_settings", SettingsQuestion),
)  # fmt: skip


def last_days(days: int) -> Range:
    """The last of the :data:`~history.DAYS` days, up to the last message."""
    assert days <= DAYS
    return Range(END_MS - days * DAY_MS, END_MS)
