"""The gateway protocol as a state machine: payloads and time in, effects out. No socket, no clock, no randomness of its own.

    Waiting ──tick──► Connecting ──connected──► AwaitingHello ──HELLO──┬─ session? ──► Resuming ──RESUMED──► Active
       ▲                                                               └─ none ──► AwaitingTurn ──turn──► Identifying ──READY──► Active
       └──disconnected── (any of them, or Closing, which all of them enter when it is us who give up the connection)

Every input is a method that returns what is to be done, in order. :attr:`Protocol.deadline` says when :meth:`Protocol.tick` must be called;
it moves with every input. Two rules run through all of it: a session is given up only when Discord says that it is gone, or when resuming has
failed often enough; and the connection is closed with a code that keeps it.

Source: https://discord.com/developers/docs/events/gateway#connection-lifecycle
"""

from __future__ import annotations

import math
from random import Random
from typing import Annotated, Final

import msgspec

from mocha_actors.discord.decode import Control, ProtocolViolation
from mocha_actors.discord.events import Event, Ready, Resumed
from mocha_actors.discord.opcodes import Opcode
from mocha_actors.errors import PermanentError
from mocha_actors.gateway.close_codes import NORMAL, RESUMABLE, Action, close_rule, fatal_error
from mocha_actors.gateway.effects import (
    AwaitTurn,
    CloseConnection,
    Connect,
    Deliver,
    Effect,
    ExpectHeartbeats,
    Fatal,
    Identified,
    Log,
    ReportAlive,
    Send,
    SessionResumed,
)  # fmt: skip
from mocha_actors.gateway.following import Following
from mocha_actors.gateway.heartbeat import MAX_INTERVAL, Heart
from mocha_actors.gateway.identity import Identity, Session, heartbeat
from mocha_actors.gateway.reconnect import Reconnect
from mocha_actors.gateway.sequence import Sequence
from mocha_actors.gateway.states import (
    Active,
    AwaitingHello,
    AwaitingTurn,
    Beating,
    Closing,
    Connecting,
    Ended,
    Identifying,
    Resuming,
    State,
    Waiting,
)  # fmt: skip
from mocha_actors.pipeline.facts import GapReason

HELLO_TIMEOUT: Final = 20.0
"""Seconds from the upgrade to HELLO."""

PROGRESS_TIMEOUT: Final = 60.0
"""Seconds of complete silence after IDENTIFY or RESUME. A gateway that still acknowledges heartbeats will answer in the end."""


class _Hello(msgspec.Struct, gc=False):
    """HELLO's data: milliseconds between heartbeats."""

    heartbeat_interval: Annotated[int, msgspec.Meta(gt=0, le=int(MAX_INTERVAL * 1000))]


