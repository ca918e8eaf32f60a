"""Batches that nobody settles: after a while handed out again, after as long again given up (promise P3)."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

from mocha_actors.pipeline.batch import SETTLE_LIMIT, Batch


class Stuck(NamedTuple):
    """What is overdue: batches to hand out again, and batches to give up."""

    resubmit: list[Batch]
    give_up: list[Batch]


class StuckWatch:
    """Watches unsettled batches. Its clock is the caller's, so that the caller's own outages can be left out of it."""

    def __init__(self, limit: float = SETTLE_LIMIT) -> None:
        """``limit``: seconds until a batch is handed out again, and from then until it is given up."""
        self._limit = limit
        self._first: deque[tuple[float, Batch]] = deque()
        self._second: deque[tuple[float, Batch]] = deque()

    def add(self, batch: Batch, now: float) -> None:
        """Watch a batch; one that was handed out again before, by an earlier incarnation, is on its last try."""
        watched = self._first if batch.submissions == 1 else self._second
        watched.append((now + self._limit, batch))

    def due(self) -> float:
        """When :meth:`overdue` has to be asked next; infinite while nothing is watched."""
        return min(next_due(self._first), next_due(self._second))

    def overdue(self, now: float) -> Stuck:
        """What is overdue at ``now``. Batches to hand out again are counted as such and watched once more."""
        stuck = Stuck(pop_overdue(self._first, now), pop_overdue(self._second, now))
        for batch in stuck.resubmit:
            batch.submissions += 1
            self.add(batch, now)
        return stuck


def next_due(watched: deque[tuple[float, Batch]]) -> float:
    """When the first unsettled batch of ``watched`` is overdue; settled ones before it are forgotten."""
    while watched and watched[0][1].settled:
        watched.popleft()
    return watched[0][0] if watched else math.inf


def pop_overdue(watched: deque[tuple[float, Batch]], now: float) -> list[Batch]:
    """Remove and return what is overdue."""
    overdue = []
    while next_due(watched) <= now:
        overdue.append(watched.popleft()[1])
    return overdue
