"""Where the writer's time goes: processor time of each of its steps, exclusive of the steps inside."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, TypeVar
from unittest.mock import patch

from mocha_actors.db import apply, checkpoint, huge
from mocha_actors.db.projections import closed_days, messages, names, revisions, rollups, user_columns
from mocha_actors.db.sqlite import SqliteConnection

R = TypeVar("R")

STEPS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("the transaction around it", apply.Applier, "apply"),
    ("look for entries of thousands of rows", huge, "around"),
    ("gather facts, find what is durable", apply.Transaction, "_gather"),
    ("share facts out to projections", apply, "shares"),
    ("names: find news", names.NameProjection, "apply"),
    ("messages: sort out, days, revisions", messages.MessageProjection, "apply"),
    ("messages: build and sort rows", messages, "rows_of"),
    ("messages: details", messages, "describe"),
    ("rollups: count", rollups, "count"),
    ("rollups: sort", rollups, "in_key_order"),
    ("parameters of statements", SqliteConnection, "insert"),
    ("closed days", closed_days, "mark"),
    ("columns of users", user_columns, "outdate"),
    ("revisions", revisions, "bump"),
    ("what has changed, for the cache", apply, "changes"),
    ("checkpoint of the shard", checkpoint, "advance"),
    ("SQLite: statements", SqliteConnection, "execute"),
    ("SQLite: single rows", SqliteConnection, "executemany"),
    ("SQLite: COMMIT", SqliteConnection, "commit"),
)
"""What is timed, by what a reader calls it. Bulk statements are run by ``execute``, so that ``insert`` is what is left: making their parameters."""


class Meter:
    """Processor time by stage. What runs as a stage within another one is not that one's."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._within = [0.0]

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block."""
        self._within.append(0.0)
        began = time.thread_time()
        try:
            yield
        finally:
            took = time.thread_time() - began
            self.seconds[name] += took - self._within.pop()
            self._within[-1] += took

    def metered(self, name: str, function: Callable[..., R]) -> Callable[..., R]:
        """``function`` as a stage."""

        def call(*arguments: Any, **named: Any) -> R:
            with self.stage(name):
                return function(*arguments, **named)

        return call


@contextmanager
def watched() -> Iterator[Meter]:
    """Time the steps of everything that is written in the block."""
    meter = Meter()
    meter.seconds.update(dict.fromkeys((label for label, *_ in STEPS), 0.0))
    with ExitStack() as stack:
        for label, owner, name in STEPS:
            stack.enter_context(patch.object(owner, name, meter.metered(label, getattr(owner, name))))
        yield meter
