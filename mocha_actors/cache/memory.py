"""The memory watch: how much this process uses, and which share of their sizes the caches may have."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

STATM: Final = Path("/proc/self/statm")

SMALLEST: Final = 1 / 16
"""Of the sizes: so much is always left, since what fills the memory need not be the caches."""

CALM: Final = 0.8
"""Of the limit; below it there is room to grow."""

CALM_SECONDS: Final = 60.0
"""For so long memory has to be calm before the caches may grow by a step: freed memory goes back slowly, and a limit that is met is met again."""

GROWTH: Final = 1.25


def private_bytes() -> int:
    """Bytes of memory that belong to this process alone.

    On Linux it is what is resident without pages of files: SQLite maps the database, and those pages are the system's to take back. Elsewhere
    it is the most that was ever resident, so that the caches never grow back once the limit was met.
    """
    if STATM.exists():
        import resource  # noqa: PLC0415  # there is none on Windows

        _, resident, shared, *_ = STATM.read_text().split()
        return (int(resident) - int(shared)) * resource.getpagesize()
    return _peak_bytes()


def _peak_bytes() -> int:
    try:
        import resource  # noqa: PLC0415  # there is none on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Throttle:
    """Decides the share of their sizes that the caches may use. Pure: time is an argument.

    Attributes:
        share: 1 at first; halved each time the memory is above its limit, grown by a quarter for each minute of calm.

    """

    def __init__(self, limit_bytes: int) -> None:
        """``limit_bytes`` of 0 is no limit."""
        self.share = 1.0
        self._limit = limit_bytes
        self._calm_since: float | None = None

    def observe(self, used_bytes: int, now: float) -> bool:
        """Take note of what is used; True if the share has changed."""
        before = self.share
        if self._limit and used_bytes > self._limit:
            self._calm_since = None
            self.share = max(SMALLEST, self.share / 2)
        elif used_bytes > self._limit * CALM and self._limit:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= CALM_SECONDS:
            self._calm_since = now
            self.share = min(1.0, self.share * GROWTH)
        return self.share != before
