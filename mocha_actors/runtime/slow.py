"""Actors that hold the event loop: every step between two checkpoints is timed, and the long ones are named.

While an actor computes or calls something that blocks, nobody else runs, heartbeats included. Nothing can interrupt it;
the remedy is a thread behind a port, and this tells where one is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from mocha_actors.runtime.events import Journal
from mocha_actors.runtime.ref import CALLER

SLOW_STEP_SECONDS = 0.1


class SlowSteps(trio.abc.Instrument):
    """Emits `message.slow` for steps of the actors of one tree. Its clock is real time also where trio's is virtual."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.perf_counter) -> None:
        self._journal = journal
        self._clock = clock
        self._begun = clock()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task is about to run."""
        self._begun = self._clock()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task has run until its next checkpoint, or to its end."""
        seconds = self._clock() - self._begun
        if seconds < SLOW_STEP_SECONDS:
            return
        caller = task.context.get(CALLER)
        if caller is not None and caller.journal is self._journal:
            inbox = caller.inbox
            message = inbox.newest_in_hand()
            message_type = None if message is None else type(message).__name__
            self._journal.emit(
                "message.slow", inbox.path, inbox.incarnation, seconds=seconds, message_type=message_type
            )


@contextmanager
def report_slow_steps(journal: Journal) -> Iterator[None]:
    """Time the steps of this run of trio while the block lasts."""
    instrument = SlowSteps(journal)
    trio.lowlevel.add_instrument(instrument)
    try:
        yield
    finally:
        trio.lowlevel.remove_instrument(instrument)
