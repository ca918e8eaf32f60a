"""Local hours, days, weeks and months, whatever the clocks of a zone do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS
from mocha_actors.stats.buckets import MOST_BUCKETS, Bucket, buckets, check_interval, label, show_offset
from mocha_actors.stats.calendar_ranges import named_range
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.zones import begin_of_day, local_day, offset_ms, zone_named

QUARTER = 900_000

ODD_ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Chatham",
    "Africa/Cairo", "America/Santiago", "America/Havana", "Asia/Beirut", "Atlantic/Azores", "Africa/Casablanca", "Pacific/Apia",
)  # fmt: skip
"""Of half hours and quarters, with clocks that change by 30 minutes, at midnight, and in the other direction."""


def ms(text: str) -> int:
    """A time as milliseconds."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


CHANGES = [
    ms(text)
    for text in (
        "2026-03-29T01:00Z", "2026-10-25T01:00Z", "2026-04-04T15:00Z", "2026-10-03T15:30Z", "2026-04-23T22:00Z", "2026-09-06T04:00Z",
        "2026-04-05T03:00Z", "2026-03-08T05:00Z", "2026-11-01T05:00Z", "2026-03-28T22:00Z", "2026-10-24T21:00Z", "2026-02-15T02:00Z",
    )
]  # fmt: skip
"""Near the changes of clocks of those zones in 2026."""


@st.composite
def ranges(draw: st.DrawFn, longest_days: int = 4) -> Range:
    """A range that begins shortly before some change, to the millisecond."""
    quarters = draw(st.integers(-3 * 96, 2))
    since = draw(st.sampled_from(CHANGES)) + quarters * QUARTER + draw(st.sampled_from([0, 0, 1, QUARTER - 1]))
    return Range(since, since + draw(st.integers(1, longest_days * 96)) * QUARTER - draw(st.sampled_from([0, 0, 1])))


def called(moment_ms: int, zone: str, interval: str, week_start: int) -> Any:
    """What a moment's hour, day, week or month is called on the wall."""
    moment = datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(zone))
    if interval == "hour":
        return moment.date(), moment.hour, moment.utcoffset()
    if interval == "week":
        return moment.date() - timedelta(days=(moment.weekday() - week_start) % 7)
    return (moment.year, moment.month) if interval == "month" else moment.date()


