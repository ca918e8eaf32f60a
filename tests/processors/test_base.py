"""Promise P3: one bad event becomes one dead letter, never a lost neighbour."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from functools import partial

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.discord.events import Event, UnknownEvent
from mocha_actors.errors import DataError
from mocha_actors.pipeline.batch import IGNORED, Batch, DeadLetter, Work
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.processors.base import MAX_RESTARTS, WINDOW, FailureWindow, Processor
from mocha_actors.runtime import ActorRef, ChildSpec, Mailbox, SupervisorSpec, new_ref, open_supervisor
from mocha_actors.runtime import Event as RuntimeEvent

MAILBOX = Mailbox(100_000, redeliver=1_000_000, weigh=len)


def batch_of(count: int, size: int = 10) -> Batch:
    """A batch of ``count`` events, s = 1, 2, …, in ``size`` bytes."""
    events: list[Event] = [UnknownEvent(t="X", s=s) for s in range(1, count + 1)]
    return Batch(0, "session", events, received_at=0.0, received_ms=0, size=size)


class House:
    """One supervised processor and what its supervisor reported."""

    def __init__(self, translate: Callable[[Event, Stamp], tuple[Fact, ...]]) -> None:
        self.events: list[RuntimeEvent] = []
        self.failures = FailureWindow()
        self.ref: ActorRef[Work] = new_ref("message", MAILBOX)
        start = partial(Processor, "message", translate, self.failures)
        self.spec = SupervisorSpec(children=(ChildSpec("message", start, ref=self.ref),), max_restarts=0)

    def restarts(self) -> int:
        return sum(event.name == "child.restarting" for event in self.events)

    async def settle(self, *batches: Batch) -> None:
        """Hand the batches over and wait until each is settled."""
        async with open_supervisor(self.spec, on_event=self.events.append):
            for batch in batches:
                await self.ref.tell(Work(batch, range(len(batch))))
            for batch in batches:
                done = trio.Event()
                batch.when_settled(done.set)
                with trio.fail_after(10):
                    await done.wait()


def reasons(batch: Batch) -> list[str]:
    """What became of each entry: "" for a good one."""
    return [outcome.reason if isinstance(outcome, DeadLetter) else "" for outcome in batch.outcomes]


class Flaky:
    """A translation that fails for some ``s`` as often as it is told, and counts its calls."""

    def __init__(self, failures: dict[int, int]) -> None:
        self.left, self.calls = dict(failures), Counter[int]()

    def __call__(self, event: Event, stamp: Stamp) -> tuple[Fact, ...]:
        self.calls[event.s] += 1
        if self.left.get(event.s, 0) > 0:
            self.left[event.s] -= 1
            raise RuntimeError(f"s={event.s}")
        return IGNORED


async def test_an_entry_that_fails_once_is_tried_again_in_a_fresh_incarnation(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One restart, no dead letter, no back-off, and the supervisor's budget (0 restarts here) is not spent."""
    flaky = Flaky({2: 1})
    house, batch = House(flaky), batch_of(3)

    await house.settle(batch)

    assert ["", "", ""] == reasons(batch)
    assert {1: 1, 2: 2, 3: 1} == flaky.calls
    assert 1 == house.restarts()
    assert 0 == trio.current_time()


async def test_an_entry_that_fails_twice_is_poison_and_its_neighbours_are_handled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The dead letter is the entry's own; those before it are not handled again, those after it are handled."""
    flaky = Flaky({2: 9})
    house, batch = House(flaky), batch_of(3)

    await house.settle(batch)

    assert ["", "poison", ""] == reasons(batch)
    assert {1: 1, 2: 2, 3: 1} == flaky.calls


async def test_data_that_is_not_valid_restarts_nothing(autojump_clock: trio.testing.MockClock) -> None:
    """A DataError is a dead letter `invalid` at once."""

    def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
        if event.s == 1:
            raise DataError("no guild has id -1")
        return IGNORED

    house, batch = House(translate), batch_of(2)
    await house.settle(batch)

    assert ["invalid", ""] == reasons(batch)
    assert 0 == house.restarts()


async def test_above_twenty_failures_a_minute_a_processor_stops_restarting(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Degraded, it sets failing entries aside without a second try; a quiet minute later it restarts for them again."""
    flaky = Flaky(dict.fromkeys(range(1, 101), 9))
    house, batch = House(flaky), batch_of(100)

    await house.settle(batch)

    assert ["poison"] * 100 == reasons(batch)
    assert MAX_RESTARTS == house.restarts()
    assert house.failures.degraded
    assert house.failures.quiet(trio.current_time() + WINDOW)
    assert not house.failures.failed(trio.current_time() + WINDOW)


async def test_work_that_is_handed_over_again_is_not_done_again(autojump_clock: trio.testing.MockClock) -> None:
    """Settled entries are passed over, so a resubmitted batch costs nothing."""
    flaky = Flaky({})
    house, batch = House(flaky), batch_of(3)

    await house.settle(batch, batch)

    assert {1: 1, 2: 1, 3: 1} == flaky.calls


@given(st.dictionaries(st.integers(1, 40), st.integers(1, 3), max_size=8))
@settings(max_examples=30)
def test_whatever_fails_exactly_the_entries_that_fail_twice_are_set_aside(failures: dict[int, int]) -> None:
    """Below the limit of restarts: once failed is retried, twice failed is poison, the rest is untouched."""
    house, batch = House(Flaky(failures)), batch_of(40)

    trio.run(house.settle, batch, clock=trio.testing.MockClock(autojump_threshold=0))

    assert [failures.get(s, 0) > 1 for s in range(1, 41)] == [reason == "poison" for reason in reasons(batch)]


async def test_huge_entries_are_translated_beside_the_loop_and_what_fails_in_them_stays_with_them() -> None:
    """A thread of its own for a GUILD_CREATE of megabytes; a hundred messages that come to as many bytes are done at once."""
    threads: dict[int, set[bool]] = {}

    def translate(event: Event, stamp: Stamp) -> tuple[Fact, ...]:
        threads.setdefault(sizes[event.s], set()).add(threading.current_thread() is threading.main_thread())
        if event.s == 2:
            msg = "not valid"
            raise DataError(msg)
        return IGNORED

    huge, many = batch_of(2, 5_000_000), batch_of(100, 5_000_000)
    sizes = dict.fromkeys(range(3), 2)
    house = House(translate)
    await house.settle(huge)
    sizes = dict.fromkeys(range(101), 100)
    await house.settle(many)

    assert threads == {2: {False}, 100: {True}}
    assert reasons(huge) == ["", "invalid"]
    assert house.restarts() == 0
