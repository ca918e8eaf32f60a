"""The live queue behind a ref. It outlives every incarnation of its actor.

Three ideas carry it:

- It owns one trio memory channel, both ends, for its whole life: closing the last receiver of a channel erases what
  waits in it. The channel has no limit of its own, because the limit is counted in weights and bytes, above it.
- What was received is *in hand* until it is settled, so a crash can put it back or bury it. What a crash puts back
  waits in a list that is served before the channel, because a channel has no way to push to its front.
- Stopping is a state, not a closed channel: the same mailbox may be needed by the next incarnation.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import trio

from mocha_actors.runtime.envelope import Answer, Envelope
from mocha_actors.runtime.errors import MailboxFull
from mocha_actors.runtime.gate import Gate
from mocha_actors.runtime.hand import Hand
from mocha_actors.runtime.letters import DeadLetter, DeadLetters, DeadReason, error_for_asker
from mocha_actors.runtime.mailbox import Mailbox, MailboxStatistics, Overflow
from mocha_actors.runtime.outcome import Failed, Killed, Outcome, error_of

TAKES_PER_STEP = 8
"""After how many messages that were waiting already the receiver lets others run. A pass of trio's scheduler costs as
much as the rest of a hop, so one per message would halve the throughput; cancellation is noticed at each message."""


class Inbox:
    """The queue of one actor.

    Attributes:
        path: Where its actor is in the tree; the name of the ref until there is a tree.
        account: Under which path its dead letters are counted: its own; its supervisor's when the actor is forgotten.
        incarnation: The current incarnation of its actor, for events.
        letters: The dead letters of the tree; None until there is a tree.
        owned: Whether a tree uses it now; a second one must not.
        dead: How many of its messages became dead letters.
        ended: How its actor ended when it went down for good; None while there is one, or will be one again.
    """

    def __init__(self, name: str, policy: Mailbox) -> None:
        self.path = self.account = name
        self.policy = policy
        self.incarnation: int | None = None
        self.letters: DeadLetters | None = None
        self.owned = False
        self.dead = 0
        self.ended: Outcome | None = None
        self.gate = Gate.OPEN
        # None wakes a receiver so that it looks at the gate again; it is sent to waiting receivers only.
        self._in, self._out = trio.open_memory_channel[Envelope | None](math.inf)
        self._since: deque[float] = deque()
        self._returned: deque[Envelope] = deque()
        self._hand = Hand()
        # Senders that wait for room, first come first served. Whoever makes room puts their messages in for them, so
        # that a wait costs one step of the sender's task and nobody can slip in between.
        self._senders: dict[trio.lowlevel.Task, Envelope] = {}
        self._used = self._used_bytes = self._peak = 0
        self._overflowing = False
        self._takes = 0

    # Sending

    def envelope(self, message: object, answer: Answer | None = None) -> Envelope:
        """Weigh a message."""
        policy = self.policy
        weight = 1 if policy.weigh is None else max(1, policy.weigh(message))
        size = 0 if policy.size is None else policy.size(message)
        return Envelope(message, weight, size, answer)

    def offer(self, envelope: Envelope) -> bool:
        """Take the message if that is possible right now, without jumping the queue of waiting senders."""
        if self._accepts and not self._senders and self._fits(envelope):
            self._put(envelope)
            return True
        return False

    async def post(self, envelope: Envelope) -> None:
        """Take a message that `offer` refused, by the rules of the policy.

        Raises:
            MailboxFull: The policy is `FAIL`.
        """
        if not self._accepts:
            self.bury([envelope], "stopped")
        elif self.policy.overflow is Overflow.BLOCK:
            await self._post_when_there_is_room(envelope)
        elif self.policy.overflow is Overflow.FAIL:
            self._count_overflow()
            raise MailboxFull(self.path, self.policy.capacity)
        else:
            self._drop_for(envelope)

    def post_nowait(self, envelope: Envelope) -> bool:
        """Like `post`, but a message that would have to wait, or fail, is dropped and counted; False if it was."""
        if not self._accepts:
            self.bury([envelope], "stopped")
            return False
        return self._drop_for(envelope)

    @property
    def blocks(self) -> bool:
        """Whether a sender waits where there is no room."""
        return self._accepts and self.policy.overflow is Overflow.BLOCK

    @property
    def _accepts(self) -> bool:
        return self.gate is Gate.OPEN or self.gate is Gate.SUSPENDED

    def _fits(self, envelope: Envelope) -> bool:
        if not self._used:
            return True
        limit = self.policy.max_bytes
        return self._used + envelope.weight <= self.policy.capacity and (
            limit is None or self._used_bytes + envelope.size <= limit
        )

    def _put(self, envelope: Envelope) -> None:
        self._used += envelope.weight
        self._used_bytes += envelope.size
        self._peak = max(self._peak, self._used)
        self._since.append(trio.current_time())
        self._in.send_nowait(envelope)

    async def _post_when_there_is_room(self, envelope: Envelope) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        task = trio.lowlevel.current_task()
        self._senders[task] = envelope

        def abort(_: object) -> trio.lowlevel.Abort:
            del self._senders[task]
            # Others may fit where this one did not.
            self._admit_senders()
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def _admit_senders(self) -> None:
        while self._senders:
            task, envelope = next(iter(self._senders.items()))
            if self._accepts and not self._fits(envelope):
                return
            del self._senders[task]
            if self._accepts:
                self._put(envelope)
            else:
                self.bury([envelope], "stopped")
            trio.lowlevel.reschedule(task)

    def _drop_for(self, envelope: Envelope) -> bool:
        evicted = self._evict_for(envelope) if self.policy.overflow is Overflow.DROP_OLDEST else []
        accepted = not self._senders and self._fits(envelope)
        if accepted:
            self._put(envelope)
        else:
            evicted.append(envelope)
        if evicted:
            self._count_overflow(len(evicted))
            self.bury(evicted, "overflow")
        return accepted

    def _evict_for(self, envelope: Envelope) -> list[Envelope]:
        evicted: list[Envelope] = []
        with suppress(trio.WouldBlock):
            while not self._fits(envelope):
                evicted.append(self._from_channel())
                self._discount(evicted[-1])
        return evicted

    def _count_overflow(self, dropped: int = 0) -> None:
        """Tell once per episode; an episode ends when the mailbox is half empty."""
        if not self._overflowing and self.letters is not None:
            policy = self.policy
            self.letters.overflowed(
                self.path, self.incarnation, policy=policy.overflow.value, capacity=policy.capacity, dropped=dropped
            )
        self._overflowing = True

    # Receiving

    async def take(self) -> Envelope:
        """Wait for the next message and take it in hand. Under at-most-once this ends the previous hand.

        Raises:
            trio.EndOfChannel: This incarnation gets no more messages.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        self._end_hand()
        while True:
            envelope = self._next_or_none()
            if envelope is None:
                # Atomic: either a value arrives, or Cancelled is raised and none was taken.
                envelope = await self._out.receive()
                if envelope is None:
                    continue
                self._since.popleft()
            if self._into_hand(envelope):
                break
        self._takes += 1
        if self._takes % TAKES_PER_STEP == 0:
            await trio.lowlevel.cancel_shielded_checkpoint()
        return envelope

    def take_nowait(self) -> Envelope:
        """Take the next message in hand, in addition to what is in hand already.

        Raises:
            trio.WouldBlock: Nothing waits.
            trio.EndOfChannel: This incarnation gets no more messages.
        """
        while True:
            envelope = self._next()
            if self._into_hand(envelope):
                return envelope

    def _next_or_none(self) -> Envelope | None:
        if not self._since and not self._returned and self.gate is Gate.OPEN:
            return None
        try:
            return self._next()
        except trio.WouldBlock:
            return None

    def _next(self) -> Envelope:
        if self.gate is Gate.SUSPENDED or self.gate is Gate.CLOSED:
            raise trio.EndOfChannel
        if self._returned:
            return self._returned.popleft()
        try:
            return self._from_channel()
        except trio.WouldBlock:
            if self.gate is Gate.DRAINING:
                raise trio.EndOfChannel from None
            raise

    def _from_channel(self) -> Envelope:
        envelope = self._out.receive_nowait()
        assert envelope is not None, "wake-ups go to waiting receivers and never into the buffer"
        self._since.popleft()
        return envelope

    def _into_hand(self, envelope: Envelope) -> bool:
        if envelope.answer is not None and envelope.answer.abandoned:
            self._release(envelope)
            self.bury([envelope], "expired")
            return False
        if not self.policy.redeliver:
            self._release(envelope)
        envelope.deliveries += 1
        self._hand.add(envelope)
        return True

    def _end_hand(self) -> None:
        """Under at-most-once a message counts as handled once its actor asks for the next; an ask once answered."""
        if self._hand and not self.policy.redeliver:
            for envelope in self._hand.all():
                if envelope.answer is None or envelope.answer.abandoned:
                    self._hand.remove(envelope)

    # Settling

    def in_hand(self, message: object) -> Envelope | None:
        """The envelope of a message in hand."""
        return self._hand.find(message)

    def settle(self, envelope: Envelope) -> bool:
        """The message is dealt with; False, and no harm, if it was already."""
        held = self._hand.remove(envelope)
        if held and self.policy.redeliver:
            self._release(envelope)
        return held

    def newest_in_hand(self) -> object | None:
        """The message received last of those in hand, for reports on a crash."""
        envelope = self._hand.newest()
        return None if envelope is None else envelope.message

    def _discount(self, envelope: Envelope) -> None:
        self._used -= envelope.weight
        self._used_bytes -= envelope.size

    def _release(self, envelope: Envelope) -> None:
        self._discount(envelope)
        if self._overflowing and self._used <= self.policy.capacity // 2:
            self._overflowing = False
        if self._senders:
            self._admit_senders()

    def end_incarnation(self, outcome: Outcome) -> None:
        """An incarnation has ended: put back what it had in hand, or bury it."""
        asks = [each for each in self._hand.all() if each.answer is not None]
        tells = [each for each in self._hand.all() if each.answer is None]
        self._hand.clear()
        if asks:
            self._end_asks(asks, outcome)
        if self.policy.redeliver:
            self._put_back(tells, outcome)
        elif tells and isinstance(outcome, Failed | Killed):
            self.bury(tells, "failed" if isinstance(outcome, Failed) else "killed", error_of(outcome))

    def _end_asks(self, asks: Sequence[Envelope], outcome: Outcome) -> None:
        for envelope in asks:
            if self.policy.redeliver:
                self._release(envelope)
        self.bury(asks, "failed" if isinstance(outcome, Failed) else "stopped", error_of(outcome))

    def _put_back(self, envelopes: Sequence[Envelope], outcome: Outcome) -> None:
        """Only a crash uses up a delivery: a message is no poison because its actor was stopped over it."""
        poison = []
        for envelope in reversed(envelopes):
            if not isinstance(outcome, Failed):
                envelope.deliveries -= 1
            if envelope.deliveries > self.policy.redeliver:
                poison.append(envelope)
            else:
                self._returned.appendleft(envelope)
        for envelope in poison:
            self._release(envelope)
        self.bury(poison[::-1], "poison", error_of(outcome))

    # Dead letters

    def bury(self, envelopes: Sequence[Envelope], reason: DeadReason, error: BaseException | None = None) -> None:
        """Make dead letters of messages; an asker that still waits is told instead."""
        letters = []
        for envelope in envelopes:
            letter = DeadLetter(envelope.message, self.path, reason, error)
            told = envelope.answer is not None and envelope.answer.fail(error_for_asker(letter, self.policy.capacity))
            if not told:
                letters.append(letter)
        self.bury_letters(letters)

    def bury_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Count dead letters and hand them to the tree."""
        self.dead += len(letters)
        if letters and self.letters is not None:
            self.letters.add(letters, self.account, self.incarnation)

    # Life

    def open(self) -> None:
        """An incarnation starts: accept and deliver."""
        self.gate = Gate.OPEN
        self.ended = None

    def suspend(self) -> None:
        """The incarnation is to end, another one will follow: deliver no more, keep everything."""
        self.gate = Gate.SUSPENDED
        self._wake_receivers()

    def drain(self) -> None:
        """The last incarnation is to end: accept no more, deliver the rest."""
        self.gate = Gate.DRAINING
        self._wake_receivers()
        self._admit_senders()

    def close(self) -> None:
        """The actor is stopped for good, or until somebody restarts it: bury what waits."""
        self.gate = Gate.CLOSED
        rest = [*self._returned]
        self._returned.clear()
        with suppress(trio.WouldBlock):
            while True:
                rest.append(self._from_channel())
        for envelope in rest:
            self._release(envelope)
        self.bury(rest, "stopped")
        self._admit_senders()
        self._wake_receivers()

    def _wake_receivers(self) -> None:
        for _ in range(self._out.statistics().tasks_waiting_receive):
            self._in.send_nowait(None)

    def statistics(self) -> MailboxStatistics:
        """How full it is, now."""
        return MailboxStatistics(
            used=self._used,
            capacity=self.policy.capacity,
            peak=self._peak,
            used_bytes=self._used_bytes,
            waiting=len(self._returned) + len(self._since),
            in_hand=len(self._hand),
            oldest_age=trio.current_time() - self._since[0] if self._since else 0.0,
            dead=self.dead,
        )
