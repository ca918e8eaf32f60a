"""The way of a question through cache and single flight, with the real actors in virtual time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec
import pytest
import trio
from structlog.testing import capture_logs
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
    begun: list[float] = field(default_factory=list)

    async def run(self, question: Callable[[Any], R], *, deadline: float) -> R:
        """What the engine takes for its readers."""
        self.reads += 1
        self.begun.append(trio.current_time())
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


# An answer about the present is renewed before its time is over


def today() -> GuildQuestion:
    """The last seven days, up to now."""
    now_ms = time.time_ns() // 1_000_000
    # At a whole second it would be taken for a time that somebody wrote.
    now_ms -= now_ms % 1_000 == 0
    return GuildQuestion(guild_id=GUILD, range=Range.last_days(7, now_ms))


async def polled(here: Scene, seconds: float, pause: float, *, busy: bool) -> list[tuple[float, float, Any]]:
    """A dashboard asks every ``pause`` seconds: when, how long it waited, and the answer; a busy guild is written to all the while."""
    told: list[tuple[float, float, Any]] = []
    began = trio.current_time()
    while trio.current_time() - began < seconds:
        asked = trio.current_time()
        if busy:
            for number in range(2):
                await here.write(100 + 2 * len(told) + number, time.time_ns() // 1_000_000)
        answer = await here.ask(today())
        told.append((asked, trio.current_time() - asked, answer))
        await trio.sleep(pause)
    return told


@pytest.mark.parametrize("busy", [True, False], ids=["busy", "quiet"])
async def test_a_dashboard_waits_for_its_first_answer_only(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    """Reading takes a second, an answer serves for five. Of sixty seconds one is waited for, whoever renews the others; none is older than the bound."""
    # Answers are told apart by their time: by the wall's clock, which does not jump, two of them may be of one millisecond.
    began_ns = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: began_ns + int((trio.current_time() - began) * 1e9))
    began = trio.current_time()
    async with scene() as here:
        for number in range(5 * busy):
            await here.write(number, time.time_ns() // 1_000_000)
        told = await polled(here, 60, 0.5, busy=busy)
        reads = here.reads

    assert [waited for _, waited, _ in told if waited > 0] == pytest.approx([1])
    assert 60 / 5 <= reads <= 60 / 2.5 + 1
    assert here.counters.caches["guild"].renewed == reads - 1
    # The answers are told apart by their time, and come in the order in which they were read.
    order = {
        as_of_ms: number for number, as_of_ms in enumerate(dict.fromkeys(answer.as_of_ms for _, _, answer in told))
    }
    assert len(order) >= 60 / 5
    assert max(asked - here.begun[order[answer.as_of_ms]] for asked, _, answer in told) <= 5.0


async def test_two_hundred_dashboards_have_an_answer_renewed_once(autojump_clock: MockClock) -> None:
    """One of them has leave to, and the others do not even look."""
    async with scene() as here:
        await here.ask(today())
        await trio.sleep(3)
        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(here.ask, today())
        await trio.sleep(1.5)

    assert here.reads == 2


async def test_an_answer_that_cannot_be_renewed_serves_to_its_end_and_then_somebody_waits(
    autojump_clock: MockClock,
) -> None:
    """The one who asked first was answered all the same."""
    async with scene() as here:
        first = await here.ask(today())
        await trio.sleep(2)
        here.failures.append(TransientError("away"))
        with capture_logs() as logs:
            assert (await here.ask(today())).as_of_ms == first.as_of_ms
            await trio.sleep(1.1)
        assert ["stats.not_renewed"] == [each["event"] for each in logs if each["log_level"] == "warning"]
        began = trio.current_time()
        await here.ask(today())
        assert trio.current_time() == began
        await trio.sleep(1)
        await here.ask(today())
        assert trio.current_time() - began == pytest.approx(2)

    assert here.reads == 3


async def test_nobody_asks_and_nothing_is_read(autojump_clock: MockClock) -> None:
    """A renewal is for somebody who asks."""
    async with scene() as here:
        await here.ask(today())
        await trio.sleep(600)

    assert here.reads == 1


async def test_nothing_is_renewed_while_somebody_waits_for_a_reader(autojump_clock: MockClock) -> None:
    """A renewal would take the turn of those whose answer is too old already; the leave to it stays for later."""
    async with scene() as here:
        first = await here.ask(today())
        await trio.sleep(2)
        async with trio.open_nursery() as nursery:
            for number in range(2):
                nursery.start_soon(here.ask, msgspec.structs.replace(WEEK, time_zone=f"Etc/GMT+{number}"))
            await trio.sleep(0.5)
            assert (await here.ask(today())).as_of_ms == first.as_of_ms
        assert here.reads == 3
        await here.ask(today())
        await trio.sleep(1)

    assert here.reads == 4
