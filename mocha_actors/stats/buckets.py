"""Timelines: a range cut into local hours, days, weeks or months.

A bucket is what a clock and a calendar on the wall there would call one: a local day has 23 or 25 hours when clocks are changed; the hour that is
repeated is two buckets, told apart by the offset; the hour that is skipped is none (rule 15, A3.7). Buckets are half-open, follow each other
without a hole, and the first and the last are cut to the range and marked ``partial`` (rule 16).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.ranges import UNIX_EPOCH, Range
from mocha_actors.stats.zones import (
    begin_of_day,
    first_day_of_month,
    first_day_of_week,
    local_day,
    next_change,
    offset_ms,
)  # fmt: skip

Interval = Literal["hour", "day", "week", "month"]

INTERVALS: Final[tuple[Interval, ...]] = ("hour", "day", "week", "month")

SHORTEST_MS: Final = {"hour": HOUR_MS, "day": DAY_MS, "week": 7 * DAY_MS, "month": 28 * DAY_MS}

MOST_BUCKETS: Final = 10_000
"""Buckets of one answer: more are no picture, and have to fit into one message between actors."""


class Bucket(msgspec.Struct, frozen=True):
    """One step of a timeline.

    Attributes:
        since_ms: its begin.
        until_ms: its end, not included.
        partial: the range holds only a part of it.

    """

    since_ms: int
    until_ms: int
    partial: bool


def check_interval(period: Range, interval: str) -> None:
    """Raise QuestionError for an interval that is none, or that would make too many buckets of ``period``."""
    if interval not in INTERVALS:
        msg = f"interval is {interval[:60]!r}; allowed are {', '.join(INTERVALS)}"
        raise QuestionError(msg)
    if (count := period.duration_ms // SHORTEST_MS[interval]) > MOST_BUCKETS:
        msg = f"interval is {interval}, which makes {count:,} buckets of this range; allowed are {MOST_BUCKETS:,}: ask for a longer one"
        raise QuestionError(msg)


def buckets(period: Range, interval: Interval, zone: ZoneInfo, week_start: int = 0) -> list[Bucket]:
    """Cut ``period`` into the local ``interval`` of ``zone``."""
    bounds = _hours(period, zone) if interval == "hour" else _days(period, interval, zone, week_start)
    return [
        Bucket(max(begin, period.since_ms), min(end, period.until_ms), begin < period.since_ms or end > period.until_ms)
        for begin, end in bounds
        if begin < end
    ]


def label(ms: int, zone: ZoneInfo, interval: Interval) -> str:
    """The begin of a bucket as local time in ISO 8601; of an hour with its offset, which tells a repeated one apart."""
    offset = offset_ms(zone, ms)
    moment = UNIX_EPOCH + timedelta(milliseconds=ms + offset)
    if interval == "hour":
        return f"{moment:%Y-%m-%dT%H:%M}{show_offset(offset)}"
    return f"{moment:%Y-%m}" if interval == "month" else f"{moment:%Y-%m-%d}"


def show_offset(offset: int) -> str:
    """An offset in milliseconds as ISO 8601 writes it."""
    minutes = abs(offset) // 60_000
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _hours(period: Range, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Runs of one local hour at one offset."""
    begin = _begin_of_hour(zone, period.since_ms)
    while begin < period.until_ms:
        end = begin + HOUR_MS - (begin + offset_ms(zone, begin)) % HOUR_MS
        end = next_change(zone, begin, end) or end
        yield begin, end
        begin = end


def _begin_of_hour(zone: ZoneInfo, ms: int) -> int:
    """When the local hour of ``ms`` began, or its offset if that changed within the hour."""
    begin = ms - (ms + offset_ms(zone, ms)) % HOUR_MS
    return begin if begin == ms else next_change(zone, begin, ms + 1) or begin


def _days(period: Range, interval: Interval, zone: ZoneInfo, week_start: int) -> Iterator[tuple[int, int]]:
    day = _first_day(local_day(zone, period.since_ms), interval, week_start)
    begin = begin_of_day(zone, day)
    while begin < period.until_ms:
        day = _next_day(day, interval)
        end = begin_of_day(zone, day)
        yield begin, end
        begin = end


def _first_day(day: int, interval: Interval, week_start: int) -> int:
    if interval == "week":
        return first_day_of_week(day, week_start)
    return first_day_of_month(day) if interval == "month" else day


def _next_day(day: int, interval: Interval) -> int:
    if interval == "month":
        return first_day_of_month(day, 1)
    return day + (7 if interval == "week" else 1)
