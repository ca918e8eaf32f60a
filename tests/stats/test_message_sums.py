"""Sums by user where a part of a day or week is found by taking off the rest of it: as exact as reading the part, and never of rows that may be gone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import pytest

from mocha_actors.db.dialects import for_sqlite
from mocha_actors.stats import message_sources
from mocha_actors.stats.answers import answer
from mocha_actors.stats.message_sources import MANY, PACKED
from mocha_actors.stats.questions import Filters, HeatmapQuestion, LeaderboardQuestion, MessageTimelineQuestion
from mocha_actors.stats.ranges import Range
from tests.stats.oracle import DAY, EPOCH_MS, GUILD, HOUR, START, Sent, database

pytestmark = pytest.mark.usefixtures("both_databases")

FIRST = START - START % DAY
"""The begin of a day of UTC."""


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole units are as cheap as in a large guild."""
    monkeypatch.setattr(message_sources, "STATEMENT", 0)
    for prices in (MANY, PACKED):
        for unit in prices:
            monkeypatch.setitem(prices, unit, 0)


def sent(hours: Sequence[float], user: int = 1) -> Iterator[Sent]:
    """A message of somebody at each of these hours since :data:`FIRST`."""
    for hour in hours:
        yield Sent(GUILD, (FIRST + int(hour * HOUR) - EPOCH_MS << 22) + user, 50, user, 0, 0, deleted=False)


class Listening:
    """A connection that notes how much time of raw messages each statement reads."""

    def __init__(self, connection: Any) -> None:
        self.connection, self.dialect = connection, connection.dialect
        self.raw_hours = 0.0

    def execute(self, statement: Any, parameters: Any = ()) -> Any:
        """Note, then run."""
        if re.search(r"FROM message_events\s+WHERE guild_id = :guild_id AND message_id >= :low", for_sqlite(statement)):
            self.raw_hours += ((parameters["high"] >> 22) - (parameters["low"] >> 22)) / HOUR
        return self.connection.execute(statement, parameters)


def board(connection: Any, since_hour: float, until_hour: float, **filters: Any) -> tuple[dict[int, int], float]:
    """The leaderboard of a range, and how many hours of raw messages were read for it."""
    period = Range(FIRST + int(since_hour * HOUR), FIRST + int(until_hour * HOUR))
    listening: Any = Listening(connection)
    found: Any = answer(listening, LeaderboardQuestion(guild_id=GUILD, range=period, filters=Filters(**filters)))
    return {entry.user_id: entry.value for entry in found.entries}, listening.raw_hours


def test_most_of_a_day_is_the_day_less_its_rest() -> None:
    """Up to 22:00 of a day, the raw rows of two hours are read; who wrote in these alone is not listed."""
    with closing(database([*sent([1, 5, 23]), *sent([22.5], 2), *sent([40], 3)])) as connection:
        assert board(connection, 0, 22) == ({1: 2}, 2.0)


def test_both_edges_of_a_range_are_found_from_their_shorter_side() -> None:
    """From 02:00 of one day to 23:00 of another."""
    with closing(database([*sent([1, 3, 30, 70, 71.5]), *sent([0.5, 90], 2)])) as connection:
        assert board(connection, 2, 71) == ({1: 3}, 3.0)


def test_the_day_that_is_not_over_has_no_rest() -> None:
    """Behind the last message there is nothing to be read, however early the range ends."""
    with closing(database([*sent([1, 3, 4, 5])])) as connection:
        # What is taken off are eighteen hours of which there are no rows.
        assert board(connection, 0, 5.5) == ({1: 4}, 18.5)


def test_deleted_messages_of_the_rest_are_not_taken_off_twice() -> None:
    """One that does not count by day does not count by hour either."""
    gone = [each._replace(deleted=True) for each in sent([23], 1)]
    with closing(database([*sent([1, 5]), *gone, *sent([40], 3)])) as connection:
        assert board(connection, 0, 22, exclude_deleted=True) == ({1: 2}, 2.0)
        assert board(connection, 0, 22) == ({1: 2}, 2.0)


def test_what_retention_may_have_deleted_is_not_taken_off() -> None:
    """The raw rows before 03:00 are gone, and those of a range from 04:00 on are all there: they are read."""
    with closing(database([*sent([1, 2, 4, 5, 23]), *sent([40], 3)])) as connection:
        connection.execute(
            "INSERT INTO retention_marks (guild_id, kind, before_ms) VALUES (?, 'messages', ?)",
            (GUILD, FIRST + 3 * HOUR),
        )
        connection.execute("DELETE FROM message_events WHERE message_id < ?", (FIRST + 3 * HOUR - EPOCH_MS << 22,))
        period = Range(FIRST + 4 * HOUR, FIRST + DAY)
        found: Any = answer(connection, LeaderboardQuestion(guild_id=GUILD, range=period))
    assert [entry.value for entry in found.entries] == [3]
    assert found.not_retained_before_ms is None


def test_nothing_is_taken_off_while_somebody_is_being_erased() -> None:
    """The raw rows have the new id already, and the rollups have not: all messages are counted once, under the one or the other."""
    with closing(database([*sent([1, 5, 22.5, 23]), *sent([40], 3)])) as connection:
        connection.execute("INSERT INTO erasures (user_id, guild_id, alias) VALUES (1, ?, 77)", (GUILD,))
        connection.execute("UPDATE message_events SET user_id = 77 WHERE user_id = 1")
        found, _ = board(connection, 0, 22)
    assert found == {77: 2}


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Asia/Kolkata", "Pacific/Chatham"])
def test_hours_of_a_zone_between_full_hours_read_the_shorter_side_of_each_bound(zone: str) -> None:
    """A quarter of the raw rows of a day, and the same numbers as from all of them. Half an hour has no shorter side: there all are read."""
    hours = [n * 0.2 for n in range(240)]
    period = Range(FIRST + 12 * HOUR + 7 * 60_000, FIRST + 36 * HOUR + 7 * 60_000)
    timeline = MessageTimelineQuestion(guild_id=GUILD, range=period, interval="hour", time_zone=zone)
    heatmap = HeatmapQuestion(guild_id=GUILD, range=period, time_zone=zone)
    with closing(database(list(sent(hours)))) as connection:
        listening: Any = Listening(connection)
        lines, cells = (answer(listening, question) for question in (timeline, heatmap))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(message_sources, "STATEMENT", 1 << 40)
            all_of_them: Any = Listening(connection)
            assert (lines, cells) == tuple(answer(all_of_them, question) for question in (timeline, heatmap))
    assert all_of_them.raw_hours == pytest.approx(48, abs=0.1)
    assert listening.raw_hours <= (48.1 if zone == "Asia/Kolkata" else 14)
