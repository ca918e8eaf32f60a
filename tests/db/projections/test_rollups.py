"""What messages add to the rollups."""

from __future__ import annotations

from mocha_actors.db.projections.messages import rows_of
from mocha_actors.db.projections.rollups import Counts
from mocha_actors.db.projections.rollups import count as count_rows
from mocha_actors.pipeline.facts import AuthorClass, MessageKind, MessageSent
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message

HOUR = 497_244
DAY = 20_718
WEEK = 2_960


def count(messages: list[MessageSent]) -> Counts:
    """What ``messages`` add, by way of their rows."""
    return count_rows(rows_of(messages))


def test_a_message_stands_in_every_rollup() -> None:
    """Under the hour, the day and the week of its snowflake, UTC; a week begins on Monday."""
    assert count([message()]) == Counts(
        user_day={(GUILD, DAY, USER, 0, 0): 1},
        user_week={(GUILD, WEEK, USER, 0, 0): 1},
        channel_hour={(GUILD, HOUR, CHANNEL, 0, 0): 1},
        channel_day={(GUILD, DAY, CHANNEL, 0, 0): 1},
        guild_hour={(GUILD, HOUR, 0, 0): 1},
    )


def test_equal_keys_are_added_up_before_they_reach_the_database() -> None:
    """One row for two messages."""
    counts = count([message(1), message(2, channel=CHANNEL + 1)])

    assert [list(sums.values()) for sums in counts] == [[2], [2], [1, 1], [1, 1], [2]]


def test_hours_and_days_begin_at_their_first_millisecond() -> None:
    """Half-open: midnight belongs to the new day."""
    midnight = NOON_MS + 12 * 3_600_000
    counts = count([message(at_ms=midnight - 1), message(at_ms=midnight)])

    assert sorted(key[1] for key in counts.user_day) == [DAY, DAY + 1]
    assert sorted(key[1] for key in counts.channel_day) == [DAY, DAY + 1]
    assert sorted(key[1] for key in counts.channel_hour) == [HOUR + 11, HOUR + 12]


def test_weeks_begin_on_monday() -> None:
    """2026-09-28 is a Monday: the Sunday before belongs to the week before."""
    monday = NOON_MS + 5 * 86_400_000 + 12 * 3_600_000
    counts = count([message(at_ms=monday - 1), message(at_ms=monday)])

    assert sorted(key[1] for key in counts.user_week) == [WEEK, WEEK + 1]


def test_a_webhook_is_no_user() -> None:
    """It counts for the channel and the guild, under its own class."""
    counts = count([message(author=AuthorClass.WEBHOOK)])

    assert (counts.user_day, counts.user_week) == ({}, {})
    assert counts.channel_hour == {(GUILD, HOUR, CHANNEL, 2, 0): 1}
    assert counts.guild_hour == {(GUILD, HOUR, 2, 0): 1}


def test_a_system_message_is_in_no_rollup() -> None:
    """It is recorded alone."""
    assert count([message(kind=MessageKind.SYSTEM)]) == Counts({}, {}, {}, {}, {})


def test_commands_are_counted_apart() -> None:
    """Kind is part of every key."""
    counts = count([message(), message(1, kind=MessageKind.COMMAND, author=AuthorClass.BOT)])

    assert counts.user_day == {(GUILD, DAY, USER, 0, 0): 1, (GUILD, DAY, USER, 1, 1): 1}
    assert counts.guild_hour == {(GUILD, HOUR, 0, 0): 1, (GUILD, HOUR, 1, 1): 1}
