"""The gateway's side of one connection's conversation, without the connection.

Rules and close codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway and
https://discord.com/developers/docs/events/gateway.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import Any, Literal, TypeAlias, TypeGuard

import msgspec

from mocha_actors.simulator.event import Event, control
from mocha_actors.simulator.faults import (
    AnswerFault,
    CloseOnAnswer,
    FaultPlan,
    LateAnswer,
    RefuseSession,
    ReplayOverlap,
)
from mocha_actors.simulator.life.state import GuildState
from mocha_actors.simulator.members import answer_members
from mocha_actors.simulator.registry import SessionRegistry
from mocha_actors.simulator.session import LARGE_THRESHOLD, Session
from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.starts import Start

MAX_PAYLOAD_BYTES = 4096
"""Longest payload that a client may send."""

PAYLOAD_WINDOW = 60.0
"""Seconds in which a connection may send so many payloads as the settings allow."""

KNOWN_INTENTS = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))
"""All bits of https://discord.com/developers/docs/events/gateway#list-of-intents."""

MAX_LARGE_THRESHOLD = 250
"""Greatest `large_threshold` that an IDENTIFY may name; the least is what it has without being named."""

MISSED_BEATS = 2.25
"""A connection that was silent for so many heartbeat intervals is closed. Discord's own limit is not documented."""


class Op(IntEnum):
    """Opcodes of the gateway."""

    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11
    REQUEST_SOUNDBOARD_SOUNDS = 31


COMMANDS = frozenset(
    {Op.PRESENCE_UPDATE, Op.VOICE_STATE_UPDATE, Op.REQUEST_GUILD_MEMBERS, Op.REQUEST_SOUNDBOARD_SOUNDS}
)
"""What a client may send once it is identified; only a request for members is answered."""


@dataclass(frozen=True)
class Close:
    """An answer: close the connection with this code; None ends it without a close frame."""

    code: int | None
    reason: str


@dataclass(frozen=True)
class Attach:
    """An answer: the connection gets the session's dispatches after `seq` from now on; a fresh one is to be greeted."""

    session: Session
    seq: int
    fresh: bool


@dataclass(frozen=True)
class Tell:
    """An answer: dispatch these events to the connection's session, and to no other."""

    events: list[Event]


@dataclass(frozen=True)
class ResetToken:
    """An answer: the token is void, and with it all sessions and connections."""


@dataclass(frozen=True)
class Later:
    """An answer that is made by `answer` after `seconds`; infinity is never."""

    seconds: float
    answer: Callable[[], Answer]


Answer: TypeAlias = bytes | Close | Attach | Tell | ResetToken | Later

UNKNOWN_OPCODE = Close(4001, "Unknown opcode.")
DECODE_ERROR = Close(4002, "Error while decoding payload.")
NOT_AUTHENTICATED = Close(4003, "Not authenticated.")
AUTHENTICATION_FAILED = Close(4004, "Authentication failed.")
ALREADY_AUTHENTICATED = Close(4005, "Already authenticated.")
INVALID_SEQ = Close(4007, "Invalid seq.")
RATE_LIMITED = Close(4008, "You are being rate limited.")
SESSION_TIMED_OUT = Close(4009, "Session timed out.")
INVALID_SHARD = Close(4010, "Invalid shard.")
SHARDING_REQUIRED = Close(4011, "Sharding required.")
INVALID_VERSION = Close(4012, "Invalid API version.")
INVALID_INTENTS = Close(4013, "Invalid intent(s).")
DISALLOWED_INTENTS = Close(4014, "Disallowed intent(s).")


class _Payload(msgspec.Struct):
    op: int
    d: Any = None


_decode = msgspec.json.Decoder(_Payload).decode


