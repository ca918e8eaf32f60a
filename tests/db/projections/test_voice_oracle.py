"""The tables of voice equal what an independent account of the same dispatches says, whatever happens and however it is cut."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from mocha_actors.db.projections.voice import VoiceProjection
from mocha_actors.db.recounts.voice import VOICE
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import time_ms
from mocha_actors.simulator.recount_voice import Heard, Voice, tables
from tests.db.projections.histories import (
    apply,
    begin,
    check_recounts,
    cuts,
    facts_of,
    groups,
    histories,
    stored,
    voice_kinds,
)

ROW = "guild_id, user_id, id, ended_ms, channel_id, flags, is_bot, session_id, visit, continues_id, end_reason, bound_ms, suspended"

MASK = 511


def of_oracle(history: list[Heard]) -> tuple[list[tuple[Any, ...]], dict[str, dict[tuple[int, ...], tuple[int, ...]]]]:
    """Rows as :func:`of_database` gives them, and sums."""
    voice = Voice()
    for heard in history:
        voice.hear(heard)
    rows = voice.rows()
    told = [
        (
            row.guild, row.user, row.start, row.end, row.look.channel, row.look.flags, int(row.look.bot), row.session_start, row.begins,
            int(row.visit), row.continues, row.why, row.bound + row.end_bound,
        )
        for row in rows
    ]  # fmt: skip
    return sorted(told, key=repr), tables(rows)


def of_database(session: Session) -> tuple[list[tuple[Any, ...]], dict[str, dict[tuple[int, ...], tuple[int, ...]]]]:
    """Rows with times in place of ids, and sums."""
    rows = [
        (guild, user, time_ms(id_), ended, channel, flags, bot, time_ms(session_id), session_id == id_, visit, goes_on is not None, reason, bound)
        for guild, user, id_, ended, channel, flags, bot, session_id, visit, goes_on, reason, bound, _ in stored(session, "voice_events", ROW)
    ]  # fmt: skip
    user_day = stored(session, "voice_user_day")
    hours = stored(session, "voice_channel_hour")
    guild_hours = stored(session, "voice_guild_hour")
    return sorted(rows, key=repr), {
        "voice_user_day": {row[:5]: row[5:] for row in user_day},
        "voice_channel_hour": {row[:5]: row[5:] for row in hours},
        "voice_guild_hour": {row[:4]: row[4:] for row in guild_hours},
    }


def run(session: Session, history: list[Heard], cut: list[tuple[int, str]], *, times: int = 1) -> None:
    """Bring a history into an empty database, in groups of which some fail first and before some of which the process starts anew."""
    begin(session, history)
    projection = VoiceProjection()
    for group, fate in groups([fact for heard in history for fact in facts_of(heard) for _ in range(times)], cut):
        if fate == "restart":
            projection = VoiceProjection()
        apply(session, [projection], group, fail=fate == "fail")


def check_equals_oracle(session: Session, history: list[Heard], cut: list[tuple[int, str]]) -> None:
    """Rows and sums are the oracle's."""
    run(session, history, cut)

    assert of_oracle(history) == of_database(session)
    check_recounts(session, VOICE)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(voice_kinds), cut=cuts)
def test_rows_and_sums_equal_an_independent_account(
    quick_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """Joins, moves, flags, AFK, bots, aloneness, missed leaves, outages, lost sessions, bounds, midnights, rollbacks and restarts."""
    check_equals_oracle(quick_session, history, cut)


def all_tables(session: Session) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that the projection wrote, ids included."""
    names = ("voice_events", "voice_user_day", "voice_channel_hour", "voice_guild_hour")
    return {name: stored(session, name) for name in names}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(voice_kinds), cut=cuts)
def test_it_makes_no_difference_how_facts_are_cut_into_transactions(
    quick_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """Down to the ids: one transaction of all, against many with rollbacks and restarts; so memory equals the database."""
    run(quick_session, history, [(10_000, "")])
    in_one = all_tables(quick_session)
    run(quick_session, history, cut)

    assert in_one == all_tables(quick_session)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(voice_kinds), cut=cuts)
def test_a_fact_that_comes_twice_is_nothing(
    quick_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """Each fact repeated at once changes no table."""
    run(quick_session, history, cut)
    once = all_tables(quick_session)
    run(quick_session, history, cut, times=2)

    assert once == all_tables(quick_session)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(history=histories(voice_kinds), cut=cuts)
def test_both_databases_hold_the_same(session: Session, history: list[Heard], cut: list[tuple[int, str]]) -> None:
    """The statements are written once for SQLite and PostgreSQL."""
    check_equals_oracle(session, history, cut)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@settings(max_examples=5_000, suppress_health_check=list(HealthCheck))
@given(history=histories(voice_kinds, size=60), cut=cuts)
def test_long_histories_equal_an_independent_account(
    quick_session: Session, history: list[Heard], cut: list[tuple[int, str]]
) -> None:
    """The same at length."""
    check_equals_oracle(quick_session, history, cut)
