"""Turns to IDENTIFY."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.gateway.close_codes import RefusedTokenError
from mocha_actors.gateway.identify_queue import MAILBOX, IdentifyQueue, TakeTurn, first_of_each_key
from mocha_actors.gateway.rest import GatewayInfo, RestUnavailableError, SessionStartLimit
from mocha_actors.runtime import ActorRef, ChildSpec, SupervisorSpec, new_ref, open_supervisor
from tests.gateway.surroundings import Rest, Store, Writer


def limits(max_concurrency: int = 1, remaining: int = 1000, reset_after: int = 0) -> GatewayInfo:
    """An answer of Discord's."""
    return GatewayInfo("wss://g", 1, SessionStartLimit(1000, remaining, reset_after, max_concurrency))


class SlowRest(Rest):
    """An API whose answer takes a second."""

    async def gateway(self, max_age: float = math.inf) -> GatewayInfo:
        """The answer, after it."""
        await trio.sleep(1)
        return await super().gateway(max_age)


class Queue:
    """The queue, and when each shard had its turn."""

    def __init__(self, ref: ActorRef[TakeTurn]) -> None:
        self.ref = ref
        self.turns: list[tuple[int, float]] = []

    async def take(self, shard: int, turn: TakeTurn | None = None) -> None:
        """Wait for the turn and note it."""
        await self.ref.ask(turn or TakeTurn(shard), timeout=1e6)
        self.turns.append((shard, trio.current_time()))


@asynccontextmanager
async def open_queue(rest: Rest, store: Store | None = None) -> AsyncIterator[Queue]:
    """A running queue and its writer."""
    ref, writer, known = new_ref("identify", MAILBOX), new_ref("writer"), store or Store()

    def make() -> IdentifyQueue:
        return IdentifyQueue(writer=writer, rest=rest, shards=6, clock=lambda: int(trio.current_time() * 1000))  # type: ignore[arg-type]

    children = (ChildSpec("writer", lambda: Writer(known), ref=writer), ChildSpec("identify", make, ref=ref))
    async with open_supervisor(SupervisorSpec(children)):
        yield Queue(ref)


async def test_shards_get_their_turns_in_order_and_five_seconds_apart_for_each_key(
    autojump_clock: trio.abc.Clock,
) -> None:
    """Six shards, two keys: 0 and 1, then 2 and 3, then 4 and 5."""
    async with open_queue(Rest(limits(max_concurrency=2))) as queue:
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for shard in (5, 3, 1, 4, 2, 0):
                nursery.start_soon(queue.take, shard)

    rounds = [sorted(shard for shard, at in queue.turns if round((at - start) / 5.25) == each) for each in range(3)]
    assert [[0, 1], [2, 3], [4, 5]] == rounds
    for key in (0, 1):
        times = [at for shard, at in queue.turns if shard % 2 == key]
        assert all(later - earlier >= 5.249 for earlier, later in pairwise(times))


async def test_a_low_shard_that_comes_late_is_overtaken_once_at_most(autojump_clock: trio.abc.Clock) -> None:
    """While the first decision is made, which here takes a second each, all the others ask: the lowest of them is next."""
    rest = SlowRest(limits())
    async with open_queue(rest) as queue, trio.open_nursery() as nursery:
        nursery.start_soon(queue.take, 9)
        await trio.sleep(1.5)
        for shard in (8, 7, 6, 5, 4, 3, 2, 1, 0):
            nursery.start_soon(queue.take, shard)
            await trio.sleep(0.01)

    assert [9, 0, 1, 2, 3, 4, 5, 6, 7, 8] == [shard for shard, _ in queue.turns]


