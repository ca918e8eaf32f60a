"""Ranges with a name: today, this week, last month; in the calendar of a zone, and what the previous one is (A3.16)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.zones import begin_of_day, first_day_of_month, first_day_of_week, local_day

PeriodName = Literal["today", "yesterday", "this_week", "last_week", "this_month", "last_month", "all_time"]

PERIODS: Final[tuple[PeriodName, ...]] = (
    "today", "yesterday", "this_week", "last_week", "this_month", "last_month", "all_time",
)  # fmt: skip


class Named(NamedTuple):
    """A range and the one before it; None before all time."""

    range: Range
    previous: Range | None


def named_range(name: str, now_ms: int, zone: ZoneInfo, week_start: int = 0) -> Named:
    """The calendar range ``name``, up to ``now_ms`` if it has not ended, and the whole calendar unit before it.

    Raises:
        QuestionError: there is none of this name.

    """
    if name == "all_time":
        return Named(Range(DISCORD_EPOCH_MS, now_ms), None)
    if name not in PERIODS:
        msg = f"period is {name[:60]!r}; allowed are {', '.join(PERIODS)}"
        raise QuestionError(msg)
    day = local_day(zone, now_ms)
    before, first, after = (begin_of_day(zone, each) for each in _days(name, day, week_start))
    # The very first millisecond of a unit would make an empty range.
    return Named(Range(first, max(first + 1, min(after, now_ms))), Range(before, first))


def _days(name: str, day: int, week_start: int) -> tuple[int, int, int]:
    """First day of the unit before, of the unit, and of the unit after."""
    back = 1 if name in {"yesterday", "last_week", "last_month"} else 0
    if name.endswith("month"):
        return (
            first_day_of_month(day, -back - 1),
            first_day_of_month(day, -back),
            first_day_of_month(day, 1 - back),
        )
    length = 7 if name.endswith("week") else 1
    first = (first_day_of_week(day, week_start) if length == 7 else day) - back * length
    return first - length, first, first + length
