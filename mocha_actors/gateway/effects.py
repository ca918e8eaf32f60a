"""What the protocol wants done, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mocha_actors.discord.events import Event, Ready
from mocha_actors.errors import PermanentError
from mocha_actors.gateway.identity import Session
from mocha_actors.pipeline.facts import GapReason


@dataclass(frozen=True, slots=True)
class Connect:
    """Open a connection: to ``resume_url``, or to the main address when it is None."""

    resume_url: str | None


@dataclass(frozen=True, slots=True)
class Send:
    """Send a payload; a heartbeat overtakes what waits. The bytes may hold the token."""

    payload: bytes = field(repr=False)
    heartbeat: bool = False


@dataclass(frozen=True, slots=True)
class ExpectHeartbeats:
    """HELLO came: from now on a heartbeat goes every ``interval`` seconds, for which the rate limit must leave room."""

    interval: float


@dataclass(frozen=True, slots=True)
class CloseConnection:
    """Close the connection with ``code`` and report it as disconnected; it is useless from now on."""

    code: int


@dataclass(frozen=True, slots=True)
class AwaitTurn:
    """Wait for the turn to IDENTIFY and report it; the turn is given back when the connection ends first."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand ``events`` of ``session`` on, in order; ``replayed`` ones are late."""

    session: Session
    events: list[Event]
    replayed: bool


@dataclass(frozen=True, slots=True)
class SessionBegan:
    """READY came: hand it on by itself, at once, as the session's first entry."""

    ready: Ready
    session: Session
    reason: GapReason


@dataclass(frozen=True, slots=True)
class Identified:
    """IDENTIFY is on its way: one less of the day's budget, whatever becomes of it."""


@dataclass(frozen=True, slots=True)
class SessionResumed:
    """RESUMED came: the replay is complete."""


@dataclass(frozen=True, slots=True)
class SessionLost:
    """The session is given up, and with it what it still held; the next one begins with IDENTIFY."""

    session: Session
    reason: GapReason


@dataclass(frozen=True, slots=True)
class DroppedDuplicates:
    """``count`` dispatches came that had come before."""

    count: int


@dataclass(frozen=True, slots=True)
class SkippedNumbers:
    """A dispatch came whose number was not the next one."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """``count`` dispatches came whose names this version does not know: they move the number and mean nothing."""

    count: int


@dataclass(frozen=True, slots=True)
class ReportAlive:
    """The peer acknowledged a heartbeat, everything received is durable, and nothing was committed since the one before."""


@dataclass(frozen=True, slots=True)
class Fatal:
    """Nothing this program does can help: a person must act. The connection is over and none follows."""

    error: PermanentError


@dataclass(frozen=True, slots=True)
class Log:
    """Something worth a line. Fields hold no secrets."""

    event: str
    level: Literal["info", "warning", "error"] = "info"
    fields: dict[str, object] = field(default_factory=dict)


Effect = (
    Connect | ExpectHeartbeats | Send | CloseConnection | AwaitTurn | Deliver | Identified | SessionBegan | SessionResumed | SessionLost
    | DroppedDuplicates | SkippedNumbers | PassedOver | ReportAlive | Fatal | Log
)  # fmt: skip
