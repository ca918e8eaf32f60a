"""Circuit breakers: after too many failures, leave a dependency alone for a while.

`Circuit` is the state machine, pure: time is an argument. `CircuitBreaker` is the thin shell around it for trio:

```python
database = CircuitBreaker("database", BreakerPolicy(minimum_calls=10))
async with database:
    await connection.execute(...)
```

There is one breaker for each dependency (a database, a REST host), made outside of the actors that use it, so that what
it knows survives their restarts. States, numbers and names are those of resilience4j
(`CircuitBreakerConfig`, `CircuitBreakerStateMachine`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import KW_ONLY, dataclass
from enum import Enum
from types import TracebackType
from typing import Literal, Self

import trio

from mocha_actors.runtime.errors import CircuitOpen, SpecError
from mocha_actors.runtime.events import EventHook, Journal
from mocha_actors.runtime.window import CountWindow, Tally, TimeWindow, Window


class BreakerState(Enum):
    """What a breaker does with a call."""

    CLOSED = "closed"
    """Lets it pass and counts how it ends."""
    OPEN = "opened"
    """Rejects it."""
    HALF_OPEN = "half_opened"
    """Lets a few probes pass and rejects the others."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker opens, and how it closes again.

    Attributes:
        failure_rate: It opens when at least this share of the calls in the window failed (0 to 1).
        slow_rate: It opens when at least this share was slow.
        slow_after: Seconds from which a call is slow.
        window: Size of the window, in calls or in seconds.
        window_type: `count` for the last calls, `time` for the last seconds.
        minimum_calls: Fewer calls than this in the window decide nothing.
        wait: Seconds for which it stays open.
        wait_factor: By how much the wait grows each time the probes fail.
        max_wait: Seconds that no wait exceeds.
        probes: How many calls a half-open breaker admits, and then decides by their rates.
        ignore: Exceptions that say nothing about the dependency; cancellation never does.

    Raises:
        SpecError: A value is out of its range.
    """

    _: KW_ONLY
    failure_rate: float = 0.5
    slow_rate: float = 1.0
    slow_after: float = 60.0
    window: int = 100
    window_type: Literal["count", "time"] = "count"
    minimum_calls: int = 100
    wait: float = 60.0
    wait_factor: float = 1.0
    max_wait: float = 3600.0
    probes: int = 10
    ignore: tuple[type[Exception], ...] = ()

    def __post_init__(self) -> None:
        for field in ("failure_rate", "slow_rate", "slow_after", "wait", "max_wait", "wait_factor"):
            _check(_is_number(getattr(self, field)), field, getattr(self, field), "a number")
        for field in ("failure_rate", "slow_rate"):
            _check(0 < getattr(self, field) <= 1, field, getattr(self, field), "a share above 0, up to 1")
        for field in ("slow_after", "wait", "max_wait"):
            _check(0 < getattr(self, field) < math.inf, field, getattr(self, field), "seconds > 0")
        for field in ("window", "minimum_calls", "probes"):
            value = getattr(self, field)
            _check(isinstance(value, int) and value >= 1, field, value, "a whole number, 1 or more")
        _check(self.wait_factor >= 1, "wait_factor", self.wait_factor, "1 or more")
        _check(self.window_type in ("count", "time"), "window_type", self.window_type, "'count' or 'time'")
        reachable = self.window_type == "time" or self.minimum_calls <= self.window
        _check(reachable, "minimum_calls", self.minimum_calls, f"at most the window of {self.window} calls")
        errors = isinstance(self.ignore, tuple) and all(
            isinstance(each, type) and issubclass(each, Exception) for each in self.ignore
        )
        _check(errors, "ignore", self.ignore, "a tuple of subclasses of Exception")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check(holds: bool, field: str, found: object, allowed: str) -> None:
    if not holds:
        raise SpecError(f"breaker.{field} is {found!r}; allowed: {allowed}")


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call.

    Attributes:
        generation: The period of the breaker's life it belongs to; later it counts no more.
        at: When it was given.
    """

    generation: int
    at: float


class Circuit:
    """The state machine of a breaker.

    Every change of state begins a new generation with an empty window: results of calls from before say nothing about
    the dependency now.
    """

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self.state = BreakerState.CLOSED
        self.rejected = 0
        self._generation = 0
        self._window = self._new_window()
        self._wait = policy.wait
        self._opened_at = 0.0
        self._free_probes = 0

    def admit(self, now: float) -> Permit | None:
        """Ask to make a call; None if it is rejected. The first call after the wait makes an open breaker half-open."""
        if self.state is BreakerState.OPEN and now >= self._opened_at + self._wait:
            self._enter(BreakerState.HALF_OPEN)
        if self.state is BreakerState.OPEN or (self.state is BreakerState.HALF_OPEN and not self._free_probes):
            self.rejected += 1
            return None
        if self.state is BreakerState.HALF_OPEN:
            self._free_probes -= 1
        return Permit(self._generation, now)

    def retry_after(self, now: float) -> float:
        """Seconds until an open breaker admits a probe; 0 in other states."""
        return max(0.0, self._opened_at + self._wait - now) if self.state is BreakerState.OPEN else 0.0

    def record(self, permit: Permit, now: float, *, failed: bool) -> None:
        """A call ended. A result of an earlier generation is ignored."""
        if permit.generation != self._generation:
            return
        slow = now - permit.at >= self._policy.slow_after
        self._window.record(Tally(1, int(failed), int(slow)), now)
        self._decide(now)

    def release(self, permit: Permit) -> None:
        """A call ended without saying anything (cancelled, or an ignored exception): its probe is free again."""
        if permit.generation == self._generation and self.state is BreakerState.HALF_OPEN:
            self._free_probes += 1

    def rates(self, now: float) -> tuple[float, float] | None:
        """The shares of failed and of slow calls; None while there are too few calls to decide."""
        total = self._window.total(now)
        needed = self._policy.probes if self.state is BreakerState.HALF_OPEN else self._policy.minimum_calls
        return None if total.calls < needed else (total.failures / total.calls, total.slow / total.calls)

    def _decide(self, now: float) -> None:
        rates = self.rates(now)
        if rates is None:
            return
        bad = rates[0] >= self._policy.failure_rate or rates[1] >= self._policy.slow_rate
        if bad:
            self._open(now)
        elif self.state is BreakerState.HALF_OPEN:
            self._wait = self._policy.wait
            self._enter(BreakerState.CLOSED)

    def _open(self, now: float) -> None:
        if self.state is BreakerState.HALF_OPEN:
            self._wait = min(self._policy.max_wait, self._wait * self._policy.wait_factor)
        self._opened_at = now
        self._enter(BreakerState.OPEN)

    def _enter(self, state: BreakerState) -> None:
        self.state = state
        self._generation += 1
        self._window = self._new_window()
        self._free_probes = self._policy.probes

    def _new_window(self) -> Window:
        if self.state is BreakerState.HALF_OPEN:
            return CountWindow(self._policy.probes)
        return (CountWindow if self._policy.window_type == "count" else TimeWindow)(self._policy.window)


