"""The way of a question through cache and single flight, with the real actors in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec
import pytest
import trio
from trio.testing import MockClock

from mocha_actors.cache.actor import MAILBOX as CACHE_MAILBOX
from mocha_actors.cache.actor import Cache, Message, counters_of
from mocha_actors.config import CacheSection
from mocha_actors.discord.snowflake import HOUR_MS
from mocha_actors.errors import MochaError, TransientError
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.notices import Changed, Subject, Touched
from mocha_actors.runtime import ActorRef, AskTimeout, ChildSpec, SupervisorSpec, new_ref, open_supervisor
from mocha_actors.stats.engine import MAILBOX, QueryEngine
from mocha_actors.stats.questions import GuildQuestion, UserQuestion
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import GuildStats
from tests.stats.oracle import DAY, EPOCH_MS, GUILD, OTHER_GUILD, START, Sent, database

R = TypeVar("R")

WEEK = GuildQuestion(guild_id=GUILD, range=Range(START, START + 7 * DAY))
"""A range that was over long ago."""


@dataclass
class Scene:
    """An engine, a cache, and a database that takes a virtual second for each question."""

    ask_ref: ActorRef[Any]
    cache: ActorRef[Message]
    counters: Counters
    connection: Any
    reads: int = 0
    failures: list[Exception] = field(default_factory=list)
    order: list[int] = field(default_factory=list)

    async def run(self, question: Callable[[Any], R], *, deadline: float) -> R:
        """What the engine takes for its readers."""
        self.reads += 1
        self.order.append(question.keywords["guild_id"])  # type: ignore[attr-defined]
        answer = question(self.connection)
        await trio.sleep(1)
        if self.failures:
            raise self.failures.pop()
        return answer

    async def ask(self, question: Any = WEEK, timeout: float = 60) -> Any:  # noqa: ASYNC109
        """Ask the engine."""
        return await self.ask_ref.ask(question, timeout=timeout)

    async def write(self, number: int, at_ms: int = START) -> None:
        """Commit a message and tell the cache, as the writer does."""
        key = (at_ms - EPOCH_MS) << 22 | number
        self.connection.execute("INSERT INTO message_events VALUES (?, ?, 50, 1, 0, 0, 0, NULL)", (GUILD, key))
        hour = at_ms // HOUR_MS
        row = (GUILD, hour)
        self.connection.execute(
            "INSERT INTO guild_hour VALUES (?, ?, 0, 0, 1, 0) ON CONFLICT DO UPDATE SET sent = sent + 1", row
        )
        await self.cache.tell(Changed(frozenset({Touched(GUILD, Subject.MESSAGES, hour, hour)})))


@asynccontextmanager
async def scene(*, known: bool = True, readers: int = 1, cached: bool = True) -> AsyncIterator[Scene]:
    """Start the two actors."""
    connection = database([Sent(GUILD, (START - EPOCH_MS) << 22, 50, 1, 0, 0, deleted=False)])
    if known:
        connection.execute("INSERT INTO guilds (id) VALUES (?), (?)", (GUILD, OTHER_GUILD))
    counters = Counters()
    made = Scene(new_ref("stats", MAILBOX), new_ref("cache", CACHE_MAILBOX), counters, connection)
    engine = partial(
        QueryEngine, made, concurrency=readers, deadline=30, cache=made.cache if cached else None, stale_seconds=5.0
    )
    children = (
        ChildSpec("cache", partial(Cache, CacheSection(), counters_of(counters), memory=lambda: 0), ref=made.cache),
        ChildSpec("stats", engine, ref=made.ask_ref),
    )
    async with open_supervisor(SupervisorSpec(children=children)):
        yield made
    connection.close()


async def test_the_second_question_is_answered_from_the_cache(autojump_clock: MockClock) -> None:
    """With the time of the first one in it."""
    async with scene() as here:
        first, second = await here.ask(), await here.ask()

    assert first == second
    assert isinstance(second, GuildStats)
    assert (second.messages, here.reads) == (1, 1)
    assert second.as_of_ms is not None


async def test_ten_thousand_concurrent_identical_questions_cost_one_query(autojump_clock: MockClock) -> None:
    """Each asker has the answer after the second that the one query takes."""
    answers: list[Any] = []

    async def ask(here: Scene) -> None:
        answers.append(await here.ask())

    async with scene() as here, trio.open_nursery() as nursery:
        for _ in range(10_000):
            nursery.start_soon(ask, here)

    assert here.reads == 1
    assert [1] * 10_000 == [answer.messages for answer in answers]


async def test_an_asker_that_gives_up_ends_the_flight_for_nobody_else(autojump_clock: MockClock) -> None:
    """Not even when it was the first."""
    answers: list[Any] = []

    async def ask(here: Scene) -> None:
        answers.append(await here.ask())

    async with scene() as here, trio.open_nursery() as nursery:
        with trio.move_on_after(0.2):
            await here.ask()
        nursery.start_soon(ask, here)
        with pytest.raises(AskTimeout):
            await here.ask(timeout=0.3)

    assert (here.reads, [answer.messages for answer in answers]) == (1, [1])


async def test_whoever_asks_after_a_commit_does_not_get_an_answer_from_before(autojump_clock: MockClock) -> None:
    """The flight under way began before it; a second one is begun, and its answer is the one that stays."""
    answers: list[int] = []

    async def ask(here: Scene) -> None:
        answers.append((await here.ask()).messages)

    async with scene(readers=2) as here, trio.open_nursery() as nursery:
        nursery.start_soon(ask, here)
        await trio.sleep(0.5)
        await here.write(7)
        nursery.start_soon(ask, here)
        await trio.sleep(3)
        assert (await here.ask()).messages == 2

    assert here.reads == 2
    assert answers == [1, 2]


async def test_an_error_is_told_to_all_who_wait_and_is_not_kept(autojump_clock: MockClock) -> None:
    """The next question is read anew."""
    told: list[MochaError] = []

    async def ask(here: Scene) -> None:
        try:
            await here.ask()
        except MochaError as error:
            told.append(error)

    async with scene() as here:
        here.failures.append(TransientError("away"))
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ask, here)
        answer = await here.ask()

    assert ["away"] * 3 == [str(error) for error in told]
    assert (answer.messages, here.reads) == (1, 2)


async def test_an_answer_about_a_guild_that_is_not_known_is_not_kept(autojump_clock: MockClock) -> None:
    """Ids that somebody makes up would take the place of answers."""
    async with scene(known=False) as here:
        await here.ask()
        await here.ask()

    assert here.reads == 2


async def test_questions_that_differ_are_read_apart(autojump_clock: MockClock) -> None:
    """By user, for one."""
    async with scene() as here:
        for user_id in (1, 2, 1):
            await here.ask(UserQuestion(guild_id=GUILD, user_id=user_id, range=WEEK.range))

    assert here.reads == 2


async def test_a_flood_of_questions_about_one_guild_does_not_starve_another(autojump_clock: MockClock) -> None:
    """Two hundred questions wait for the one reader; the one about another guild is next but one."""
    async with scene() as here, trio.open_nursery() as nursery:
        for user_id in range(1, 201):
            nursery.start_soon(here.ask, UserQuestion(guild_id=GUILD, user_id=user_id, range=WEEK.range), 1000)
        await trio.sleep(0.5)
        began = trio.current_time()
        await here.ask(msgspec.structs.replace(WEEK, guild_id=OTHER_GUILD))
        waited = trio.current_time() - began

    assert waited <= 3
    assert here.order.index(OTHER_GUILD) <= 2
    assert len(here.order) == 201


async def test_without_a_cache_every_question_is_read(autojump_clock: MockClock) -> None:
    """And says nothing about its age, since it has none."""
    async with scene(cached=False) as here:
        answers = [await here.ask(), await here.ask()]

    assert here.reads == 2
    assert [None, None] == [answer.as_of_ms for answer in answers]


async def test_a_cache_that_does_not_answer_costs_a_second_and_no_answer(autojump_clock: MockClock) -> None:
    """Slower, never down."""
    silent: ActorRef[Message] = new_ref("cache", CACHE_MAILBOX)
    async with scene() as here:
        ref: ActorRef[Any] = new_ref("other", MAILBOX)
        engine = partial(QueryEngine, here, concurrency=1, deadline=30, cache=silent, stale_seconds=5.0)
        async with open_supervisor(SupervisorSpec(children=(ChildSpec("other", engine, ref=ref),))):
            began = trio.current_time()
            answer = await ref.ask(WEEK, timeout=60)

    assert answer.messages == 1
    assert trio.current_time() - began == pytest.approx(2)
