"""The janitor closes days: their rollup by channel and user is built, and built again when something changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mocha_actors.db import closing
from mocha_actors.db.closing import ClosedDays, last_closed
from mocha_actors.db.connection import Connection
from mocha_actors.db.errors import DatabaseUnavailableError
from mocha_actors.db.janitor import Janitor, Job, Write
from mocha_actors.db.readers import open_readers
from mocha_actors.db.recounts.base import Piece
from mocha_actors.db.session import Session
from mocha_actors.pipeline.facts import AuthorClass, MessageKind, MessagesDeleted
from mocha_actors.pipeline.notices import Chore
from mocha_actors.runtime import Actor, ChildSpec, Context, SupervisorSpec, new_ref, open_supervisor
from tests.db.builders import CHANNEL, GUILD, NOON_MS, USER, message
from tests.db.projections.steps import DAY_MS, HOUR_MS, apply, select, verified

DAY = 20_718
NEXT_DAY_MS = NOON_MS + 13 * HOUR_MS
"""One o'clock of the day after: an hour after its end, the day is over."""

MESSAGES = [
    message(1),
    message(2),
    message(3, channel=CHANNEL + 1),
    message(4, author=AuthorClass.WEBHOOK),
    message(5, kind=MessageKind.SYSTEM),
    message(6, guild=GUILD + 1, author=AuthorClass.BOT),
    message(7, at_ms=NEXT_DAY_MS),
]
ROWS = [
    (GUILD, DAY, CHANNEL, USER, 0, 0, 2, 0),
    (GUILD, DAY, CHANNEL + 1, USER, 0, 0, 1, 0),
    (GUILD + 1, DAY, CHANNEL, USER, 1, 0, 1, 0),
]
"""Neither the webhook, which is no user, nor the system's message; nor the day that is not over."""


def writing(session: Session) -> Write:
    """The writer, as far as a job sees it."""

    async def write(work: Callable[[Connection], int]) -> int:
        await trio.lowlevel.checkpoint()
        with session.transaction() as connection:
            return work(connection)

    return write


async def close_all(url: str, session: Session, now_ms: int = NEXT_DAY_MS, job: ClosedDays | None = None) -> int:
    """Do everything there is to do; returns how many days that were."""
    days = 0
    async with open_readers(url, inline=True) as readers:
        job = job or ClosedDays(readers)
        while await job.step(writing(session), now_ms):
            days += 1
    return days


def built(session: Session) -> list[tuple[Any, ...]]:
    """The rollup."""
    return sorted(select(session, "SELECT * FROM channel_user_day"))


@pytest.mark.parametrize(
    ("at_ms", "last"), [(NEXT_DAY_MS - 1, DAY - 1), (NEXT_DAY_MS, DAY), (NEXT_DAY_MS + DAY_MS, DAY + 1)]
)
def test_a_day_is_over_an_hour_after_its_end(at_ms: int, last: int) -> None:
    """In UTC."""
    assert last_closed(at_ms) == last


async def test_closed_days_are_built(url: str, session: Session) -> None:
    """One step for each guild's day; a second round finds nothing to do."""
    apply(session, MESSAGES)

    assert await close_all(url, session) == 2
    assert built(session) == ROWS
    assert select(session, "SELECT guild_id, day, dirty FROM closed_days ORDER BY guild_id") == [
        (GUILD, DAY, 0),
        (GUILD + 1, DAY, 0),
    ]
    assert await close_all(url, session) == 0


async def test_a_day_that_is_not_over_is_left_alone(url: str, session: Session) -> None:
    """It will change."""
    apply(session, MESSAGES)

    assert await close_all(url, session, NEXT_DAY_MS - 1) == 0


async def test_a_late_message_or_deletion_has_its_day_built_again(url: str, session: Session) -> None:
    """What was built before is replaced."""
    apply(session, MESSAGES)
    await close_all(url, session)
    apply(session, [message(9), MessagesDeleted(GUILD, CHANNEL + 1, (MESSAGES[2].message_id,), NEXT_DAY_MS, 0)])

    assert await close_all(url, session) == 1
    assert built(session)[:2] == [(GUILD, DAY, CHANNEL, USER, 0, 0, 3, 0), (GUILD, DAY, CHANNEL + 1, USER, 0, 0, 1, 1)]


