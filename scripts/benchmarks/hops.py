"""The same hops three ways: through Mocha's runtime, through a bare trio memory channel, and through Pykka.

A message is a list of items, and whoever receives it adds up how many there were; an answer is that sum. All queues hold a thousand
messages, but for Pykka's, which have no limit.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pykka
import trio

from mocha_actors.runtime import Actor, ActorRef, Backoff, ChildSpec, Context, Request, SupervisorSpec, open_supervisor

CAPACITY: Final = 1000
PATIENCE: Final = 30.0
Batch = list[int]


@dataclass(frozen=True, slots=True)
class Sum(Request[int]):
    """A question that carries a batch."""

    batch: Batch


@dataclass(frozen=True)
class Asked:
    """A run of asks.

    Attributes:
        seconds: from the first ask to the last answer.
        times: seconds of each round trip.

    """

    seconds: float
    times: list[float]


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


def mocha_ask(batch: Batch, count: int, askers: int) -> Asked:
    """Askers are tasks."""
    times: list[float] = []

    async def ask(ref: ActorRef[Sum]) -> None:
        for _ in range(count // askers):
            begun = time.perf_counter()
            await ref.ask(Sum(batch), timeout=PATIENCE)
            times.append(time.perf_counter() - begun)

    async def main() -> float:
        async with open_supervisor(SupervisorSpec((ChildSpec("adder", lambda: Adder(0, int)),))) as supervisor:
            begun = time.perf_counter()
            async with trio.open_nursery() as nursery:
                for _ in range(askers):
                    nursery.start_soon(ask, supervisor.ref("adder"))
            return time.perf_counter() - begun

    return Asked(trio.run(main), times)


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


def channel_ask(batch: Batch, count: int, askers: int) -> Asked:
    """Askers are tasks with a channel of their own for the answer; there is no deadline and no account of a failure."""
    times: list[float] = []
    Question = tuple[Batch, trio.MemorySendChannel[int]]  # noqa: N806 - a type

    async def add(receive: trio.MemoryReceiveChannel[Question]) -> None:
        async for received, answer in receive:
            await answer.send(len(received))

    async def ask(send: trio.MemorySendChannel[Question]) -> None:
        answer, answers = trio.open_memory_channel[int](1)
        for _ in range(count // askers):
            begun = time.perf_counter()
            await send.send((batch, answer))
            await answers.receive()
            times.append(time.perf_counter() - begun)

    async def main() -> float:
        send, receive = trio.open_memory_channel[Question](CAPACITY)
        async with trio.open_nursery() as adder:
            adder.start_soon(add, receive)
            begun = time.perf_counter()
            async with trio.open_nursery() as nursery:
                for _ in range(askers):
                    nursery.start_soon(ask, send)
            seconds = time.perf_counter() - begun
            send.close()
        return seconds

    return Asked(trio.run(main), times)


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


def pykka_ask(batch: Batch, count: int, askers: int) -> Asked:
    """Askers are threads, as actors are in Pykka."""
    times: list[float] = []
    ref = PykkaAdder.start(0, queue.SimpleQueue())

    def ask() -> None:
        for _ in range(count // askers):
            begun = time.perf_counter()
            ref.ask(Sum(batch), timeout=PATIENCE)
            times.append(time.perf_counter() - begun)

    try:
        threads = [threading.Thread(target=ask) for _ in range(askers)]
        begun = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return Asked(time.perf_counter() - begun, times)
    finally:
        ref.stop()


def pykka_futures(batch: Batch, count: int, askers: int) -> Asked:
    """One thread asks as often as there would be askers, and only then waits for the answers."""
    times: list[float] = []
    ref = PykkaAdder.start(0, queue.SimpleQueue())
    try:
        first = time.perf_counter()
        for _ in range(count // askers):
            begun = time.perf_counter()
            for future in [ref.ask(Sum(batch), block=False) for _ in range(askers)]:
                future.get(timeout=PATIENCE)
                times.append(time.perf_counter() - begun)
        return Asked(time.perf_counter() - first, times)
    finally:
        ref.stop()


TELL: Final[dict[str, Callable[[Batch, int], float]]] = {
    "mocha": mocha_tell,
    "memory channel": channel_tell,
    "pykka": pykka_tell,
}
ASK: Final[dict[str, Callable[[Batch, int, int], Asked]]] = {
    "mocha": mocha_ask,
    "memory channel": channel_ask,
    "pykka": pykka_ask,
    "pykka, futures": pykka_futures,
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
