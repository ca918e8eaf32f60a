"""Presence: statuses become time. Every expected number is worked out by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import pytest

from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.pipeline.facts import (
    Fact,
    GuildGone,
    MemberLeft,
    MembersSeen,
    PresenceChanged,
    PresencesListed,
    Profile,
    SessionEnded,
)
from tests.calls import Calls
from tests.db.builders import NOON_MS
from tests.db.projections.histories import apply, stored

GUILD, ADA, BEN, BEEP = 1 << 22, 601, 602, 603
OFFLINE, ONLINE, IDLE, DND = range(4)
HOUR, DAY, MINUTE = 3_600_000, 86_400_000, 60_000


def at(ms: int, status: int, user: int = ADA, *, shard: int = 0, bound: int = 0) -> PresenceChanged:
    """Somebody has a status from noon and so many milliseconds on."""
    return PresenceChanged(GUILD, user, status, shard, NOON_MS + ms, bound)


def play(session: Session, *facts: Fact) -> None:
    """Apply, a transaction each."""
    projection = PresenceProjection()
    for fact in facts:
        apply(session, [projection], [fact])


def spells(session: Session) -> list[tuple[int, int | None, int]]:
    """(start, end, status), times from noon on, in order of their start."""
    rows = sorted(stored(session, "presence_events", "id, ended_ms, status"), key=lambda row: row[0])
    return [(time_ms(i) - NOON_MS, None if e is None else e - NOON_MS, s) for i, e, s in rows]


def test_statuses_that_hold_are_intervals_and_offline_is_none(sqlite_session: Session) -> None:
    """Two hours online, an hour idle, offline, and do not disturb since."""
    play(sqlite_session, at(0, ONLINE), at(2 * HOUR, IDLE), at(3 * HOUR, OFFLINE), at(5 * HOUR, DND))

    assert spells(sqlite_session) == [(0, 2 * HOUR, ONLINE), (2 * HOUR, 3 * HOUR, IDLE), (5 * HOUR, None, DND)]
    noon = NOON_MS // HOUR
    assert stored(sqlite_session, "presence_hour", "hour, status, is_bot, ms") == [
        (noon, ONLINE, 0, HOUR), (noon + 1, ONLINE, 0, HOUR), (noon + 2, IDLE, 0, HOUR),
    ]  # fmt: skip


def test_what_repeats_the_status_changes_nothing(sqlite_session: Session) -> None:
    """Most events do: an activity changed."""
    play(sqlite_session, at(0, OFFLINE), at(0, ONLINE), at(MINUTE, ONLINE), at(2 * MINUTE, ONLINE))

    assert spells(sqlite_session) == [(0, None, ONLINE)]


def test_a_flap_goes_to_the_status_before_it(sqlite_session: Session) -> None:
    """29 s idle in the middle of being online are online; 30 s are idle."""
    play(
        sqlite_session,
        at(0, ONLINE),
        at(MINUTE, IDLE),
        at(MINUTE + 29_999, ONLINE),
        at(2 * MINUTE, IDLE),
        at(2 * MINUTE + 30_000, ONLINE),
    )

    assert spells(sqlite_session) == [
        (0, 60_000, ONLINE), (60_000, 120_000, ONLINE), (120_000, 150_000, IDLE), (150_000, None, ONLINE),
    ]  # fmt: skip


def test_a_flap_with_nothing_before_it_goes_to_the_status_that_follows(sqlite_session: Session) -> None:
    """A phone wakes up idle for 5 s and is online then."""
    play(sqlite_session, at(0, IDLE), at(5_000, ONLINE), at(HOUR, OFFLINE))

    assert spells(sqlite_session) == [(0, HOUR, ONLINE)]


def test_a_flap_before_going_offline_goes_to_the_status_before_it(sqlite_session: Session) -> None:
    """An hour online, then idle for 10 s, then gone: all of it was online."""
    play(sqlite_session, at(0, ONLINE), at(HOUR, IDLE), at(HOUR + 10_000, OFFLINE))

    assert [row for row in spells(sqlite_session) if row[2] != ONLINE] == []
    assert sum(row[0] for row in stored(sqlite_session, "presence_hour", "ms")) == HOUR + 10_000


def test_a_short_visit_stays(sqlite_session: Session) -> None:
    """Nothing is beside it to which its time could go."""
    play(sqlite_session, at(0, ONLINE), at(5_000, OFFLINE))

    assert spells(sqlite_session) == [(0, 5_000, ONLINE)]


def test_a_flap_is_remembered_by_the_database(sqlite_session: Session) -> None:
    """A restart in the middle of it makes no difference."""
    for fact in (at(0, ONLINE), at(MINUTE, IDLE), at(MINUTE + 5_000, ONLINE), at(HOUR, OFFLINE)):
        play(sqlite_session, fact)

    assert spells(sqlite_session) == [(0, MINUTE, ONLINE), (MINUTE, HOUR, ONLINE)]


def test_a_closed_interval_is_cut_at_midnight(sqlite_session: Session) -> None:
    """From noon on for 37 hours: three days."""
    play(sqlite_session, at(0, ONLINE), at(37 * HOUR, OFFLINE))

    assert spells(sqlite_session) == [(0, 12 * HOUR, 1), (12 * HOUR, 36 * HOUR, 1), (36 * HOUR, 37 * HOUR, 1)]
    assert min(stored(sqlite_session, "presence_events", "id, end_reason"))[1] == 5
    assert len(stored(sqlite_session, "presence_hour")) == 37


def test_a_list_closes_who_is_not_named_and_opens_who_is(sqlite_session: Session) -> None:
    """Whoever is not in GUILD_CREATE is offline, seen by nobody: estimated."""
    play(sqlite_session, at(0, ONLINE), at(0, ONLINE, BEN), PresencesListed(GUILD, ((BEN, DND),), 0, NOON_MS + HOUR, 0))

    rows = stored(sqlite_session, "presence_events", "user_id, ended_ms, status, bound_ms")
    assert rows == [(ADA, NOON_MS + HOUR, 1, HOUR), (BEN, NOON_MS + HOUR, 1, 0), (BEN, None, 3, 0)]


def test_the_end_of_seeing_is_the_end_of_the_interval(sqlite_session: Session) -> None:
    """A lost session at its evidence, an outage, a member that left; even a short one stays as it is."""
    ends: list[tuple[Fact, int]] = [
        (SessionEnded(0, NOON_MS + 5_000, NOON_MS + HOUR), 2),
        (GuildGone(GUILD, outage=True, at_ms=NOON_MS + 5_000, bound_ms=0), 3),
        (GuildGone(GUILD, outage=False, at_ms=NOON_MS + 5_000, bound_ms=0), 4),
        (MemberLeft(GUILD, ADA, is_bot=False, at_ms=NOON_MS + 5_000, bound_ms=0), 1),
    ]
    for end, reason in ends:
        with sqlite_session.transaction() as connection:
            connection.execute("DELETE FROM presence_events")
        play(sqlite_session, at(0, ONLINE), end)
        assert stored(sqlite_session, "presence_events", "ended_ms, end_reason") == [(NOON_MS + 5_000, reason)]


def test_what_another_shard_told_ended_with_that_shard(sqlite_session: Session) -> None:
    """Nothing is known of shard 3 any more, so there is no evidence of a single moment."""
    play(sqlite_session, at(0, ONLINE, shard=3), at(HOUR, ONLINE, BEN, shard=1))

    assert spells(sqlite_session) == [(HOUR, None, ONLINE)]


def test_bots_are_known_as_members(sqlite_session: Session) -> None:
    """A presence does not say what its user is."""
    member = Profile(BEEP, "beep", None, is_bot=True, joined_ms=None, nick=None, roles=(), pending=None)
    play(sqlite_session, MembersSeen(GUILD, (member,), NOON_MS), at(0, ONLINE, BEEP), at(0, ONLINE))

    assert stored(sqlite_session, "presence_events", "user_id, is_bot") == [(ADA, 0), (BEEP, 1)]


def test_repetitions_ask_the_database_nothing(sqlite_session: Session) -> None:
    """A flood is mostly repetitions: after the first event of a guild there is no statement that grows with them."""
    statements: list[str] = []
    projection = PresenceProjection()
    apply(sqlite_session, [projection], [at(0, ONLINE, user) for user in range(1, 1_001)])
    with sqlite_session.transaction() as connection:
        trace(connection, statements.append)
        projection.apply(connection, [at(n, ONLINE, user) for n in range(10) for user in range(1, 1_001)])
        trace(connection, None)

    assert [] == statements


@pytest.mark.parametrize(
    ("statuses", "calls"),
    [
        pytest.param((ONLINE, ONLINE), 0, id="repeated"),
        pytest.param((IDLE, ONLINE, IDLE, ONLINE), 5, id="flickering"),
        pytest.param((OFFLINE, ONLINE), 5, id="gone and back"),
        pytest.param((OFFLINE, ONLINE, *(IDLE, DND) * 4), 1.1, id="back and flickering"),
    ],
)
def test_a_presence_costs_few_calls(sqlite_session: Session, statuses: tuple[int, ...], calls: float) -> None:
    """One that repeats the status none at all, any other as many as are worth it: each takes as long as the look at what is known."""
    users = range(1, 501)
    projection = PresenceProjection()
    apply(sqlite_session, [projection], [at(0, ONLINE, user) for user in users])
    facts = [at(HOUR, status, user) for status in statuses for user in users]
    with sqlite_session.transaction() as connection, Calls() as counted:
        projection.apply(connection, facts)

    assert counted.each(len(facts)) <= calls, counted.names


def test_a_status_that_flickers_is_one_row_a_transaction(sqlite_session: Session) -> None:
    """However often it changes: what is in between is never written."""
    projection, statements = PresenceProjection(), list[str]()
    apply(sqlite_session, [projection], [at(0, ONLINE)])
    with sqlite_session.transaction() as connection:
        trace(connection, statements.append)
        projection.apply(connection, [at(HOUR, status) for _ in range(500) for status in (IDLE, ONLINE)])
        trace(connection, None)

    assert sum("presence_events" in statement for statement in statements) <= 4, statements
    assert spells(sqlite_session) == [(0, HOUR, ONLINE), (HOUR, None, ONLINE)]


def test_a_visit_without_length_is_no_statement(sqlite_session: Session) -> None:
    """In a flood most are: it begins and ends within a batch, all of which has one time."""
    projection, statements = PresenceProjection(), list[str]()
    apply(sqlite_session, [projection], [at(0, ONLINE, BEN)])
    with sqlite_session.transaction() as connection:
        trace(connection, statements.append)
        changed = projection.apply(connection, [at(HOUR, status) for _ in range(500) for status in (ONLINE, OFFLINE)])
        trace(connection, None)

    assert (statements, changed) == ([], set())
    assert spells(sqlite_session) == [(0, None, ONLINE)]


def trace(connection: object, callback: Callable[[str], object] | None) -> None:
    """Have the driver tell its statements."""
    assert isinstance(connection, sqlite3.Connection)
    connection.set_trace_callback(callback)
