"""The batch: the ordered unit of work between the socket and the database.

A shard closes a batch at 512 events, at a byte limit, or 10 ms after its first event. The dispatcher offers it to the writer, which thereby
knows the order, and hands each processor its entries. Settling an entry is a synchronous call, never a message: when the last entry is
settled, the batch is, and whoever asked by :meth:`Batch.when_settled` is told.

Everything about a batch is safe to repeat. An entry is settled once and later attempts change nothing; a batch handed over twice is known by
:attr:`Batch.key`. So an actor that crashed half-way is simply given the same batch again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from mocha_actors.discord.events import Event
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp, replay_stamps

MAX_EVENTS: Final = 512
"""Events that close a batch: beyond 256 a hop costs nothing more per event, and 512 keep a processor below some milliseconds."""

MAX_BYTES: Final = 4 << 20
"""Bytes of decoded frames that close a batch."""

MAX_DELAY: Final = 0.010
"""Seconds after the first event that close a batch."""

SETTLE_LIMIT: Final = 30.0
"""Seconds after which an unsettled batch is submitted again, and after as many again given up."""


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """An entry that could not become facts.

    Attributes:
        reason: ``undecodable``, ``invalid``, ``poison``, ``unsettled`` or ``unwritable``.
        error: type and text of the error, without payload.
        payload: the redacted event, JSON; empty when nothing of it may be kept.

    """

    reason: str
    error: str
    payload: bytes = b""


Outcome = tuple[Fact, ...] | DeadLetter
IGNORED: Final[tuple[Fact, ...]] = ()
"""The outcome of an event that nothing counts: no fact, no dead letter."""


class Batch:
    """Dispatches of one shard and session, in order, and what became of each.

    Attributes:
        shard: shard id.
        session_id: the session that ``s`` numbers belong to; a secret, never logged.
        events: the dispatches, ascending in ``s``.
        outcomes: one per event: facts (none for an ignored event), a :class:`DeadLetter`, or None while open.
        received_at: ``trio.current_time()`` of the first event; the lag from receive to commit counts from here.
        received_ms: the shard's receive stamp, milliseconds since the Unix epoch: the time of events that carry none.
        size: bytes of the frames, for the bounds of mailboxes.
        replayed: the events are a RESUME's replay, so their receive stamp is late.
        floor_ms: the last known moment before the first event; only a replayed batch, whose events may be as old as that, makes use of it.

    """

    __slots__ = (
        "_listeners", "_open", "_stamps", "events", "floor_ms", "outcomes", "received_at", "received_ms", "replayed", "session_id", "shard", "size", "submissions",
    )  # fmt: skip

    def __init__(
        self, shard: int, session_id: str, events: list[Event], *,
        received_at: float, received_ms: int, size: int, replayed: bool = False, floor_ms: int | None = None,
    ) -> None:  # fmt: skip
        """A batch with every entry open. Raises ValueError when it has none: an empty batch could never be settled."""
        if not events:
            msg = "a batch holds at least one event"
            raise ValueError(msg)
        self.shard, self.session_id, self.events = shard, session_id, events
        self.received_at, self.received_ms, self.size, self.replayed = received_at, received_ms, size, replayed
        self.floor_ms = received_ms if floor_ms is None else floor_ms
        self._stamps: list[Stamp] | None = None
        self.outcomes: list[Outcome | None] = [None] * len(events)
        self.submissions = 1
        self._open = len(events)
        self._listeners: list[Callable[[], None]] = []

    def __len__(self) -> int:
        return len(self.events)

    def __repr__(self) -> str:
        return f"<Batch shard={self.shard} s={self.first_seq}..{self.last_seq} open={self._open}>"

    @property
    def first_seq(self) -> int:
        """``s`` of the first event."""
        return self.events[0].s

    @property
    def last_seq(self) -> int:
        """``s`` of the last event."""
        return self.events[-1].s

    @property
    def key(self) -> tuple[int, str, int]:
        """What makes a hand-over a repetition: (shard, session, first ``s``)."""
        return self.shard, self.session_id, self.first_seq

    @property
    def stamps(self) -> list[Stamp]:
        """When each event happened, if it says no time of its own: of a live batch the same for all."""
        stamps = self._stamps
        if stamps is None:
            stamps = self._stamps = self._make_stamps()
        return stamps

    def stamp(self, index: int) -> Stamp:
        """When event ``index`` happened, if it says no time of its own."""
        return self.stamps[index]

    @property
    def latest_ms(self) -> int:
        """Evidence that the session was followed: when the last event happened at the earliest, milliseconds since the epoch."""
        return self.stamp(len(self.events) - 1).at_ms

    def _make_stamps(self) -> list[Stamp]:
        if not self.replayed:
            return [Stamp(self.received_ms, 0, self.shard)] * len(self.events)
        return replay_stamps(self.events, floor_ms=self.floor_ms, received_ms=self.received_ms, shard=self.shard)

    @property
    def settled(self) -> bool:
        """Whether every entry has an outcome."""
        return not self._open

    def settle(self, index: int, outcome: Outcome) -> None:
        """Give entry ``index`` its outcome; the first one stands, a later one changes nothing."""
        if self.outcomes[index] is not None:
            return
        self.outcomes[index] = outcome
        self.count_settled(1)

    def count_settled(self, number: int) -> None:
        """So many open entries were given their outcomes in :attr:`outcomes` itself.

        To call for each, here and for its stamp, made translating presences take half as long again.
        """
        self._open -= number
        if number and not self._open:
            listeners, self._listeners = self._listeners, []
            for listener in listeners:
                listener()

    def when_settled(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` once, as soon as the batch is settled: now, if it is."""
        if self._open:
            self._listeners.append(listener)
        else:
            listener()

    def open_entries(self) -> list[int]:
        """Indexes of the entries without outcome, ascending."""
        return [index for index, outcome in enumerate(self.outcomes) if outcome is None]

    def give_up(self) -> int:
        """Settle what is open as dead letters ``unsettled``; returns how many there were."""
        entries = self.open_entries()
        for index in entries:
            error = f"no outcome within {2 * SETTLE_LIMIT:.0f} s"
            self.settle(index, DeadLetter(reason="unsettled", error=error))
        return len(entries)


class Work:
    """One processor's entries of one batch, and how far it got: what a restarted processor is handed again.

    Attributes:
        batch: the batch.
        indexes: its entries for this processor, ascending.
        cursor: position in ``indexes`` of the entry in hand; those before it are settled.
        attempts: how often the entry in hand has already failed.

    """

    __slots__ = ("attempts", "batch", "cursor", "indexes")

    def __init__(self, batch: Batch, indexes: Sequence[int]) -> None:
        """Work that has not begun."""
        self.batch, self.indexes = batch, indexes
        self.cursor = self.attempts = 0

    def __len__(self) -> int:
        return len(self.indexes)

    def advance_to(self, position: int) -> None:
        """The entry at ``position`` is in hand now. It may be the one that was: then its attempts are not forgotten."""
        if position != self.cursor:
            self.cursor, self.attempts = position, 0
