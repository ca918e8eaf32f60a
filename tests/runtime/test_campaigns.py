"""Campaigns: many messages, many crashes, many actors. The same code runs small in every test run and large with `--long`."""

from __future__ import annotations

import gc
import resource
import time
import tracemalloc
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    ActorRef,
    Backoff,
    ChildSpec,
    Context,
    Event,
    Mailbox,
    Outcome,
    Supervisor,
    SupervisorSpec,
    open_supervisor,
)

from .toys import NO_WAIT, Boom, Forever, fail

ACTORS = 50
SENDERS = 10
CRASHES = 0.01
Message = tuple[int, int]
"""Who sent it, and its number among those of this sender to this actor."""


class Ledger:
    """What was sent and handled, and whether anything came out of order."""

    def __init__(self) -> None:
        self.sent = self.handled = self.crashes = self.out_of_order = 0
        self.newest: Counter[tuple[int, int]] = Counter()

    def handle(self, actor: int, message: Message) -> None:
        """A message was handled to its end."""
        sender, number = message
        self.handled += 1
        self.out_of_order += number <= self.newest[actor, sender]
        self.newest[actor, sender] = number


class Crashing(Actor[Message]):
    """Crashes at random, at once or after others had their turn."""

    def __init__(self, number: int, ledger: Ledger, rng: Random) -> None:
        self.number = number
        self.ledger = ledger
        self.rng = rng

    async def handle(self, message: Message, ctx: Context[Message]) -> None:
        dice = self.rng.random()
        if dice < 2 * CRASHES:
            await trio.lowlevel.checkpoint()
        if dice < CRASHES:
            self.ledger.crashes += 1
            raise Boom
        self.ledger.handle(self.number, message)


def crowd(ledger: Ledger, rng: Random) -> SupervisorSpec:
    """Half of the actors deliver at most once, half at least once."""
    children = (
        ChildSpec(
            f"{number}",
            partial(Crashing, number, ledger, rng),
            mailbox=Mailbox(100, redeliver=number % 2),
            backoff=NO_WAIT,
            shutdown=None,
        )
        for number in range(ACTORS)
    )
    return SupervisorSpec(tuple(children), max_restarts=10**9)


class Sender:
    """Sends messages to actors chosen at random, numbered for each."""

    def __init__(self, number: int, refs: list[ActorRef[Message]], ledger: Ledger, rng: Random) -> None:
        self.number = number
        self.refs = refs
        self.ledger = ledger
        self.rng = rng
        self.numbers: Counter[int] = Counter()

    async def send(self, count: int) -> None:
        for _ in range(count):
            actor = self.rng.randrange(ACTORS)
            self.numbers[actor] += 1
            await self.refs[actor].tell((self.number, self.numbers[actor]))
            self.ledger.sent += 1


def accounted(supervisor: Supervisor, ledger: Ledger) -> int:
    """Messages that were handled, are dead, wait, or are in hand."""
    boxes = [child.mailbox for child in supervisor.tree().children if child.mailbox is not None]
    return ledger.handled + supervisor.dead_letters.total + sum(box.waiting + box.in_hand for box in boxes)


async def audit(supervisor: Supervisor, ledger: Ledger) -> None:
    """Compare again and again, in the middle of everything."""
    while True:
        # A sender whose message was taken in while it waited for room has not yet gone on to count it.
        assert ledger.sent <= accounted(supervisor, ledger) <= ledger.sent + SENDERS
        for _ in range(50):
            await trio.lowlevel.checkpoint()


