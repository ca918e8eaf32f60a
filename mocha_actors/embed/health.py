"""How an embedded Mocha is, in a few numbers that can be read at any time and from any thread."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Health:
    """A summary; :meth:`~mocha_actors.embed.host.MochaStats.status` has the whole tree.

    Attributes:
        running: it takes events and answers questions.
        error: what brought it down by itself; empty otherwise.
        shards: shards of the host that it has heard of, or its own.
        connected: how many of them are connected.
        received: events taken.
        committed: events that are durable.
        dead_lettered: events that are kept as dead letters.
        dropped: events that did not fit, or came when it did not run; the time in which that happened is a coverage gap.
        restarts: actors that were restarted.

    """

    running: bool
    error: str
    shards: int
    connected: int
    received: int
    committed: int
    dead_lettered: int
    dropped: int
    restarts: int
