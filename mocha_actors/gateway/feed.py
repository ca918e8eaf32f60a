"""The feed: what the gateway connection of somebody else brings, put in order and kept within limits.

A bot library owns the connection; its callbacks hand the raw dispatches to a feed, from whatever thread they run in, and never wait. The feed
gives each shard sessions of its own: a session begins with the host's READY and can be continued by nobody else, so that its id is invented. Every
dispatch gets a number when it is handed over, which is what makes handing it on twice harmless (promise P1).

What does not fit is dropped and counted, and the time in which that happened becomes a coverage gap as soon as there is room again (promise P6).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final, NamedTuple
from uuid import uuid4

from mocha_actors.pipeline.batch import MAX_EVENTS
from mocha_actors.pipeline.notices import Flush

RUN_BYTES: Final = 1 << 20
"""Bytes of frames that make a run full; a frame larger than that is a run of its own."""

FEED_EVENTS: Final = 50_000
FEED_BYTES: Final = 64 << 20
"""What waits to be handed over, and again what waits in the mailbox behind it, at most."""


NEWS: Final = 1_000
"""News that may wait."""


@dataclass(eq=False, slots=True)
class Run:
    """Dispatches of one shard that were handed over one after the other.

    Attributes:
        shard: shard id.
        session: the invented id of its session.
        first: number of the first frame; the others follow.
        received_ms: when the first frame was handed over, milliseconds since the Unix epoch.
        replayed: they are a RESUME's replay, hence late.
        frames: as the gateway sent them, JSON.
        size: their bytes.

    """

    shard: int
    session: str
    first: int
    received_ms: int
    replayed: bool
    frames: list[bytes] = field(default_factory=list)
    size: int = 0

    def __repr__(self) -> str:
        """Without frames, which hold content (promise P9)."""
        return f"Run(shard={self.shard}, first={self.first}, frames={len(self.frames)}, size={self.size})"


@dataclass(frozen=True, eq=False, slots=True)
class Began:
    """The host has a new session, or is first heard of: everything before it that was not handed over was missed."""

    shard: int
    session: str
    number: int
    ready_ms: int
    user_id: int = 0
    application_id: int = 0


@dataclass(frozen=True, eq=False, slots=True)
class Missed:
    """Dispatches were dropped in this time, milliseconds since the Unix epoch, half-open."""

    shard: int
    session: str
    number: int
    from_ms: int
    to_ms: int


@dataclass(frozen=True, eq=False, slots=True)
class Evidence:
    """The host's connection was alive at this time, milliseconds since the Unix epoch, and everything before it was handed over before it.

    It has a number of its own, so that it cannot become durable before what it vouches for.
    """

    shard: int
    session: str
    number: int
    at_ms: int


FeedMessage = Run | Began | Missed | Evidence | Flush


def events_of(message: FeedMessage) -> int:
    """The weight of a message in a mailbox: its events."""
    return len(message.frames) if isinstance(message, Run) else 1


def bytes_of(message: FeedMessage) -> int:
    """The size of a message in a mailbox."""
    return message.size if isinstance(message, Run) else 0


class Log(NamedTuple):
    """Something about the host's connection that is worth a line in a log: ``host.ready``, ``host.disconnected``, ``host.resumed`` or ``feed.full``."""

    name: str
    shard: int


class SteadyClock:
    """Wall time when it was made plus monotonic time since, in milliseconds; from any thread, and setting the system's clock changes nothing."""

    def __init__(self) -> None:
        self._offset_ms = time.time_ns() / 1e6 - time.monotonic() * 1000

    def __call__(self) -> int:
        """Milliseconds since the Unix epoch."""
        return int(time.monotonic() * 1000 + self._offset_ms)


@dataclass(slots=True)
class _Shard:
    """Where a shard of the host stands; ``missed`` is the time in which its dispatches were dropped and that is not reported yet."""

    session: str = ""
    next: int = 1
    connected: bool = False
    missed: tuple[int, int] | None = None