def resident() -> int:
    """The memory of this process now, in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def bombard(count: int) -> tuple[Ledger, Counter[str], list[int], list[int]]:
    """Send so many messages; what was counted, the dead letters by reason, and the objects and bytes as it went on."""
    ledger, rng, objects, sizes = Ledger(), Random(4), list[int](), list[int]()
    async with open_supervisor(crowd(ledger, rng), on_event=lambda _: None) as supervisor:
        refs = [supervisor.ref(f"{number}") for number in range(ACTORS)]
        senders = [Sender(number, refs, ledger, rng) for number in range(SENDERS)]
        async with trio.open_nursery() as auditing:
            auditing.start_soon(audit, supervisor, ledger)
            for _ in range(10):
                async with trio.open_nursery() as nursery:
                    for sender in senders:
                        nursery.start_soon(sender.send, count // SENDERS // 10)
                gc.collect()
                objects.append(len(gc.get_objects()))
                sizes.append(resident())
            auditing.cancel_scope.cancel()
        # An actor that crashes while it is stopped is not restarted, so everything is to be handled before.
        await trio.testing.wait_all_tasks_blocked()
    reasons: Counter[str] = Counter()
    for (_, reason), dead in supervisor.dead_letters.counts.items():
        reasons[reason] += dead
    return ledger, reasons, objects, sizes


@pytest.mark.parametrize("count", [5_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
async def test_nothing_is_lost_and_nothing_overtakes_under_random_crashes(count: int) -> None:
    """Sent = handled + dead; per sender in order; memory does not grow with the number of messages.

    A message delivered at most once dies with the incarnation that it crashed; one delivered at least once is tried
    again, and dies as poison if it crashes that one, too.
    """
    began = time.perf_counter()
    ledger, reasons, objects, sizes = await bombard(count)
    seconds = time.perf_counter() - began
    print(
        f"\n{count:,} tells to {ACTORS} actors in {seconds:.1f} s, {ledger.crashes:,} crashes: {ledger.handled:,} handled, "
        f"{dict(reasons)} dead; after each tenth {objects} objects, {[size // 2**20 for size in sizes]} MiB"
    )
    assert (count, 0) == (ledger.sent, ledger.out_of_order)
    assert count == ledger.handled + reasons.total()
    assert {"failed", "poison"} >= set(reasons)
    assert 0.5 * CRASHES < ledger.crashes / count < 2 * CRASHES
    # What may grow is the ring of 128 dead letters until it is full, each with its traceback.
    assert objects[-1] - objects[4] < 128 * 40


def many(count: int) -> SupervisorSpec:
    """So many actors that do nothing."""
    return SupervisorSpec(tuple(ChildSpec(f"{number}", Actor) for number in range(count)))


class Steps(trio.abc.Instrument):
    """Counts the steps of all tasks: the work of the scheduler, which no other load on the machine can change."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += 1


async def start_and_stop(count: int) -> tuple[float, float, float]:
    """Of each actor: processor seconds to start, to stop, and task steps of both together."""
    steps = Steps()
    trio.lowlevel.add_instrument(steps)
    began = time.thread_time()
    async with open_supervisor(many(count), on_event=lambda _: None) as supervisor:
        started = time.thread_time()
        assert {"running"} == {child.state for child in supervisor.tree().children}
        stopping = time.thread_time()
    stopped = time.thread_time()
    trio.lowlevel.remove_instrument(steps)
    return (started - began) / count, (stopped - stopping) / count, steps.count / count


async def memory_of(count: int) -> float:
    """Bytes that running actors hold, each."""
    gc.collect()
    tracemalloc.start()
    try:
        async with open_supervisor(many(count), on_event=lambda _: None):
            gc.collect()
            return tracemalloc.get_traced_memory()[0] / count
    finally:
        tracemalloc.stop()
    raise AssertionError("the block returns")


@pytest.mark.parametrize(
    ("few", "count"),
    [(100, 500), pytest.param(1_000, 10_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])],
)
async def test_cost_of_an_actor_does_not_grow_with_their_number(few: int, count: int) -> None:
    """Starting and stopping take so many steps of tasks, however many there are; an idle actor is a matter of kilobytes.

    The time is printed and asserted nowhere: it belongs to the machine, and to the garbage collector, whose full collections grow with
    all that lives.
    """
    start, stop, steps = await start_and_stop(few)
    many_start, many_stop, many_steps = await start_and_stop(count)
    size = await memory_of(count)
    print(
        f"\n{count:,} actors: start {1e6 * many_start:.0f} µs, stop {1e6 * many_stop:.0f} µs, {size / 1024:.1f} KiB, {many_steps:.1f} steps each; "
        f"beside {few:,}: start {many_start / start:.1f} times, stop {many_stop / stop:.1f} times as long, {steps:.1f} steps each"
    )
    assert many_steps <= 1.05 * steps
    assert size < 32 * 1024


class Stubborn(Actor[Any]):
    """Ends as it is told to, and cleans up as it is told to."""

    def __init__(self, run: Any, on_stop: Any) -> None:
        self._run = run
        self._on_stop = on_stop

    async def run(self, ctx: Context[Any]) -> None:
        await self._run(ctx)

    async def on_stop(self, outcome: Outcome) -> None:
        await self._on_stop()


