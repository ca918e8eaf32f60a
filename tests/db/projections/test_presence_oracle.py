"""The tables of presence equal what an independent account of the same dispatches says, whatever happens and however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from mocha_actors.db.projections.presence import PresenceProjection
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.simulator.recount_presence import Presence, Span, hours, join
from mocha_actors.simulator.recount_voice import Heard
from tests.db.projections.histories import apply, begin, cuts, facts_of, groups, histories, presence_kinds, stored


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


def check_equals_oracle(session: Session, history: list[Heard], cut: list[tuple[int, str]]) -> None:
    """Spans are the oracle's; sums are those of the closed rows, none of which crosses a midnight."""
    begin(session, history)
    projection = PresenceProjection()
    for group, fate in groups([fact for heard in history for fact in facts_of(heard)], cut):
        if fate == "restart":
            projection = PresenceProjection()
        apply(session, [projection], group, fail=fate == "fail")

    assert of_oracle(history) == of_database(session)
    closed = [
        Span(g, u, time_ms(i), e, s, bool(b))
        for g, u, i, e, s, b in stored(session, "presence_events", "guild_id, user_id, id, ended_ms, status, is_bot")
        if e is not None
    ]
    assert all(span.start // 86_400_000 == ((span.end or 0) - 1) // 86_400_000 for span in closed)
    assert hours(closed) == {row[:4]: row[4] for row in stored(session, "presence_hour")}


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(presence_kinds), cut=cuts)
def test_spans_and_sums_equal_an_independent_account(
    sqlite_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """Transitions, flaps, lists, bots, outages, lost sessions, midnights, rollbacks and restarts."""
    check_equals_oracle(sqlite_session, history, cut)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(max_examples=5_000, suppress_health_check=list(HealthCheck))
@given(history=histories(presence_kinds, size=60), cut=cuts)
def test_long_histories_equal_an_independent_account(
    sqlite_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """The same at length."""
    check_equals_oracle(sqlite_session, history, cut)
