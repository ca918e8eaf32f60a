"""A number says which part of its range was really observed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mocha_actors.db.connection import Connection
from mocha_actors.stats.coverage import STALE_MS, coverage_of, holes
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import Gap
from tests.stats.oracle import HOUR, START, database

pytestmark = pytest.mark.usefixtures("both_databases")

PERIOD = Range(START, START + 10 * HOUR)


@pytest.fixture
def connection() -> Iterator[Connection]:
    """An empty database."""
    connection = database()
    yield connection
    connection.close()


def add_gap(connection: Connection, since_ms: int, until_ms: int, shard: int = 0) -> None:
    """Store a coverage gap."""
    connection.execute("INSERT INTO coverage_gaps VALUES (?, ?, ?, 'session_invalid')", (shard, since_ms, until_ms))


def add_session(connection: Connection, last_alive_ms: int, shard: int = 0) -> None:
    """Store a session that was alive at ``last_alive_ms``."""
    connection.execute(
        "INSERT INTO gateway_sessions VALUES (?, 's', 'u', 1, 'f', 1, ?, 1, 1, NULL)", (shard, last_alive_ms)
    )


def test_a_range_without_gaps_is_complete(connection: Connection) -> None:
    """Nothing was missed."""
    assert coverage_of(connection, PERIOD).complete


def test_gaps_are_cut_to_the_range_and_stand_in_order_of_time(connection: Connection) -> None:
    """Of two gaps that reach out of the range only the inner part is named."""
    add_gap(connection, PERIOD.until_ms - HOUR, PERIOD.until_ms + HOUR)
    add_gap(connection, START - HOUR, START + HOUR, shard=1)

    coverage = coverage_of(connection, PERIOD)

    assert not coverage.complete
    assert coverage.gaps == (
        Gap(shard=1, since_ms=START, until_ms=START + HOUR, reason="session_invalid"),
        Gap(shard=0, since_ms=PERIOD.until_ms - HOUR, until_ms=PERIOD.until_ms, reason="session_invalid"),
    )


def test_a_gap_that_only_touches_the_range_is_none_of_it(connection: Connection) -> None:
    """Both are half-open."""
    add_gap(connection, START - HOUR, START)
    add_gap(connection, PERIOD.until_ms, PERIOD.until_ms + HOUR)

    assert coverage_of(connection, PERIOD).complete


def test_what_the_service_has_not_lived_to_see_is_not_observed(connection: Connection) -> None:
    """A service that stopped inside the range knows nothing of the rest, until it resumes or stores the gap."""
    add_session(connection, START + 2 * HOUR)

    assert coverage_of(connection, PERIOD).gaps == (
        Gap(shard=None, since_ms=START + 2 * HOUR, until_ms=PERIOD.until_ms, reason="not_yet_observed"),
    )


def test_a_gap_behind_the_last_sign_of_life_is_not_observed_twice_nor_the_time_before_it_at_all(
    connection: Connection,
) -> None:
    """Gaps stand in order of their begin, the one that is not stored yet too."""
    add_session(connection, START - HOUR)
    add_gap(connection, START + HOUR, START + 2 * HOUR)

    coverage = coverage_of(connection, PERIOD)

    assert ["not_yet_observed", "session_invalid"] == [gap.reason for gap in coverage.gaps]
    assert 0.0 == coverage.observed_share


def test_holes_are_what_gaps_cover_together() -> None:
    """Of several shards they overlap or touch."""
    gaps = [Gap(shard=0, since_ms=begin, until_ms=end, reason="x") for begin, end in ((5, 9), (1, 3), (3, 4), (6, 7))]

    assert [(1, 4), (5, 9)] == holes(gaps)


def test_a_service_that_has_been_silent_since_before_the_range_observed_nothing_of_it(
    connection: Connection,
) -> None:
    """The gap is cut to the range as every other one."""
    add_session(connection, START - HOUR)

    assert [(gap.since_ms, gap.until_ms) for gap in coverage_of(connection, PERIOD).gaps] == [(START, PERIOD.until_ms)]


def test_the_silence_between_two_heartbeats_is_no_gap(connection: Connection) -> None:
    """A running service on a quiet server gives evidence of life only now and then."""
    add_session(connection, PERIOD.until_ms - STALE_MS)

    assert coverage_of(connection, PERIOD).complete
