"""The options of a question: what they mean together with the guild's settings, and how each contradiction is refused."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.options import Options, resolve
from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import GuildSettings
from tests.stats.oracle import HOUR, START

NOW = START + 10 * DAY_MS + 12_345
PLAIN = GuildSettings(guild_id=1)


def test_without_options_it_is_the_last_thirty_days_in_the_default_zone() -> None:
    """Humans, outside the AFK channel, whoever has left included."""
    found = resolve({}, NOW, PLAIN, "Asia/Kathmandu")

    assert found.range == Range(NOW - 30 * DAY_MS, NOW)
    assert found.previous == Range(NOW - 60 * DAY_MS, NOW - 30 * DAY_MS)
    assert (found.filters, found.time_zone, found.week_start) == (Filters(), "Asia/Kathmandu", 0)


def test_the_guilds_zone_and_week_stand_before_the_default_and_behind_the_options() -> None:
    """Whoever asks has the last word."""
    guild = GuildSettings(guild_id=1, time_zone="Europe/Berlin", week_start=6)

    own = resolve({}, NOW, guild, "UTC")
    asked = resolve({"time_zone": "Asia/Tokyo", "week_start": 0}, NOW, guild, "UTC")

    assert (own.time_zone, own.week_start) == ("Europe/Berlin", 6)
    assert (asked.time_zone, asked.week_start) == ("Asia/Tokyo", 0)


def test_dates_are_local_to_the_zone() -> None:
    """2 January in Tokyo begins at 15:00 UTC on the first."""
    found = resolve({"since": "2026-01-02", "until": "2026-01-03", "time_zone": "Asia/Tokyo"}, NOW, PLAIN)

    assert found.range == Range(START + 15 * HOUR, START + 39 * HOUR)


def test_the_period_before_a_calendar_range_is_the_calendar_unit_before() -> None:
    """Of today, the whole of yesterday (A3.16)."""
    found = resolve({"period": "today"}, NOW, PLAIN)

    assert (found.range, found.previous) == (
        Range(START + 10 * DAY_MS, NOW), Range(START + 9 * DAY_MS, START + 10 * DAY_MS),
    )  # fmt: skip


def test_filters_are_taken_as_they_are_named() -> None:
    """Lists of ids become ordered tuples: the same question has the same key."""
    found = resolve({"channels": [6, 5, 6], "include_bots": True, "exclude_afk": False}, NOW, PLAIN)

    assert found.filters == Filters(channels=(5, 6), include_bots=True, exclude_afk=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"days": 3, "since": "2026-01-01"}, "days counts back from now"),
        ({"until": "2026-01-01"}, "until needs since"),
        ({"period": "today", "days": 3}, "period names a range"),
        ({"period": "tomorrow"}, "period is 'tomorrow'; allowed are today, yesterday"),
        ({"time_zone": "Nowhere"}, "time_zone is 'Nowhere'"),
        ({"week_start": -1}, "week_start is -1"),
        ({"channels": [0]}, "channels is 0; allowed is the id"),
        ({"users": list(range(1, 1002))}, "users are 1,001; allowed are 1,000"),
        ({"days": 0}, "days is 0; allowed are 1 to"),
    ],
)
def test_what_is_not_allowed_names_parameter_value_and_what_is(options: Any, words: str) -> None:
    """Before anything is asked."""
    with pytest.raises(QuestionError, match=words):
        resolve(options, NOW, PLAIN)


def test_the_filters_of_the_options_are_those_of_questions() -> None:
    """One name for one thing."""
    ranges = {"days", "since", "until", "period", "time_zone", "week_start"}

    assert set(Options.__annotations__) - ranges == set(Filters.__struct_fields__)
