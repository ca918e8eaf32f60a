"""A mailbox and its actor beside their model: no message is lost, doubled or overtaken, whatever the actor does.

As in `test_otp`, the rules drive the model, and at the end the runtime does the same in virtual time and is compared
after every step: what was handled and in which order, every dead letter with its reason, every outcome of an ask, what
waits and what is in hand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ActorFailed,
    AskTimeout,
    Backoff,
    ChildError,
    ChildSpec,
    Context,
    Mailbox,
    MailboxFull,
    Overflow,
    Request,
    RestartNow,
    Supervisor,
    SupervisorSpec,
    open_supervisor,
)

from .machines import run_campaign, run_machine
from .mailbox_model import RESTART_DELAY, TIME_TO_STOP, MailboxModel, Policy, Sent
from .toys import Boom, Recorder, settle


class Note(Request[int]):
    """A message, told or asked; the same object is never sent twice."""

    def __init__(self, sent: Sent) -> None:
        self.number, self.weight, self.asked = sent.number, sent.weight, sent.until is not None


class Gated(Actor[Note]):
    """Takes messages in hand and waits to be told what to do about them."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver

    async def run(self, ctx: Context[Note]) -> None:
        if self.driver.policy.batch == 1:
            await super().run(ctx)
            return
        async for first in ctx:
            hand = [first]
            with suppress(trio.WouldBlock, trio.EndOfChannel):
                while len(hand) < self.driver.policy.batch:
                    hand.append(ctx.receive_nowait())
            await self.driver.obey(hand)
            for note in hand:
                (partial(ctx.reply, value=note.number) if note.asked else ctx.done)(note)

    async def handle(self, message: Note, ctx: Context[Note]) -> int:
        await self.driver.obey([message])
        return message.number


