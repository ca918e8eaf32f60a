"""An answer says when it needed rows that retention has deleted, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from mocha_actors.stats.answers import answer
from mocha_actors.stats.questions import (
    GuildQuestion,
    HeatmapQuestion,
    LeaderboardQuestion,
    MemberGrowthQuestion,
    MessageQuestion,
    OnlineTimelineQuestion,
    ReactionQuestion,
    VoiceQuestion,
)  # fmt: skip
from mocha_actors.stats.ranges import Range
from tests.stats.oracle import DAY, GUILD, HOUR, START, database

pytestmark = pytest.mark.usefixtures("both_databases")

MARK = START + 5 * DAY


@pytest.fixture
def connection() -> Iterator[Any]:
    """A guild that keeps raw rows, but for rollups, since its fifth day only."""
    with closing(database()) as connection:
        for kind in ("messages", "voice", "reactions", "members", "presence"):
            connection.execute("INSERT INTO retention_marks VALUES (?, ?, ?)", (GUILD, kind, MARK))
        yield connection


def gone(connection: Any, kind: Callable[..., Any], since_ms: int, until_ms: int) -> int | None:
    """What the answer says is not retained."""
    result: Any = answer(connection, kind(guild_id=GUILD, range=Range(since_ms, until_ms)))
    moment: int | None = result.not_retained_before_ms
    return moment


def test_whole_units_of_rollups_need_no_raw_rows(connection: Any) -> None:
    """Days and hours that are kept answer for themselves."""
    assert gone(connection, MessageQuestion, START, START + 2 * DAY) is None
    assert gone(connection, LeaderboardQuestion, START, START + 2 * DAY) is None
    assert gone(connection, HeatmapQuestion, START + HOUR, START + 2 * HOUR) is None


@pytest.mark.parametrize(
    "kind",
    [
        MessageQuestion,
        LeaderboardQuestion,
        VoiceQuestion,
        ReactionQuestion,
        MemberGrowthQuestion,
        OnlineTimelineQuestion,
        GuildQuestion,
    ],
)
def test_a_ragged_edge_before_the_mark_is_said_to_be_missing(connection: Any, kind: Callable[..., Any]) -> None:
    """Half an hour needs raw rows; after the mark they are there."""
    assert gone(connection, kind, START + 1, START + HOUR // 2) == MARK
    assert gone(connection, kind, MARK + 1, MARK + HOUR // 2) is None


def test_rollups_by_the_hour_may_be_gone_too(connection: Any) -> None:
    """Their retention is one of its own."""
    connection.execute("INSERT INTO retention_marks VALUES (?, 'hours', ?)", (GUILD, START + HOUR))

    assert gone(connection, HeatmapQuestion, START, START + 2 * HOUR) == START + HOUR
    assert gone(connection, HeatmapQuestion, START + HOUR, START + 2 * HOUR) is None


def test_another_guilds_retention_is_its_own(connection: Any) -> None:
    """A mark is of one guild."""
    connection.execute("UPDATE retention_marks SET guild_id = 1")

    assert gone(connection, MessageQuestion, START + 1, START + HOUR // 2) is None
