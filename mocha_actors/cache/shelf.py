"""One kind's cache in memory: least recently used goes first, nothing outlives its time, and the size can be changed while it is in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cachetools import TTLCache

from mocha_actors.cache.keys import Wanted


@dataclass(slots=True)
class Entry:
    """A kept answer.

    Attributes:
        value: the answer.
        wanted: what it answers, as it was asked.
        counter: of the change log, from before it was read.
        made: when that was, by the clock of the loop.
        moving: whether it may be served for the bounded staleness only.
        renewing: somebody has leave to bring a newer one.

    """

    value: Any
    wanted: Wanted
    counter: int
    made: float
    moving: bool
    renewing: bool = False


class Shelf:
    """A bounded cache of entries.

    Attributes:
        evicted: entries that had to go for others, or for memory.

    """

    def __init__(self, size: int, ttl: float, clock: Callable[[], float]) -> None:
        """A cache of at most ``size`` entries (0: of none), each of which lives for ``ttl`` seconds of ``clock``."""
        self.evicted = 0
        self._size = self._room = size
        self._entries: TTLCache[object, Entry] = TTLCache(max(1, size), ttl, clock)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: object) -> Entry | None:
        """What is kept under ``key``."""
        return self._entries.get(key)

    def put(self, key: object, entry: Entry) -> None:
        """Keep ``entry``."""
        if self._room:
            if key not in self._entries:
                self._evict(self._room - 1)
            self._entries[key] = entry

    def drop(self, key: object) -> None:
        """Keep it no longer."""
        self._entries.pop(key, None)

    def resize(self, share: float) -> int:
        """Use ``share`` (0 to 1) of the size; returns how many entries had to go."""
        self._room = int(self._size * share)
        return self._evict(self._room)

    def _evict(self, room: int) -> int:
        self._entries.expire()
        gone = max(0, len(self._entries) - room)
        for _ in range(gone):
            self._entries.popitem()
        self.evicted += gone
        return gone
