"""Answers that are timelines: how high each step is, and where something begins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS
from mocha_actors.stats.results import (
    ActiveMembers,
    Answer,
    MemberGrowth,
    MessageTimeline,
    OnlineTimeline,
    Retention,
    VoiceTimeline,
)  # fmt: skip

HEIGHTS: Final[dict[type[Answer], Callable[[Any], float]]] = {
    ActiveMembers: lambda step: step.active_members,
    MemberGrowth: lambda step: step.joins,
    MessageTimeline: lambda step: step.messages,
    OnlineTimeline: lambda step: step.present_average or 0.0,
    Retention: lambda step: step.joined,
    VoiceTimeline: lambda step: step.voice_seconds,
}
"""What the bar of a step shows; there is none where there is no number."""

TIMELINES: Final = tuple(HEIGHTS)


def heights(answer: Any) -> list[float]:
    """How high the bar of each step is."""
    return [HEIGHTS[type(answer)](step) for step in answer.buckets]


def since_first(answer: Any) -> Any:
    """A timeline of all time without the years in which there was nothing yet."""
    if answer.since_ms > DISCORD_EPOCH_MS:
        return answer
    first = next((position for position, value in enumerate(heights(answer)) if value), 0)
    return replace(answer, buckets=answer.buckets[first:])
