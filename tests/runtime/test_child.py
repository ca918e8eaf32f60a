from __future__ import annotations

import random
import weakref
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from mocha_actors.runtime import (
    Actor,
    ActorRef,
    Backoff,
    ChildSpec,
    Context,
    Mailbox,
    Outcome,
    RestartNow,
    StartFailed,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)
from mocha_actors.runtime.child import ON_STOP_SECONDS, STUCK_SECONDS

from .toys import NO_WAIT, Boom, Echo, Forever, Ping, Recorder, child, fail, scripted, settle


def one(start: Any, **options: Any) -> SupervisorSpec:
    """A tree of one actor."""
    return SupervisorSpec(children=(ChildSpec("a", start, **options),))


def outcomes(recorder: Recorder) -> list[object]:
    """How incarnations ended."""
    return [event.fields["outcome"] for event in recorder.named("child.exited")]


async def test_stop_drains_what_waits(autojump_clock: trio.testing.MockClock) -> None:
    """Every message that was accepted is handled before the actor ends."""
    handled: list[Any] = []
    async with open_supervisor(one(partial(Echo, handled))) as sup:
        for number in range(100):
            await sup.ref("a").tell(number)
    assert list(range(100)) == handled
    assert 0 == sup.dead_letters.total


async def test_actor_that_does_not_stop_in_time_is_cancelled_and_still_cleans_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """After its seconds are up it is killed; `on_stop` is shielded."""
    log = []

    class Stubborn(Forever):
        async def on_stop(self, outcome: Outcome) -> None:
            await trio.sleep(1)
            log.append(type(outcome).__name__)

    async with open_supervisor(one(Stubborn, shutdown=3)):
        pass
    assert (["Killed"], 4.0) == (log, trio.current_time())


async def test_kill_as_shutdown_cancels_at_once_without_cleaning_up() -> None:
    """`shutdown="kill"` is OTP's brutal_kill."""
    log = []

    async def stopped() -> None:
        log.append("on_stop")

    async with open_supervisor(SupervisorSpec(children=(scripted("a", stop=stopped, shutdown="kill"),))):
        pass
    assert [] == log


async def test_infinite_shutdown_waits_as_long_as_it_takes(autojump_clock: trio.testing.MockClock) -> None:
    """None is no limit."""
    recorder = Recorder()
    async with open_supervisor(one(Echo, shutdown=None), on_event=recorder) as sup:
        await sup.ref("a").tell(partial(trio.sleep, 5000))
    assert (["stopped"], 5000.0) == (outcomes(recorder), trio.current_time())