class Conversation:
    """What one client said, and what it is to hear.

    Attributes:
        session: the session that the connection identified or resumed, None before.
        shard: number of the shard, None before the client has named it, or a session of it.
        heard_at: monotonic seconds at which the client last said anything.
        ack_delay: seconds until a heartbeat is acknowledged; infinity acknowledges none.
    """

    def __init__(
        self,
        settings: SimulatorSettings,
        registry: SessionRegistry,
        plan: FaultPlan,
        guilds: Mapping[int, GuildState],
        now: float,
    ) -> None:
        """Begin at `now`, in monotonic seconds.

        Args:
            settings: what is allowed.
            registry: opens and finds sessions.
            plan: what the next IDENTIFY or RESUME suffers.
            guilds: all guilds that the bot is in, by id.
            now: monotonic seconds.
        """
        self._settings = settings
        self._registry = registry
        self._plan = plan
        self._guilds = guilds
        self._authenticated = False
        self._heard: deque[float] = deque(maxlen=settings.payload_limit)
        self.session: Session | None = None
        self.shard: int | None = None
        self.heard_at = now
        self.ack_delay = 0.0

    def hello(self) -> bytes:
        """Return the frame with which the gateway begins."""
        return control(
            Op.HELLO, b'{"heartbeat_interval":%d,"_trace":[]}' % round(self._settings.heartbeat_interval * 1000)
        )

    def is_silent(self, now: float) -> bool:
        """Tell whether the client has missed its heartbeats."""
        return now - self.heard_at > MISSED_BEATS * self._settings.heartbeat_interval

    def receive(self, text: bytes, now: float) -> Answer | None:
        """Answer one payload of the client; None if there is nothing to say."""
        self.heard_at = now
        if self._is_too_much(now):
            return RATE_LIMITED
        try:
            payload = _decode(text) if len(text) <= MAX_PAYLOAD_BYTES else None
        except msgspec.MsgspecError:
            payload = None
        if payload is None:
            return DECODE_ERROR
        match payload.op:
            case Op.HEARTBEAT:
                return self._heartbeat(payload.d)
            case Op.IDENTIFY:
                return self._authenticate(payload.d, "identify", now)
            case Op.RESUME:
                return self._authenticate(payload.d, "resume", now)
            case op if op not in COMMANDS:
                return UNKNOWN_OPCODE
        if self.session is None:
            return NOT_AUTHENTICATED
        return self._find_members(self.session, payload.d, now) if payload.op == Op.REQUEST_GUILD_MEMBERS else None

    def _is_too_much(self, now: float) -> bool:
        """Count a payload, and tell whether the window was full before it."""
        full = len(self._heard) == self._settings.payload_limit and now - self._heard[0] < PAYLOAD_WINDOW
        self._heard.append(now)
        return full

    def _heartbeat(self, seq: object) -> Answer | None:
        if self._settings.trim_on_heartbeat and self.session and _is_int(seq):
            self.session.forget_through(min(seq, self.session.sent_seq))
        return _after(self.ack_delay, partial(control, Op.HEARTBEAT_ACK))

    def _find_members(self, session: Session, data: object, now: float) -> Answer | None:
        try:
            events = answer_members(session, data, self._guilds, now)
        except (msgspec.MsgspecError, ValueError):
            return DECODE_ERROR
        return Tell(events) if events else None

    def _authenticate(self, data: object, request: Literal["identify", "resume"], now: float) -> Answer:
        if self._authenticated:
            return ALREADY_AUTHENTICATED
        if not isinstance(data, dict):
            return DECODE_ERROR
        if data.get("token") != self._settings.token or self._registry.starts.token_reset:
            return AUTHENTICATION_FAILED
        answer = self._resume(data) if request == "resume" else self._identify(data, now)
        self._authenticated = isinstance(answer, Attach | Later)
        return answer

    def _identify(self, data: dict[str, Any], now: float) -> Answer:
        shard = data.get("shard", [0, 1])
        if not (isinstance(shard, list) and len(shard) == 2 and all(map(_is_int, shard)) and 0 <= shard[0] < shard[1]):
            return INVALID_SHARD
        self.shard = shard[0]
        if sum((guild_id >> 22) % shard[1] == shard[0] for guild_id in self._guilds) > self._settings.max_guilds:
            return SHARDING_REQUIRED
        intents = data.get("intents")
        if not _is_int(intents) or intents & ~KNOWN_INTENTS:
            return INVALID_INTENTS
        if intents & self._settings.disallowed_intents:
            return DISALLOWED_INTENTS
        threshold = data.get("large_threshold", LARGE_THRESHOLD)
        if not _is_int(threshold) or not LARGE_THRESHOLD <= threshold <= MAX_LARGE_THRESHOLD:
            return DECODE_ERROR
        return self._start(shard[0], shard[1], intents, threshold, now)

    def _start(self, shard: int, shards: int, intents: int, threshold: int, now: float) -> Answer:
        """Open the session of an IDENTIFY that is in order, if the planned faults and the budget allow it."""
        fault = self._plan.answer(shard, "identify")
        if isinstance(fault, RefuseSession):
            return _invalid_session(resumable=fault.resumable)
        if isinstance(fault, CloseOnAnswer):
            return Close(fault.code, "Closed on demand.")
        match self._registry.starts.claim(shard, now):
            case Start.TOO_SOON:
                return _invalid_session(resumable=False)
            case Start.EXHAUSTED:
                return ResetToken()
        return _after(_delay(fault), partial(self._open, shard, shards, intents, threshold))

    def _open(self, shard: int, shards: int, intents: int, threshold: int) -> Attach:
        self.session = self._registry.open(shard, shards, intents, threshold)
        return Attach(self.session, 0, fresh=True)

    def _resume(self, data: dict[str, Any]) -> Answer:
        session_id, seq = data.get("session_id"), data.get("seq")
        if not isinstance(session_id, str) or not _is_int(seq):
            return DECODE_ERROR
        session = self._registry.find(session_id)
        if session is None:
            return self._refuse_resume(None)
        self.shard = session.shard
        if seq > session.last_seq:
            self._registry.end(session)
            return INVALID_SEQ
        return self._continue(session, seq)

    def _continue(self, session: Session, seq: int) -> Answer:
        """Take a known session up again, if the planned faults allow it."""
        match fault := self._plan.answer(session.shard, "resume"):
            case RefuseSession(resumable=True):
                return _invalid_session(resumable=True)
            case RefuseSession():
                return self._refuse_resume(session)
            case CloseOnAnswer(code=code):
                return Close(code, "Closed on demand.")
            case ReplayOverlap(events=events):
                seq = max(session.floor, seq - events)
        return _after(_delay(fault), partial(self._reattach, session, seq))

    def _reattach(self, session: Session, seq: int) -> Answer:
        if not session.can_resume(seq):
            return self._refuse_resume(session)
        self._registry.resumes += 1
        self.session = session
        return Attach(session, seq, fresh=False)

    def _refuse_resume(self, session: Session | None) -> Answer:
        """Say that the session is lost; one that could not replay now never can."""
        self._registry.refused_resumes += 1
        if session is not None:
            self._registry.end(session)
        return _invalid_session(resumable=False)


def _delay(fault: AnswerFault | None) -> float:
    """Return the seconds for which an answer is held back."""
    if not isinstance(fault, LateAnswer):
        return 0.0
    return math.inf if fault.seconds is None else fault.seconds


def _after(seconds: float, answer: Callable[[], Answer]) -> Answer:
    return Later(seconds, answer) if seconds else answer()


def _invalid_session(*, resumable: bool) -> bytes:
    return control(Op.INVALID_SESSION, b"true" if resumable else b"false")


def _is_int(value: object) -> TypeGuard[int]:
    """Tell whether JSON gave a whole number; a truth value is none, though Python counts it as such."""
    return isinstance(value, int) and not isinstance(value, bool)
