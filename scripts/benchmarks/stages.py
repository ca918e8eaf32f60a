"""Where the writer's time goes: processor time of each of its steps, exclusive of the steps inside."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest.mock import patch

from mocha_actors.db import apply, checkpoint, huge
from mocha_actors.db.projections import closed_days, messages, names, revisions, rollups
from mocha_actors.db.sqlite import SqliteConnection

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
    ("revisions", revisions, "bump"),
    ("what has changed, for the cache", apply, "changes"),
    ("checkpoint of the shard", checkpoint, "advance"),
    ("SQLite: statements", SqliteConnection, "execute"),
    ("SQLite: single rows", SqliteConnection, "executemany"),
    ("SQLite: COMMIT", SqliteConnection, "commit"),
)
"""What is timed, by what a reader calls it. Bulk statements are run by ``execute``, so that ``insert`` is what is left: making their parameters."""


class Stages:
    """Seconds of processor time by step."""

    def __init__(self) -> None:
        """Nothing was timed yet."""
        self.seconds = dict.fromkeys((label for label, *_ in STEPS), 0.0)
        self._inner = [0.0]

    def timed(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, which adds to ``label`` what it takes itself."""

        def call(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            began = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                took = time.thread_time() - began
                self.seconds[label] += took - self._inner.pop()
                self._inner[-1] += took

        return call


@contextmanager
def watched() -> Iterator[Stages]:
    """Time the steps of everything that is written in the block."""
    stages = Stages()
    with ExitStack() as stack:
        for label, owner, name in STEPS:
            stack.enter_context(patch.object(owner, name, stages.timed(label, getattr(owner, name))))
        yield stages
