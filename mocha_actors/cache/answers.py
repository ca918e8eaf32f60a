"""The decisions of the cache: what may be served, what may be kept. Pure: time is an argument.

Each answer carries the counter of the change log from before it was read, so whatever changes while it is being read counts as a change since.

- A range that is over (a *closed* one) is served as long as nothing inside its guild, subjects and range has changed, up to the time to live.
- A range that reaches the present (a *moving* one) is never served for longer than the bounded staleness, since it ages even where nothing
  happens. Within that time it is served if nothing has changed, or if its guild is busy: such a guild would empty its own cache with every
  message. In a quiet guild whoever writes sees it counted at once.
- When half of that time is over, one of those who ask for a moving answer gets leave to read a new one beside it. So where somebody asks now and then nobody
  waits for the database, least of all when it is busy: the answer is replaced before it is too old, and serves until then.

Names of users stand in answers as they were when those were computed: a new name shows when the time to live is over, at the latest. They belong
to no guild, and one that renames itself would otherwise empty the caches of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from mocha_actors.cache.changes import ChangeLog
from mocha_actors.cache.keys import Kind, Wanted
from mocha_actors.cache.shelf import Entry, Shelf
from mocha_actors.config import CacheSection
from mocha_actors.pipeline.counters import CacheCounters
from mocha_actors.pipeline.notices import Changed


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one kind: ``size`` in entries, ``ttl`` in seconds."""

    size: int
    ttl: float


def limits_of(section: CacheSection) -> dict[Kind, Limits]:
    """The limits of each kind."""
    return {
        Kind.USER: Limits(section.user_size, section.user_ttl_s),
        Kind.GUILD: Limits(section.guild_size, section.guild_ttl_s),
        Kind.LEADERBOARD: Limits(section.leaderboard_size, section.leaderboard_ttl_s),
        Kind.QUERY: Limits(section.query_size, section.query_ttl_s),
    }


@dataclass(frozen=True, slots=True)
class Ticket:
    """There is no answer: leave to compute one and to bring it back.

    Attributes:
        counter: of the change log now.
        last_change: of what was wanted; an answer that is being read since this counter or later will do as well.
        made: now, by the clock of the loop.
        busy: whether a moving answer that is being read may miss the latest changes.
        life: of the cache that gave it: one that was restarted knows nothing of the changes of its earlier life.

    """

    counter: int
    last_change: int
    made: float
    busy: bool
    life: int


@dataclass(frozen=True, slots=True)
class Hit:
    """The answer.

    Attributes:
        value: the answer.
        as_of_ms: it was read at that time or after it, milliseconds since the Unix epoch.
        renewal: leave to bring a newer one, for which nobody waits; given once, and no part of what is answered.

    """

    value: Any
    as_of_ms: int
    renewal: Ticket | None = field(default=None, compare=False)


class Verdict(Enum):
    """What is to become of a kept answer."""

    FRESH = "nothing that it was read from has changed"
    STALE = "something has, but it may be served for the moment"
    OLD = "it reached the present, and that is over"
    CHANGED = "something has changed"


SERVED: Final = frozenset({Verdict.FRESH, Verdict.STALE})


