"""The cache actor, alive under a supervisor in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from mocha_actors.cache.actor import MAILBOX, Cache, Keep, LookUp, Message, Recall, counters_of
from mocha_actors.cache.answers import Hit, Ticket
from mocha_actors.cache.bases import IDLE_SECONDS, Bases
from mocha_actors.cache.keys import Wanted
from mocha_actors.cache.shared import SharedAnswers
from mocha_actors.config import CacheSection
from mocha_actors.pipeline.counters import CacheCounters, Counters
from mocha_actors.pipeline.notices import EVERYTHING
from mocha_actors.runtime import ActorRef, Backoff, ChildSpec, Supervisor, SupervisorSpec, new_ref, open_supervisor
from tests.cache.questions import NOW_HOUR, change, closed, rolling

MB = 1 << 20


class Elsewhere:
    """A second level in memory, which takes a virtual second for each answer."""

    def __init__(self) -> None:
        self.kept: dict[tuple[object, str], tuple[Any, int]] = {}

    async def get(self, wanted: Wanted, stamp: str) -> tuple[Any, int] | None:
        """The answer, a second later."""
        await trio.sleep(1)
        return self.kept.get((wanted.key, stamp))

    async def put(self, wanted: Wanted, stamp: str, answer: object) -> None:
        """Keep it."""
        self.kept[wanted.key, stamp] = (answer, wanted.as_of_ms)


@dataclass
class House:
    """A cache with its address."""

    ref: ActorRef[Message]
    supervisor: Supervisor
    counters: Counters

    async def look_up(self, wanted: Wanted) -> Hit | Ticket:
        """Ask it."""
        return await self.ref.ask(LookUp(wanted), timeout=60)

    async def ticket(self, wanted: Wanted) -> Ticket:
        """Ask it for what it has not."""
        found = await self.look_up(wanted)
        assert isinstance(found, Ticket)
        return found

    async def fill(self, wanted: Wanted, answer: object = 1, stamp: str = "1") -> Ticket:
        """Ask, compute at once, keep."""
        ticket = await self.ticket(wanted)
        await self.ref.tell(Keep(wanted, ticket, answer, stamp, wanted.moving))
        return ticket


@asynccontextmanager
async def house(
    section: CacheSection | None = None,
    shared: Elsewhere | None = None,
    memory: Callable[[], int] = lambda: 0,
    bases: Bases | None = None,
) -> AsyncIterator[House]:
    """Start one."""
    ref: ActorRef[Message] = new_ref("cache", MAILBOX)
    counters = Counters()
    start = partial(
        Cache,
        section or CacheSection(),
        counters_of(counters),
        cast("SharedAnswers | None", shared),
        bases,
        memory=memory,
    )
    child = ChildSpec("cache", start, ref=ref, backoff=Backoff(0.1, 1.0, jitter="none"))
    async with open_supervisor(SupervisorSpec(children=(child,))) as supervisor:
        yield House(ref, supervisor, counters)


async def test_an_answer_that_was_brought_is_served_until_a_notice_reaches_it(autojump_clock: MockClock) -> None:
    """The mailbox is the order of things."""
    async with house() as cache:
        await cache.fill(closed(), 42)
        served = await cache.look_up(closed())
        await cache.ref.tell(change(NOW_HOUR - 30))
        after = await cache.look_up(closed())

    assert served == Hit(42, closed().as_of_ms)
    assert isinstance(after, Ticket)
    counted = cache.counters.caches["guild"]
    assert (counted.entries, counted.hits, counted.misses, counted.invalidated) == (1, 1, 2, 1)


async def test_a_cache_that_crashed_begins_with_nothing_and_takes_nothing_from_before(
    autojump_clock: MockClock,
) -> None:
    """Neither answers nor leave to bring them survive, since notices may be lost with a crash."""
    async with house() as cache:
        await cache.fill(closed(tag="kept"))
        ticket = await cache.ticket(closed())
        await cache.ref.tell(cast("Message", LookUp(closed())))  # it cannot answer what was told
        await trio.sleep(1)
        restarts = cache.supervisor.tree().children[0].restarts
        await cache.ref.tell(Keep(closed(), ticket, 1, "1", moving=False))
        found = [await cache.look_up(closed(tag=tag)) for tag in ("kept", "")]

    assert restarts == 1
    assert [Ticket, Ticket] == [type(one) for one in found]


async def test_the_caches_shrink_while_the_process_uses_too_much_and_say_so(autojump_clock: MockClock) -> None:
    """And grow back when it does not."""
    used = [50 * MB]
    section = CacheSection(guild_size=8, memory_limit_mb=100)
    with capture_logs() as logs:
        async with house(section, memory=lambda: used[0]) as cache:
            for tag in "abcdefgh":
                await cache.fill(closed(tag=tag))
            await trio.sleep(1)
            used[0] = 150 * MB
            await trio.sleep(5)
            used[0] = 50 * MB
            shrunk = cache.counters.caches["guild"].entries
            await trio.sleep(600)
            for tag in "abcdefgh":
                await cache.ref.tell(Keep(closed(tag=tag), (await cache.ticket(closed(tag=tag + "?"))), 1, "1", False))
            await cache.look_up(closed())

    assert shrunk == 4
    assert cache.counters.caches["guild"].entries == 8
    assert [
        {"event": "cache.shrunk", "log_level": "warning", "used_mb": 150, "limit_mb": 100, "share": 0.5, "evicted": 4}
    ] == [line for line in logs if line["event"] == "cache.shrunk"]


async def test_the_bases_of_live_counters_share_the_memory(autojump_clock: MockClock) -> None:
    """They shrink with the answers, go when nobody uses them, and all at once when anything may have changed anywhere."""
    used = [0]
    bases = Bases(100, CacheCounters(), trio.current_time)
    section = CacheSection(memory_limit_mb=100)
    async with house(section, memory=lambda: used[0], bases=bases) as cache:
        for key in "abcd":
            bases.put(key, key, 25)
        await trio.sleep(1)
        used[0] = 150 * MB
        with capture_logs() as logs:
            await trio.sleep(5)
        used[0] = 0
        left = [key for key in "abcd" if bases.get(key, lambda _: True)]
        await cache.ref.tell(change())
        await cache.look_up(closed())
        after_a_change = [key for key in "cd" if bases.get(key, lambda _: True)]
        await cache.ref.tell(EVERYTHING)
        await cache.look_up(closed())
        after_everything = [key for key in "cd" if bases.get(key, lambda _: True)]
        bases.put("e", "e", 25)
        await trio.sleep(IDLE_SECONDS + 10)

    assert left == after_a_change == ["c", "d"]
    assert [line["evicted"] for line in logs if line["event"] == "cache.shrunk"] == [2]
    assert after_everything == []
    assert not bases.get("e", lambda _: True)


async def test_the_second_level_answers_for_the_state_of_the_database_that_it_is_asked_for(
    autojump_clock: MockClock,
) -> None:
    """And what it answers is kept in memory too."""
    elsewhere = Elsewhere()
    async with house(shared=elsewhere) as first:
        await first.fill(closed(), 42, stamp="7")
        await trio.sleep(0.1)
    async with house(shared=elsewhere) as second:
        ticket = await second.ticket(closed())
        wrong = await second.ref.ask(Recall(closed(), ticket, "8"), timeout=60)
        right = await second.ref.ask(Recall(closed(), ticket, "7"), timeout=60)
        again = await second.look_up(closed())

    assert wrong is None
    assert right == again == Hit(42, closed().as_of_ms)
    assert second.counters.caches["guild"].shared == 1


async def test_the_second_level_delays_nobody_else(autojump_clock: MockClock) -> None:
    """While it takes its second, look-ups and notices are handled."""
    async with house(shared=Elsewhere()) as cache, trio.open_nursery() as nursery:
        ticket = await cache.fill(closed(tag="here"))
        began = trio.current_time()
        nursery.start_soon(partial(cache.ref.ask, Recall(closed(), ticket, "1"), timeout=60))
        await trio.lowlevel.checkpoint()
        assert isinstance(await cache.look_up(closed(tag="here")), Hit)
        assert trio.current_time() - began < 0.5


async def test_what_changes_while_the_second_level_is_asked_keeps_its_answer_out_of_memory(
    autojump_clock: MockClock,
) -> None:
    """It is told to the asker, for whom it was true, and to nobody after."""
    elsewhere = Elsewhere()
    elsewhere.kept[closed().key, "1"] = (42, 0)
    async with house(shared=elsewhere) as cache, trio.open_nursery() as nursery:
        ticket = await cache.ticket(closed())
        nursery.start_soon(partial(cache.ref.ask, Recall(closed(), ticket, "1"), timeout=60))
        await trio.sleep(0.5)
        await cache.ref.tell(change(NOW_HOUR - 30))
        await trio.sleep(1)
        assert isinstance(await cache.look_up(closed()), Ticket)


async def test_an_answer_up_to_now_from_the_second_level_keeps_its_age(autojump_clock: MockClock) -> None:
    """Three seconds old when it comes, it is served for two more."""
    elsewhere = Elsewhere()
    elsewhere.kept[rolling().key, "1"] = (42, rolling().as_of_ms - 3_000)
    elsewhere.kept[rolling(30).key, "1"] = (43, rolling().as_of_ms - 5_001)
    async with house(shared=elsewhere) as cache:
        too_old = await cache.ref.ask(Recall(rolling(30), await cache.ticket(rolling(30)), "1"), timeout=60)
        ticket = await cache.ticket(rolling())
        young = await cache.ref.ask(Recall(rolling(), ticket, "1"), timeout=60)
        await trio.sleep(0.9)
        served = await cache.look_up(rolling())
        await trio.sleep(0.2)
        after = await cache.look_up(rolling())

    assert too_old is None
    assert young == served == Hit(42, rolling().as_of_ms - 3_000)
    assert isinstance(after, Ticket)


async def test_an_answer_about_what_is_not_yet_observed_does_not_go_to_the_second_level(
    autojump_clock: MockClock,
) -> None:
    """It is true for a moment, and for no state of the database."""
    elsewhere = Elsewhere()
    async with house(shared=elsewhere) as cache:
        ticket = await cache.ticket(closed())
        await cache.ref.tell(Keep(closed(), ticket, 1, "1", moving=True))
        await trio.sleep(1)

    assert {} == elsewhere.kept


def test_limits_and_keys_are_of_the_kind_and_the_question() -> None:
    """What two processes share is named by everything that makes an answer."""
    keys = {
        wanted.shared_key(stamp)
        for stamp in ("1.0.0", "2.0.0")
        for wanted in (closed(), closed(tag="x"), closed(guild_id=2), replace(closed(), answer=str))
    }

    assert len(keys) == 8
