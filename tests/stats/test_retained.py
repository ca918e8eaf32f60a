"""After the janitor deleted raw rows: sums that are kept are as right as ever, and what would have needed the rows says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from mocha_actors.db.connection import Connection
from mocha_actors.db.readers import open_readers
from mocha_actors.db.retention import Limits
from mocha_actors.db.session import Session
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.stats.answers import answer
from mocha_actors.stats.questions import (
    ChannelQuestion,
    GuildQuestion,
    LeaderboardQuestion,
    MessageQuestion,
    VoiceQuestion,
)
from mocha_actors.stats.ranges import Range
from tests.db.builders import NOON_MS
from tests.db.projections.steps import select
from tests.db.test_retention import retain
from tests.privacy.recorded import recorded

TODAY_MS = NOON_MS - NOON_MS % DAY_MS
MARK_MS = TODAY_MS - 2 * DAY_MS
WHOLE_DAYS = Range(TODAY_MS - 4 * DAY_MS, TODAY_MS)
RAGGED = Range(TODAY_MS - 4 * DAY_MS + 90_000, TODAY_MS + 90_000)


@pytest.fixture
def url(database_url: str) -> str:
    """On SQLite and on PostgreSQL."""
    return database_url


@pytest.fixture
def past(url: str) -> Iterator[Session]:
    """Four days, all kept."""
    with recorded(url) as session:
        yield session


def guild_of(session: Session) -> int:
    """One of the guilds."""
    return int(select(session, "SELECT MIN(id) FROM guilds")[0][0])


async def asked(url: str, *questions: object) -> list[Any]:
    """The answers."""
    async with open_readers(url, inline=True) as readers:
        return [
            await readers.run(lambda connection, q=question: ask(connection, q), deadline=60) for question in questions
        ]


def ask(connection: Connection, question: object) -> Any:
    """One answer."""
    return answer(connection, question)


async def test_whole_units_are_answered_from_sums_as_before(url: str, past: Session) -> None:
    """Nothing that is gone was needed, so nothing is missing; only first and last messages are read from raw rows."""
    guild = guild_of(past)
    questions = [
        LeaderboardQuestion(guild_id=guild, range=WHOLE_DAYS),
        VoiceQuestion(guild_id=guild, range=WHOLE_DAYS),
        GuildQuestion(guild_id=guild, range=WHOLE_DAYS),
    ]
    before = await asked(url, *questions)

    await retain(url, past, Limits(messages=2, voice=2, reactions=2, members=2))
    after = await asked(url, *questions)

    assert after[0] == before[0]
    assert after[2] == before[2]
    assert after[1].voice_seconds == before[1].voice_seconds
    assert [each.not_retained_before_ms for each in after] == [None, None, None]


async def test_a_ragged_edge_before_the_mark_is_not_retained(url: str, past: Session) -> None:
    """The range begins at 00:01:30, and users are summed up by the day."""
    question = LeaderboardQuestion(guild_id=guild_of(past), range=RAGGED)

    await retain(url, past, Limits(messages=2))
    (after,) = await asked(url, question)

    assert after.not_retained_before_ms == MARK_MS


async def test_sums_by_the_hour_have_a_mark_of_their_own(url: str, past: Session) -> None:
    """A guild's messages are summed up by the hour only."""
    question = MessageQuestion(guild_id=guild_of(past), range=WHOLE_DAYS)

    await retain(url, past, Limits(hours=3))
    (after,) = await asked(url, question)

    assert after.not_retained_before_ms == TODAY_MS - 3 * DAY_MS


async def test_the_first_message_of_a_range_may_be_gone(url: str, past: Session) -> None:
    """Then it is not named, and its time is not either; how many there were is still known."""
    period = Range(WHOLE_DAYS.since_ms, MARK_MS)
    channel = int(select(past, "SELECT MIN(channel_id) FROM channel_day WHERE sent > 20")[0][0])
    guild = int(select(past, f"SELECT MIN(guild_id) FROM channel_day WHERE channel_id = {channel}")[0][0])
    question = ChannelQuestion(guild_id=guild, range=period, channel_id=channel)
    (before,) = await asked(url, question)

    await retain(url, past, Limits(messages=2))
    (after,) = await asked(url, question)

    assert before.first_message_id is not None
    gone = {"first_message_id": None, "first_message_ms": None, "last_message_id": None, "last_message_ms": None}
    assert after == replace(before, not_retained_before_ms=MARK_MS, **gone)
