"""The same hops three ways: through Mocha's runtime, through a bare trio memory channel, and through Pykka.

A message is a list of items, and whoever receives it adds up how many there were; an answer is that sum. All queues hold a thousand
messages, but for Pykka's, which have no limit.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pykka
import trio

from mocha_actors.runtime import Actor, Backoff, ChildSpec, Context, Request, SupervisorSpec, open_supervisor

CAPACITY: Final = 1000
Batch = list[int]


@dataclass(frozen=True, slots=True)
class Sum(Request[int]):
    """A question that carries a batch."""

    batch: Batch


# Mocha


class Adder(Actor[Batch | Sum]):
    """Adds up what it is told, answers what it is asked, and says when it has had enough."""

    def __init__(self, enough: int, done: Callable[[], None]) -> None:
        """Call ``done`` after so many items."""
        self._left = enough
        self._done = done

    async def handle(self, message: Batch | Sum, ctx: Context[Batch | Sum]) -> int | None:
        """Count the items."""
        if isinstance(message, Sum):
            return len(message.batch)
        self._left -= len(message)
        if self._left <= 0:
            self._done()
        return None


def mocha_tell(batch: Batch, count: int) -> float:
    """Seconds from the first tell to the last item handled."""

    async def main() -> float:
        done = trio.Event()
        adder = ChildSpec("adder", lambda: Adder(count * len(batch), done.set))
        async with open_supervisor(SupervisorSpec((adder,))) as supervisor:
            ref = supervisor.ref("adder")
            begun = time.perf_counter()
            for _ in range(count):
                await ref.tell(batch)
            await done.wait()
            return time.perf_counter() - begun

    return trio.run(main)


def mocha_ask(batch: Batch, count: int) -> list[float]:
    """Seconds of each round trip, one after the other."""

    async def main() -> list[float]:
        async with open_supervisor(SupervisorSpec((ChildSpec("adder", lambda: Adder(0, int)),))) as supervisor:
            ref, times = supervisor.ref("adder"), []
            for _ in range(count):
                begun = time.perf_counter()
                await ref.ask(Sum(batch), timeout=10)
                times.append(time.perf_counter() - begun)
            return times

    return trio.run(main)


# A bare memory channel


def channel_tell(batch: Batch, count: int) -> float:
    """Seconds from the first send to the last item received."""

    async def add(receive: trio.MemoryReceiveChannel[Batch], enough: int, done: trio.Event) -> None:
        async for received in receive:
            enough -= len(received)
            if enough <= 0:
                done.set()

    async def main() -> float:
        done = trio.Event()
        send, receive = trio.open_memory_channel[Batch](CAPACITY)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(add, receive, count * len(batch), done)
            with send:
                begun = time.perf_counter()
                for _ in range(count):
                    await send.send(batch)
                await done.wait()
                return time.perf_counter() - begun
        raise AssertionError("the block returns")

    return trio.run(main)


def channel_ask(batch: Batch, count: int) -> list[float]:
    """Seconds of each round trip over a pair of channels: no deadline, no account of who asked what."""

    async def add(receive: trio.MemoryReceiveChannel[Batch], answer: trio.MemorySendChannel[int]) -> None:
        async for received in receive:
            await answer.send(len(received))

    async def main() -> list[float]:
        send, receive = trio.open_memory_channel[Batch](CAPACITY)
        answer, answers = trio.open_memory_channel[int](1)
        times = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(add, receive, answer)
            with send:
                for _ in range(count):
                    begun = time.perf_counter()
                    await send.send(batch)
                    await answers.receive()
                    times.append(time.perf_counter() - begun)
        return times

    return trio.run(main)


# Pykka


class PykkaAdder(pykka.ThreadingActor):
    """The same in Pykka: an actor is a thread."""

    def __init__(self, enough: int, done: queue.SimpleQueue[None]) -> None:
        """Put into ``done`` after so many items."""
        super().__init__()
        self._left = enough
        self._done = done

    def on_receive(self, message: Any) -> int | None:
        """Count the items."""
        if isinstance(message, Sum):
            return len(message.batch)
        self._left -= len(message)
        if self._left <= 0:
            self._done.put(None)
        return None


def pykka_tell(batch: Batch, count: int) -> float:
    """Seconds from the first tell to the last item handled."""
    done: queue.SimpleQueue[None] = queue.SimpleQueue()
    ref = PykkaAdder.start(count * len(batch), done)
    try:
        begun = time.perf_counter()
        for _ in range(count):
            ref.tell(batch)
        done.get()
        return time.perf_counter() - begun
    finally:
        ref.stop()


def pykka_ask(batch: Batch, count: int) -> list[float]:
    """Seconds of each round trip, one after the other."""
    ref, times = PykkaAdder.start(0, queue.SimpleQueue()), []
    try:
        for _ in range(count):
            begun = time.perf_counter()
            ref.ask(Sum(batch), timeout=10)
            times.append(time.perf_counter() - begun)
        return times
    finally:
        ref.stop()


TELL: Final[dict[str, Callable[[Batch, int], float]]] = {
    "mocha": mocha_tell,
    "memory channel": channel_tell,
    "pykka": pykka_tell,
}
ASK: Final[dict[str, Callable[[Batch, int], list[float]]]] = {
    "mocha": mocha_ask,
    "memory channel": channel_ask,
    "pykka": pykka_ask,
}


# Restarting


class Crashing(Actor[str]):
    """Says when it crashes and when its next incarnation has started."""

    def __init__(self, crashes: list[float], started: Callable[[float], None]) -> None:
        """Note the crashes in a list and call ``started`` with the times of the starts."""
        self._crashes = crashes
        self._started = started

    async def on_start(self, ctx: Context[str]) -> None:
        """Tell of the start."""
        self._started(time.perf_counter())

    async def handle(self, message: str, ctx: Context[str]) -> None:
        """Crash."""
        self._crashes.append(time.perf_counter())
        raise RuntimeError(message)


def restarts(count: int) -> list[float]:
    """Seconds from each crash to the restarted actor, without back-off."""

    async def main() -> list[float]:
        crashes: list[float] = []
        started, starts = trio.open_memory_channel[float](1)
        child = ChildSpec("crashing", lambda: Crashing(crashes, started.send_nowait), backoff=Backoff(0))
        async with open_supervisor(SupervisorSpec((child,), max_restarts=count), on_event=lambda _: None) as supervisor:
            await starts.receive()
            seconds = []
            for number in range(count):
                await supervisor.ref("crashing").tell(f"crash {number}")
                seconds.append(await starts.receive() - crashes[-1])
            return seconds

    return trio.run(main)
