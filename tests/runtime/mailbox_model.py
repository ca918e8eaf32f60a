"""A reference model of one mailbox and its actor: where each message is, and how each ask ended.

An actor takes up to `batch` messages in hand and then waits to be told whether it finishes or crashes; whatever can be
taken is taken at once. Times are exact.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

RESTART_DELAY, TIME_TO_STOP = 1.0, 2.0


@dataclass(frozen=True)
class Policy:
    """The settings of a mailbox."""

    capacity: int
    overflow: str
    redeliver: int
    batch: int


@dataclass(eq=False)
class Sent:
    """A message; `until` is the deadline of its asker, None for a tell."""

    number: int
    sender: int
    weight: int
    until: float | None = None
    deliveries: int = 0


@dataclass
class MailboxModel:
    """Everything that happened to the messages of one mailbox."""

    policy: Policy
    now: float = 0.0
    state: str = "running"
    due: float | None = None
    used: int = 0
    sent: list[Sent] = field(default_factory=list)
    waiting: deque[Sent] = field(default_factory=deque)
    returned: deque[Sent] = field(default_factory=deque)
    blocked: deque[Sent] = field(default_factory=deque)
    hand: list[Sent] = field(default_factory=list)
    handled: list[int] = field(default_factory=list)
    dead: Counter[tuple[int, str]] = field(default_factory=Counter)
    answers: dict[int, list[str]] = field(default_factory=dict)
    refused: int = 0

    # Sending

    def send(self, sender: int, weight: int, *, timeout: float | None = None, wait: bool = True) -> Sent:
        """A tell, or an ask if there is a timeout."""
        message = Sent(len(self.sent) + 1, sender, weight, None if timeout is None else self.now + timeout)
        self.sent.append(message)
        if self.state == "stopped":
            self.bury(message, "stopped")
        elif not self.blocked and self.fits(message):
            self.put(message)
        elif wait and self.policy.overflow == "block":
            self.blocked.append(message)
        elif wait and self.policy.overflow == "fail":
            self.refused += 1
            self.settle(message, "full")
        else:
            self.drop_for(message)
        self.work()
        return message

    def drop_for(self, message: Sent) -> None:
        """Dropping the oldest frees what is in the queue, never what came back or is in hand."""
        while self.policy.overflow == "drop_oldest" and not self.fits(message) and self.waiting:
            oldest = self.waiting.popleft()
            self.used -= oldest.weight
            self.bury(oldest, "overflow")
        if self.fits(message) and not self.blocked:
            self.put(message)
        else:
            self.bury(message, "overflow")

    def fits(self, message: Sent) -> bool:
        """An empty mailbox takes anything."""
        return self.used == 0 or self.used + message.weight <= self.policy.capacity

    def put(self, message: Sent) -> None:
        """Take it in."""
        self.used += message.weight
        self.waiting.append(message)

    def release(self, message: Sent) -> None:
        """Its room is free; those who wait for room get it in turn."""
        self.used -= message.weight
        self.admit()

    def admit(self) -> None:
        """Let waiting senders in, first come first served."""
        while self.blocked and (self.state == "stopped" or self.fits(self.blocked[0])):
            message = self.blocked.popleft()
            if self.state == "stopped":
                self.bury(message, "stopped")
            else:
                self.put(message)

    def withdraw(self, message: Sent) -> None:
        """Its sender no longer waits for room."""
        self.blocked.remove(message)
        self.refused += 1
        self.admit()
        self.work()

    # Handling

    def work(self) -> None:
        """Take what can be taken."""
        if self.state != "running" or self.hand:
            return
        while (self.returned or self.waiting) and len(self.hand) < self.policy.batch:
            message = (self.returned or self.waiting).popleft()
            if message.until is not None and self.settled(message):
                self.release(message)
                self.bury(message, "expired")
                continue
            if not self.policy.redeliver:
                self.release(message)
            message.deliveries += 1
            self.hand.append(message)

    def finish(self) -> None:
        """What is in hand is handled."""
        hand, self.hand = self.hand, []
        for message in hand:
            self.handled.append(message.number)
            if self.policy.redeliver:
                self.release(message)
            if message.until is not None and not self.settle(message, "reply"):
                self.dead[message.number, "late_reply"] += 1
        self.work()

    def crash(self, delay: float) -> None:
        """The actor fails over what is in hand; it is restarted after the delay."""
        self.end_hand("failed")
        self.state, self.due = "restarting", self.now + delay
        self.run_until(self.now)

    def end_hand(self, reason: str) -> None:
        """Put back what may be delivered again, in order, and bury the rest."""
        hand, self.hand = self.hand, []
        for message in reversed(hand):
            crashed = reason == "failed"
            if message.until is not None:
                self.bury(message, "failed" if crashed else "stopped")
            elif not self.policy.redeliver:
                self.bury(message, reason)
                continue
            elif not crashed or message.deliveries <= self.policy.redeliver:
                message.deliveries -= not crashed
                self.returned.appendleft(message)
                continue
            else:
                self.bury(message, "poison")
            if self.policy.redeliver:
                self.release(message)

    # Stopping, and time

    def stop(self) -> None:
        """Drain: nobody tells the actor to finish, so what it has in hand is killed when its time to stop is up."""
        if self.state == "running" and self.hand:
            self.state = "stopped"
            self.admit()
            self.run_until(self.now + TIME_TO_STOP)
            self.end_hand("killed")
        self.state, self.due = "stopped", None
        for message in [*self.returned, *self.waiting]:
            self.used -= message.weight
            self.bury(message, "stopped")
        self.returned.clear()
        self.waiting.clear()
        self.admit()

    def restart(self) -> str:
        """Start a stopped actor by hand."""
        if self.state != "stopped":
            return self.state
        self.state = "running"
        return "ok"

    def run_until(self, until: float) -> None:
        """Askers give up and restarts happen, in the order of their times."""
        while True:
            asks = [each for each in self.sent if each.until is not None and not self.settled(each)]
            first = min(asks, key=lambda each: each.until, default=None)
            due = [at for at in (self.due, first and first.until) if at is not None and at <= until]
            if not due:
                self.now = max(self.now, until)
                return
            self.now = max(self.now, min(due))
            if self.due == min(due):
                self.state, self.due = "running", None
                self.work()
            else:
                self.give_up(first, "timeout")

    def give_up(self, message: Sent, how: str) -> None:
        """An asker does not wait any longer; a message that had no room yet is never sent."""
        self.settle(message, how)
        if message in self.blocked:
            self.withdraw(message)

    # Ends

    def settled(self, message: Sent) -> bool:
        """Whether the asker has its outcome."""
        return message.number in self.answers

    def settle(self, message: Sent, outcome: str) -> bool:
        """Give the asker its outcome; False if it has one."""
        if message.until is None or self.settled(message):
            return False
        self.answers[message.number] = [outcome]
        return True

    def bury(self, message: Sent, reason: str) -> None:
        """An asker who still waits is told instead."""
        outcome = {"overflow": "full", "failed": "failed"}.get(reason, "dead")
        if not self.settle(message, outcome):
            self.dead[message.number, reason] += 1

    def conserves(self) -> bool:
        """Every message is in exactly one place: handled, dead, told to its asker, refused, waiting, or in hand."""
        late = {number for number, reason in self.dead if reason == "late_reply"}
        buried = {number for number, reason in self.dead if reason != "late_reply"}
        places = [
            *self.handled,
            *buried,
            *(each.number for each in (*self.waiting, *self.returned, *self.blocked, *self.hand)),
        ]
        told = len({*self.answers} - {*places})
        refused_tells = sum(each.until is None for each in self.sent) - sum(
            each.until is None for each in self.sent if each.number in places
        )
        return (
            len(places) == len({*places})
            and late <= {*self.handled}
            and told + refused_tells + len(places) == len(self.sent)
        )
