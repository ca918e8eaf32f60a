"""The receive stamp: wall time that never runs backwards."""

from __future__ import annotations

import time

import trio


class ReceiveClock:
    """Wall time when it was made, plus monotonic time since: setting the system's clock changes nothing. Make it inside the trio run."""

    def __init__(self) -> None:
        self._offset_ms = time.time_ns() / 1e6 - trio.current_time() * 1000

    def __call__(self) -> int:
        """Milliseconds since the Unix epoch."""
        return int(trio.current_time() * 1000 + self._offset_ms)
