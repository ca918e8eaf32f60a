"""Memberships (statistics, rules 19, A3.9 and A3.10)."""

from __future__ import annotations

import pytest

from mocha_actors.db.projections.members import load
from mocha_actors.db.session import Session
from mocha_actors.pipeline.facts import Fact, MemberRemoved, MembersListed
from tests.db.builders import GUILD, NOON_MS, USER
from tests.db.projections.steps import DAY_MS, HOUR_MS, apply, join, leave, profile, seen, select, verified

EVENTS = "SELECT at_ms, user_id, kind, joined_ms, reason, bound_ms FROM member_events ORDER BY at_ms, kind DESC"
LATER = NOON_MS + HOUR_MS


def removed(reason: int, at_ms: int, user: int = USER) -> MemberRemoved:
    """A kick (1) or a ban (2)."""
    return MemberRemoved(GUILD, user, reason, at_ms, 0)


def listed(*users: int, at_ms: int) -> MembersListed:
    """The complete list of members."""
    return MembersListed(GUILD, users, at_ms)


def member(session: Session) -> tuple[object, ...]:
    """The one member: joined, left, pending, nick, roles."""
    (row,) = select(session, "SELECT joined_ms, left_ms, pending, nick, roles FROM members")
    return row


def test_a_join_is_a_member_an_event_and_a_number(session: Session) -> None:
    """Under the time at which Discord says that it happened."""
    apply(session, [join(told_ms=NOON_MS + 700, nick="Countess", roles=(9, 8), pending=True)])

    assert member(session) == (NOON_MS, None, 1, "Countess", ",8,9,")
    assert select(session, EVENTS) == [(NOON_MS, USER, 0, NOON_MS, None, 0)]
    assert select(session, "SELECT * FROM member_hour") == [(GUILD, 497_244, 0, 1, 0)]


@pytest.mark.parametrize("after_ms", [0, 2_000, -2_000])
def test_a_join_within_two_seconds_of_the_known_one_is_a_repetition(session: Session, after_ms: int) -> None:
    """Discord names some twice, half a second apart."""
    apply(session, [join()])
    apply(session, [join(at_ms=NOON_MS + after_ms)])

    assert len(select(session, EVENTS)) == 1


def test_a_member_of_long_standing_who_is_named_again_did_not_join(session: Session) -> None:
    """Its join is the one that is known."""
    apply(session, [seen(profile(joined_ms=NOON_MS - 99 * DAY_MS))])
    apply(session, [join(at_ms=NOON_MS - 99 * DAY_MS, told_ms=NOON_MS)])

    assert select(session, EVENTS) == []


def test_a_leave_ends_the_membership_and_a_second_one_is_nothing(session: Session) -> None:
    """Its event says since when it lasted."""
    apply(session, [join(), leave(at_ms=LATER, bound_ms=5)])
    apply(session, [leave(at_ms=LATER + 1)])

    assert member(session)[:2] == (NOON_MS, LATER)
    assert select(session, EVENTS)[1:] == [(LATER, USER, 1, NOON_MS, None, 5)]


def test_a_leave_without_a_known_join_is_recorded(session: Session) -> None:
    """As of one who joined before anybody looked; a bot's stands under bots."""
    apply(session, [leave(is_bot=True)])

    assert member(session)[:2] == (None, NOON_MS)
    assert select(session, "SELECT is_bot, joins, leaves FROM member_hour") == [(1, 0, 1)]


def test_a_rejoin_is_a_membership_of_its_own(session: Session) -> None:
    """Two joins, one leave."""
    apply(session, [join(), leave(at_ms=LATER), join(at_ms=LATER + 5_000)])

    assert member(session)[:2] == (LATER + 5_000, None)
    assert select(session, "SELECT CAST(SUM(joins) AS BIGINT), CAST(SUM(leaves) AS BIGINT) FROM member_hour") == [
        (2, 1)
    ]


def test_a_rejoin_without_a_seen_leave_infers_one(session: Session) -> None:
    """At the new join, flagged as estimated: it was some time after the member was last heard of."""
    apply(session, [join()])
    apply(session, [join(at_ms=LATER)])

    assert select(session, EVENTS)[1:] == [
        (LATER, USER, 1, NOON_MS, None, HOUR_MS),
        (LATER, USER, 0, LATER, None, 0),
    ]


