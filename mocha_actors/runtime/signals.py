"""Signals: the first one drains, the second one kills, the third one ends the process as if nobody had caught it.

```python
async with open_supervisor(spec) as supervisor:
    await run_until_signalled(supervisor)
```

A program that has more to stop than one tree opens the signals itself, around everything that takes time to stop:

```python
async def kill_at_the_second(requests: AsyncIterator[StopRequest], supervisor: Supervisor) -> None:
    async for request in requests:
        supervisor.begin_kill()

with open_stop_signals() as requests:
    async with open_supervisor(spec) as supervisor:
        first = await requests.receive()
        print(f"draining because of {first.signal.name}")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill_at_the_second, requests, supervisor)
            await supervisor.stop()
            nursery.cancel_scope.cancel()
```

A container delivers SIGTERM to its first process only: start the program itself there, not a shell around it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final, Literal

import trio

from mocha_actors.runtime.root import Supervisor

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class StopRequest:
    """What a signal asks for.

    Attributes:
        verb: `drain` for the first signal, `kill` for the second.
        signal: Which signal it was.
    """

    verb: Literal["drain", "kill"]
    signal: signal.Signals


@contextmanager
def open_stop_signals(*numbers: signal.Signals) -> Iterator[trio.MemoryReceiveChannel[StopRequest]]:
    """Catch signals while the block lasts; the channel gets the first two, of whatever kind.

    They are counted where they arrive: `trio.open_signal_receiver` reports two of a kind as one, and none while an
    actor holds the loop. From the second on they have their default action, so that a third ends even a program that
    never comes back to its loop.

    Args:
        numbers: The signals; SIGINT and SIGTERM when none is given.

    Raises:
        RuntimeError: This is not the main thread, the only one that signals reach.
    """
    numbers = numbers or STOP_SIGNALS
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(
            f"signals reach the main thread only, and this is {threading.current_thread().name}; "
            "in another thread call begin_stop() of the supervisor, or aclose() of the bridge"
        )
    ladder = _Ladder(numbers)
    before = {number: signal.signal(number, ladder.climb) for number in numbers}
    try:
        with ladder.requests:
            yield ladder.requests
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Ladder:
    """What the signals so far have come to."""

    def __init__(self, numbers: tuple[signal.Signals, ...]) -> None:
        self._numbers = numbers
        self._token = trio.lowlevel.current_trio_token()
        self._send, self.requests = trio.open_memory_channel[StopRequest](2)
        self._count = 0

    def climb(self, number: int, _frame: FrameType | None) -> None:
        """The signal handler."""
        self._count += 1
        if self._count == 2:
            for each in self._numbers:
                signal.signal(each, signal.SIG_DFL)
        verb: Literal["drain", "kill"] = "drain" if self._count == 1 else "kill"
        self._token.run_sync_soon(self._deliver, StopRequest(verb, signal.Signals(number)))

    def _deliver(self, request: StopRequest) -> None:
        if self.requests.statistics().open_receive_channels:
            self._send.send_nowait(request)


async def run_until_signalled(supervisor: Supervisor, *numbers: signal.Signals) -> signal.Signals | None:
    """Wait until a tree is down; the first signal drains it, the second kills it.

    Call it in the block of `open_supervisor`, as the last thing there.

    Args:
        supervisor: The tree.
        numbers: The signals; SIGINT and SIGTERM when none is given.

    Returns:
        The signal that began the stop; None if the tree ended by itself.

    Raises:
        RestartLimitExceeded: The tree gave up.
        RuntimeError: This is not the main thread.
    """
    obeyed: list[signal.Signals] = []
    with open_stop_signals(*numbers) as requests:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_obey, requests, supervisor, obeyed)
            await supervisor.wait_down()
            nursery.cancel_scope.cancel()
    await supervisor.wait()
    return obeyed[0] if obeyed else None


async def _obey(requests: AsyncIterator[StopRequest], supervisor: Supervisor, obeyed: list[signal.Signals]) -> None:
    async for request in requests:
        obeyed.append(request.signal)
        if request.verb == "drain":
            supervisor.begin_stop()
        else:
            supervisor.begin_kill()
