"""Questions about a guild as a whole."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from mocha_actors.runtime import Request
from mocha_actors.stats.questions.base import RangeQuestion, check_choice, check_ids, check_limit
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import BusiestHours, Comparison, CoverageReport, GuildSettings, GuildStats, Heatmap

HourMetric = Literal["messages", "voice_seconds"]

HOUR_METRICS: Final[tuple[HourMetric, ...]] = ("messages", "voice_seconds")


class GuildsQuestion(msgspec.Struct, Request[list[tuple[int, str | None]]], frozen=True, kw_only=True):
    """Which guilds is anything known of, ascending by id, and their names where known."""


class SettingsQuestion(msgspec.Struct, Request[GuildSettings], frozen=True, kw_only=True):
    """What a guild's questions assume unless told otherwise: zone, begin of the week, what is ignored."""

    guild_id: int

    def __post_init__(self) -> None:
        """Raise QuestionError for an id that cannot be one."""
        check_ids(guild_id=self.guild_id)


class GuildQuestion(RangeQuestion, Request[GuildStats], frozen=True, kw_only=True):
    """What happened in a guild as a whole.

    Attributes:
        count_active: count the distinct users too, which on a very large guild costs more than all the rest.

    """

    count_active: bool = True


class CompareQuestion(RangeQuestion, Request[Comparison], frozen=True, kw_only=True):
    """A range beside the period before it (A3.16).

    Attributes:
        previous: that period; None: of the same length, immediately before.

    """

    previous: Range | None = None


class HeatmapQuestion(RangeQuestion, Request[Heatmap], frozen=True, kw_only=True):
    """Activity by local day of the week and hour.

    Attributes:
        metric: what is counted, ``messages`` or ``voice_seconds``.

    """

    metric: HourMetric = "messages"

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        RangeQuestion.__post_init__(self)
        check_choice("metric", self.metric, HOUR_METRICS)


class BusiestHoursQuestion(RangeQuestion, Request[BusiestHours], frozen=True, kw_only=True):
    """Which local hours of the week have most activity.

    Attributes:
        metric: what is counted, ``messages`` or ``voice_seconds``.
        limit: how many hours, 1 to 168.

    """

    metric: HourMetric = "messages"
    limit: int = 10

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        RangeQuestion.__post_init__(self)
        check_choice("metric", self.metric, HOUR_METRICS)
        check_limit(self.limit, most=168)


class CoverageQuestion(RangeQuestion, Request[CoverageReport], frozen=True, kw_only=True):
    """Which part of a range was recorded."""
