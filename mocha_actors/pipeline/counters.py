"""What the program counts about itself: shared by the actors, shown in the live line, the summary and ``status``."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

GROWTH: Final = 1.05
"""Each bucket of a :class:`LagHistogram` is 5 % wider than the one before, so a percentile is right within 5 %."""

SMALLEST: Final = 1e-4
"""Seconds; shorter lags share the first bucket."""


@dataclass(slots=True)
class LagHistogram:
    """Lags from receive to commit, in buckets that grow by 5 %: constant memory, percentiles within 5 %."""

    buckets: dict[int, int] = field(default_factory=dict)
    total: int = 0

    def add(self, seconds: float, weight: int) -> None:
        """Record that ``weight`` events were committed ``seconds`` after they were received."""
        bucket = max(0, math.ceil(math.log(max(seconds, SMALLEST) / SMALLEST, GROWTH)))
        self.buckets[bucket] = self.buckets.get(bucket, 0) + weight
        self.total += weight

    def percentile(self, p: float) -> float | None:
        """Seconds that ``p`` percent of the events did not exceed (upper edge of the bucket); None without any event."""
        rest = self.total * p / 100
        for bucket in sorted(self.buckets):
            rest -= self.buckets[bucket]
            if rest <= 0:
                return SMALLEST * math.pow(GROWTH, bucket)
        return None


@dataclass(slots=True)
class CacheCounters:
    """What one cache has done since the process started.

    Attributes:
        entries: answers that it holds.
        hits: questions that it answered.
        stale: of these, those whose answer missed changes within the bounded staleness.
        misses: questions that it could not answer.
        shared: of these, those that Redis answered.
        invalidated: answers that it dropped because something they were read from changed.
        evicted: answers that had to go for others, or for memory.
        renewed: answers about the present that were read anew before their time was over, so that nobody had to wait for it.
        bytes: that its entries take, where those are what is limited.

    """

    entries: int = 0
    hits: int = 0
    stale: int = 0
    misses: int = 0
    shared: int = 0
    invalidated: int = 0
    evicted: int = 0
    renewed: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Counters:
    """Running totals since the process started. Whoever does a thing counts it; nobody resets.

    Attributes:
        received: dispatches taken from sockets, duplicates not counted.
        duplicates: dispatches dropped because their ``s`` was known.
        seq_gaps: times that a session's numbers skipped some.
        unknown: dispatches whose name this version does not know.
        committed: events whose transaction is durable: ``ignored`` and ``dead_lettered`` ones included.
        ignored: committed events that are no fact.
        dead_lettered: committed events that became dead letters.
        misrouted: dispatches about a guild that belongs to another shard.
        connected: shards whose session is active now.
        resumes: sessions continued by RESUME.
        identifies: IDENTIFYs sent, each of which spends one of Discord's daily budget.
        restarts: actors restarted by a supervisor.
        transactions: commits made.
        spooled: events that became durable in the spool because the database was away; they are committed later.
        lag: from receive to commit.
        durable: the committed ``s`` of each shard's session, as far as this process committed any.
        caches: of each kind of cache.

    """

    received: int = 0
    duplicates: int = 0
    seq_gaps: int = 0
    unknown: int = 0
    committed: int = 0
    ignored: int = 0
    dead_lettered: int = 0
    misrouted: int = 0
    connected: int = 0
    resumes: int = 0
    identifies: int = 0
    restarts: int = 0
    transactions: int = 0
    spooled: int = 0
    lag: LagHistogram = field(default_factory=LagHistogram)
    durable: dict[int, int] = field(default_factory=dict)
    caches: dict[str, CacheCounters] = field(default_factory=dict)