class Feed:
    """Takes dispatches from any thread; whoever was woken takes them out in runs.

    Attributes:
        dropped: dispatches that did not fit, or came when the feed was closed.
        shards: how many shards were heard of.

    """

    def __init__(
        self, wake: Callable[[], None], *, clock: Callable[[], int] | None = None, max_events: int = FEED_EVENTS, max_bytes: int = FEED_BYTES
    ) -> None:  # fmt: skip
        """A feed that knows no shard yet.

        Args:
            wake: called in the host's thread when something waits where nothing waited before; it must not block.
            clock: milliseconds since the Unix epoch.
            max_events: dispatches that may wait.
            max_bytes: bytes of theirs.

        """
        self.dropped = 0
        self._wake, self._clock = wake, clock or SteadyClock()
        self._max_events, self._max_bytes = max_events, max_bytes
        self._lock = Lock()
        self._shards: dict[int, _Shard] = {}
        self._waiting: list[FeedMessage] = []
        self._events = self._bytes = 0
        self._closed = False
        self._news: list[Log] = []

    # For the host

    def frame(self, shard: int, frame: bytes) -> bool:
        """Hand over a dispatch as the gateway sent it, JSON; returns whether it was taken."""
        with self._lock:
            state = self._state(shard)
            now_ms = self._clock()
            if self._closed or self._events >= self._max_events or self._bytes + len(frame) > self._max_bytes:
                self._drop(shard, state, now_ms, 1)
                return False
            if not state.session:
                self._begin(shard, state, now_ms)
            self._report_missed(shard, state)
            run = self._run_for(shard, state, len(frame), now_ms)
            run.frames.append(frame)
            run.size += len(frame)
            state.next += 1
            self._events += 1
            self._bytes += len(frame)
            return True

    def ready(self, shard: int, *, user_id: int = 0, application_id: int = 0) -> None:
        """The host has begun a new session on ``shard``: what happened since the last evidence of the old one was missed."""
        with self._lock:
            state = self._state(shard)
            state.missed = None  # The new session's gap begins at the last evidence, hence covers it.
            self._begin(shard, state, self._clock(), user_id, application_id)
            self._tell(Log("host.ready", shard))

    def disconnected(self, shard: int) -> None:
        """The host has lost the connection of ``shard``; what comes before its RESUMED is a replay."""
        with self._lock:
            self._state(shard).connected = False
            self._tell(Log("host.disconnected", shard))

    def resumed(self, shard: int) -> None:
        """The host's session goes on, and everything since was replayed."""
        with self._lock:
            self._state(shard).connected = True
            self._tell(Log("host.resumed", shard))

    def alive(self, shard: int, seconds_ago: float = 0.0) -> None:
        """The connection of ``shard`` gave a sign of life, such as an acknowledged heartbeat, so long ago."""
        with self._lock:
            state = self._state(shard)
            if state.session and state.missed is None:
                self._put(Evidence(shard, state.session, state.next, self._clock() - round(seconds_ago * 1000)))
                state.next += 1

    @property
    def shards(self) -> int:
        """How many shards of the host were heard of."""
        return len(self._shards)

    @property
    def connected(self) -> int:
        """How many of them are connected."""
        return sum(state.connected for state in self._shards.values())

    @property
    def waiting(self) -> int:
        """Dispatches that wait to be taken out."""
        return self._events

    # For who takes it out

    def take(self) -> list[FeedMessage]:
        """Everything that waits, in order; it is the caller's now."""
        with self._lock:
            taken, self._waiting = self._waiting, []
            self._events = self._bytes = 0
            return taken

    def news(self) -> list[Log]:
        """What happened with the connection since the last time."""
        with self._lock:
            told, self._news = self._news, []
            return told

    def refused(self, message: FeedMessage) -> None:
        """A message that was taken found no room further on."""
        if isinstance(message, Run):
            with self._lock:
                self._drop(message.shard, self._state(message.shard), message.received_ms, len(message.frames))

    def close(self) -> None:
        """Take nothing more; what the host still hands over is counted as dropped."""
        with self._lock:
            self._closed = True

    # With the lock held

    def _state(self, shard: int) -> _Shard:
        return self._shards.setdefault(shard, _Shard())

    def _drop(self, shard: int, state: _Shard, at_ms: int, count: int) -> None:
        self.dropped += count
        if state.missed is None:
            self._tell(Log("feed.full", shard))
        began, ended = state.missed or (at_ms, at_ms)
        state.missed = min(began, at_ms), max(ended, self._clock() + 1)

    def _begin(self, shard: int, state: _Shard, now_ms: int, user_id: int = 0, application_id: int = 0) -> None:
        state.session, state.next, state.connected = f"embedded-{uuid4().hex}", 2, True
        self._put(Began(shard, state.session, 1, now_ms, user_id, application_id))

    def _report_missed(self, shard: int, state: _Shard) -> None:
        if state.missed is not None:
            self._put(Missed(shard, state.session, state.next, *state.missed))
            state.next, state.missed = state.next + 1, None

    def _run_for(self, shard: int, state: _Shard, size: int, now_ms: int) -> Run:
        """The run that waits last, if the next frame belongs to it, or a new one."""
        last = self._waiting[-1] if self._waiting else None
        replayed = not state.connected
        if (
            isinstance(last, Run)
            and (last.session, last.replayed) == (state.session, replayed)
            and len(last.frames) < MAX_EVENTS
            and last.size + size <= RUN_BYTES
        ):
            return last
        run = Run(shard, state.session, state.next, now_ms, replayed)
        self._put(run)
        return run

    def _tell(self, log: Log) -> None:
        """Note news for whoever takes things out; only so many, since a feed that nobody empties any more must not grow."""
        if len(self._news) < NEWS:
            self._news.append(log)
            if len(self._news) == 1 and not self._waiting:
                self._wake()

    def _put(self, message: FeedMessage) -> None:
        if self._closed:
            return
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._wake()
