"""What a question costs grows with its answer and its buckets: the hot ones find their rows by key (SQLite's own plan is asked)."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import pytest

from mocha_actors.db.connection import Statement
from mocha_actors.db.dialects import for_sqlite
from mocha_actors.stats.answers import ANSWERS, answer
from mocha_actors.stats.questions import (
    ActiveMembersQuestion,
    ChannelQuestion,
    ChannelRankingQuestion,
    Filters,
    GuildQuestion,
    HeatmapQuestion,
    InactiveMembersQuestion,
    LeaderboardQuestion,
    MemberGrowthQuestion,
    RangeQuestion,
    UserQuestion,
)  # fmt: skip
from mocha_actors.stats.ranges import Range
from tests.stats.oracle import DAY, GUILD, HOUR, START, database

MONTH = Range(START - 25 * DAY + 12_345, START + 5 * DAY + HOUR // 2)
"""Ragged at both ends."""

ALIGNED = Range(START - 25 * DAY, START + 5 * DAY)

EVENTS = ("message_events", "voice_events", "reaction_events", "member_events", "presence_events")


class Watched:
    """A connection that notes the plan of each statement before it runs it."""

    dialect = "sqlite"

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.plans: list[str] = []

    def execute(self, statement: Statement, parameters: Any = ()) -> Any:
        """Explain, then run."""
        plan = self.connection.execute(f"EXPLAIN QUERY PLAN {for_sqlite(statement)}", parameters).fetchall()
        self.plans += [row[3] for row in plan]
        return self.connection.execute(statement, parameters)


def plans(question: RangeQuestion) -> list[str]:
    """The steps of everything that a question runs."""
    with closing(database(path=":memory:")) as connection:
        connection.execute("INSERT INTO voice_events VALUES (900, 1, 1, 1, NULL, 0, 0, 1, 0, 1, 1, NULL, NULL, 0, 0)")
        watched: Any = Watched(connection)
        answer(watched, question)
        found: list[str] = watched.plans
    return found


def own(kind: type[RangeQuestion]) -> dict[str, int]:
    """What a kind of question needs beside guild and range."""
    return {field: 1 for field in ("user_id", "channel_id") if field in kind.__struct_fields__}


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_no_question_scans_a_table_of_events(kind: type[RangeQuestion]) -> None:
    """Every one is searched by guild and range of time, or by an index of what is open."""
    steps = plans(kind(guild_id=GUILD, range=MONTH, **own(kind)))

    assert [step for step in steps if re.match(rf"SCAN ({'|'.join(EVENTS)})\b", step)] == []


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_no_question_passes_over_all_intervals_of_a_guild(kind: type[RangeQuestion]) -> None:
    """Those that are open are found by the index of them, and all others by their time."""
    steps = plans(kind(guild_id=GUILD, range=MONTH, **own(kind)))

    assert [
        step for step in steps if re.search(r"(voice|presence)_events USING PRIMARY KEY \(guild_id=\?\)$", step)
    ] == []


@pytest.mark.parametrize(
    "question",
    [
        GuildQuestion(guild_id=GUILD, range=ALIGNED), HeatmapQuestion(guild_id=GUILD, range=ALIGNED, time_zone="Europe/Berlin"),
        ChannelRankingQuestion(guild_id=GUILD, range=ALIGNED), LeaderboardQuestion(guild_id=GUILD, range=ALIGNED),
        MemberGrowthQuestion(guild_id=GUILD, range=ALIGNED), ActiveMembersQuestion(guild_id=GUILD, range=ALIGNED),
    ],
    ids=lambda question: type(question).__name__,
)  # fmt: skip
def test_an_aligned_range_reads_no_raw_message(question: RangeQuestion) -> None:
    """Rollups alone, in a zone whose offset is whole hours too."""
    assert [step for step in plans(question) if "message_events" in step] == []


def test_one_user_of_a_day_and_one_channel_of_an_hour_are_found_by_key() -> None:
    """Without the rows of all others."""
    user = plans(UserQuestion(guild_id=GUILD, user_id=1, range=MONTH, count_rank=False))
    channel = plans(ChannelQuestion(guild_id=GUILD, channel_id=1, range=MONTH))

    assert any("SEARCH user_day " in step and "guild_id=? AND day=? AND user_id=?" in step for step in user), user
    assert any("SEARCH user_week " in step and "guild_id=? AND week=? AND user_id=?" in step for step in user), user
    assert any(
        "SEARCH channel_hour " in step and "guild_id=? AND hour=? AND channel_id=?" in step for step in channel
    ), channel


def test_the_leaderboard_of_one_channel_reads_closed_days_by_key() -> None:
    """A day that is not closed is read raw."""
    with closing(database(path=":memory:")) as connection:
        connection.execute("INSERT INTO closed_days VALUES (900, ?, 0)", (START // DAY,))
        watched: Any = Watched(connection)
        answer(watched, LeaderboardQuestion(guild_id=GUILD, range=ALIGNED, filters=Filters(channels=(5,))))

    assert any("SEARCH channel_user_day" in step for step in watched.plans), watched.plans


def test_inactive_members_cost_no_scan_of_messages() -> None:
    """Neither does the last sign of life of each."""
    steps = plans(InactiveMembersQuestion(guild_id=GUILD, range=MONTH))

    assert [step for step in steps if step.startswith("SCAN message_events")] == []
