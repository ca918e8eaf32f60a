"""The sliding windows of a circuit breaker: how many of the recent calls failed or were slow. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Protocol


@dataclass(slots=True)
class Tally:
    """Calls, and how many of them failed or were slow."""

    calls: int = 0
    failures: int = 0
    slow: int = 0

    def add(self, other: Tally, sign: int = 1) -> None:
        """Add another tally, or take it away with `sign=-1`."""
        self.calls += sign * other.calls
        self.failures += sign * other.failures
        self.slow += sign * other.slow


class Window(Protocol):
    """What a breaker needs of a window."""

    def record(self, call: Tally, now: float) -> None:
        """Count a call that ended at `now`."""

    def total(self, now: float) -> Tally:
        """The calls inside the window at `now`."""


class CountWindow:
    """The last `size` calls, however old they are."""

    def __init__(self, size: int) -> None:
        self._calls: deque[Tally] = deque()
        self._size = size
        self._total = Tally()

    def record(self, call: Tally, now: float) -> None:
        """Count a call; the oldest one beyond the size is forgotten."""
        self._calls.append(call)
        self._total.add(call)
        if len(self._calls) > self._size:
            self._total.add(self._calls.popleft(), -1)

    def total(self, now: float) -> Tally:
        """The last calls together."""
        return self._total


class TimeWindow:
    """The calls of the last `seconds` seconds, in buckets of one second, the current one included."""

    def __init__(self, seconds: int) -> None:
        self._buckets: deque[tuple[int, Tally]] = deque()
        self._seconds = seconds
        self._total = Tally()

    def record(self, call: Tally, now: float) -> None:
        """Count a call in the bucket of `now`."""
        self._expire(now)
        second = int(now)
        if not self._buckets or self._buckets[-1][0] < second:
            self._buckets.append((second, Tally()))
        self._buckets[-1][1].add(call)
        self._total.add(call)

    def total(self, now: float) -> Tally:
        """The calls of the last seconds together."""
        self._expire(now)
        return self._total

    def _expire(self, now: float) -> None:
        while self._buckets and self._buckets[0][0] <= int(now) - self._seconds:
            self._total.add(self._buckets.popleft()[1], -1)
