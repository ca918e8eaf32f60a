"""The states of the protocol, each with the data that it alone has. The picture of their transitions is in :mod:`.protocol`."""

from __future__ import annotations

from dataclasses import dataclass

from mocha_actors.gateway.heartbeat import Heart


@dataclass(frozen=True, slots=True)
class Waiting:
    """No connection until the time ``until``."""

    until: float


@dataclass(frozen=True, slots=True)
class Connecting:
    """A connection was asked for; ``by_resume_url`` says to which address."""

    by_resume_url: bool


@dataclass(frozen=True, slots=True)
class AwaitingHello:
    """Connected; HELLO must come before the time ``until``."""

    by_resume_url: bool
    until: float


@dataclass(frozen=True, slots=True)
class AwaitingTurn:
    """HELLO came and there is no session: waiting for the turn to IDENTIFY, while the heart beats."""

    heart: Heart


@dataclass(frozen=True, slots=True)
class Identifying:
    """IDENTIFY was sent at the time ``since``, READY must come."""

    heart: Heart
    since: float


@dataclass(frozen=True, slots=True)
class Resuming:
    """RESUME was sent at the time ``since``: the replay comes, then RESUMED."""

    heart: Heart
    since: float


@dataclass(frozen=True, slots=True)
class Active:
    """The session is live since the time ``since``."""

    heart: Heart
    since: float


@dataclass(frozen=True, slots=True)
class Closing:
    """The connection is being closed by us; the next one is opened ``delay`` seconds after it is gone.

    ``session_live`` says that dispatches of the session came over it, so that those already read still count.
    """

    delay: float
    session_live: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing follows: stopped, or fatal."""


Beating = AwaitingTurn | Identifying | Resuming | Active
"""States of a connection that has a heart."""

State = Waiting | Connecting | AwaitingHello | Beating | Closing | Ended
