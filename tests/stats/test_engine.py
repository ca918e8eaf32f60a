"""The engine answers several questions at a time, and no question harms another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

import pytest
import trio
from trio.testing import MockClock

from mocha_actors.cache.bases import Bases
from mocha_actors.config import CacheSection, Config
from mocha_actors.db.connection import Connection
from mocha_actors.errors import TransientError
from mocha_actors.pipeline.counters import CacheCounters, Counters
from mocha_actors.runtime import (
    ActorFailed,
    ActorRef,
    AskTimeout,
    ChildSpec,
    Supervisor,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)
from mocha_actors.stats.engine import MAILBOX, QueryEngine
from mocha_actors.stats.questions import ChannelQuestion, GuildQuestion, LeaderboardQuestion, Question, UserQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.tree import live_counters
from tests.stats.oracle import DAY, EPOCH_MS, GUILD, START, Sent, database

R = TypeVar("R")

WEEK = Range(START, START + 7 * DAY)
ASKED = GuildQuestion(guild_id=GUILD, range=WEEK)


class SlowReaders:
    """Readers that take ten virtual seconds for each question, or fail."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.failures: list[Exception] = []
        self.deadlines: list[float] = []
        self.busy = self.most_busy = 0

    async def run(self, question: Callable[[Connection], R], *, deadline: float) -> R:
        """Wait, then raise the next failure or answer."""
        self.deadlines.append(deadline)
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await trio.sleep(10)
        finally:
            self.busy -= 1
        if self.failures:
            raise self.failures.pop()
        return question(self.connection)


@pytest.fixture
def readers() -> Iterator[SlowReaders]:
    """Readers of a guild with one message."""
    connection = database([Sent(GUILD, (START - EPOCH_MS) << 22, 50, 1, 0, 0, deleted=False)])
    yield SlowReaders(connection)
    connection.close()


@asynccontextmanager
async def engine(
    readers: SlowReaders, bases: Bases | None = None
) -> AsyncIterator[tuple[ActorRef[Question], Supervisor]]:
    """A tree with an engine of two readers."""
    ref: ActorRef[Question] = new_ref("stats", MAILBOX)
    child = ChildSpec("stats", partial(QueryEngine, readers, concurrency=2, deadline=7.5, bases=bases), ref=ref)
    async with open_supervisor(SupervisorSpec(children=(child,))) as supervisor:
        yield ref, supervisor


async def test_each_question_gets_its_answer(readers: SlowReaders, autojump_clock: trio.testing.MockClock) -> None:
    """Four questions, four types of result, each read with the engine's deadline."""
    async with engine(readers) as (ref, _):
        guild = await ref.ask(ASKED, timeout=60)
        user = await ref.ask(UserQuestion(guild_id=GUILD, user_id=1, range=WEEK), timeout=60)
        channel = await ref.ask(ChannelQuestion(guild_id=GUILD, channel_id=50, range=WEEK), timeout=60)
        users = await ref.ask(LeaderboardQuestion(guild_id=GUILD, range=WEEK), timeout=60)

    assert (guild.messages, user.rank, channel.guild_share, users.entries[0].user_id) == (1, 1, 1.0, 1)
    assert readers.deadlines == [7.5] * 4


async def test_questions_are_answered_side_by_side_as_readers_are_free(
    readers: SlowReaders, autojump_clock: trio.testing.MockClock
) -> None:
    """Six questions of ten seconds by two readers take thirty seconds, and never more than two are read at once."""
    begin = trio.current_time()

    async with engine(readers) as (ref, _), trio.open_nursery() as nursery:
        for _ in range(6):
            nursery.start_soon(partial(ref.ask, GuildQuestion(guild_id=GUILD, range=WEEK), timeout=60))

    assert trio.current_time() - begin == pytest.approx(30)
    assert readers.most_busy == 2


async def test_the_same_question_object_may_be_asked_twice_at_once(
    readers: SlowReaders, autojump_clock: trio.testing.MockClock
) -> None:
    """Each asker gets an answer."""
    answers: list[int] = []

    async def ask(ref: ActorRef[Question]) -> None:
        answers.append((await ref.ask(ASKED, timeout=60)).messages)

    async with engine(readers) as (ref, _), trio.open_nursery() as nursery:
        nursery.start_soon(ask, ref)
        nursery.start_soon(ask, ref)

    assert answers == [1, 1]