@settings(max_examples=200)
@given(
    ranges(), st.sampled_from(ODD_ZONES), st.sampled_from(["hour", "day", "week", "month"]), st.sampled_from([0, 3, 6])
)
def test_buckets_are_the_runs_of_what_the_wall_shows(period: Range, zone: str, interval: Any, week_start: int) -> None:
    """Walking through the range by quarters of an hour, each run of the same name is one bucket; what is skipped is none."""
    moments = [period.since_ms, *range(-(-(period.since_ms + 1) // QUARTER) * QUARTER, period.until_ms, QUARTER)]
    runs = [
        next(run) for _, run in groupby(moments, key=lambda moment: called(moment, zone, interval, week_start))
    ]  # fmt: skip
    before = called(period.since_ms - 1, zone, interval, week_start) == called(
        period.since_ms, zone, interval, week_start
    )
    after = called(period.until_ms, zone, interval, week_start) == called(
        period.until_ms - 1, zone, interval, week_start
    )

    found = buckets(period, interval, ZoneInfo(zone), week_start)

    assert [bucket.since_ms for bucket in found] == runs
    assert found[-1].until_ms == period.until_ms
    assert all(earlier.until_ms == later.since_ms for earlier, later in pairwise(found))
    partial = [False] * len(found)
    partial[0] |= before
    partial[-1] |= after
    assert [bucket.partial for bucket in found] == partial


def test_a_day_has_23_or_25_hours_when_clocks_change() -> None:
    """In Berlin on 29 March and 25 October 2026."""
    berlin = ZoneInfo("Europe/Berlin")
    spring = buckets(Range(ms("2026-03-28T23:00Z"), ms("2026-03-29T22:00Z")), "day", berlin)
    autumn = buckets(Range(ms("2026-10-24T22:00Z"), ms("2026-10-25T23:00Z")), "day", berlin)

    assert [(b.until_ms - b.since_ms) // HOUR_MS for b in (*spring, *autumn)] == [23, 25]
    assert not any(bucket.partial for bucket in (*spring, *autumn))


def test_the_repeated_hour_is_two_buckets_told_apart_by_their_offset() -> None:
    """And the skipped one is none."""
    berlin = ZoneInfo("Europe/Berlin")
    autumn = buckets(Range(ms("2026-10-25T00:00Z"), ms("2026-10-25T02:00Z")), "hour", berlin)
    spring = buckets(Range(ms("2026-03-29T00:00Z"), ms("2026-03-29T02:00Z")), "hour", berlin)

    assert [label(bucket.since_ms, berlin, "hour") for bucket in autumn] == [
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
    ]
    assert [label(bucket.since_ms, berlin, "hour") for bucket in spring] == [
        "2026-03-29T01:00+01:00",
        "2026-03-29T03:00+02:00",
    ]


def test_labels_are_as_long_as_their_interval() -> None:
    """ISO 8601."""
    assert [label(ms("2026-03-01T00:00Z"), ZoneInfo("UTC"), name) for name in ("hour", "day", "week", "month")] == [
        "2026-03-01T00:00+00:00", "2026-03-01", "2026-03-01", "2026-03",
    ]  # fmt: skip
    assert [show_offset(offset) for offset in (0, 20_700_000, -12_600_000)] == ["+00:00", "+05:45", "-03:30"]


def test_a_range_inside_a_bucket_is_one_partial_bucket() -> None:
    """Five minutes of a month."""
    period = Range(ms("2026-03-05T00:00Z"), ms("2026-03-05T00:05Z"))

    assert buckets(period, "month", ZoneInfo("UTC")) == [Bucket(period.since_ms, period.until_ms, partial=True)]


def test_there_are_not_more_buckets_than_an_answer_can_hold() -> None:
    """The error says what to do."""
    check_interval(Range(ms("2020-01-01T00:00Z"), ms("2020-01-01T00:00Z") + MOST_BUCKETS * HOUR_MS), "hour")
    with pytest.raises(QuestionError, match="interval is hour, which makes 10,001 buckets"):
        check_interval(Range(ms("2020-01-01T00:00Z"), ms("2020-01-01T00:00Z") + (MOST_BUCKETS + 1) * HOUR_MS), "hour")
    with pytest.raises(QuestionError, match="interval is 'year'; allowed are hour, day, week, month"):
        check_interval(Range(ms("2020-01-01T00:00Z"), ms("2020-01-02T00:00Z")), "year")


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_in_every_zone_days_begin_where_the_calendar_turns() -> None:
    """Each day of 2015 to 2037, in all zones of the database; and no offset is other than a multiple of a quarter of an hour."""
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for day in range(16_436, 24_836):
            begin = begin_of_day(zone, day)
            assert local_day(zone, begin - 1) < day <= local_day(zone, begin), (name, day)
            assert offset_ms(zone, begin) % QUARTER == 0, (name, day)


NOW = ms("2026-11-01T12:00Z")


@pytest.mark.parametrize(
    ("name", "since", "until", "previous"),
    [
        ("today", "2026-11-01T00:00-04:00", "2026-11-01T12:00Z", "2026-10-31T00:00-04:00"),
        ("yesterday", "2026-10-31T00:00-04:00", "2026-11-01T00:00-04:00", "2026-10-30T00:00-04:00"),
        ("this_week", "2026-10-26T00:00-04:00", "2026-11-01T12:00Z", "2026-10-19T00:00-04:00"),
        ("last_week", "2026-10-19T00:00-04:00", "2026-10-26T00:00-04:00", "2026-10-12T00:00-04:00"),
        ("this_month", "2026-11-01T00:00-04:00", "2026-11-01T12:00Z", "2026-10-01T00:00-04:00"),
        ("last_month", "2026-10-01T00:00-04:00", "2026-11-01T00:00-04:00", "2026-09-01T00:00-04:00"),
    ],
)
def test_calendar_ranges_are_those_of_the_zone(name: str, since: str, until: str, previous: str) -> None:
    """On the Sunday on which New York turns its clocks back; the period before is the whole calendar unit before (A3.16)."""
    found = named_range(name, NOW, ZoneInfo("America/New_York"))

    assert found.range == Range(ms(since), ms(until))
    assert found.previous == Range(ms(previous), ms(since))


def test_weeks_begin_where_the_guild_says() -> None:
    """That Sunday is the first day of the week there, and the last of one that begins on Monday (A3.6)."""
    zone = ZoneInfo("America/New_York")

    assert named_range("this_week", NOW, zone, week_start=6).range.since_ms == ms("2026-11-01T00:00-04:00")
    assert named_range("this_week", NOW, zone, week_start=0).range.since_ms == ms("2026-10-26T00:00-04:00")


def test_all_time_begins_with_discord_and_has_nothing_before_it() -> None:
    """2015."""
    found = named_range("all_time", NOW, ZoneInfo("UTC"))

    assert (found.range, found.previous) == (Range(ms("2015-01-01T00:00Z"), NOW), None)


def test_the_first_moment_of_a_day_is_a_range_already() -> None:
    """An empty one would be no answer."""
    midnight = ms("2026-05-01T00:00Z")

    assert named_range("today", midnight, ZoneInfo("UTC")).range == Range(midnight, midnight + 1)


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc/passwd", "Europe", "x" * 300, "Europe/Berlin\x00"])
def test_a_zone_that_is_none_is_refused(name: str) -> None:
    """Names from strangers reach no other file; the error says what a name looks like."""
    with pytest.raises(QuestionError, match="time_zone is .*Europe/Berlin"):
        zone_named(name)


def test_days_are_counted_in_the_calendar_of_the_zone() -> None:
    """Kathmandu is a quarter of an hour before the half."""
    zone = ZoneInfo("Asia/Kathmandu")
    midnight = ms("2026-01-01T00:00+05:45")

    assert midnight == begin_of_day(
        zone, datetime(2026, 1, 1, tzinfo=UTC).toordinal() - datetime(1970, 1, 1, tzinfo=UTC).toordinal()
    )
    assert local_day(zone, midnight) == local_day(zone, midnight - 1) + 1
    assert offset_ms(zone, midnight) == 345 * 60_000
    assert DAY_MS == 86_400_000
