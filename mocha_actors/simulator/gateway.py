"""The gateway's side of one connection's conversation, without the connection.

Rules and close codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway and
https://discord.com/developers/docs/events/gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeGuard

import msgspec

from mocha_actors.simulator.event import control
from mocha_actors.simulator.registry import SessionRegistry
from mocha_actors.simulator.session import Session
from mocha_actors.simulator.settings import SimulatorSettings

MAX_PAYLOAD_BYTES = 4096
"""Longest payload that a client may send."""

KNOWN_INTENTS = sum(1 << bit for bit in (*range(17), 20, 21, 24, 25))
"""All bits of https://discord.com/developers/docs/events/gateway#list-of-intents."""

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
"""What a client may send once it is identified; the simulator takes it without answering."""


@dataclass(frozen=True)
class Close:
    """An answer: close the connection with this code."""

    code: int
    reason: str


@dataclass(frozen=True)
class Attach:
    """An answer: the connection gets the session's dispatches after `seq` from now on; a fresh one is to be greeted."""

    session: Session
    seq: int
    fresh: bool


Answer = bytes | Close | Attach

UNKNOWN_OPCODE = Close(4001, "Unknown opcode.")
DECODE_ERROR = Close(4002, "Error while decoding payload.")
NOT_AUTHENTICATED = Close(4003, "Not authenticated.")
AUTHENTICATION_FAILED = Close(4004, "Authentication failed.")
ALREADY_AUTHENTICATED = Close(4005, "Already authenticated.")
INVALID_SEQ = Close(4007, "Invalid seq.")
SESSION_TIMED_OUT = Close(4009, "Session timed out.")
INVALID_SHARD = Close(4010, "Invalid shard.")
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
        heard_at: monotonic seconds at which the client last said anything.
    """

    def __init__(self, settings: SimulatorSettings, registry: SessionRegistry, now: float) -> None:
        """Begin at `now`, in monotonic seconds."""
        self._settings = settings
        self._registry = registry
        self.session: Session | None = None
        self.heard_at = now

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
                return self._authenticate(payload.d, resume=False)
            case Op.RESUME:
                return self._authenticate(payload.d, resume=True)
            case op if op not in COMMANDS:
                return UNKNOWN_OPCODE
        return None if self.session else NOT_AUTHENTICATED

    def _heartbeat(self, seq: object) -> Answer:
        if self._settings.trim_on_heartbeat and self.session and _is_int(seq):
            self.session.forget_through(min(seq, self.session.sent_seq))
        return control(Op.HEARTBEAT_ACK)

    def _authenticate(self, data: object, *, resume: bool) -> Answer:
        if self.session:
            return ALREADY_AUTHENTICATED
        if not isinstance(data, dict):
            return DECODE_ERROR
        if data.get("token") != self._settings.token:
            return AUTHENTICATION_FAILED
        answer = self._resume(data) if resume else self._identify(data)
        if isinstance(answer, Attach):
            self.session = answer.session
        return answer

    def _identify(self, data: dict[str, Any]) -> Answer:
        shard = data.get("shard", [0, 1])
        if not (isinstance(shard, list) and len(shard) == 2 and all(map(_is_int, shard)) and 0 <= shard[0] < shard[1]):
            return INVALID_SHARD
        intents = data.get("intents")
        if not _is_int(intents) or intents & ~KNOWN_INTENTS:
            return INVALID_INTENTS
        if intents & self._settings.disallowed_intents:
            return DISALLOWED_INTENTS
        return Attach(self._registry.open(shard[0], shard[1], intents), 0, fresh=True)

    def _resume(self, data: dict[str, Any]) -> Answer:
        session_id, seq = data.get("session_id"), data.get("seq")
        if not isinstance(session_id, str) or not _is_int(seq):
            return DECODE_ERROR
        session = self._registry.find(session_id)
        if session is not None and seq > session.last_seq:
            self._registry.end(session)
            return INVALID_SEQ
        if session is None or not session.can_resume(seq):
            return self._refuse_resume(session)
        self._registry.resumes += 1
        return Attach(session, seq, fresh=False)

    def _refuse_resume(self, session: Session | None) -> Answer:
        """Say that the session is lost; one that could not replay now never can."""
        self._registry.refused_resumes += 1
        if session is not None:
            self._registry.end(session)
        return control(Op.INVALID_SESSION, b"false")


def _is_int(value: object) -> TypeGuard[int]:
    """Tell whether JSON gave a whole number; a truth value is none, though Python counts it as such."""
    return isinstance(value, int) and not isinstance(value, bool)
