"""The janitor: what has to be done now and then, in pieces so small that no event waits for it.

It writes nothing itself: each piece is a :class:`~mocha_actors.pipeline.notices.Chore` for the writer, the only one who writes. A job that fails is
left until the next round; nothing is lost by that, since every job finds out from the database what there is to do.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import structlog
import trio

from mocha_actors.db.connection import Connection
from mocha_actors.errors import MochaError
from mocha_actors.pipeline.notices import Chore
from mocha_actors.runtime import Actor, ActorError, ActorRef, Context

ROUND_SECONDS: Final = 600.0
"""Seconds from the end of a round to the next."""

CHORE_SECONDS: Final = 60.0
"""Seconds that the writer may be busy with other things before a piece is left for the next round."""

log = structlog.get_logger()


class Write(Protocol):
    """Lets the writer do a piece of work in a transaction; gives what the work returns."""

    def __call__(self, work: Callable[[Connection], int], *, resets: bool = False) -> Awaitable[int]:
        """See :class:`~mocha_actors.pipeline.notices.Chore`."""


class Job(Protocol):
    """Something that has to be done now and then.

    Attributes:
        name: in logs.

    """

    name: str

    async def step(self, write: Write, now_ms: int) -> bool:
        """Do one piece of what there is to do; False when there is nothing.

        Raises:
            Exception: of the database, or of whoever writes; the job goes on in the next round.

        """


class Janitor(Actor[None]):
    """Does its jobs one after the other, in rounds."""

    def __init__(
        self,
        writer: ActorRef[Any],
        jobs: Sequence[Job],
        *,
        pause: float = ROUND_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """``writer`` takes the chores; ``clock`` gives seconds since the Unix epoch, by itself the wall's."""
        # Looked up now and not where this was defined: in virtual time the wall's clock is another one.
        self._writer, self._jobs, self._pause, self._clock = writer, jobs, pause, clock or time.time

    async def run(self, ctx: Context[None]) -> None:
        """Make rounds until asked to stop; a piece under way is finished first."""
        while not ctx.stopping.is_set():
            for job in self._jobs:
                await self._do(job, ctx)
            with trio.move_on_after(self._pause):
                await ctx.stopping.wait()

    async def _do(self, job: Job, ctx: Context[None]) -> None:
        pieces = 0
        try:
            while not ctx.stopping.is_set() and await job.step(self._write, int(self._clock() * 1000)):
                pieces += 1
        except (ActorError, MochaError) as error:
            log.warning("janitor.postponed", job=job.name, error=f"{type(error).__name__}: {error}")
        if pieces:
            log.info("janitor.done", job=job.name, pieces=pieces)

    async def _write(self, work: Callable[[Connection], int], *, resets: bool = False) -> int:
        return await self._writer.ask(Chore(work, resets), timeout=CHORE_SECONDS)
