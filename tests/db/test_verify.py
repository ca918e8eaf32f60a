"""`mocha verify`: rollups against raw rows, and the database against another account of the truth."""

from __future__ import annotations

import pytest

from mocha_actors.db.comparison import MAX_DIFFERENCES, Difference, Verification, compare
from mocha_actors.db.projections.messages import MessageProjection
from mocha_actors.db.readers import open_readers
from mocha_actors.db.session import Session
from mocha_actors.db.verify import compare_truth, verify
from mocha_actors.pipeline.facts import AuthorClass, MessageKind
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message

HOUR_MS = 3_600_000
HOUR = 497_244
DAY = 20_718
WEEK = 2_960

MESSAGES = [
    message(1),
    message(2, at_ms=NOON_MS + 12 * HOUR_MS, channel=CHANNEL + 1),
    message(3, guild=GUILD + 1, author=AuthorClass.WEBHOOK),
    message(4, kind=MessageKind.SYSTEM),
]
"""Two guilds, two days; five rows in rollups of users and channels, see :data:`TRUTH`."""


Account = dict[str, dict[tuple[int | str, ...], tuple[int | str | None, ...]]]


def truth() -> Account:
    """What MESSAGES come to, written down by hand; of the rollups by week and by channel and day it says nothing."""
    return {
        "message_events": {
            (GUILD, MESSAGES[0].message_id): (CHANNEL, USER, 0, 0, 0),
            (GUILD, MESSAGES[1].message_id): (CHANNEL + 1, USER, 0, 0, 0),
            (GUILD + 1, MESSAGES[2].message_id): (CHANNEL, USER, 2, 0, 0),
            (GUILD, MESSAGES[3].message_id): (CHANNEL, USER, 0, 2, 0),
        },
        "user_day": {(GUILD, USER, DAY, 0, 0): (1, 0), (GUILD, USER, DAY + 1, 0, 0): (1, 0)},
        "channel_hour": {
            (GUILD, CHANNEL, HOUR, 0, 0): (1, 0),
            (GUILD, CHANNEL + 1, HOUR + 12, 0, 0): (1, 0),
            (GUILD + 1, CHANNEL, HOUR, 2, 0): (1, 0),
        },
        "guild_hour": {
            (GUILD, HOUR, 0, 0): (1, 0),
            (GUILD, HOUR + 12, 0, 0): (1, 0),
            (GUILD + 1, HOUR, 2, 0): (1, 0),
        },
    }


@pytest.fixture
def filled(session: Session) -> Session:
    """A database with MESSAGES."""
    with session.transaction() as connection:
        MessageProjection().apply(connection, MESSAGES)
    return session


async def verified(url: str) -> Verification:
    """The result of `verify`."""
    async with open_readers(url, inline=True) as readers:
        return await verify(readers)


async def compared(url: str, account: Account) -> Verification:
    """The result of `compare_truth`."""
    async with open_readers(url, inline=True) as readers:
        return await compare_truth(readers, account)


def execute(session: Session, sql: str) -> None:
    """Damage the database."""
    with session.transaction() as connection:
        assert connection.execute(sql).rowcount == 1


async def test_rollups_that_the_projection_wrote_equal_the_recount(url: str, filled: Session) -> None:
    """Every row is compared: of users two by day and one by week, of channels three by hour and by day, of guilds three."""
    assert await verified(url) == Verification(compared=12)


async def test_an_empty_database_has_nothing_to_compare(url: str, session: Session) -> None:
    """And that is no failure."""
    assert await verified(url) == Verification()


DAMAGES = {
    "DELETE FROM user_week": Difference("user_week", (GUILD, USER, WEEK, 0, 0), None, (2, 0)),
    "INSERT INTO user_week VALUES (1, 2960, 1, 0, 0, 7, 0)": Difference("user_week", (1, 1, 2960, 0, 0), (7, 0), None),
    "UPDATE user_day SET sent = 5 WHERE day = 20718": Difference("user_day", (GUILD, USER, DAY, 0, 0), (5, 0), (1, 0)),
    "UPDATE channel_hour SET deleted = 1 WHERE author_class = 2": Difference(
        "channel_hour", (GUILD + 1, CHANNEL, HOUR, 2, 0), (1, 1), (1, 0)
    ),
    "DELETE FROM guild_hour WHERE hour = 497256": Difference("guild_hour", (GUILD, HOUR + 12, 0, 0), None, (1, 0)),
    "INSERT INTO guild_hour VALUES (1, 3, 0, 0, 7, 0)": Difference("guild_hour", (1, 3, 0, 0), (7, 0), None),
    "INSERT INTO user_day VALUES (1, 1000000000, 1, 0, 0, 7, 0)": Difference(
        "user_day", (1, 1, 1_000_000_000, 0, 0), (7, 0), None
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_each_kind_of_damage_is_found(url: str, filled: Session, damage: str) -> None:
    """A wrong number, a missing row, a row too many, even on a day that no message can have."""
    execute(filled, damage)

    found = await verified(url)

    assert found.differences == (DAMAGES[damage],)
    assert found.equal == found.compared - 1


async def test_a_deleted_message_counts_as_deleted_in_each_rollup(url: str, filled: Session) -> None:
    """A flag without its counts is a difference in each rollup, of the column `deleted` alone."""
    execute(filled, f"UPDATE message_events SET deleted_ms = 1 WHERE message_id = {MESSAGES[0].message_id}")

    assert [(each.table, each.stored, each.expected) for each in (await verified(url)).differences] == [
        ("user_week", (2, 0), (2, 1)),
        ("user_day", (1, 0), (1, 1)),
        ("channel_hour", (1, 0), (1, 1)),
        ("channel_day", (1, 0), (1, 1)),
        ("guild_hour", (1, 0), (1, 1)),
    ]


async def test_the_database_equals_the_truth(url: str, filled: Session) -> None:
    """Four raw rows besides the eight of the rollups."""
    assert await compared(url, truth()) == Verification(compared=12)


async def test_what_the_truth_has_and_the_database_has_not_is_found(url: str, filled: Session) -> None:
    """Also where the database has nothing at all of that day."""
    account = truth()
    account["guild_hour"][GUILD, HOUR + 100, 0, 0] = (1, 0)
    lost = message(9, at_ms=NOON_MS + 1)
    account["message_events"][GUILD, lost.message_id] = (CHANNEL, USER, 0, 0, 0)
    found = await compared(url, account)

    assert {(each.table, each.stored) for each in found.differences} == {("guild_hour", None), ("message_events", None)}
    assert (found.compared, found.different) == (14, 2)


async def test_what_the_database_has_and_the_truth_has_not_is_found(url: str, filled: Session) -> None:
    """A message counted twice, or one that never was."""
    account = truth()
    del account["message_events"][GUILD, MESSAGES[3].message_id]
    found = await compared(url, account)

    assert [(each.table, each.expected) for each in found.differences] == [("message_events", None)]


def test_all_differences_are_counted_and_the_first_are_kept() -> None:
    """A thousand show enough, and memory is bounded."""
    many = {(n,): (1,) for n in range(MAX_DIFFERENCES)}
    found = compare("user_day", many, {}) + compare("user_day", many, {})

    assert (found.different, len(found.differences)) == (2 * MAX_DIFFERENCES, MAX_DIFFERENCES)
