"""Helpers for tests of the protocol: a server's payloads, and a machine brought into a state."""

from __future__ import annotations

import json
from random import Random
from typing import Any, TypeVar

import msgspec

from mocha_actors.config import Secret
from mocha_actors.discord.decode import Control
from mocha_actors.discord.dispatch import bare
from mocha_actors.discord.events import (
    Event,
    PartialApplication,
    Ready,
    ReadyData,
    Resumed,
    UnavailableGuild,
    User,
)
from mocha_actors.gateway.effects import Effect, Send
from mocha_actors.gateway.identity import Identity, Session
from mocha_actors.gateway.protocol import Protocol
from mocha_actors.gateway.sequence import Sequence

E = TypeVar("E")

IDENTITY = Identity(Secret("s3cret"), shard=1, shards=4, intents=1 | 1 << 15)
SESSION = Session("session-1", "wss://resume.discord.gg")


def control(op: int, data: object = None) -> Control:
    """A payload that is no dispatch."""
    return Control(op, msgspec.Raw(json.dumps(data).encode()))


def hello(interval_ms: object = 40_000) -> Control:
    """HELLO."""
    return control(10, {"heartbeat_interval": interval_ms})


def ready(session_id: str = "session-2") -> Ready:
    """READY, number 1 of a new session."""
    data = ReadyData(session_id, "wss://gateway-2.discord.gg", User(7), [UnavailableGuild(8)], PartialApplication(9))
    return Ready(1, data)


def events(first: int, last: int) -> list[Event]:
    """Dispatches numbered from ``first`` to ``last``."""
    return [bare("TYPING_START")(s) for s in range(first, last + 1)]


def resumed(s: int) -> Resumed:
    """RESUMED."""
    return Resumed(s)


def only(effects: list[Effect], kind: type[E]) -> list[E]:
    """The effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]


def sent(effects: list[Effect]) -> list[dict[str, Any]]:
    """The payloads among the effects."""
    return [json.loads(send.payload) for send in only(effects, Send)]


def fresh(seed: int = 1) -> Protocol:
    """A machine without session, at time 0."""
    return Protocol(IDENTITY, rng=Random(seed), now=0.0)


def restarted(seq: int = 100, seed: int = 1) -> Protocol:
    """A machine that knows a session from the database, at time 0."""
    return Protocol(IDENTITY, rng=Random(seed), now=0.0, session=SESSION, sequence=Sequence(seq, seq))


def open_connection(protocol: Protocol, now: float = 0.0) -> list[Effect]:
    """Through the waiting, to HELLO."""
    now = max(now, protocol.deadline)
    effects = protocol.tick(now)
    return effects + protocol.connected(now) + protocol.control(hello(), now)


def active(seq: int = 100, seed: int = 1) -> Protocol:
    """A machine that resumed its session; RESUMED was number ``seq`` + 1."""
    protocol = restarted(seq, seed)
    open_connection(protocol)
    protocol.dispatches([resumed(seq + 1)], 0.0)
    return protocol