@given(st.sets(st.integers(0, 40), max_size=20), st.integers(1, 16))
def test_the_first_of_each_key_goes_first(shards: set[int], keys: int) -> None:
    """One of each key, ascending, and none of them behind a higher one of its key."""
    first = first_of_each_key(shards, keys)

    assert first == sorted(first)
    assert {shard % keys for shard in first} == {shard % keys for shard in shards}
    assert all(min(other for other in shards if other % keys == shard % keys) == shard for shard in first)
    assert len(first) == len({shard % keys for shard in first})


async def test_an_abandoned_turn_costs_nothing(autojump_clock: trio.abc.Clock) -> None:
    """A shard whose connection died while it waited leaves no hole of five seconds and no entry in the log."""
    store = Store()
    async with open_queue(Rest(limits()), store) as queue:
        await queue.take(0)
        start, dead = trio.current_time(), TakeTurn(1)
        with trio.move_on_after(1):
            try:
                await queue.take(1, dead)
            finally:
                dead.abandoned = True
        await queue.take(2)

        assert 5.3 > trio.current_time() - start
        assert [0, 2] == [shard for shard, _ in store.identifies]


async def test_an_exhausted_budget_waits_until_discord_resets_it(autojump_clock: trio.abc.Clock) -> None:
    """``remaining: 0``: no IDENTIFY before ``reset_after``."""
    rest = Rest(limits(remaining=0, reset_after=3000))
    async with open_queue(rest) as queue:
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.take, 0)
            await trio.sleep(1)
            rest.answer = limits()

    assert 3.0 <= queue.turns[0][1] - start < 3.1


async def test_what_discord_says_remains_is_not_spent_to_the_end(autojump_clock: trio.abc.Clock) -> None:
    """Another program may have spent it, of which our own log knows nothing: at the reserve all wait."""
    rest, store = Rest(limits(remaining=51, reset_after=60_000)), Store()
    async with open_queue(rest, store) as queue:
        await queue.take(0)
        rest.answer = limits(remaining=50, reset_after=60_000)
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.take, 1)
            await trio.sleep(50)
            rest.answer = limits(remaining=1000)

    assert 60.0 <= queue.turns[1][1] - start < 60.1


async def test_a_budget_below_the_reserve_still_allows_one(autojump_clock: trio.abc.Clock) -> None:
    """Else a bot with few identifies a day could never start."""
    few = GatewayInfo("wss://g", 1, SessionStartLimit(10, 10, 60_000, 1))
    async with open_queue(Rest(few)) as queue:
        start = trio.current_time()
        await queue.take(0)

    assert trio.current_time() - start < 1


async def test_an_unreachable_api_delays_turns(autojump_clock: trio.abc.Clock) -> None:
    """As long as it asks for, else for some seconds."""
    rest = Rest(RestUnavailableError("rate limited", 40.0))
    async with open_queue(rest) as queue:
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(queue.take, 0)
            await trio.sleep(1)
            rest.answer = limits()

    assert 40.0 <= queue.turns[0][1] - start < 40.1


async def test_a_number_of_shards_that_discord_may_refuse_is_told_once(
    autojump_clock: trio.abc.Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """A4.39: before an IDENTIFY is spent on it; whoever knows better may go on."""
    info = GatewayInfo("wss://g", 160, SessionStartLimit(1000, 1000, 0, 1))
    async with open_queue(Rest(info)) as queue:
        await queue.take(0)
        await queue.take(1)

    told = [line for line in capsys.readouterr().out.splitlines() if "gateway.shard_count" in line]
    assert 1 == len(told)
    assert "needs a multiple of 160" in told[0]
    assert [0, 1] == [shard for shard, _ in queue.turns]


async def test_a_refused_token_is_told_to_whoever_waits(autojump_clock: trio.abc.Clock) -> None:
    """The queue lives on; the shard is told why."""
    rest = Rest(RefusedTokenError("no"))
    async with open_queue(rest) as queue:
        with pytest.raises(RefusedTokenError):
            await queue.take(0)
        rest.answer = limits()
        await queue.take(0)

    assert [0] == [shard for shard, _ in queue.turns]
