"""The decisions of a supervisor as pure functions: whom to restart, who goes with it, and when to give up.

The rules are those of OTP's `supervisor` (`do_restart/3`, `add_restart/1`, `restart_multiple_children/3`); where this
module differs, it says so.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import dropwhile
from typing import TypeVar

from mocha_actors.runtime.outcome import Failed, Outcome

T = TypeVar("T")


class Restart(Enum):
    """When a child that ended by itself is started again."""

    PERMANENT = "permanent"
    """After every exit, also a normal one."""
    TRANSIENT = "transient"
    """After an abnormal exit only; after a normal one the spec stays without a running child."""
    TEMPORARY = "temporary"
    """Never; the spec is forgotten."""


class Strategy(Enum):
    """Who is restarted together with a child that failed."""

    ONE_FOR_ONE = "one_for_one"
    """Nobody else."""
    ONE_FOR_ALL = "one_for_all"
    """All children."""
    REST_FOR_ONE = "rest_for_one"
    """The children started after it."""


class AutoShutdown(Enum):
    """When a supervisor ends because significant children ended by themselves."""

    NEVER = "never"
    ANY_SIGNIFICANT = "any_significant"
    ALL_SIGNIFICANT = "all_significant"


class Verdict(Enum):
    """What happens to a child that ended by itself."""

    RESTART = "restart"
    KEEP = "keep"
    """The spec stays, nothing runs."""
    FORGET = "forget"
    """The spec goes, too."""


def decide(restart: Restart, outcome: Outcome) -> Verdict:
    """What to do about a child with this restart type after this outcome."""
    match restart, outcome:
        case Restart.TEMPORARY, _:
            return Verdict.FORGET
        case Restart.PERMANENT, _:
            return Verdict.RESTART
        case Restart.TRANSIENT, Failed():
            return Verdict.RESTART
        case _:
            return Verdict.KEEP


def restart_group(strategy: Strategy, children: Iterable[T], failed: T) -> Sequence[T]:
    """The children that stop and start together with `failed`, in start order, `failed` included."""
    match strategy:
        case Strategy.ONE_FOR_ONE:
            return (failed,)
        case Strategy.ONE_FOR_ALL:
            return tuple(children)
        case Strategy.REST_FOR_ONE:
            return tuple(dropwhile(lambda child: child != failed, children))


def shuts_down(mode: AutoShutdown, *, others_alive: bool) -> bool:
    """Whether a supervisor ends now that a significant child has ended by itself for good.

    Args:
        mode: The supervisor's setting.
        others_alive: Whether another significant child still runs or waits for its restart.
    """
    return mode is AutoShutdown.ANY_SIGNIFICANT or (mode is AutoShutdown.ALL_SIGNIFICANT and not others_alive)


class IntensityWindow:
    """The restart budget of one supervisor, shared by all its children.

    Every attempt counts, each retry of a failed start included. OTP counts whole seconds; this window is exact.
    """

    def __init__(self, max_restarts: int, max_seconds: float) -> None:
        self._max_restarts = max_restarts
        self._max_seconds = max_seconds
        self._attempts: deque[float] = deque()

    def spend(self, now: float) -> bool:
        """Count an attempt at time `now`; False when more than `max_restarts` lie within `max_seconds`, inclusive."""
        self._attempts.append(now)
        return self.spent(now) <= self._max_restarts

    def spent(self, now: float) -> int:
        """How many attempts lie within the window at time `now`."""
        while self._attempts and self._attempts[0] < now - self._max_seconds:
            self._attempts.popleft()
        return len(self._attempts)
