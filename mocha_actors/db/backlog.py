"""The batches that the writer holds: in order per shard, those settled without a gap before them ready to be committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from mocha_actors.discord.events import Ready
from mocha_actors.pipeline.batch import Batch


class Lane:
    """The batches of one shard in the order received, each with its number in the backlog: first the ready ones, then the rest."""

    __slots__ = ("open", "ready")

    def __init__(self) -> None:
        """An empty lane."""
        self.open: deque[tuple[int, Batch]] = deque()
        self.ready: deque[tuple[int, Batch]] = deque()

    @property
    def oldest(self) -> int | None:
        """The number of the first batch; None without any."""
        lane = self.ready or self.open
        return lane[0][0] if lane else None


class Backlog:
    """Batches in hand. Order holds within a shard (promise P2); shards do not wait for each other.

    The same batch twice is two entries, and so are overlapping ones: what is durable already is passed over when they are applied.

    Attributes:
        added: how many batches were ever added: the number of the next one.
        ready: events that can be committed now.

    """

    def __init__(self, on_ready: Callable[[], None]) -> None:
        """``on_ready`` is called whenever more has become ready, from within the call that settled it."""
        self._lanes: dict[int, Lane] = {}
        self._on_ready = on_ready
        self._urgent = 0
        self.added = self.ready = 0

    @property
    def urgent(self) -> bool:
        """Whether the start of a session is ready: until it is durable, a crash would cost another IDENTIFY."""
        return self._urgent > 0

    def add(self, batch: Batch) -> None:
        """Take a batch, settled or not."""
        lane = self._lanes.setdefault(batch.shard, Lane())
        lane.open.append((self.added, batch))
        self.added += 1
        batch.when_settled(partial(self._advance, lane))

    def _advance(self, lane: Lane) -> None:
        """Move what is settled and contiguous to the ready part of its lane."""
        before = self.ready
        while lane.open and lane.open[0][1].settled:
            lane.ready.append(entry := lane.open.popleft())
            self.ready += len(entry[1])
            self._urgent += begins_session(entry[1])
        if self.ready != before:
            self._on_ready()

    def take(self, max_events: int) -> list[Batch]:
        """Remove and return ready batches of at most ``max_events`` together, or a single larger one; lanes take turns."""
        group: list[Batch] = []
        room = max_events
        lanes = deque(lane for lane in self._lanes.values() if lane.ready)
        while lanes and (not group or len(lanes[0].ready[0][1]) <= room):
            lane = lanes.popleft()
            _, batch = lane.ready.popleft()
            group.append(batch)
            room -= len(batch)
            self.ready -= len(batch)
            self._urgent -= begins_session(batch)
            if lane.ready:
                lanes.append(lane)
        return group

    def oldest(self) -> int:
        """The number of the first batch that is still here; :attr:`added` when there is none."""
        return min((oldest for lane in self._lanes.values() if (oldest := lane.oldest) is not None), default=self.added)


def begins_session(batch: Batch) -> bool:
    """Whether the batch starts with READY."""
    return isinstance(batch.events[0], Ready)