async def test_what_changes_while_a_day_is_built_is_not_lost(
    url: str, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day is not taken for built, and the next step builds it again."""
    apply(session, MESSAGES[:1])
    late = [message(8)]

    def count(piece: Piece, connection: Connection) -> list[tuple[int, ...]]:
        rows = original(piece, connection)
        if late:
            apply(session, [late.pop()])
        return rows

    original = closing.count
    monkeypatch.setattr(closing, "count", count)

    assert await close_all(url, session) == 2
    assert built(session) == [(GUILD, DAY, CHANNEL, USER, 0, 0, 2, 0)]


async def test_a_day_whose_building_was_cut_short_is_built_from_the_start(url: str, session: Session) -> None:
    """As after a crash: the mark says so, and verify leaves its rows alone."""
    apply(session, MESSAGES)
    with session.transaction() as connection:
        connection.execute("INSERT INTO closed_days VALUES (?, ?, 2)", (GUILD, DAY))
        connection.execute("INSERT INTO channel_user_day VALUES (?, ?, 1, 1, 0, 0, 77, 0)", (GUILD, DAY))
    assert verified(session).differences == ()

    assert await close_all(url, session) == 2
    assert built(session) == ROWS


async def test_a_built_day_that_is_wrong_is_found_by_verify(url: str, session: Session) -> None:
    """The mark promises that it is right."""
    apply(session, MESSAGES)
    await close_all(url, session)
    assert verified(session).differences == ()
    with session.transaction() as connection:
        connection.execute("UPDATE channel_user_day SET sent = 9 WHERE channel_id = ?", (CHANNEL + 1,))

    (difference,) = verified(session).differences
    assert (difference.table, difference.stored, difference.expected) == ("channel_user_day", (9, 0), (1, 0))


class Clerk(Actor[Chore]):
    """Takes chores as the writer does."""

    def __init__(self, done: list[int]) -> None:
        self._done = done

    async def handle(self, message: Chore, ctx: Context[Chore]) -> int:
        result = message.work(None)
        self._done.append(result)
        return result


class Counting:
    """A job with so many pieces a round, of which some cannot be done."""

    name = "counting"

    def __init__(self, pieces: int, failing: int = -1) -> None:
        self._pieces, self._failing, self._next = pieces, failing, 0

    async def step(self, write: Write, now_ms: int) -> bool:
        """Do one piece, which is a number."""
        self._next += 1
        if self._next == self._failing:
            raise DatabaseUnavailableError
        if self._next % self._pieces == 0:
            return False
        await write(lambda _: self._next)
        return True


@asynccontextmanager
async def janitor(*jobs: Job) -> AsyncIterator[list[int]]:
    """A janitor at work; gives the pieces that are done."""
    done: list[int] = []
    writer = new_ref("writer")
    spec = SupervisorSpec(
        children=(
            ChildSpec("writer", partial(Clerk, done), ref=writer),
            ChildSpec("janitor", partial(Janitor, writer, jobs, pause=600.0)),
        )
    )
    async with open_supervisor(spec):
        yield done


async def test_the_janitor_makes_rounds(autojump_clock: MockClock) -> None:
    """At once, then after each pause."""
    async with janitor(Counting(3)) as done:
        await trio.sleep(1)
        assert done == [1, 2]
        await trio.sleep(600)
        assert done == [1, 2, 4, 5]


async def test_a_job_that_fails_goes_on_in_the_next_round(autojump_clock: MockClock) -> None:
    """And holds up no other: the second piece of the first job fails, and its fourth is the first of the next round."""
    async with janitor(Counting(9, failing=2), Counting(2)) as done:
        await trio.sleep(1)
        assert done == [1, 1]
        await trio.sleep(600)
        assert done == [1, 1, 3, 4, 5, 6, 7, 8, 3]


async def test_a_janitor_that_rests_stops_at_once(autojump_clock: MockClock) -> None:
    """It does not sleep through its end."""
    async with janitor(Counting(1)):
        await trio.sleep(1)
        began = trio.current_time()

    assert trio.current_time() - began < 1
