"""A pool of workers that outlives poison: jobs that crash whoever takes them.

    python scripts/examples/worker_pool.py

Three workers share a list of jobs. A job that cannot be done crashes its worker; the supervisor starts a fresh one, and because the
mailbox has `redeliver=2` the job is tried three times in all. Then it is poison: a dead letter that names the error. Every other job,
those that waited behind it included, is done exactly once.

What to look at:

- `Mailbox(redeliver=2)`: at-least-once delivery. With the default, 0, a job would become a dead letter at its first crash.
- `Backoff(0.01)`: a crashed worker waits, longer each time in a row, so that a fault does not burn the processor.
- `max_restarts`: the pool gives up only when crashes come faster than one would expect of bad input.
- `on_event`: a hook that sees everything that happens in the tree.
- `supervisor.dead_letters`: what nobody did, and why.
"""

from __future__ import annotations

from functools import partial
from itertools import cycle
from typing import Final

import trio

from mocha_actors.runtime import Actor, Backoff, ChildSpec, Context, Event, Mailbox, SupervisorSpec, open_supervisor

WORKERS: Final = 3
JOBS: Final = ("4", "8", "15", "sixteen", "23", "42", "", "108")


class Progress:
    """What came of the jobs. It needs no lock, since all actors of a tree live on one thread."""

    def __init__(self, jobs: int) -> None:
        """Wait for so many jobs."""
        self.results: dict[str, int] = {}
        self.over = trio.Event()
        self._left = jobs

    def done(self, job: str, result: int) -> None:
        """A job was done."""
        self.results[job] = result
        self._count()

    def on_event(self, event: Event) -> None:
        """The hook of the tree: a job turned out to be poison."""
        if event.name == "message.poison":
            self._count()

    def _count(self) -> None:
        self._left -= 1
        if not self._left:
            self.over.set()


class Worker(Actor[str]):
    """Squares numbers, and cannot square anything else."""

    def __init__(self, progress: Progress) -> None:
        """Report there."""
        self._progress = progress

    async def handle(self, job: str, ctx: Context[str]) -> None:
        """Do one job; a ValueError crashes this incarnation."""
        self._progress.done(job, int(job) ** 2)


def pool(progress: Progress) -> SupervisorSpec:
    """The workers; one that crashes leaves the others alone."""
    mailbox, backoff = Mailbox(100, redeliver=2), Backoff(0.01)
    workers = (
        ChildSpec(f"worker-{number}", partial(Worker, progress), mailbox=mailbox, backoff=backoff)
        for number in range(WORKERS)
    )
    return SupervisorSpec(tuple(workers), max_restarts=3 * len(JOBS), max_seconds=5)


async def main() -> None:
    """Hand the jobs out in turn, wait until each is done or dead, and tell what came of them."""
    progress = Progress(len(JOBS))
    async with open_supervisor(pool(progress), name="pool", on_event=progress.on_event) as supervisor:
        refs = cycle([supervisor.ref(f"worker-{number}") for number in range(WORKERS)])
        for job, ref in zip(JOBS, refs, strict=False):
            await ref.tell(job)
        await progress.over.wait()
        print(supervisor.tree().render())
    for job, square in progress.results.items():
        print(f"done: {job} -> {square}")
    for letter in supervisor.dead_letters.newest:
        print(f"{letter.reason}: {letter.message!r}: {letter.error}")


if __name__ == "__main__":
    trio.run(main)
