"""The bounded way into a run of trio from other threads and loops."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import TypeAlias

import trio

Call: TypeAlias = Callable[[], object]

logger = logging.getLogger("mocha_actors.runtime")


class Intake:
    """Calls that wait to be made inside a run of trio, in the order in which they came.

    `TrioToken.run_sync_soon` alone has no limit, and wakes the run for each call; here one wake-up serves all calls
    that wait by then. `put` may be called from any thread, the other methods belong to the run.

    Attributes:
        dropped: How many calls were refused.
    """

    def __init__(self, capacity: int) -> None:
        self.dropped = 0
        self._capacity = capacity
        self._calls: list[Call] = []
        self._lock = Lock()
        self._token: trio.lowlevel.TrioToken | None = None
        self._closed = False

    def put(self, call: Call, *, always: bool = False) -> bool:
        """Have a call made soon; False if there are too many already, or the intake is closed.

        Args:
            call: What to do; what it raises is logged.
            always: Whether the limit does not apply, because the caller has one of its own.
        """
        with self._lock:
            if self._closed or not (always or len(self._calls) < self._capacity):
                self.dropped += not always
                return False
            self._calls.append(call)
            if len(self._calls) == 1 and self._token is not None:
                self._token.run_sync_soon(self.run)
            return True

    def open(self) -> None:
        """Make the calls in this run of trio from now on."""
        with self._lock:
            self._token = trio.lowlevel.current_trio_token()
        self.run()

    def run(self) -> None:
        """Make the calls that wait."""
        with self._lock:
            calls, self._calls = self._calls, []
        for call in calls:
            try:
                call()
            except Exception:
                logger.exception("a call from outside of the actor runtime failed")

    def close(self) -> None:
        """Take nothing more, and make the calls that wait."""
        with self._lock:
            self._closed = True
        self.run()
