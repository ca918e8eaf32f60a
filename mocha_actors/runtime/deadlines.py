"""The deadlines of all asks of one run of trio, kept by one task.

A cancel scope for each ask would cost as much as the rest of the ask. Hardly any ask ever reaches its deadline, so what
counts is the price of one that does not: here, a push to a heap and a pop.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count

import trio

from mocha_actors.runtime.envelope import Answer

SPARE = 1000
"""How many settled answers the heap may hold beyond twice those that it held when it was last swept."""


class Deadlines:
    """Gives up the answers whose deadline has come."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Answer]] = []
        self._order = count()
        self._sweep_at = SPARE
        self._sleep = trio.CancelScope()

    def add(self, answer: Answer) -> None:
        """Give this answer up at its deadline, if it is not settled by then."""
        heap = self._heap
        while heap and heap[0][2].over:
            heappop(heap)
        heappush(heap, (answer.deadline, next(self._order), answer))
        if answer.deadline < self._sleep.deadline:  # noqa: PLR1730 - setting it costs more than the rest of this
            self._sleep.deadline = answer.deadline
        if len(heap) > self._sweep_at:
            self._sweep()

    def _sweep(self) -> None:
        """Drop the settled ones, which otherwise would stay as long as an earlier one waits."""
        self._heap = [entry for entry in self._heap if not entry[2].over]
        heapify(self._heap)
        self._sweep_at = 2 * len(self._heap) + SPARE

    async def live(self) -> None:
        """Sleep until the next deadline, again and again."""
        while True:
            self._sleep = trio.CancelScope(deadline=self._expire(trio.current_time()))
            with self._sleep:
                await trio.sleep_forever()

    def _expire(self, now: float) -> float:
        """Give up what is due; the next deadline."""
        while self._heap:
            deadline, _, answer = self._heap[0]
            if deadline > now and not answer.over:
                return deadline
            heappop(self._heap)
            answer.give_up()
        return float("inf")


_DEADLINES: trio.lowlevel.RunVar[Deadlines] = trio.lowlevel.RunVar("mocha_actors_deadlines")


def current_deadlines() -> Deadlines:
    """The deadlines of this run of trio; their task is started when they are first asked for."""
    try:
        return _DEADLINES.get()
    except LookupError:
        deadlines = Deadlines()
        _DEADLINES.set(deadlines)
        trio.lowlevel.spawn_system_task(deadlines.live, name="deadlines of asks")
        return deadlines
