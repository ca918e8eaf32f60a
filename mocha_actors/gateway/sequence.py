"""The sequence of a session's dispatches: what is new, what came before, what is missing. Pure."""

from __future__ import annotations

from typing import NamedTuple

from mocha_actors.discord.events import Event


class Intake(NamedTuple):
    """A run of dispatches, sorted out.

    Attributes:
        fresh: those with a new ``s``, ascending.
        duplicates: how many had come before.
        gap: expected and found ``s`` where the first jump is; None when there is none.

    """

    fresh: list[Event]
    duplicates: int = 0
    gap: tuple[int, int] | None = None


class Sequence:
    """Where the session stands.

    Attributes:
        received: highest ``s`` received.
        durable: highest ``s`` whose rows are committed; None before the first commit of the session.

    """

    def __init__(self, received: int = 0, durable: int | None = None) -> None:
        self.received, self.durable = received, durable

    @property
    def settled(self) -> bool:
        """Whether everything received is durable."""
        return self.received == self.durable

    def take(self, events: list[Event]) -> Intake:
        """Move on to the last of ``events``. A gap is accepted: whether Discord numbers without gaps is not documented."""
        expected = range(self.received + 1, self.received + 1 + len(events))
        if [event.s for event in events] != list(expected):
            return self._sort_out(events)
        self.received = expected[-1]
        return Intake(events)

    def _sort_out(self, events: list[Event]) -> Intake:
        fresh: list[Event] = []
        gap = None
        for event in events:
            if event.s <= self.received:
                continue
            if gap is None and event.s > self.received + 1:
                gap = self.received + 1, event.s
            self.received = event.s
            fresh.append(event)
        return Intake(fresh, len(events) - len(fresh), gap)

    def committed(self, seq: int) -> bool:
        """Everything up to ``seq`` is durable; says whether that is news."""
        if self.durable is not None and seq <= self.durable:
            return False
        self.durable = seq
        return True
