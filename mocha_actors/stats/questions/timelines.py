"""Questions whose answers are timelines: a number for each local hour, day, week or month of the range."""

from __future__ import annotations

from mocha_actors.runtime import Request
from mocha_actors.stats.buckets import Interval, check_interval
from mocha_actors.stats.questions.base import RangeQuestion
from mocha_actors.stats.results import (
    ActiveMembers,
    MemberGrowth,
    MessageTimeline,
    OnlineTimeline,
    Retention,
    VoiceTimeline,
)  # fmt: skip


class TimelineQuestion(RangeQuestion, frozen=True, kw_only=True):
    """What is asked for each step of time.

    Attributes:
        interval: length of a step in the calendar of the zone: ``hour``, ``day``, ``week`` or ``month``.

    """

    interval: Interval = "day"

    def __post_init__(self) -> None:
        """Raise QuestionError for what is not allowed."""
        RangeQuestion.__post_init__(self)
        check_interval(self.range, self.interval)


class MessageTimelineQuestion(TimelineQuestion, Request[MessageTimeline], frozen=True, kw_only=True):
    """How much was written when."""


class VoiceTimelineQuestion(TimelineQuestion, Request[VoiceTimeline], frozen=True, kw_only=True):
    """How much time was spent in voice channels when."""


class ActiveMembersQuestion(TimelineQuestion, Request[ActiveMembers], frozen=True, kw_only=True):
    """How many distinct members were active, by day, week or month (rule 17)."""


class MemberGrowthQuestion(TimelineQuestion, Request[MemberGrowth], frozen=True, kw_only=True):
    """Who joined and left when."""


class RetentionQuestion(TimelineQuestion, Request[Retention], frozen=True, kw_only=True):
    """How many of those who joined stayed for a week and for a month."""


class OnlineTimelineQuestion(TimelineQuestion, Request[OnlineTimeline], frozen=True, kw_only=True):
    """How many members were online when."""