class Driver:
    """One such actor under a supervisor, with senders that may have to wait."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.handled: list[int] = []
        self.answers: dict[int, list[str]] = {}
        self.waits: dict[int, trio.CancelScope] = {}
        self.sup: Supervisor
        self.nursery: trio.Nursery
        self._orders, self._order = trio.open_memory_channel[BaseException | None](0)

    async def obey(self, hand: list[Note]) -> None:
        """Wait for an order, and finish or fail."""
        error = await self._order.receive()
        if error is not None:
            raise error
        self.handled += [note.number for note in hand]

    async def order(self, error: BaseException | None) -> None:
        """Tell the actor what to do."""
        self._orders.send_nowait(error)

    async def send(self, sent: Sent, seconds: float | None) -> None:
        """Send from a task of its own, which may have to wait; with a timeout it is an ask."""
        self.nursery.start_soon(self._send, Note(sent), seconds)

    async def _send(self, note: Note, seconds: float | None) -> None:
        with trio.CancelScope() as self.waits[note.number]:
            try:
                if seconds is None:
                    await self.ref.tell(note)
                    return
                reply = await self.ref.ask(note, timeout=seconds)
                outcome = "reply" if reply == note.number else f"wrong reply {reply}"
            except (AskTimeout, ActorDead, ActorFailed, MailboxFull) as error:
                outcome = {"AskTimeout": "timeout", "ActorDead": "dead", "ActorFailed": "failed"}.get(
                    type(error).__name__, "full"
                )
        if note.asked:
            self.answers.setdefault(note.number, []).append(
                "cancelled" if self.waits[note.number].cancelled_caught else outcome
            )

    async def send_nowait(self, sent: Sent) -> None:
        """Send without waiting."""
        self.ref.tell_nowait(Note(sent))

    async def cancel(self, number: int) -> None:
        """Cancel a sender or asker."""
        self.waits[number].cancel()

    async def restart(self) -> str:
        """Restart by hand."""
        try:
            await self.sup.restart_child("a")
        except ChildError as error:
            return error.reason
        return "ok"

    def dead(self) -> Counter[tuple[int, str]]:
        """Every dead letter with its reason."""
        letters = self.sup.dead_letters.newest
        return Counter((getattr(each.message, "number", each.message), each.reason) for each in letters)

    async def run(self, steps: list[Callable[[Driver], Awaitable[None]]]) -> None:
        """Do the steps one after the other."""
        policy, difference = self.policy, None
        mailbox = Mailbox(
            policy.capacity,
            Overflow(policy.overflow),
            redeliver=policy.redeliver,
            weigh=lambda note: note.weight,
        )
        child = ChildSpec(
            "a",
            partial(Gated, self),
            mailbox=mailbox,
            shutdown=TIME_TO_STOP,
            backoff=Backoff(RESTART_DELAY, RESTART_DELAY, jitter="none"),
        )
        async with open_supervisor(
            SupervisorSpec(children=(child,), max_restarts=1000), on_event=Recorder()
        ) as self.sup:
            self.ref = self.sup.ref("a")
            async with trio.open_nursery() as self.nursery:
                try:
                    for step in steps:
                        await step(self)
                except AssertionError as error:
                    difference = error
                self.nursery.cancel_scope.cancel()
        # Outside of the nursery, which would wrap it.
        if difference is not None:
            raise difference


class MailboxMachine(RuleBasedStateMachine):
    """Drives the model, and keeps what it says for the runtime to match."""

    def __init__(self) -> None:
        super().__init__()
        self.model: MailboxModel
        self.steps: list[Callable[[Driver], Awaitable[None]]] = []

    @initialize(
        capacity=st.integers(1, 5),
        overflow=st.sampled_from(["block", "drop_newest", "drop_oldest", "fail"]),
        redeliver=st.integers(0, 2),
        batch=st.sampled_from([1, 3]),
    )
    def boot(self, capacity: int, overflow: str, redeliver: int, batch: int) -> None:
        """One policy for each example."""
        self.model = MailboxModel(Policy(capacity, overflow, redeliver, batch))

    def done(self, act: Callable[[Driver], Awaitable[Any]], result: object = None) -> None:
        """The model has done it; note what the runtime has to show."""
        model = self.model
        assert model.conserves()
        assert model.used <= max(model.policy.capacity, *(each.weight for each in model.sent), 0)
        handled, dead, now = list(model.handled), Counter(model.dead), model.now
        answers = {number: list(outcomes) for number, outcomes in model.answers.items()}
        fill = (model.used, len(model.waiting) + len(model.returned), len(model.hand))

        async def step(driver: Driver) -> None:
            assert await act(driver) == result
            await settle()
            seen = driver.sup.tree().children[0].mailbox
            assert driver.handled == handled
            assert driver.dead() == dead
            assert driver.answers == answers
            assert (seen.used, seen.waiting, seen.in_hand) == fill
            assert trio.current_time() == now

        self.steps.append(step)

    @rule(sender=st.integers(0, 2), weight=st.integers(1, 3))
    def tell(self, sender: int, weight: int) -> None:
        """A sender tells, and waits for room if the policy says so."""
        sent = self.model.send(sender, weight)
        self.done(lambda driver: driver.send(sent, None))

    @rule(sender=st.integers(0, 2), weight=st.integers(1, 3))
    def tell_nowait(self, sender: int, weight: int) -> None:
        """A sender tells and does not wait."""
        sent = self.model.send(sender, weight, wait=False)
        self.done(lambda driver: driver.send_nowait(sent))

    @rule(sender=st.integers(0, 2), weight=st.integers(1, 3), base=st.sampled_from([1.0, 4.0]))
    def ask(self, sender: int, weight: int, base: float) -> None:
        """A sender asks; its timeout is one of a kind, so that no two things happen at the same time."""
        timeout = base + (1 + len(self.model.sent)) / 1024
        sent = self.model.send(sender, weight, timeout=timeout)
        self.done(lambda driver: driver.send(sent, timeout))

    @precondition(lambda self: self.model.hand)
    @rule()
    def finish(self) -> None:
        """The actor finishes what it has in hand."""
        self.model.finish()
        self.done(lambda driver: driver.order(None))

    @precondition(lambda self: self.model.hand)
    @rule(immediate=st.booleans())
    def crash(self, immediate: bool) -> None:
        """The actor fails over what it has in hand."""
        self.model.crash(0.0 if immediate else RESTART_DELAY)
        self.done(lambda driver: driver.order(RestartNow(Boom()) if immediate else Boom()))

    @precondition(lambda self: self.cancellable())
    @rule(which=st.integers(0, 9))
    def cancel(self, which: int) -> None:
        """Somebody who waits, for room or for an answer, is cancelled."""
        sent = self.cancellable()[which % len(self.cancellable())]
        if sent.until is None:
            self.model.withdraw(sent)
        else:
            self.model.give_up(sent, "cancelled")
        self.done(lambda driver: driver.cancel(sent.number))

    def cancellable(self) -> list[Sent]:
        """The messages whose senders wait."""
        asked = [each for each in self.model.sent if each.until is not None and not self.model.settled(each)]
        return asked + [each for each in self.model.blocked if each.until is None]

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def advance(self, seconds: float) -> None:
        """Time passes."""
        self.model.run_until(self.model.now + seconds)

        async def wait(_: Driver) -> None:
            await trio.sleep(seconds)

        self.done(wait)

    @rule()
    def terminate(self) -> None:
        """The actor is stopped by hand."""
        self.model.stop()
        self.done(lambda driver: driver.sup.terminate_child("a"))

    @rule()
    def restart(self) -> None:
        """The actor is started again by hand."""
        result = self.model.restart()
        self.done(lambda driver: driver.restart(), result)

    def teardown(self) -> None:
        """The runtime does what the model did."""
        if self.steps:
            driver = Driver(self.model.policy)
            clock = trio.testing.MockClock(autojump_threshold=0)
            trio.run(driver.run, self.steps, clock=clock)


def test_no_message_is_lost_doubled_or_overtaken() -> None:
    """Every overflow policy, every delivery guarantee, one by one and in batches, through crashes and stops."""
    run_machine(MailboxMachine, examples=100)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_message_is_lost_doubled_or_overtaken_in_twenty_thousand_examples() -> None:
    """The same, for long."""
    run_campaign(MailboxMachine, steps=30)