class Protocol:
    """One shard's side of the gateway, over all its connections.

    Args:
        identity: what to IDENTIFY as.
        rng: for jitter and the first heartbeat.
        now: the current time.
        session: the session to resume; None begins a new one.
        sequence: where that session stands.
        reason: why there is no older session, if there is none.
        strict_heartbeat: see :class:`Heart`.

    Attributes:
        state: where it stands.

    """

    def __init__(
        self, identity: Identity, *, rng: Random, now: float, session: Session | None = None, sequence: Sequence | None = None,
        reason: GapReason = "first_start", strict_heartbeat: bool = False,
    ) -> None:  # fmt: skip
        self._identity, self._rng, self._strict = identity, rng, strict_heartbeat
        self._following = Following(session, sequence or Sequence(), reason)
        self.state: State = Waiting(now)
        self._reconnect = Reconnect()
        self._inbound_at = now
        self._paused = self._draining = False
        self._unknown_opcodes: set[int] = set()

    @property
    def session(self) -> Session | None:
        """The session that a RESUME would continue."""
        return self._following.session

    @property
    def active(self) -> bool:
        """Whether the session is live: neither being resumed nor being made."""
        return isinstance(self.state, Active)

    @property
    def deadline(self) -> float:
        """When to tick next; infinity when only input can move anything."""
        match self.state:
            case Waiting(until) | AwaitingHello(until=until):
                return until
            case Identifying(heart) | Resuming(heart):
                return min(heart.due, self._progress_deadline)
            case AwaitingTurn(heart) | Active(heart):
                return heart.due
            case _:
                return math.inf

    @property
    def _progress_deadline(self) -> float:
        return math.inf if self._paused else self._inbound_at + PROGRESS_TIMEOUT

    def tick(self, now: float) -> list[Effect]:
        """Time has passed. Harmless when nothing is due."""
        if now < self.deadline:
            return []
        match self.state:
            case Waiting():
                return self._connect()
            case AwaitingHello():
                self._reconnect.use_main_address = True
                return self._give_up(f"no HELLO within {HELLO_TIMEOUT:.0f} s", now)
            case Identifying() | Resuming() if now >= self._progress_deadline:
                return self._give_up(f"nothing came for {PROGRESS_TIMEOUT:.0f} s", now)
            case AwaitingTurn(heart) | Identifying(heart) | Resuming(heart) | Active(heart):
                if not heart.tick(now):
                    return self._give_up("heartbeats were not acknowledged", now)
                return self._complain_of_delay(now) + self._beat()
            case _:
                return []

    def _complain_of_delay(self, now: float) -> list[Effect]:
        """A gateway in trouble acknowledges heartbeats and answers in the end; until then an operator should know."""
        if not isinstance(self.state, Identifying | Resuming) or now - self.state.since < PROGRESS_TIMEOUT:
            return []
        return [Log("shard.unanswered", "warning", {"seconds": round(now - self.state.since)})]

    def _connect(self) -> list[Effect]:
        session = None if self._reconnect.use_main_address else self.session
        self.state = Connecting(by_resume_url=session is not None)
        return [
            Log(
                "shard.connecting",
                fields={"resuming": self.session is not None, "attempt": self._reconnect.failures + 1},
            ),
            Connect(session.resume_url if session else None),
        ]

    def connected(self, now: float) -> list[Effect]:
        """The connection that was asked for is open."""
        if isinstance(self.state, Connecting):
            self.state = AwaitingHello(self.state.by_resume_url, now + HELLO_TIMEOUT)
            self._inbound_at, self._paused = now, False
        return []

    def connect_failed(self, reason: str, now: float, at_least: float = 0.0) -> list[Effect]:
        """The connection that was asked for did not come about; the server may ask to stay away for ``at_least`` seconds.

        The next attempt at a session goes to the main address.
        """
        self._reconnect.use_main_address = True
        return self._wait(max(at_least, self._failed(now)), now, reason=reason)

    def disconnected(self, code: int | None, now: float) -> list[Effect]:
        """The connection is gone: by the server with ``code``, or without a close frame, or because we closed it."""
        rule = close_rule(code)
        if rule.action is Action.FATAL and code is not None and not isinstance(self.state, Ended):
            return self._fatal(code)
        if isinstance(self.state, AwaitingHello):
            self._reconnect.use_main_address = True
        self._reconnect.closed(rule.action)
        effects = self._lose("session_invalid") if rule.action is Action.IDENTIFY else []
        if self._reconnect.exhausted:
            effects += self._lose("session_not_resumable")
        if isinstance(self.state, Closing):
            return effects + self._wait(self.state.delay, now)
        level = "error" if rule.our_fault else "info"
        return effects + self._wait(self._failed(now), now, level=level, code=code, reason=rule.meaning)

    def _fatal(self, code: int) -> list[Effect]:
        identity = self._identity
        error = fatal_error(code, shard=identity.shard, shards=identity.shards, intents=identity.intents)
        return self.refused(error)

    def _failed(self, now: float) -> float:
        """Record the end of the connection; return the seconds to wait before the next."""
        self._reconnect.failed(now - self.state.since if isinstance(self.state, Active) else None)
        return self._reconnect.delay(self._rng, resuming=self.session is not None)

    def _wait(self, delay: float, now: float, level: str = "info", **why: object) -> list[Effect]:
        """No connection any more: wait for the next one, unless none is wanted. ``why`` is logged, if given."""
        ends = self._draining or isinstance(self.state, Ended)
        self.state = Ended() if ends else Waiting(now + delay)
        return [Log("shard.disconnected", level, {**why, "delay": delay})] if why else []  # type: ignore[arg-type]

    def _give_up(self, reason: str, now: float, *, at_least: float = 0.0, code: int = RESUMABLE) -> list[Effect]:
        """Close the connection, with a code that keeps the session, and wait at least so many seconds before the next."""
        live = isinstance(self.state, Active | Resuming)
        delay = max(at_least, self._failed(now))
        self.state = Closing(delay, live)
        fields = {"reason": reason, "code": code, "delay": delay}
        return [Log("shard.disconnected", fields=fields), CloseConnection(code)]

    def _lose(self, reason: GapReason) -> list[Effect]:
        """Give up the session, if there is one; the next one may be resumed as often as any."""
        effects = self._following.lose(reason)
        if effects:
            self._reconnect.session_lost()
        return effects

    def control(self, control: Control, now: float) -> list[Effect]:
        """A payload that is no dispatch."""
        self._inbound(now)
        if isinstance(self.state, Closing | Ended | Waiting | Connecting):
            return []
        if isinstance(self.state, AwaitingHello) and control.op not in (Opcode.HELLO, Opcode.RECONNECT):
            return self._give_up(f"opcode {control.op} came instead of HELLO", now)
        match control.op:
            case Opcode.HELLO:
                return self._hello(control, now)
            case Opcode.HEARTBEAT:
                return self._beat_on_request(now)
            case Opcode.HEARTBEAT_ACK:
                return self._acknowledged(now)
            case Opcode.RECONNECT:
                # All shards get it at once: some jitter spreads them.
                return self._give_up("the gateway asked for a reconnect", now, at_least=self._rng.random())
            case Opcode.INVALID_SESSION:
                return self._invalid_session(control, now)
            case _:
                return self._unknown_opcode(control.op)

    def _hello(self, control: Control, now: float) -> list[Effect]:
        if not isinstance(self.state, AwaitingHello):
            return self._give_up("a second HELLO came", now)
        try:
            interval = msgspec.json.decode(control.d, type=_Hello).heartbeat_interval / 1000
        except msgspec.DecodeError as error:
            return self._give_up(f"HELLO is not valid: {error}", now)
        self._reconnect.use_main_address = False
        heart = Heart(interval, now, self._rng.random(), strict=self._strict)
        if self.session is None:
            self.state = AwaitingTurn(heart)
            return [ExpectHeartbeats(heart.interval), AwaitTurn()]
        return [ExpectHeartbeats(heart.interval), *self._resume(self.session, heart, now)]

    def _resume(self, session: Session, heart: Heart, now: float) -> list[Effect]:
        self.state = Resuming(heart, now)
        self._reconnect.resume_sent()
        seq = self._following.sequence.received
        return [Log("shard.resuming", fields={"seq": seq}), Send(self._identity.resume(session, seq))]

    def turn_granted(self, now: float) -> list[Effect]:
        """The turn to IDENTIFY has come."""
        if not isinstance(self.state, AwaitingTurn):
            return []
        self.state = Identifying(self.state.heart, now)
        self._reconnect.identify_sent()
        return [Log("shard.identified"), Send(self._identity.identify()), Identified()]

    def _beat(self) -> list[Effect]:
        return [Send(heartbeat(self._following.durable), heartbeat=True)]

    def _beat_on_request(self, now: float) -> list[Effect]:
        if isinstance(self.state, Beating):
            self.state.heart.requested(now)
        return self._beat()

    def _acknowledged(self, now: float) -> list[Effect]:
        if isinstance(self.state, Beating):
            self.state.heart.acknowledged(now)
        return [ReportAlive()] if self._following.acknowledged() and self.active else []

    def _invalid_session(self, control: Control, now: float) -> list[Effect]:
        if bytes(control.d) == b"true" and self.session is not None:
            return self._give_up("the gateway wants the session resumed anew", now)
        lost = self._lose("resume_refused" if isinstance(self.state, Resuming) else "session_invalid")
        return lost + self._give_up("the gateway refused the session", now, at_least=self._rng.uniform(1, 5))

    def _unknown_opcode(self, opcode: int) -> list[Effect]:
        if opcode in self._unknown_opcodes or len(self._unknown_opcodes) >= 100:
            return []
        self._unknown_opcodes.add(opcode)
        return [Log("gateway.unknown_opcode", "warning", {"opcode": opcode})]

    def dispatches(self, events: list[Event], now: float) -> list[Effect]:
        """A run of dispatches, not empty."""
        self._inbound(now)
        match self.state:
            case Active():
                return self._deliver(events, replayed=False)
            case Resuming(heart):
                return self._replay(events, heart, now)
            case Identifying(heart):
                return self._ready(events, heart, now)
            case Closing(session_live=True):
                return self._deliver(events, replayed=True)
            case AwaitingHello() | AwaitingTurn():
                return self._give_up("a dispatch came before IDENTIFY or RESUME", now)
            case _:
                return []

    def _ready(self, events: list[Event], heart: Heart, now: float) -> list[Effect]:
        ready = events[0]
        if not isinstance(ready, Ready):
            return self._give_up(f"{ready.t} came instead of READY", now)
        self.state = Active(heart, now)
        self._reconnect.progress()
        return [*self._following.begin(ready), *self._deliver(events[1:], replayed=False)]

    def _replay(self, events: list[Event], heart: Heart, now: float) -> list[Effect]:
        """Dispatches up to RESUMED are late, those after it are live."""
        end = next((index for index, event in enumerate(events, 1) if isinstance(event, Resumed)), None)
        if end is None:
            return self._deliver(events, replayed=True)
        effects = self._deliver(events[:end], replayed=True)
        self.state = Active(heart, now)
        self._reconnect.progress()
        effects += [Log("shard.resumed", fields={"seq": self._following.sequence.received}), SessionResumed()]
        return effects + self._deliver(events[end:], replayed=False)

    def _deliver(self, events: list[Event], *, replayed: bool) -> list[Effect]:
        effects = self._following.take(events, replayed=replayed)
        if effects and isinstance(effects[-1], Deliver):
            self._reconnect.progress()
        return effects

    def violation(self, violation: ProtocolViolation, now: float) -> list[Effect]:
        """Something came that cannot be read. Once: resume. Again at the same place: a resume would replay it for ever."""
        self._inbound(now)
        if not isinstance(self.state, Beating | AwaitingHello):
            return []
        if not self._following.unreadable():
            return self._give_up(str(violation), now)
        lost = self._following.keep_unreadable(violation) + self._lose("poison_frame")
        return lost + self._give_up(str(violation), now, at_least=self._rng.uniform(1, 5))

    def broken(self, reason: str, now: float) -> list[Effect]:
        """The connection's byte stream cannot be followed any more: damaged compression or framing."""
        return self._give_up(reason, now) if isinstance(self.state, Beating | AwaitingHello) else []

    def _inbound(self, now: float) -> None:
        self._inbound_at = now
        if isinstance(self.state, Beating):
            self.state.heart.inbound(now)

    def committed(self, session_id: str, seq: int) -> None:
        """The writer's notice. One about an earlier session changes nothing."""
        self._following.committed(session_id, seq)

    def paused(self, now: float) -> None:
        """Reading stops, because whoever takes the events is behind: from here on silence proves nothing."""
        self._paused = True
        if isinstance(self.state, Beating):
            self.state.heart.pause(now)

    def unpaused(self, now: float) -> None:
        """Reading goes on."""
        self._paused = False
        self._inbound_at = now
        if isinstance(self.state, Beating):
            self.state.heart.unpause(now)

    def drain(self) -> None:
        """Keep this connection, but open no other."""
        self._draining = True
        if isinstance(self.state, Waiting):
            self.state = Ended()

    def stop(self, now: float) -> list[Effect]:
        """No connection is wanted any more: the one that there is, is closed resumably."""
        self.drain()
        if isinstance(self.state, Beating | AwaitingHello):
            return self._give_up("the program stops", now)
        return []

    def decommission(self, now: float) -> list[Effect]:
        """The session is not wanted any more, nor is a connection: the one that there is, if any, tells Discord so."""
        self.drain()
        if not isinstance(self.state, Beating | AwaitingHello):
            return []
        return self._give_up("the session is given up", now, code=NORMAL)

    def refused(self, error: PermanentError) -> list[Effect]:
        """What is asked over REST before a connection, or before a turn, was refused for good."""
        self.state = Ended()
        return [Log("shard.fatal", "error", {"reason": str(error)}), Fatal(error)]