class Shielded(Actor[Any]):
    """Does not let itself be cancelled for a while."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def run(self, ctx: Context[Any]) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(self._seconds)


@pytest.mark.parametrize(
    ("shutdown", "seconds", "named_at"), [(2, 60, 2 + STUCK_SECONDS), ("kill", 60, STUCK_SECONDS), (2, 4, None)]
)
async def test_child_that_resists_its_cancellation_is_named(
    shutdown: Any, seconds: float, named_at: float | None, autojump_clock: trio.testing.MockClock
) -> None:
    """Nothing can force it to end, so somebody has to know who holds up the stop; once, and only if it takes long."""
    recorder = Recorder()
    async with open_supervisor(one(partial(Shielded, seconds), shutdown=shutdown), on_event=recorder):
        pass
    assert ([] if named_at is None else [("mocha/a", named_at)]) == [
        (event.path, event.at) for event in recorder.named("child.stuck")
    ]
    assert seconds == trio.current_time()


async def test_kill_is_not_held_up_by_a_stop_without_limit(autojump_clock: trio.testing.MockClock) -> None:
    """Whoever resists the kill, too, is named although its own time to stop would never be up."""
    recorder = Recorder()
    async with open_supervisor(one(partial(Shielded, 60), shutdown=None), on_event=recorder) as sup:
        sup.begin_stop()
        await trio.sleep(20)
        assert [] == recorder.named("child.stuck")
        sup.begin_kill()
    assert [20 + STUCK_SECONDS] == [event.at for event in recorder.named("child.stuck")]


async def test_start_that_resists_its_cancellation_is_named(autojump_clock: trio.testing.MockClock) -> None:
    """The tree cannot be down before it; who asks why is told."""

    async def start_slowly() -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(60)

    recorder = Recorder()
    async with open_supervisor(SupervisorSpec((scripted("a", None, start_slowly),)), on_event=recorder) as sup:
        await sup.ref("a").tell(Boom())
        await trio.sleep(1)
    assert [("mocha/a", 1 + STUCK_SECONDS)] == [(event.path, event.at) for event in recorder.named("child.stuck")]
    assert 60 == trio.current_time()


async def test_on_stop_that_hangs_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    """It has a bound of its own, because it runs when the time to stop may be up."""
    async with open_supervisor(SupervisorSpec(children=(scripted("a", stop=trio.sleep_forever),))):
        pass
    assert ON_STOP_SECONDS == trio.current_time()


async def test_child_that_raises_in_on_stop_does_not_wedge_the_stop() -> None:
    """Its failure is reported, the siblings are stopped."""
    recorder = Recorder()
    async with open_supervisor(SupervisorSpec(children=(child("a"), scripted("b", stop=fail))), on_event=recorder):
        pass
    assert ["failed", "stopped"] == outcomes(recorder)


async def test_child_that_crashes_while_it_is_being_stopped_does_not_wedge_the_stop() -> None:
    """Nothing is restarted, and what it left is dead."""
    recorder, gate = Recorder(), trio.Event()
    async with open_supervisor(one(Echo), on_event=recorder) as sup:
        for message in (gate.wait, Boom(), "left"):
            await sup.ref("a").tell(message)
        await settle()
        sup.begin_stop()
        gate.set()
    assert ["failed"] == outcomes(recorder)
    assert {("mocha/a", "failed"): 1, ("mocha/a", "stopped"): 1} == sup.dead_letters.counts


@pytest.mark.parametrize("redeliver", [0, 1])
async def test_drain_goes_on_after_a_crash_that_asks_for_a_restart_at_once(redeliver: int) -> None:
    """One bad message does not cost those behind it, also during the last drain."""
    handled: list[Any] = []
    async with open_supervisor(one(partial(Echo, handled), mailbox=Mailbox(redeliver=redeliver))) as sup:
        for message in (1, RestartNow(Boom()), 2, RestartNow(Boom()), 3):
            await sup.ref("a").tell(message)
    assert [1, 2, 3] == handled
    assert {("mocha/a", "poison" if redeliver else "failed"): 2} == sup.dead_letters.counts


async def test_restart_that_hangs_during_the_last_drain_ends_with_the_time_to_stop(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """The time to stop is one for all incarnations of the drain."""
    async with open_supervisor(SupervisorSpec(children=(scripted("a", None, trio.sleep_forever, shutdown=3),))) as sup:
        for message in (RestartNow(Boom()), "waits"):
            await sup.ref("a").tell(message)
    assert 3 == trio.current_time()


async def test_drain_ends_although_the_actor_always_asks_for_a_restart() -> None:
    """Without a limit of time it is bounded by the messages that are the reason."""

    class Hopeless(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            await ctx.receive()
            await ctx.stopping.wait()
            raise RestartNow(Boom())

    async with open_supervisor(one(Hopeless, shutdown=None)) as sup:
        for number in range(3):
            await sup.ref("a").tell(number)
        await settle()
    assert 2 == sup.tree().children[0].restarts
    assert {("mocha/a", "failed"): 3} == sup.dead_letters.counts


async def test_error_of_on_stop_never_hides_the_crash() -> None:
    """The first error is the outcome; the second is a note on it."""
    recorder = Recorder()
    spec = SupervisorSpec(children=(scripted("a", stop=fail, backoff=Backoff(50, 50)),))
    async with open_supervisor(spec, on_event=recorder) as sup:
        await sup.ref("a").tell(KeyError("first"))
        await settle()
    error = recorder.named("child.exited")[0].fields["exception"]
    assert isinstance(error, KeyError)
    assert ["on_stop raised, too: Boom: scripted"] == error.__notes__


async def test_on_stop_is_not_called_when_on_start_did_not_finish() -> None:
    """There is nothing complete to clean up; what `on_start` opened it closes itself."""
    log = []

    async def stopped() -> None:
        log.append("on_stop")

    with pytest.raises(StartFailed):
        async with open_supervisor(SupervisorSpec(children=(scripted("a", fail, stop=stopped),))):
            pass
    assert [] == log


async def test_start_that_makes_no_actor_is_named() -> None:
    """The likely mistake is a factory that returns something else."""
    with pytest.raises(StartFailed) as caught:
        async with open_supervisor(one(dict)):
            pass
    assert "the start of mocha/a made a dict; it must make an Actor" == str(caught.value.__cause__)


async def test_messages_keep_their_order_over_a_crash_and_wait_during_back_off(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """While restarting nothing is handled; then the next incarnation goes on where the last one was."""
    handled: list[Any] = []
    async with open_supervisor(one(partial(Echo, handled), backoff=Backoff(9, jitter="none"))) as sup:
        for message in (1, 2, Boom(), 3, 4):
            await sup.ref("a").tell(message)
        await trio.sleep(8)
        assert [1, 2] == handled
        await trio.sleep(2)
        assert [1, 2, 3, 4] == handled


async def test_at_least_once_repeats_the_message_in_hand_and_gives_up_on_poison() -> None:
    """A message that always fails is delivered `redeliver + 1` times; its neighbours are handled once, in order."""
    handled: list[Any] = []
    spec = one(partial(Echo, handled), mailbox=Mailbox(10, redeliver=2), backoff=NO_WAIT)
    async with open_supervisor(spec) as sup:
        for message in (1, Boom("poison"), 2):
            await sup.ref("a").tell(message)
        assert 3 == await sup.ref("a").ask(Ping(), timeout=1)
    assert [1, 2] == handled
    assert {("mocha/a", "poison"): 1} == sup.dead_letters.counts


async def test_actor_that_holds_many_messages_gets_all_of_them_back_after_a_crash() -> None:
    """What was done in any order stays done; the rest comes again in order."""
    lives: list[list[int]] = []

    class Holder(Actor[int]):
        async def run(self, ctx: Context[int]) -> None:
            lives.append([])
            async for message in ctx:
                lives[-1].append(message)
                assert 1 + ctx.incarnation == ctx.deliveries(message)
                if len(lives) == 2:
                    ctx.done(message)
                elif message == 1003:
                    ctx.done(1002)
                    ctx.done(1000)
                    raise Boom

    spec = one(Holder, mailbox=Mailbox(10, redeliver=1), backoff=NO_WAIT)
    messages = [1000, 1001, 1002, 1003]
    async with open_supervisor(spec) as sup:
        for message in messages:
            await sup.ref("a").tell(message)
        await settle()
    assert [[1000, 1001, 1002, 1003], [1001, 1003]] == lives
    assert 0 == sup.dead_letters.total


@pytest.mark.parametrize("redeliver", [0, 1])
async def test_handled_message_is_let_go_before_the_next_one_comes(redeliver: int) -> None:
    """It may be of megabytes, and the actor may wait for hours."""

    class Sink(Actor[Any]):
        async def handle(self, message: Any, ctx: Context[Any]) -> None:
            pass

    class Load:
        pass

    ref: ActorRef[Any] = new_ref("a", Mailbox(redeliver=redeliver))
    async with open_supervisor(one(Sink, ref=ref)):
        load = Load()
        alive = weakref.ref(load)
        await ref.tell(load)
        del load
        await settle()

        assert alive() is None


async def test_source_watches_stopping_and_ends_normally() -> None:
    """An actor that overrides `run` and reads no mailbox is told by an event."""
    recorder = Recorder()

    class Source(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            await ctx.stopping.wait()

    async with open_supervisor(one(Source), on_event=recorder):
        pass
    assert ["stopped"] == outcomes(recorder)


async def test_crash_in_an_actors_own_nursery_is_one_failure() -> None:
    """Groups are failures like any other, also when mixed with the cancellation of the stop."""
    recorder = Recorder()

    async def dies_when_cancelled() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise Boom("in cleanup")

    class Group(Actor[Any]):
        async def run(self, ctx: Context[Any]) -> None:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(dies_when_cancelled)
                nursery.start_soon(trio.sleep_forever)

    async with open_supervisor(one(Group, shutdown=0), on_event=recorder):
        pass
    assert ["failed"] == outcomes(recorder)


async def test_exit_event_tells_what_a_person_asks() -> None:
    """Outcome, error with its traceback, type of the message in hand (never its content), restarts so far, uptime."""
    recorder = Recorder()
    async with open_supervisor(one(Echo, backoff=NO_WAIT), on_event=recorder) as sup:
        await sup.ref("a").tell(Boom())
        await trio.sleep(3)
        await sup.ref("a").tell(Boom("why"))
        await settle()
    fields = recorder.named("child.exited")[1].fields
    assert ("failed", "Boom", "why", "Boom") == tuple(
        fields[name] for name in ("outcome", "error_type", "error", "message_type")
    )
    assert (1, 3.0) == (fields["restarts"], fields["uptime"])
    assert isinstance(fields["exception"], Boom)
    assert fields["exception"].__traceback__ is not None


class Flaky(Actor[int]):
    """Handles numbers; dies before, in or after a message, as its dice say."""

    def __init__(self, dice: random.Random, handled: list[int]) -> None:
        self.dice = dice
        self.handled = handled

    async def on_start(self, ctx: Context[int]) -> None:
        self.crash()

    async def handle(self, message: int, ctx: Context[int]) -> None:
        self.crash()
        await trio.lowlevel.checkpoint()
        self.handled.append(message)

    def crash(self) -> None:
        """Perhaps."""
        if self.dice.random() < 0.2:
            raise Boom


class Calm(Flaky):
    """Does not die in its very first start."""

    async def on_start(self, ctx: Context[int]) -> None:
        if ctx.incarnation:
            self.crash()


async def _send(ref: ActorRef[int], messages: range) -> None:
    for message in messages:
        await ref.tell(message)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), redeliver=st.integers(0, 2), capacity=st.integers(1, 8), senders=st.integers(1, 3))
def test_every_message_is_handled_or_dead_however_often_actors_crash(
    seed: int, redeliver: int, capacity: int, senders: int
) -> None:
    """Sent = handled + dead, nothing twice, each sender's messages in its order, no task left behind."""
    handled: list[int] = []
    dead: list[int] = []

    async def main() -> None:
        ref: ActorRef[int] = new_ref("flaky", Mailbox(capacity, redeliver=redeliver))
        start = partial(Calm, random.Random(seed), handled)
        spec = SupervisorSpec(children=(ChildSpec("a", start, ref=ref, backoff=NO_WAIT),), max_restarts=10**6)
        async with open_supervisor(spec, on_event=Recorder()) as sup:
            async with trio.open_nursery() as nursery:
                for sender in range(senders):
                    nursery.start_soon(_send, ref, range(1000 * sender, 1000 * sender + 25))
            while (box := sup.tree().children[0].mailbox) and box.waiting + box.in_hand:
                await trio.lowlevel.checkpoint()
        dead.extend(letter.message for letter in sup.dead_letters.newest)

    trio.run(main)
    sent = [1000 * sender + number for sender in range(senders) for number in range(25)]
    assert sent == sorted(handled + dead)
    for sender in range(senders):
        own = [message for message in handled if message // 1000 == sender]
        assert own == sorted(own)
