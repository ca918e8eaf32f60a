"""Actors that hold the event loop: every step between two checkpoints is timed, and the long ones are named.

While an actor computes or calls something that blocks, nobody else runs, heartbeats included. Nothing can interrupt it;
the remedy is a thread behind a port, and this tells where one is missing. Two who look:

- an instrument of trio times each step, and emits `message.slow` when a slow one is over;
- one daemon thread for each tree looks now and then at the step under way, because a step that never ends is never
  over. It cannot call the event hook, which belongs to the thread that hangs; it writes to the standard `logging`,
  with the stack of the step.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import trio

from mocha_actors.runtime.events import Journal
from mocha_actors.runtime.inbox import Inbox
from mocha_actors.runtime.ref import CALLER

logger = logging.getLogger("mocha_actors.runtime")

SLOW_STEP_SECONDS = 0.1
HUNG_STEP_SECONDS = 5.0
"""After how long a step is reported that has not ended yet."""
FRAMES = 6
"""How many calls of its stack are reported, the innermost."""


class SlowSteps(trio.abc.Instrument):
    """Emits `message.slow` for steps of the actors of one tree. Its clock is real time also where trio's is virtual."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.perf_counter) -> None:
        self._journal = journal
        self._clock = clock
        self._begun = clock()
        self._task: trio.lowlevel.Task | None = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task is about to run."""
        self._begun = self._clock()
        self._task = task

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """A task has run until its next checkpoint, or to its end."""
        self._task = None
        seconds = self._clock() - self._begun
        if seconds < SLOW_STEP_SECONDS:
            return
        inbox = self._inbox_of(task)
        if inbox is not None:
            self._journal.emit(
                "message.slow", inbox.path, inbox.incarnation, seconds=seconds, message_type=_message_type(inbox)
            )

    def under_way(self) -> tuple[Inbox, float] | None:
        """The actor whose step is under way, and since when; None if none is. May be called from any thread."""
        task, begun = self._task, self._begun
        inbox = None if task is None else self._inbox_of(task)
        # A step that ended while this looked is none to speak of.
        return None if inbox is None or self._task is not task else (inbox, begun)

    def _inbox_of(self, task: trio.lowlevel.Task) -> Inbox | None:
        caller = task.context.get(CALLER)
        return caller.inbox if caller is not None and caller.journal is self._journal else None


class Watchdog:
    """Reports a step that does not end, once, while it hangs."""

    def __init__(self, steps: SlowSteps, hung_after: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._steps = steps
        self._hung_after = hung_after
        self._clock = clock
        self._watched = threading.get_ident()
        self._reported: float | None = None
        self._over = threading.Event()

    def run(self) -> None:
        """Look every quarter of the limit, until `close`."""
        while not self._over.wait(self._hung_after / 4):
            self.look()

    def close(self) -> None:
        """Let `run` return."""
        self._over.set()

    def look(self) -> None:
        """Look at the step under way."""
        found = self._steps.under_way()
        if found is None:
            return
        inbox, begun = found
        seconds = self._clock() - begun
        if seconds >= self._hung_after and begun != self._reported:
            self._reported = begun
            text = "%s#%s has held the event loop for %.1f s without a checkpoint; message in hand: %s; it is here:\n%s"
            logger.error(text, inbox.path, inbox.incarnation, seconds, _message_type(inbox), self._stack())

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - the documented way to another thread's stack
        return "".join(traceback.format_stack(frame)[-FRAMES:]) if frame is not None else ""


def _message_type(inbox: Inbox) -> str | None:
    message = inbox.newest_in_hand()
    return None if message is None else type(message).__name__


@contextmanager
def report_slow_steps(journal: Journal) -> Iterator[None]:
    """Time the steps of this run of trio, and watch for one that does not end, while the block lasts."""
    steps = SlowSteps(journal)
    watchdog = Watchdog(steps, HUNG_STEP_SECONDS)
    threading.Thread(target=watchdog.run, name="mocha-actors-watchdog", daemon=True).start()
    trio.lowlevel.add_instrument(steps)
    try:
        yield
    finally:
        trio.lowlevel.remove_instrument(steps)
        watchdog.close()
