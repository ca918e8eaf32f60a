"""Whether to resume, how long to wait before the next connection, and to which address it goes. Pure.

The counters move on evidence only. Failures are forgotten after a healthy minute and not at a connection, or a server that accepts and closes
would be dialled without pause. Resume attempts count when op 6 was really sent, or an outage of the network would cost the session; and the long
waits before an IDENTIFY follow from IDENTIFYs that were sent, or such an outage would be followed by minutes of deafness.
"""

from __future__ import annotations

from random import Random
from typing import Final

from mocha_actors.gateway.close_codes import Action
from mocha_actors.runtime import Backoff

HEALTHY: Final = 60.0
"""Seconds of an active session after which earlier failures are forgotten."""

RESUME_ATTEMPTS: Final = 3
"""RESUMEs in a row that bring neither RESUMED nor a new dispatch, after which the session is given up."""

RESUME_BACKOFF: Final = Backoff(base=1.0, cap=60.0)
IDENTIFY_BACKOFF: Final = Backoff(base=1.0, cap=600.0)
"""1000 identifies are allowed in 24 hours; a cap of 600 s with full jitter cannot spend more than some 300. Counted are those since the last healthy minute."""


class Reconnect:
    """What one shard has learnt about its connections.

    Attributes:
        failures: connections in a row that did not become healthy.
        use_main_address: the latest attempt at the resume address brought no HELLO; the next goes to the main one.

    """

    def __init__(self) -> None:
        self.failures = 0
        self.use_main_address = False
        self._attempts = self._identifies = 0
        self._allowed = RESUME_ATTEMPTS

    @property
    def exhausted(self) -> bool:
        """Whether another RESUME would be one too many."""
        return self._attempts >= self._allowed

    def resume_sent(self) -> None:
        """Op 6 left."""
        self._attempts += 1

    def identify_sent(self) -> None:
        """Op 2 left."""
        self._identifies += 1

    def session_lost(self) -> None:
        """Discord has said that the session is gone: it can be reached, and what failed before has nothing to do with the next session."""
        self.failures = 0
        self.progress()

    def progress(self) -> None:
        """RESUMED, READY or a new dispatch came: resuming works."""
        self._attempts, self._allowed = 0, RESUME_ATTEMPTS

    def closed(self, action: Action) -> None:
        """A close frame came whose rule is ``action``."""
        if action is Action.RESUME_ONCE:
            self._allowed = min(self._allowed, self._attempts + 1)

    def failed(self, active_for: float | None) -> None:
        """A connection ended, or none came about; ``active_for`` seconds of an active session were healthy or not."""
        if active_for is not None and active_for >= HEALTHY:
            self.failures = self._identifies = 0
        self.failures += 1

    def delay(self, rng: Random, *, resuming: bool) -> float:
        """Seconds to wait now; the first failure after health waits for nothing."""
        wait = RESUME_BACKOFF.delay(self.failures - 1, rng) if self.failures > 1 else 0.0
        if not resuming and self._identifies > 1:
            wait = max(wait, IDENTIFY_BACKOFF.delay(self._identifies - 1, rng))
        return wait
