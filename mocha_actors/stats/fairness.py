"""Fairness between guilds: who is next when a reader becomes free.

Each guild has a queue of its own, and the queues take turns: however many questions about one guild wait, one about another waits for
one of them at most.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import trio

T = TypeVar("T")


class RoundRobin(Generic[T]):
    """Queues that take turns. Pure."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._lanes: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, lane: Hashable, item: T) -> None:
        """Put ``item`` at the end of its lane; a lane that was empty comes after all others."""
        self._lanes.setdefault(lane, deque()).append(item)
        self._length += 1

    def take(self) -> T:
        """The first item of the lane whose turn it is, which then comes last. Raises IndexError when nobody waits."""
        if not self._lanes:
            raise IndexError("take from empty lanes")
        lane, items = self._lanes.popitem(last=False)
        item = items.popleft()
        if items:
            self._lanes[lane] = items
        self._length -= 1
        return item

    def discard(self, lane: Hashable, item: T) -> bool:
        """Take ``item`` out of its lane, wherever it stands; False if it is not there."""
        items = self._lanes.get(lane)
        if items is None or item not in items:
            return False
        items.remove(item)
        self._length -= 1
        if not items:
            del self._lanes[lane]
        return True


class Turns:
    """Admits a number of tasks at a time, guild by guild."""

    def __init__(self, places: int) -> None:
        """Admit ``places`` at a time."""
        self._free = places
        self._waiting: RoundRobin[trio.Event] = RoundRobin()

    @property
    def idle(self) -> bool:
        """Whether a place is free."""
        return self._free > 0

    @asynccontextmanager
    async def turn(self, lane: Hashable) -> AsyncIterator[None]:
        """Wait for a place, and hold it while the block runs."""
        await self._enter(lane)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, lane: Hashable) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        mine = trio.Event()
        self._waiting.add(lane, mine)
        try:
            await mine.wait()
        except trio.Cancelled:
            # A place that was given at the very moment goes on to the next.
            if not self._waiting.discard(lane, mine):
                self._leave()
            raise

    def _leave(self) -> None:
        if self._waiting:
            self._waiting.take().set()
        else:
            self._free += 1
