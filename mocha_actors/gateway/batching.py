"""Building batches: which dispatches travel together. Pure; time is an argument."""

from __future__ import annotations

import math
from typing import Final

from mocha_actors.discord.events import Event, Resumed, UnknownEvent
from mocha_actors.pipeline.batch import IGNORED, MAX_BYTES, MAX_DELAY, MAX_EVENTS, Batch, Outcome

_UNCOUNTED: Final = frozenset({Resumed, UnknownEvent})
"""Events that only move ``s``: settled here, as nobody else would do anything with them."""


class BatchBuilder:
    """The batch that a shard is filling. One session and one kind (live or replayed) share a batch."""

    def __init__(self, shard: int, latest_ms: int = 0) -> None:
        """``latest_ms`` is the last known moment before the first event, milliseconds since the epoch: a replay is no older."""
        self._shard = shard
        self._latest_ms = latest_ms
        self._session_id = ""
        self._replayed = False
        self._clear()

    def _clear(self) -> None:
        self._events: list[Event] = []
        self._size = 0
        self._received_at = math.inf
        self._received_ms = 0

    @property
    def deadline(self) -> float:
        """When the batch has waited long enough; infinity for an empty one."""
        return self._received_at + MAX_DELAY

    def add(
        self, events: list[Event], *, session_id: str, replayed: bool, event_size: int, now: float, now_ms: int
    ) -> list[Batch]:
        """Add dispatches of ``event_size`` bytes each; return the batches that are full, oldest first."""
        closed: list[Batch] = []
        if (session_id, replayed) != (self._session_id, self._replayed):
            closed += self.close()
            self._session_id, self._replayed = session_id, replayed
        position = 0
        while position < len(events):
            room = self._room(event_size)
            if not room:
                closed += self.close()
                room = max(1, self._room(event_size))
            if not self._events:
                self._received_at, self._received_ms = now, now_ms
            part = events[position : position + room]
            self._events += part
            self._size += len(part) * event_size
            position += len(part)
        return closed + (self.close() if not self._room(event_size) else [])

    def _room(self, event_size: int) -> int:
        """How many more events of that size the batch may take."""
        return max(0, min(MAX_EVENTS - len(self._events), (MAX_BYTES - self._size) // max(1, event_size)))

    def close(self) -> list[Batch]:
        """The batch so far, if there is any; what nobody counts is settled already."""
        if not self._events:
            return []
        batch = Batch(
            self._shard, self._session_id, self._events, received_at=self._received_at, received_ms=self._received_ms,
            size=self._size, replayed=self._replayed, floor_ms=self._latest_ms,
        )  # fmt: skip
        self._latest_ms = max(self._latest_ms, batch.latest_ms)
        self._clear()
        if not _UNCOUNTED.isdisjoint(map(type, batch.events)):
            for index, event in enumerate(batch.events):
                if type(event) in _UNCOUNTED:
                    batch.settle(index, IGNORED)
        return [batch]

    def settled(
        self, event: Event, outcome: Outcome, *, session_id: str, size: int, now: float, now_ms: int
    ) -> list[Batch]:
        """A batch of one event with its outcome, behind what was built before it."""
        batch = Batch(self._shard, session_id, [event], received_at=now, received_ms=now_ms, size=size)
        batch.settle(0, outcome)
        closed = self.close()
        self._latest_ms = max(self._latest_ms, batch.latest_ms)
        return [*closed, batch]
