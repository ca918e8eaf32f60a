"""The tables of presence equal what an independent account of the same dispatches says, whatever happens and however it is cut."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.recounts.presence import PRESENCE
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.pipeline.facts import PresenceChanged, PresenceStatus
from mocha_actors.simulator.recount_presence import Presence, Span, hours, join
from mocha_actors.simulator.recount_voice import Heard
from tests.db.projections.histories import (
    GUILDS,
    START_MS,
    USERS,
    apply,
    begin,
    check_recounts,
    cuts,
    facts_of,
    groups,
    histories,
    presence_kinds,
    stored,
)


def of_oracle(history: list[Heard]) -> list[Span]:
    """Spans of one status."""
    presence = Presence()
    for heard in history:
        presence.hear(heard)
    return presence.spans()


def of_database(session: Session) -> list[Span]:
    """The rows, those joined that follow each other at once with one status."""
    columns = "guild_id, user_id, id, ended_ms, status, is_bot"
    rows = [Span(g, u, time_ms(i), e, s, bool(b)) for g, u, i, e, s, b in stored(session, "presence_events", columns)]
    return join(sorted(rows, key=lambda span: (span.guild, span.user, span.start, span.end is None, span.end)))


def run(session: Session, history: list[Heard], cut: list[tuple[int, str]], *, times: int = 1) -> None:
    """Bring a history into an empty database, in groups of which some fail first and before some of which the process starts anew."""
    begin(session, history)
    projection = PresenceProjection()
    for group, fate in groups([fact for heard in history for fact in facts_of(heard) for _ in range(times)], cut):
        if fate == "restart":
            projection = PresenceProjection()
        apply(session, [projection], group, fail=fate == "fail")


def check_equals_oracle(session: Session, history: list[Heard], cut: list[tuple[int, str]]) -> None:
    """Spans are the oracle's; sums are those of the closed rows, none of which crosses a midnight."""
    run(session, history, cut)

    assert of_oracle(history) == of_database(session)
    closed = [
        Span(g, u, time_ms(i), e, s, bool(b))
        for g, u, i, e, s, b in stored(session, "presence_events", "guild_id, user_id, id, ended_ms, status, is_bot")
        if e is not None
    ]
    assert all(span.start // 86_400_000 == ((span.end or 0) - 1) // 86_400_000 for span in closed)
    assert hours(closed) == {row[:4]: row[4] for row in stored(session, "presence_hour")}
    check_recounts(session, PRESENCE)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(presence_kinds), cut=cuts)
def test_spans_and_sums_equal_an_independent_account(
    quick_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """Transitions, flaps, lists, bots, outages, lost sessions, midnights, rollbacks and restarts."""
    check_equals_oracle(quick_session, history, cut)


def all_tables(session: Session) -> list[list[tuple[object, ...]]]:
    """Everything that the projection wrote, ids included."""
    return [stored(session, "presence_events"), stored(session, "presence_hour")]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(presence_kinds), cut=cuts)
def test_neither_cuts_nor_repetitions_make_a_difference(
    quick_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """Down to the ids: one transaction of all, against many with rollbacks and restarts, and with each fact twice."""
    run(quick_session, history, [(10_000, "")])
    in_one = all_tables(quick_session)
    run(quick_session, history, cut)
    assert in_one == all_tables(quick_session)

    run(quick_session, history, cut, times=2)
    assert in_one == all_tables(quick_session)


FLICKERS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 1, 29_999, 30_000, 600_000, -1]),
        st.sampled_from(GUILDS), st.sampled_from(USERS), st.sampled_from(PresenceStatus), st.sampled_from([0, 0, 250]),
    ),
    min_size=10, max_size=60,
)  # fmt: skip
"""Milliseconds since the status before, guild, user, status and bound: many of one moment, as those of a batch are."""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(flickers=FLICKERS)
def test_a_flood_of_flickering_statuses_is_written_as_if_each_came_alone(
    quick_session: Session, flickers: list[tuple[int, int, int, int, int]]
) -> None:
    """What a transaction passes over, as a row that it changes several times, and one that it opens and lets vanish, would leave no trace either."""
    times = accumulate((later for later, *_ in flickers), initial=START_MS)
    facts = [
        PresenceChanged(guild, user, int(status), 0, at_ms, bound_ms)
        for at_ms, (_, guild, user, status, bound_ms) in zip(list(times)[1:], flickers, strict=True)
    ]
    begin(quick_session, [])
    apply(quick_session, [PresenceProjection()], facts)
    together = all_tables(quick_session)
    begin(quick_session, [])
    alone = PresenceProjection()
    for fact in facts:
        apply(quick_session, [alone], [fact])

    assert all_tables(quick_session) == together


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(presence_kinds), cut=cuts)
def test_both_databases_hold_the_same(session: Session, history: list[Heard], cut: list[tuple[int, str]]) -> None:
    """The statements are written once for SQLite and PostgreSQL."""
    check_equals_oracle(session, history, cut)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(max_examples=5_000, suppress_health_check=list(HealthCheck))
@given(history=histories(presence_kinds, size=60), cut=cuts)
def test_long_histories_equal_an_independent_account(
    quick_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """The same at length."""
    check_equals_oracle(quick_session, history, cut)