def test_being_described_is_no_join(session: Session) -> None:
    """A row is made, then refreshed; what is older changes nothing."""
    apply(session, [seen(profile(nick="one"))])
    apply(session, [seen(profile(nick="two", roles=(5,), pending=None), at_ms=LATER)])
    apply(session, [seen(profile(nick="zero"), at_ms=LATER - 1)])

    assert member(session) == (NOON_MS, None, 0, "two", ",5,")
    assert select(session, EVENTS) == []


def test_who_left_is_described_in_vain_unless_it_is_a_later_membership(session: Session) -> None:
    """An update may follow the leave."""
    apply(session, [join(), leave(at_ms=LATER), seen(profile(nick="late"), at_ms=LATER + 1)])
    assert member(session)[1] == LATER

    apply(session, [seen(profile(joined_ms=LATER + 9_000), at_ms=LATER + DAY_MS)])
    assert member(session)[:2] == (LATER + 9_000, None)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("together", [True, False])
def test_a_kick_or_ban_explains_a_leave_shortly_before_or_after(
    session: Session, order: list[int], together: bool
) -> None:
    """Whatever comes first, in one transaction or in two."""
    apply(session, [join()])
    facts: list[Fact] = [leave(at_ms=LATER), removed(1, LATER + 900)]
    ordered = [facts[index] for index in order]
    for group in [ordered] if together else [[fact] for fact in ordered]:
        apply(session, group)

    assert [row[4] for row in select(session, EVENTS) if row[2]] == [1]


def test_a_ban_stands_beside_a_kick_and_explains_no_later_leave(session: Session) -> None:
    """The ban is told twice, by two events; who comes back and leaves a minute later left by himself."""
    apply(session, [join(), removed(1, LATER), leave(at_ms=LATER), removed(2, LATER + 1), removed(2, LATER + 2)])
    apply(session, [join(at_ms=LATER + 20_000), leave(at_ms=LATER + 60_000)])

    assert [row[4] for row in select(session, EVENTS) if row[2]] == [2, None]


def test_a_kick_far_from_any_leave_explains_none(session: Session) -> None:
    """More than ten seconds."""
    apply(session, [join(), leave(at_ms=LATER), removed(1, LATER + 10_001)])

    assert [row[4] for row in select(session, EVENTS)] == [None, None]


def test_whoever_the_complete_list_does_not_name_has_left_meanwhile(session: Session) -> None:
    """After the last evidence, estimated; who was seen later than the list has not."""
    apply(session, [seen(profile(USER), profile(USER + 1)), seen(profile(USER + 2), at_ms=LATER + 5)])
    apply(session, [listed(USER, at_ms=LATER)])

    assert select(session, EVENTS) == [(NOON_MS, USER + 1, 1, NOON_MS, None, HOUR_MS)]
    assert select(session, "SELECT user_id FROM members WHERE left_ms IS NULL ORDER BY user_id") == [
        (USER,),
        (USER + 2,),
    ]


def test_a_recorded_gap_is_where_missing_members_left(session: Session) -> None:
    """Until it began, leaves were seen."""
    apply(session, [seen(profile(USER))])
    with session.transaction() as connection:
        connection.execute("INSERT INTO guilds (id, shard) VALUES (?, 3)", (GUILD,))
        for shard, from_ms in ((3, LATER - 100), (4, LATER - 50), (3, LATER + 50)):
            connection.execute("INSERT INTO coverage_gaps VALUES (?, ?, ?, 'x')", (shard, from_ms, from_ms + 1))
    apply(session, [listed(at_ms=LATER)])

    assert select(session, EVENTS) == [(LATER - 100, USER, 1, NOON_MS, None, 100)]
    assert verified(session).differences == ()


def test_of_a_complete_list_only_those_are_loaded_whom_it_does_not_name(session: Session) -> None:
    """The others need nothing, and may be hundreds of thousands. Of two lists, whom one of them leaves out."""
    apply(session, [seen(profile(user)) for user in (1, 2, 3, 4)])
    with session.transaction() as connection:
        first, both = [listed(1, 2, 3, at_ms=LATER)], [listed(1, 2, 3, at_ms=LATER), listed(2, 3, 4, at_ms=LATER)]

        assert {(GUILD, 4)} == load(connection, first).keys()
        assert {(GUILD, 1), (GUILD, 4)} == load(connection, both).keys()
        assert {(GUILD, 2), (GUILD, 4)} == load(connection, [seen(profile(2)), *first]).keys()