@dataclass(frozen=True, slots=True)
class BreakerSnapshot:
    """A breaker at one moment.

    Attributes:
        name: Its name.
        state: What it does with calls.
        required: Whether a tree is not ready while it rejects calls.
        retry_after: Seconds until an open breaker admits a probe; 0 in other states, and when it is due.
        rejected: How many calls it rejected.
        rates: The shares of failed and of slow calls; None while there are too few calls to decide.
    """

    name: str
    state: BreakerState
    required: bool
    retry_after: float
    rejected: int
    rates: tuple[float, float] | None

    @property
    def rejects(self) -> bool:
        """Whether it is open and its wait is not over: when it is over, only a call can close it."""
        return self.state is BreakerState.OPEN and self.retry_after > 0

    def __str__(self) -> str:
        rates = "" if self.rates is None else f"  failed {self.rates[0]:.0%}, slow {self.rates[1]:.0%}"
        again = f"  next attempt in {self.retry_after:.1f} s" if self.rejects else ""
        return f"breaker {self.name}  {self.state.value}{again}  rejected {self.rejected}{rates}"


class CircuitBreaker:
    """A breaker for trio, used as an async context manager around each call.

    Any number of tasks may be inside at once. An exception is a failure, unless the policy ignores it; a cancellation
    gives the permit back. A breaker that is given to `SupervisorSpec.breakers` is shown by `tree()`.

    Attributes:
        name: What it guards.
        required: Whether a tree that shows it is not ready while it rejects calls.
    """

    def __init__(
        self,
        name: str,
        policy: BreakerPolicy | None = None,
        *,
        on_event: EventHook | None = None,
        required: bool = True,
    ) -> None:
        self.name = name
        self.required = required
        self._has_own_hook = on_event is not None
        self._policy = policy or BreakerPolicy()
        self._circuit = Circuit(self._policy)
        self._journal = Journal(on_event)
        # By task and not in a context variable: those are for module level and are never collected.
        self._permits: defaultdict[trio.lowlevel.Task, list[Permit]] = defaultdict(list)

    @property
    def state(self) -> BreakerState:
        """What it does with calls now."""
        return self._circuit.state

    @property
    def rejected(self) -> int:
        """How many calls it rejected."""
        return self._circuit.rejected

    def snapshot(self) -> BreakerSnapshot:
        """The breaker now."""
        now = trio.current_time()
        return BreakerSnapshot(
            name=self.name,
            state=self.state,
            required=self.required,
            retry_after=self._circuit.retry_after(now),
            rejected=self.rejected,
            rates=self._circuit.rates(now),
        )

    def report_to(self, journal: Journal) -> None:
        """Send events to a tree's hook, unless the breaker has its own; a supervisor does this with its breakers."""
        if not self._has_own_hook:
            self._journal = journal

    async def __aenter__(self) -> Self:
        """Ask for leave to make a call.

        Raises:
            CircuitOpen: The call is rejected.
        """
        before = self._circuit.state
        now = trio.current_time()
        permit = self._circuit.admit(now)
        self._tell_change(before)
        if permit is None:
            raise CircuitOpen(self.name, self._circuit.retry_after(now))
        self._permits[trio.lowlevel.current_task()].append(permit)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Count how the call ended."""
        permit = self._take_permit()
        before = self._circuit.state
        if error is not None and self._says_nothing(error):
            self._circuit.release(permit)
        else:
            self._circuit.record(permit, trio.current_time(), failed=error is not None)
        self._tell_change(before)

    def _take_permit(self) -> Permit:
        task = trio.lowlevel.current_task()
        permit = self._permits[task].pop()
        if not self._permits[task]:
            del self._permits[task]
        return permit

    def _says_nothing(self, error: BaseException) -> bool:
        if isinstance(error, BaseExceptionGroup):
            return all(self._says_nothing(inner) for inner in error.exceptions)
        return not isinstance(error, Exception) or isinstance(error, self._policy.ignore)

    def _tell_change(self, before: BreakerState) -> None:
        state = self._circuit.state
        if state is not before:
            retry_after = self._circuit.retry_after(trio.current_time())
            self._journal.emit(f"breaker.{state.value}", self.name, retry_after=retry_after, rejected=self.rejected)
