"""The clock of these tests: a virtual one, so that neither a back-off nor a busy machine takes real time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

REAL_TIME = {"test_examples.py"}
"""Files whose tests wait for other processes, for which a virtual clock would not wait."""


def run_in_virtual_time(
    test: Callable[[], Awaitable[Any]], *, clock: trio.abc.Clock | None, instruments: Sequence[trio.abc.Instrument]
) -> Any:
    """Run a test: a timeout of a second then means that nothing can happen any more, not that the machine was slow."""
    return trio.run(test, clock=clock or trio.testing.MockClock(autojump_threshold=0), instruments=instruments)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every async test of this folder run in virtual time, also where it does not ask for the clock."""
    for item in items:
        here = item.path.parent == Path(__file__).parent and item.path.name not in REAL_TIME
        if here and iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.trio(run=run_in_virtual_time), append=False)
