"""Faults that a simulator shows on demand, and the plan of those that are still to come.

There are four families, by when a fault strikes:

- *openings*: the next connections that are made, before the client has said who it is;
- *answers*: the next IDENTIFYs and RESUMEs;
- *manners*: a connection as it goes on, from now or from its beginning;
- *moments*: a connection now, once.

Each is a small struct with a tag, so that a control command carries it as `{"fault": "half-open"}` and the like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
CloseCode = Annotated[int, msgspec.Meta(ge=1000, le=4999)]

Request = Literal["any", "identify", "resume"]
"""What an answer answers."""

GarbageKind = Literal["stream", "json", "utf8", "shape", "no-seq", "no-name", "op", "event"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="fault"):
    """Something that goes wrong on purpose."""


class RefuseUpgrade(Fault, frozen=True, tag="refuse-upgrade"):
    """The handshake is answered with an HTTP status; `location` makes it a redirection."""

    status: Annotated[int, msgspec.Meta(ge=300, le=599)] = 503
    location: str = ""


class CloseOnAccept(Fault, frozen=True, tag="close-on-accept"):
    """The connection is closed as soon as it is open: with a code, or without a close frame."""

    code: CloseCode | None = None


class SilentHello(Fault, frozen=True, tag="silent-hello"):
    """HELLO never comes."""


class FirstFrame(Fault, frozen=True, tag="first-frame"):
    """Something else comes in the place of HELLO; by itself opcode 7, as from a gateway that is about to go away."""

    payload: str = '{"t":null,"s":null,"op":7,"d":null}'


class RefuseSession(Fault, frozen=True, tag="refuse-session"):
    """Opcode 9 is the answer. Unless `resumable`, the session of a RESUME is lost."""

    resumable: bool = False
    to: Request = "any"


class CloseOnAnswer(Fault, frozen=True, tag="close-on-answer"):
    """The end of the connection is the answer: with a code, or without a close frame. The session stays."""

    code: CloseCode | None = None
    to: Request = "any"


class LateAnswer(Fault, frozen=True, tag="late-answer"):
    """READY, or the replay, comes after `seconds`, or never; heartbeats are acknowledged meanwhile."""

    seconds: Seconds | None = None
    to: Request = "any"


class ReplayOverlap(Fault, frozen=True, tag="replay-overlap"):
    """A RESUME is answered with so many dispatches, too, that the client says it has got."""

    events: Positive = 20
    to: Request = "resume"


class HalfOpen(Fault, frozen=True, tag="half-open"):
    """Nothing is read or written any more, and nothing is closed: the peer's machine might have lost its power."""


class Slow(Fault, frozen=True, tag="slow"):
    """After every piece that is sent there is a pause. Without `piece_bytes`, a piece is what goes out at a time."""

    seconds: Seconds
    piece_bytes: Positive | None = None


class WithholdAcks(Fault, frozen=True, tag="withhold-acks"):
    """Heartbeats are not acknowledged."""


class DelayAcks(Fault, frozen=True, tag="delay-acks"):
    """Heartbeats are acknowledged after `seconds`; 0 ends this fault and `WithholdAcks`."""

    seconds: Seconds


class Split(Fault, frozen=True, tag="split"):
    """Payloads come in pieces: fragments of one message, or messages, which only a `zlib-stream` puts together."""

    piece_bytes: Positive
    into: Literal["fragments", "messages"] = "fragments"


class Garbage(Fault, frozen=True, tag="garbage"):
    """A frame that is none.

    `stream` is no compressed data (without compression: a binary message), `json` breaks off, `utf8` is no text,
    `shape` is a list, `no-seq` and `no-name` are dispatches without `s` or `t`, `op` has an unknown opcode, and `event`
    is a proper dispatch of an unknown name.
    """

    kind: GarbageKind


class Frame(Fault, frozen=True, tag="frame"):
    """Any payload, sent as it is, beside the session and its numbers."""

    payload: str


class RequestHeartbeat(Fault, frozen=True, tag="request-heartbeat"):
    """Opcode 1: the client is to send a heartbeat at once."""


Opening = RefuseUpgrade | CloseOnAccept | SilentHello | FirstFrame
AnswerFault = RefuseSession | CloseOnAnswer | LateAnswer | ReplayOverlap
Manner = HalfOpen | Slow | WithholdAcks | DelayAcks | Split
Moment = Garbage | Frame | RequestHeartbeat

GARBAGE: dict[GarbageKind, bytes] = {
    "json": b'{"t":"MESSAGE_CREATE","s":',
    "utf8": b'{"t":"\xff\xfe","s":null,"op":0,"d":{}}',
    "shape": b"[1,2,3]",
    "no-seq": b'{"t":"MESSAGE_CREATE","s":null,"op":0,"d":{}}',
    "no-name": b'{"t":null,"s":1,"op":0,"d":{}}',
    "op": b'{"t":null,"s":null,"op":99,"d":{}}',
}
"""Payloads of the kinds of garbage that are payloads."""

NO_STREAM = b"\xff" * 32 + b"\x00\x00\xff\xff"
"""What neither zlib nor zstd can read. It ends like a payload of a `zlib-stream`, so that a client tries."""


@dataclass
class _Planned:
    """A fault that is to come.

    Attributes:
        fault: what it is.
        shard: whom it strikes, None for whoever comes.
        left: how often it is still to come, None for always.
    """

    fault: Opening | AnswerFault | Manner
    shard: int | None
    left: int | None


class FaultPlan:
    """What the next connections and answers are to suffer.

    A connection says which shard it is only when it identifies or resumes, except that the resume address names the
    shard: an opening that is planned for one shard strikes its reconnections.
    """

    def __init__(self) -> None:
        """Plan nothing."""
        self._planned: list[_Planned] = []

    def add(self, fault: Opening | AnswerFault | Manner, shard: int | None = None, times: int | None = 1) -> None:
        """Plan a fault for the next `times` connections or answers, None for all, of a shard or of everybody.

        Raises:
            ValueError: `times` is less than 1.
        """
        if times is not None and times < 1:
            msg = f"a fault is planned at least once, or for always (None), not {times} times"
            raise ValueError(msg)
        self._planned.append(_Planned(fault, shard, times))

    def clear(self) -> None:
        """Let everything that is to come be well."""
        self._planned.clear()

    def opening(self, shard: int | None) -> Opening | None:
        """Take what a new connection suffers; `shard` is None unless its address names it."""
        taken: list[Opening] = self._take(lambda plan: isinstance(plan.fault, Opening), shard, most=1)
        return taken[0] if taken else None

    def answer(self, shard: int, request: Literal["identify", "resume"]) -> AnswerFault | None:
        """Take what an IDENTIFY or RESUME of a shard suffers."""

        def fits(plan: _Planned) -> bool:
            return isinstance(plan.fault, AnswerFault) and plan.fault.to in {"any", request}

        taken: list[AnswerFault] = self._take(fits, shard, most=1)
        return taken[0] if taken else None

    def manners(self, shard: int | None) -> list[Manner]:
        """Take the manners of a connection: those for everybody (None) when it begins, those of its shard later."""
        return self._take(lambda plan: isinstance(plan.fault, Manner) and plan.shard == shard, shard)

    def _take(self, fits: Callable[[_Planned], bool], shard: int | None, most: int | None = None) -> list[Any]:
        taken = [plan for plan in self._planned if plan.shard in {None, shard} and fits(plan)][:most]
        for plan in taken:
            plan.left = None if plan.left is None else plan.left - 1
        self._planned = [plan for plan in self._planned if plan.left != 0]
        return [plan.fault for plan in taken]