async def until_asked(ctx: Context[Any]) -> None:
    """Stop at once when asked."""
    await ctx.stopping.wait()


async def hang(ctx: Context[Any]) -> None:
    """Not even notice."""
    await trio.sleep_forever()


async def crash_when_asked(ctx: Context[Any]) -> None:
    """Raise instead of ending, a little later."""
    await ctx.stopping.wait()
    await trio.sleep(1)
    raise Boom


async def nothing() -> None:
    """Clean up nothing."""


class NeverUp(Actor[Any]):
    """Starts once, and never again."""

    def __init__(self, lives: list[int]) -> None:
        self._first = not lives
        lives.append(1)

    async def on_start(self, ctx: Context[Any]) -> None:
        if not self._first:
            await fail()

    async def run(self, ctx: Context[Any]) -> None:
        await fail()


TWO_SECONDS = 2.0
SHUTDOWNS = {
    # What `on_stop` may take comes on top of the time to stop; a child that is down needs no time at all.
    "hangs in shutdown": (lambda: Stubborn(hang, nothing), TWO_SECONDS),
    "hangs in its clean-up": (lambda: Stubborn(until_asked, trio.sleep_forever), 5.0),
    "hangs in both": (lambda: Stubborn(hang, trio.sleep_forever), TWO_SECONDS + 5.0),
    "raises in shutdown": (lambda: Stubborn(until_asked, fail), 0.0),
    "crashes while being stopped": (lambda: Stubborn(crash_when_asked, nothing), 1.0),
}


@pytest.mark.parametrize(("start", "seconds"), SHUTDOWNS.values(), ids=SHUTDOWNS)
async def test_tree_is_down_within_its_deadlines(
    start: Any, seconds: float, autojump_clock: trio.testing.MockClock
) -> None:
    """However a child behaves; its siblings are stopped in their turn, orderly."""
    ends: list[tuple[str, object]] = []

    def note(event: Event) -> None:
        if event.name == "child.exited":
            ends.append((event.path, event.fields["outcome"]))

    bad = ChildSpec("bad", start, shutdown=TWO_SECONDS)
    spec = SupervisorSpec((ChildSpec("before", Actor), bad, ChildSpec("after", Actor)))
    async with open_supervisor(spec, on_event=note) as supervisor:
        await supervisor.stop()
        assert pytest.approx(seconds) == trio.current_time()
    assert ["mocha/after", "mocha/bad", "mocha/before"] == [path for path, _ in ends]
    assert ("stopped", "stopped") == (ends[0][1], ends[-1][1])


@pytest.mark.parametrize(
    "backoff", [Backoff(0), Backoff(10, 10, jitter="none")], ids=["without a wait", "while it waits"]
)
async def test_tree_in_a_restart_loop_is_down_at_once(backoff: Backoff, autojump_clock: trio.testing.MockClock) -> None:
    """The stop is served between two attempts, never behind them."""
    lives: list[int] = []
    spec = SupervisorSpec(
        (ChildSpec("before", Actor), ChildSpec("loop", partial(NeverUp, lives), backoff=backoff)), max_restarts=10**9
    )
    async with open_supervisor(spec, on_event=lambda _: None) as supervisor:
        for _ in range(100):
            await trio.lowlevel.checkpoint()
        began, attempts = trio.current_time(), len(lives)
        await supervisor.stop()
        assert began == trio.current_time()
    assert len(lives) <= attempts + 1


async def test_tree_with_all_of_them_is_down_within_the_sum_of_their_deadlines(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """One after the other, newest first, each within its own time; also when the stop is a cancellation."""
    children = [ChildSpec(name, start, shutdown=TWO_SECONDS) for name, (start, _) in SHUTDOWNS.items()]
    children.append(ChildSpec("loop", partial(NeverUp, []), backoff=Backoff(10)))
    children.append(ChildSpec("forever", Forever, shutdown="kill"))
    spec = SupervisorSpec(tuple(children), max_restarts=10**9)
    with trio.move_on_after(1):
        async with open_supervisor(spec, on_event=lambda _: None):
            await trio.sleep_forever()
    assert pytest.approx(1 + sum(seconds for _, seconds in SHUTDOWNS.values())) == trio.current_time()
