"""The actor around a processor: it settles the entries of the work it is handed, and survives those that make it fail.

The translation itself is pure and holds no state. What can go wrong with one entry stays with that entry (promise P3): data that is not
valid is a dead letter at once; an error that nobody expected restarts the processor, and the entry in hand is tried once more in the fresh
incarnation before it is set aside as poison. A processor that fails too often to be restarted each time is *degraded*: it sets failing
entries aside without a second try, until it has been quiet for a while.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

import structlog
import trio

from mocha_actors.discord.events import Event
from mocha_actors.errors import DataError
from mocha_actors.pipeline.batch import Batch, DeadLetter, Outcome, Work
from mocha_actors.pipeline.letters import failed
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.runtime import Actor, Context, RestartNow

Translate = Callable[[Event, Stamp], Outcome]
"""A pure translation: a typed event in, its facts out (none for an event that does not count), or a dead letter where it finds that an event which was
outlined only cannot be decoded. The stamp is when an event happened that says no time of its own."""

MAX_RESTARTS: Final = 20
"""Restarts within :data:`WINDOW` that entries may cause before the processor is degraded."""

WINDOW: Final = 60.0
"""Seconds that a failure counts, and of quiet that end the degradation."""

HUGE_BYTES: Final = 1 << 16
"""Bytes of an entry, in the mean of its batch, from which on entries are translated in a thread: each guild of a megabyte, the largest that is decoded at once,
takes 5 ms, and a batch may hold several; the loop, with its heartbeats, has its turn meanwhile. Where entries are smaller the hop costs more than it saves."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class FailureWindow:
    """How often entries made a processor fail of late. Owned outside the actor, so that a restart does not forget it."""

    def __init__(self, limit: int = MAX_RESTARTS, window: float = WINDOW) -> None:
        """Allow ``limit`` failures within ``window`` seconds."""
        self._limit, self._window = limit, window
        self._times: deque[float] = deque(maxlen=limit + 1)
        self.degraded = False

    def failed(self, now: float) -> bool:
        """Count a failure at ``now``; returns whether the processor is degraded, hence must not restart for it."""
        self.quiet(now)
        self._times.append(now)
        recent = sum(time > now - self._window for time in self._times)
        self.degraded = self.degraded or recent > self._limit
        return self.degraded

    def quiet(self, now: float) -> bool:
        """End the degradation if the last failure is a whole window ago; returns whether this call ended it."""
        if self.degraded and self._times and self._times[-1] <= now - self._window:
            self.degraded = False
            self._times.clear()
            return True
        return False


class Processor(Actor[Work]):
    """Settles the entries of one kind of event."""

    def __init__(
        self, kind: str, translate: Translate, failures: FailureWindow, slow: Iterable[type[Event]] = ()
    ) -> None:
        """``kind`` names the processor in logs; in a batch with an event of the ``slow`` types all are translated in a thread."""
        self._kind, self._translate, self._failures = kind, translate, failures
        self._slow = frozenset(slow)

    async def handle(self, message: Work, ctx: Context[Work]) -> None:
        """Settle every open entry from the cursor on; a repeated hand-over finds them settled and does nothing.

        Raises:
            RestartNow: the entry in hand made the translation fail, for the first time.

        """
        if self._failures.quiet(trio.current_time()):
            logger.info("processor.recovered", kind=self._kind)
        if self._is_huge(message.batch):
            await self._settle_huge(message)
        else:
            self._settle(message)
        message.advance_to(len(message.indexes))

    def _is_huge(self, batch: Batch) -> bool:
        """Whether entries are translated in a thread."""
        large = batch.size > HUGE_BYTES * len(batch.events)
        return large or bool(self._slow and not self._slow.isdisjoint(map(type, batch.events)))

    def _settle(self, work: Work) -> None:
        """Settle what is open. This loop runs for every event: what it calls is the translation, and nothing else."""
        batch, indexes, translate = work.batch, work.indexes, self._translate
        outcomes, events, stamps = batch.outcomes, batch.events, batch.stamps
        settled = 0
        try:
            for index in indexes[work.cursor :]:
                if outcomes[index] is None:
                    outcome: Outcome
                    try:
                        outcome = translate(events[index], stamps[index])
                    except Exception as error:  # noqa: BLE001  # whatever a translation raises must stay with its entry (P3)
                        outcome = self._failed(work, indexes.index(index), error)
                    outcomes[index] = outcome
                    settled += 1
        finally:
            batch.count_settled(settled)

    async def _settle_huge(self, work: Work) -> None:
        """The same with a thread for each translation; meanwhile an entry may be settled otherwise."""
        batch = work.batch
        for position in range(work.cursor, len(work.indexes)):
            index = work.indexes[position]
            if batch.outcomes[index] is None:
                outcome: Outcome
                try:
                    outcome = await trio.to_thread.run_sync(self._translate, batch.events[index], batch.stamp(index))
                except Exception as error:  # noqa: BLE001  # as above
                    outcome = self._failed(work, position, error)
                batch.settle(index, outcome)

    def _failed(self, work: Work, position: int, error: Exception) -> DeadLetter:
        """The outcome of the entry at ``position``, unless it deserves a fresh incarnation: then raises RestartNow."""
        event = work.batch.events[work.indexes[position]]
        if isinstance(error, DataError):
            return failed("invalid", error, event)
        work.advance_to(position)
        self._restart_or_set_aside(work, error)
        return failed("poison", error, event)

    def _restart_or_set_aside(self, work: Work, error: Exception) -> None:
        """Return if the entry in hand is to be set aside, raise RestartNow if it deserves a fresh incarnation."""
        work.attempts += 1
        if work.attempts > 1:
            return
        was_degraded = self._failures.degraded
        if not self._failures.failed(trio.current_time()):
            raise RestartNow(error)
        if not was_degraded:
            logger.warning("processor.degraded", kind=self._kind, error=type(error).__name__)
