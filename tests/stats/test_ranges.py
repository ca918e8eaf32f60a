"""Ranges are half-open, and one that cannot be is refused with the reason."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.ranges import LAST_MS, Range, parse_time, show_time

JANUARY_1 = 1_767_225_600_000  # 2026-01-01T00:00Z
DISCORD_EPOCH = 1_420_070_400_000


def test_the_keys_of_a_range_are_the_snowflakes_of_its_bounds() -> None:
    """A message belongs to the millisecond in its upper 42 bits, whatever its lower 22."""
    low, high = Range(DISCORD_EPOCH + 5, DISCORD_EPOCH + 7).keys

    assert (low, high) == (5 << 22, 7 << 22)


def test_the_last_range_of_all_fits_into_64_bits() -> None:
    """Databases hold signed 64-bit integers; a greater key would be an error there."""
    assert Range(JANUARY_1, LAST_MS).keys[1] < 1 << 63


def test_days_count_back_from_now_by_24_hours() -> None:
    """A rolling day is 24 hours and no calendar day."""
    now = JANUARY_1 + 12_345

    assert Range.last_days(7, now) == Range(now - 7 * 24 * 3_600_000, now)


def test_dates_are_first_moments_so_that_until_is_not_included() -> None:
    """From 1 to 2 January is one day."""
    assert Range.between("2026-01-01", "2026-01-02", 0) == Range(JANUARY_1, JANUARY_1 + DAY_MS)


def test_a_range_without_until_ends_now() -> None:
    """An open end is the moment of asking."""
    assert Range.between("2026-01-01", None, JANUARY_1 + 5) == Range(JANUARY_1, JANUARY_1 + 5)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-01", JANUARY_1),
        ("2026-01-01T00:00:01.250", JANUARY_1 + 1_250),
        ("2026-01-01 02:00+02:00", JANUARY_1),
        ("2026-01-01T00:00Z", JANUARY_1),
    ],
)
def test_times_are_utc_unless_they_carry_an_offset(text: str, ms: int) -> None:
    """ISO 8601, to the millisecond."""
    assert parse_time("since", text) == ms


def test_times_without_an_offset_are_local_to_the_zone_of_the_question() -> None:
    """Midnight in Kathmandu is 18:15 of the day before in UTC; of a time that occurs twice the first is meant."""
    assert parse_time("since", "2026-01-01", ZoneInfo("Asia/Kathmandu")) == JANUARY_1 - 20_700_000
    assert parse_time("since", "2026-10-25T02:30", ZoneInfo("Europe/Berlin")) == parse_time(
        "since", "2026-10-25T00:30Z"
    )


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2026-02-01", "2026-01-01", ["reversed", "2026-02-01", "2026-01-01"]),
        ("2026-01-01", "2026-01-01", ["empty", "2026-01-01"]),
        ("2014-12-31", "2026-01-01", ["since", "2014-12-31", "2015-01-01"]),
        ("2026-01-01", "2090-01-01", ["until", "2090-01-01", "2084"]),
        ("yesterday", "2026-01-01", ["since", "'yesterday'", "ISO 8601"]),
        ("2026-01-01", "31.12.2026", ["until", "'31.12.2026'", "ISO 8601"]),
    ],
)
def test_a_range_that_cannot_be_names_what_was_found_and_what_is_allowed(
    since: str, until: str, words: list[str]
) -> None:
    """Empty, reversed, beyond what snowflakes express, or no time at all."""
    with pytest.raises(QuestionError) as caught:
        Range.between(since, until, 0)

    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize("days", [0, -1, 100_000])
def test_days_must_be_positive_and_after_discords_epoch(days: int) -> None:
    """The error names the number and the greatest one allowed: 4018 days passed from 2015 to 2026."""
    with pytest.raises(QuestionError, match=rf"days is {days}; allowed are 1 to 4018"):
        Range.last_days(days, JANUARY_1)


def test_a_time_beyond_every_calendar_is_shown_as_milliseconds() -> None:
    """An error about an absurd number must not be an error itself."""
    assert show_time(1 << 62) == f"{1 << 62} ms"


def test_times_are_shown_as_exactly_as_needed() -> None:
    """Minutes, seconds or milliseconds."""
    shown = [show_time(JANUARY_1 + extra) for extra in (0, 1_000, 1_001)]

    assert shown == ["2026-01-01 00:00 UTC", "2026-01-01 00:00:01 UTC", "2026-01-01 00:00:01.001 UTC"]
