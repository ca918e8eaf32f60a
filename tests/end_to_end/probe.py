"""``mocha-run`` with a watch on its event loop: ``python probe.py RESULT …`` writes the longest steps, as JSON, when the program has ended."""

from __future__ import annotations

import heapq
import json
import sys
import time
from functools import partial
from pathlib import Path

import trio

from mocha_actors.cli import run

KEPT = 8


class Steps(trio.abc.Instrument):
    """What tasks do between two waits: for as long as that, nothing else happens, and no heartbeat is sent."""

    def __init__(self) -> None:
        self.longest: list[tuple[float, str]] = []
        self._began = 0.0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._began = time.perf_counter()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        heapq.heappush(self.longest, (time.perf_counter() - self._began, task.name))
        if len(self.longest) > KEPT:
            heapq.heappop(self.longest)


if __name__ == "__main__":
    steps = Steps()
    trio.run = partial(trio.run, instruments=[steps])
    result = Path(sys.argv.pop(1))
    try:
        run.main()
    finally:
        result.write_text(json.dumps(sorted(steps.longest, reverse=True)))