async def test_an_error_of_the_database_is_the_answer(
    readers: SlowReaders, autojump_clock: trio.testing.MockClock
) -> None:
    """A domain error goes to the asker as it is; the engine is not restarted."""
    readers.failures.append(TransientError("the question took too long"))

    async with engine(readers) as (ref, supervisor):
        with pytest.raises(TransientError, match="too long"):
            await ref.ask(ASKED, timeout=60)
        answer = await ref.ask(ASKED, timeout=60)
        restarts = supervisor.tree().children[0].restarts

    assert (answer.messages, restarts) == (1, 0)


async def test_a_bug_in_one_query_is_told_to_its_asker_and_disturbs_no_other(
    readers: SlowReaders, autojump_clock: trio.testing.MockClock
) -> None:
    """ActorFailed with the cause; the question beside it is answered, and nothing restarts."""
    readers.failures.append(ZeroDivisionError("a bug"))
    answers: list[int] = []

    async def ask_twice(ref: ActorRef[Question]) -> None:
        await trio.sleep(1)
        answers.append((await ref.ask(UserQuestion(guild_id=GUILD, user_id=1, range=WEEK), timeout=60)).messages)

    async with engine(readers) as (ref, supervisor), trio.open_nursery() as nursery:
        nursery.start_soon(ask_twice, ref)
        with pytest.raises(ActorFailed) as caught:
            await ref.ask(ASKED, timeout=60)
        restarts = supervisor.tree().children[0].restarts

    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert (answers, restarts) == ([1], 0)


async def test_an_asker_that_gives_up_leaves_the_engine_unharmed(
    readers: SlowReaders, autojump_clock: trio.testing.MockClock
) -> None:
    """Its answer comes too late for anybody, and later questions are answered."""
    async with engine(readers) as (ref, supervisor):
        with pytest.raises(AskTimeout):
            await ref.ask(ASKED, timeout=1)
        answer = await ref.ask(UserQuestion(guild_id=GUILD, user_id=1, range=WEEK), timeout=60)
        restarts = supervisor.tree().children[0].restarts

    assert (answer.messages, restarts) == (1, 0)


async def test_questions_in_hand_are_answered_before_the_engine_stops(
    readers: SlowReaders, autojump_clock: trio.testing.MockClock
) -> None:
    """A drain loses no answer as long as it may last."""
    answers: list[int] = []

    async def ask(ref: ActorRef[Question]) -> None:
        answers.append((await ref.ask(ASKED, timeout=60)).messages)

    ref: ActorRef[Question] = new_ref("stats", MAILBOX)
    child = ChildSpec("stats", partial(QueryEngine, readers, concurrency=2, deadline=7.5), ref=ref, shutdown=60.0)
    async with trio.open_nursery() as nursery, open_supervisor(SupervisorSpec(children=(child,))) as supervisor:
        nursery.start_soon(ask, ref)
        await trio.sleep(1)
        await supervisor.stop()

    assert answers == [1]


async def test_what_is_asked_again_and_again_is_answered_by_live_counters(
    readers: SlowReaders, autojump_clock: MockClock
) -> None:
    """The second computation makes a base, the third one begins with it."""
    readers.connection.execute("INSERT INTO guilds (id) VALUES (?)", (GUILD,))
    counters = CacheCounters()
    async with engine(readers, Bases(1 << 20, counters)) as (ref, _):
        boards = [await ref.ask(LeaderboardQuestion(guild_id=GUILD, range=WEEK), timeout=60) for _ in range(3)]

    assert [[1], [1], [1]] == [[entry.value for entry in board.entries] for board in boards]
    assert (counters.misses, counters.hits, counters.entries) == (1, 1, 1)


def test_the_configuration_says_how_much_live_counters_may_take_and_whether_there_are_any() -> None:
    """They are counted beside the caches."""
    counters = Counters()
    assert live_counters(Config(cache=CacheSection(live_mb=0)), counters) is None
    assert counters.caches == {}
    bases = live_counters(Config(cache=CacheSection(live_mb=1)), counters)
    assert bases is not None
    bases.put("a", "a", 1 << 20)
    bases.put("b", "b", 1)
    assert (counters.caches["live"].entries, counters.caches["live"].bytes) == (1, 1)
