"""When the writer commits: a pure decision, so that it can be tested without a clock."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grouping:
    """Group commit: after a pause at once, under load as rarely as the lag allows, since a commit costs as much as hundreds of rows.

    Attributes:
        max_events: events that a transaction holds at most, unless one batch alone is larger.
        linger: seconds from one commit to the next, so the most that settled events wait for company.

    """

    max_events: int = 5000
    linger: float = 0.040

    def wait(self, now: float, *, ready: int, last_commit: float, urgent: bool) -> float:
        """Seconds until the next commit is due: 0 for now, infinite while nothing is ready.

        Args:
            now: seconds, of any clock.
            ready: events that could be committed.
            last_commit: when the last commit ended, by the same clock.
            urgent: whether something that is ready must not wait.

        """
        if not ready:
            return math.inf
        if urgent or ready >= self.max_events:
            return 0.0
        return max(0.0, last_commit + self.linger - now)
