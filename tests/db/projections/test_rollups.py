"""What messages add to the rollups."""

from __future__ import annotations

from mocha_actors.db.projections.rollups import count
from mocha_actors.pipeline.facts import AuthorClass, MessageKind
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message

HOUR = 497_244
DAY = 20_718


def test_a_message_stands_in_all_three_rollups() -> None:
    """Under the hour and the day of its snowflake, UTC."""
    users, channels, guilds = count([message()])

    assert users == {(GUILD, DAY, USER, 0, 0): 1}
    assert channels == {(GUILD, HOUR, CHANNEL, 0, 0): 1}
    assert guilds == {(GUILD, HOUR, 0, 0): 1}


def test_equal_keys_are_added_up_before_they_reach_the_database() -> None:
    """One row for two messages."""
    users, channels, guilds = count([message(1), message(2, channel=CHANNEL + 1)])

    assert list(users.values()) == [2]
    assert list(channels.values()) == [1, 1]
    assert list(guilds.values()) == [2]


def test_hours_and_days_begin_at_their_first_millisecond() -> None:
    """Half-open: midnight belongs to the new day."""
    midnight = NOON_MS + 12 * 3_600_000
    users, channels, _ = count([message(at_ms=midnight - 1), message(at_ms=midnight)])

    assert sorted(key[1] for key in users) == [DAY, DAY + 1]
    assert sorted(key[1] for key in channels) == [HOUR + 11, HOUR + 12]


def test_a_webhook_is_no_user() -> None:
    """It counts for the channel and the guild, under its own class."""
    users, channels, guilds = count([message(author=AuthorClass.WEBHOOK)])

    assert users == {}
    assert channels == {(GUILD, HOUR, CHANNEL, 2, 0): 1}
    assert guilds == {(GUILD, HOUR, 2, 0): 1}


def test_a_system_message_is_in_no_rollup() -> None:
    """It is recorded alone."""
    assert count([message(kind=MessageKind.SYSTEM)]) == ({}, {}, {})


def test_commands_are_counted_apart() -> None:
    """Kind is part of every key."""
    users, _, guilds = count([message(), message(1, kind=MessageKind.COMMAND, author=AuthorClass.BOT)])

    assert users == {(GUILD, DAY, USER, 0, 0): 1, (GUILD, DAY, USER, 1, 1): 1}
    assert guilds == {(GUILD, HOUR, 0, 0): 1, (GUILD, HOUR, 1, 1): 1}