class Answers:
    """The four caches and the log that keeps them right.

    Attributes:
        stale_seconds: the bounded staleness.

    """

    def __init__(
        self, limits: Mapping[Kind, Limits], stale_seconds: float, counters: Mapping[Kind, CacheCounters],
        clock: Callable[[], float], life: int = 0,
    ) -> None:  # fmt: skip
        """Nothing is kept yet.

        Args:
            limits: of each kind.
            stale_seconds: how old the answer to a moving range may be.
            counters: where hits and the like are counted.
            clock: tells expired entries; the same as the ``now`` of the methods.
            life: incarnation of the actor.

        """
        self.stale_seconds, self._counters, self._life = stale_seconds, counters, life
        self._log = ChangeLog(stale_seconds or 1.0)
        self._shelves = {kind: Shelf(limit.size, limit.ttl, clock) for kind, limit in limits.items()}

    def __len__(self) -> int:
        return sum(len(shelf) for shelf in self._shelves.values())

    def changed(self, notice: Changed, now: float) -> None:
        """Take note of what a transaction changed."""
        self._log.note(notice, now)

    def look_up(self, wanted: Wanted, now: float, *, renews: bool = True) -> Hit | Ticket:
        """An answer that may be served now, or a ticket to bring one; with ``renews``, leave to renew the answer if it is time to."""
        counters = self._counters[wanted.kind]
        entry = self._shelves[wanted.kind].get(wanted.key)
        if entry is not None:
            verdict = self._judge(entry, now)
            if verdict in SERVED:
                counters.hits += 1
                counters.stale += verdict is Verdict.STALE
                renewal = self._renewal(entry, wanted, now) if renews else None
                return Hit(entry.value, entry.wanted.as_of_ms, renewal)
            self._shelves[wanted.kind].drop(wanted.key)
            counters.invalidated += verdict is Verdict.CHANGED
        counters.misses += 1
        return self._ticket(wanted, now)

    def _renewal(self, entry: Entry, wanted: Wanted, now: float) -> Ticket | None:
        if entry.renewing or not entry.moving or now - entry.made < self.stale_seconds / 2:
            return None
        entry.renewing = True
        self._counters[wanted.kind].renewed += 1
        return self._ticket(wanted, now)

    def _ticket(self, wanted: Wanted, now: float) -> Ticket:
        last_change = self._log.last_change(wanted, 0)
        busy = wanted.moving and self._log.busy(wanted.guild_id, now)
        return Ticket(self._log.counter, last_change, now, busy, self._life)

    def _judge(self, entry: Entry, now: float) -> Verdict:
        if entry.moving and now - entry.made > self.stale_seconds:
            return Verdict.OLD
        if self._log.last_change(entry.wanted, entry.counter) <= entry.counter:
            return Verdict.FRESH
        if entry.moving and self._log.busy(entry.wanted.guild_id, now):
            return Verdict.STALE
        return Verdict.CHANGED

    def keep(self, wanted: Wanted, ticket: Ticket, value: object, now: float, *, moving: bool = False) -> bool:
        """Keep an answer that was read after ``ticket`` was given; False if it cannot be served any more.

        ``moving`` says that the answer ages by itself though its range does not, as one about a time that is not yet observed.
        """
        if ticket.life != self._life:
            return False
        entry = Entry(value, wanted, ticket.counter, ticket.made, moving or wanted.moving)
        if self._judge(entry, now) not in SERVED:
            return False
        shelf = self._shelves[wanted.kind]
        before = shelf.evicted
        shelf.put(wanted.key, entry)
        self._counters[wanted.kind].evicted += shelf.evicted - before
        self._count_entries()
        return True

    def resize(self, share: float) -> int:
        """Use ``share`` (0 to 1) of all sizes; returns how many entries had to go."""
        gone = 0
        for kind, shelf in self._shelves.items():
            here = shelf.resize(share)
            self._counters[kind].evicted += here
            gone += here
        self._count_entries()
        return gone

    def _count_entries(self) -> None:
        for kind, shelf in self._shelves.items():
            self._counters[kind].entries = len(shelf)


def may_join(ticket: Ticket, flight: Ticket, wanted: Wanted, stale_seconds: float) -> bool:
    """Whether an answer that is being read since ``flight`` answers a question whose look-up gave ``ticket`` just now.

    It does if nothing that the question reads has changed since; else somebody would be told a number from before a change that was
    committed before they asked. Moving ranges of busy guilds are allowed as much as from the cache.
    """
    if ticket.life != flight.life:
        return False
    young = not wanted.moving or ticket.made - flight.made <= stale_seconds
    return young and (flight.counter >= ticket.last_change or ticket.busy)
