"""What a shard is given when it is made: its orders, and whom it talks to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from mocha_actors.discord.decode import EventDecoder
from mocha_actors.errors import PermanentError
from mocha_actors.gateway.address import Compression
from mocha_actors.gateway.identify_queue import TakeTurn
from mocha_actors.gateway.identity import Identity
from mocha_actors.gateway.rest import DISCORD_API, DiscordRest
from mocha_actors.gateway.transport import Transport, open_transport
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.counters import Counters
from mocha_actors.runtime import ActorRef


@dataclass(frozen=True, slots=True)
class ShardSettings:
    """What one shard is to do.

    Attributes:
        identity: who it is.
        api_url: Discord's REST API.
        gateway_url: the gateway's main address; None asks the API.
        compression: of what the gateway sends.
        strict_heartbeat: whether a missing acknowledgement alone means a dead connection, see :class:`.heartbeat.Heart`.

    """

    identity: Identity
    api_url: str = DISCORD_API
    gateway_url: str | None = None
    compression: Compression = "zlib-stream"
    strict_heartbeat: bool = False

    @property
    def fingerprint(self) -> str:
        """See :meth:`Identity.fingerprint`."""
        return self.identity.fingerprint(self.gateway_url or self.api_url)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Whom a shard talks to, and what it shares with others.

    Attributes:
        dispatcher: takes its batches.
        writer: answers LoadCheckpoint; is told of lost sessions and of quiet ones that live.
        identify: gives the turn to IDENTIFY.
        rest: the API.
        counters: of the program.
        clock: the receive stamp, milliseconds since the Unix epoch.
        rng: for jitter.
        on_fatal: is told why a shard ended for good; what then happens to the program is the caller's decision.
        decoder: reads the events that somebody takes; by itself all that it can.
        open_transport: makes connections; another one in tests.

    """

    dispatcher: ActorRef[Batch]
    writer: ActorRef[Any]
    identify: ActorRef[TakeTurn]
    rest: DiscordRest
    counters: Counters
    clock: Callable[[], int]
    rng: Random
    on_fatal: Callable[[PermanentError], None]
    decoder: EventDecoder = field(default_factory=EventDecoder)
    open_transport: Callable[[str, Compression], AbstractAsyncContextManager[Transport]] = open_transport
