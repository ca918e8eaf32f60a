"""The bases of live counters: sums of each user over time that is over, of the guilds whose leaderboards are asked for again and again.

An answer to a busy guild is old as soon as it is given, and nearly all of what it was added up from has not changed. What can be kept of it is a
*base*; whether it is still true is seen from the database by whoever uses it (:mod:`mocha_actors.stats.live`), so this is a store and a policy:

- What is computed a second time within :data:`HOT_SECONDS` is *hot*, and its base is kept. A question that is answered from the cache is not
  computed at all, so this is what is asked often and changes often.
- What was not used for :data:`IDLE_SECONDS` goes, and so does what was used least recently where all together take more bytes than they may.

It is used by the reader threads and by the cache actor, which shares out the memory; nothing in it is needed by anybody who is restarted.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple

from cachetools import TTLCache

from mocha_actors.pipeline.counters import CacheCounters

HOT_SECONDS: Final = 300.0
IDLE_SECONDS: Final = 900.0

MOST_BASES: Final = 10_000
MOST_CANDIDATES: Final = 10_000
"""Computations that are remembered as having been made once."""


class Kept(NamedTuple):
    """A base, its bytes, and when it was used last."""

    value: Any
    size: int
    used: float


class Bases:
    """Keeps bases by key, from any thread."""

    def __init__(self, most_bytes: int, counters: CacheCounters, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is kept yet.

        Args:
            most_bytes: that all bases together may take, by the estimate of whoever brings them.
            counters: what came of them; ``hits`` are sums that began with a base, ``misses`` hot ones that had to be read as a whole.
            clock: seconds.

        """
        self._most = self._room = most_bytes
        self._counters, self._clock = counters, clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._candidates: TTLCache[Hashable, bool] = TTLCache(MOST_CANDIDATES, HOT_SECONDS, clock)

    def hot(self, key: Hashable) -> bool:
        """Whether what is about to be computed under ``key`` is worth a base; the first time it is not."""
        with self._lock:
            if key in self._kept or key in self._candidates:
                return True
            self._candidates[key] = True
            return False

    def get(self, key: Hashable, is_true: Callable[[Any], bool]) -> Any:
        """The base under ``key``, if there is one and ``is_true`` of it; None otherwise, and then it is kept no longer."""
        with self._lock:
            kept = self._kept.get(key)
        true = kept is not None and is_true(kept.value)
        with self._lock:
            if kept is not None and true:
                self._counters.hits += 1
                if self._kept.get(key) is kept:
                    self._kept[key] = kept._replace(used=self._clock())
                    self._kept.move_to_end(key)
                return kept.value
            self._counters.misses += 1
            if kept is not None and self._kept.get(key) is kept:
                self._counters.invalidated += 1
                self._remove(key)
            return None

    def put(self, key: Hashable, value: object, size: int) -> None:
        """Keep ``value``, which takes ``size`` bytes, in place of what stood under ``key``."""
        with self._lock:
            if key in self._kept:
                self._remove(key)
            if size > self._room:
                self._counters.evicted += 1
                return
            self._kept[key] = Kept(value, size, self._clock())
            self._counters.bytes += size
            self._counters.entries += 1
            self._shrink()

    def resize(self, share: float) -> int:
        """Use ``share`` (0 to 1) of the bytes; returns how many bases had to go."""
        with self._lock:
            self._room = int(self._most * share)
            return self._shrink()

    def expire(self) -> None:
        """Let go of what nobody uses any more."""
        with self._lock:
            while self._kept and (oldest := next(iter(self._kept.items())))[1].used < self._clock() - IDLE_SECONDS:
                self._remove(oldest[0])

    def clear(self) -> None:
        """Keep nothing of all this."""
        with self._lock:
            for key in list(self._kept):
                self._remove(key)

    def _shrink(self) -> int:
        gone = 0
        while self._counters.bytes > self._room or len(self._kept) > MOST_BASES:
            self._remove(next(iter(self._kept)))
            gone += 1
        self._counters.evicted += gone
        return gone

    def _remove(self, key: Hashable) -> None:
        self._counters.bytes -= self._kept.pop(key).size
        self._counters.entries -= 1
