"""Actors behind a program on asyncio: in a thread of their own, or as guests of its loop.

```python
async with await start_in_thread(partial(open_supervisor, spec)) as bridge:
    bridge.tell("counter", "hello")                          # never waits; False if it was dropped
    total = await bridge.ask("counter", Total(), timeout=2)  # an awaitable of the host's loop
```

The thread is the right choice unless there is a reason: a callback of the host that blocks delays the host only, while
a guest stands still with it. Both are drained when the host's loop ends without closing them, as far as the loop says
so: `asyncio.run` cancels all tasks before it ends. A loop that is just closed takes its guest with it undrained; what
runs in a thread is then drained when the interpreter exits.

This module is not imported by the package, for it brings asyncio in.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import trio

from mocha_actors.runtime.embedding import Program, wait_down_or
from mocha_actors.runtime.errors import AskTimeout, MailboxFull, RuntimeClosed
from mocha_actors.runtime.intake import Intake
from mocha_actors.runtime.ref import ActorRef, Request
from mocha_actors.runtime.root import Supervisor
from mocha_actors.runtime.tree import Snapshot

Q = TypeVar("Q")
T = TypeVar("T")

STUCK_SECONDS = 0.5
"""How much later than an ask's own deadline the host gives up an ask that a stuck runtime does not even time out."""

EXIT_SECONDS = 10.0
"""How long the exit of the interpreter waits for a runtime beyond its time to drain: `on_stop` of its actors counts."""

logger = logging.getLogger("mocha_actors.runtime")


@dataclass(frozen=True, slots=True)
class CloseReport:
    """How a runtime ended.

    Attributes:
        dead: Messages that became dead letters in all its life.
        dropped: Messages that did not even get in: `tell` said False.
        error: What brought the tree down by itself; None if it was closed, or ended normally.
    """

    dead: int
    dropped: int
    error: BaseException | None

    @property
    def lost(self) -> int:
        """Messages that nobody handled."""
        return self.dead + self.dropped


class Bridge:
    """A running tree as seen from the host; made by `start_in_thread` or `start_as_guest`.

    `tell` may be called from any thread. Everything else belongs to the loop on which the bridge was made.
    """

    def __init__(self, capacity: int, drain: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._capacity = capacity
        self._drain = drain
        self._intake = Intake(capacity)
        self._open_jobs = 0
        self._closing = False
        self._supervisor: Supervisor | None = None
        self._error: BaseException | None = None
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._host_follower: asyncio.Task[None]
        # These belong to the run of trio.
        self._start = trio.CancelScope()
        self._stop = trio.Event()
        self._jobs: trio.Nursery

    async def __aenter__(self) -> Self:
        """Use it for the length of a block."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    # Talking

    def ref(self, path: str) -> ActorRef[Any]:
        """The address of the actor at this path; give it to `tell` and `ask`, its own methods are for actors.

        Raises:
            ChildError: There is no actor at this path (`not_found`).
        """
        assert self._supervisor is not None, "a bridge is handed out when its tree has started"
        return self._supervisor.ref(path)

    def tell(self, to: str | ActorRef[Any], message: object) -> bool:
        """Send a message to an actor; it never waits.

        Returns:
            Whether it is on its way. False: too many are, or the runtime is closed; it was dropped and counted. A
            message that is on its way and that the mailbox then refuses is a dead letter.

        Raises:
            ChildError: There is no such actor (`not_found`).
        """
        return self._intake.put(partial(self._resolve(to).tell_nowait, message))

    async def ask(self, to: str | ActorRef[Any], request: Request[Q], *, timeout: float) -> Q:  # noqa: ASYNC109 - see ActorRef.ask
        """Ask an actor; what was told before is handled before.

        Args:
            to: Its path or ref.
            request: The request.
            timeout: Seconds until `AskTimeout`.

        Raises:
            ActorError: As `ActorRef.ask` does; `ChildError` if there is no such actor, and as `run` does.
        """
        ref = self._resolve(to)
        try:
            async with asyncio.timeout(timeout + STUCK_SECONDS):
                return await self.run(partial(ref.ask, request, timeout=timeout))
        except TimeoutError:
            raise AskTimeout(ref.path, type(request).__name__, timeout) from None

    async def run(self, function: Callable[..., Awaitable[T]], *args: object) -> T:
        """Run a function of the trio side beside the actors, and return what it returns; cancelling cancels it.

        Raises:
            MailboxFull: As many as the intake may hold are under way.
            RuntimeClosed: The runtime is closed, or was before the function returned.
            Exception: What the function raised.
        """
        if self._closing:
            raise RuntimeClosed
        if self._open_jobs >= self._capacity:
            raise MailboxFull("the bridge", self._capacity)
        job: _Job[T] = _Job(partial(function, *args), self._loop.create_future())
        if not self._intake.put(lambda: self._jobs.start_soon(self._work, job), always=True):
            raise RuntimeClosed
        self._open_jobs += 1
        try:
            return await job.answer
        finally:
            self._open_jobs -= 1
            if job.answer.cancelled():
                self._intake.put(job.scope.cancel, always=True)

    async def tree(self) -> Snapshot:
        """The whole tree now.

        Raises:
            RuntimeClosed: There is none any more.
        """
        return await self.run(self._tree)

    async def _tree(self) -> Snapshot:
        assert self._supervisor is not None, "a bridge is handed out when its tree has started"
        return self._supervisor.tree()

    def _resolve(self, to: str | ActorRef[Any]) -> ActorRef[Any]:
        return self.ref(to) if isinstance(to, str) else to

    # The end

    @property
    def dropped(self) -> int:
        """How many messages `tell` refused so far."""
        return self._intake.dropped

    @property
    def running(self) -> bool:
        """Whether the tree is up and nobody has asked for its end."""
        return self._started.done() and not self._closing

    @property
    def error(self) -> BaseException | None:
        """What brought the tree down by itself; None as long as it runs, and if it was closed."""
        return self._error

    def begin_close(self, *, drain: float | None = None) -> None:
        """Ask the runtime to drain and end; returns at once. Only the first call counts."""
        if not self._closing:
            self._closing = True
            self._drain = self._drain if drain is None else drain
            self._intake.put(self._begin_stop, always=True)

    async def aclose(self, *, drain: float | None = None) -> CloseReport:
        """Drain the runtime and wait for its end. May be called twice.

        Args:
            drain: Seconds after which the actors that still run are killed; by default what the bridge was made with.
        """
        self.begin_close(drain=drain)
        return await self.wait_closed()

    async def wait_closed(self) -> CloseReport:
        """Wait for the end of the runtime, whoever causes it."""
        await asyncio.shield(self._ended)
        dead = 0 if self._supervisor is None else self._supervisor.dead_letters.total
        return CloseReport(dead, self._intake.dropped, self._error)

    async def follow_host(self) -> None:
        """Close the runtime when the host's loop is about to end, and hold the loop until it is closed."""
        try:
            await asyncio.shield(self._ended)
        except asyncio.CancelledError:
            self.begin_close()
            await asyncio.shield(self._ended)
            raise

    # For those who start it, on the host's side

    async def wait_started(self) -> None:
        """Wait until the tree is up.

        Raises:
            BaseException: What kept it from starting.
        """
        self._host_follower = self._loop.create_task(self.follow_host(), name="mocha-actors bridge")
        try:
            await asyncio.shield(self._started)
        except asyncio.CancelledError:
            await self.aclose()
            raise

    def on_ended(self, crash: BaseException | None = None) -> None:
        """The run of trio is over, with this error if it was the run itself that failed."""
        self._error = self._error or crash
        asked, self._closing = self._closing, True
        if not self._started.done():
            self._started.set_exception(self._error or RuntimeClosed())
            # Nobody may be left to look at it, and that is no mistake of theirs.
            self._started.exception()
        elif self._error is not None and not asked:
            logger.error("the actor runtime ended: %s", self._error, exc_info=self._error)
        self._ended.set_result(None)

    # On the side of trio

    async def main(self, program: Program) -> None:
        """Run the program until it ends or is to be closed."""
        async with trio.open_nursery() as self._jobs:
            self._intake.open()
            with self._start:
                self._error = await self._live(program)
            self._intake.close()
            self._jobs.cancel_scope.cancel()

    async def _live(self, program: Program) -> BaseException | None:
        try:
            async with program() as self._supervisor:
                self.to_host(_settle, self._started, None, None)
                await wait_down_or(self._supervisor, self._stop)
                self._intake.close()
                self._jobs.start_soon(self._kill_in_time, self._supervisor)
        except (trio.Cancelled, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - it belongs to the host
            return error
        return None

    async def _kill_in_time(self, supervisor: Supervisor) -> None:
        await trio.sleep(self._drain)
        supervisor.begin_kill()

    def _begin_stop(self) -> None:
        if self._supervisor is None:
            self._start.cancel()
        self._stop.set()

    async def _work(self, job: _Job[Any]) -> None:
        if job.scope.cancel_called:
            # Withdrawn before it began; begun, it could get as far as sending before it notices.
            return
        value, error = None, None
        try:
            with job.scope:
                value = await job.function()
        except Exception as raised:  # noqa: BLE001 - it belongs to the host
            error = raised
        except trio.Cancelled:
            error = RuntimeClosed()
            raise
        finally:
            self.to_host(_settle, job.answer, value, error)

    def to_host(self, call: Callable[..., None], *args: object) -> None:
        """Have something done in the host's loop."""
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            # The host has closed its loop without a word to us; nobody waits there any more.
            self._begin_stop()


class _Job(Generic[T]):
    """A function on its way to the other side, and the future where its caller waits."""

    def __init__(self, function: Callable[[], Awaitable[T]], answer: asyncio.Future[T]) -> None:
        self.function = function
        self.answer = answer
        self.scope = trio.CancelScope()


def _settle(answer: asyncio.Future[Any], value: object, error: BaseException | None) -> None:
    if answer.done():
        return
    if error is None:
        answer.set_result(value)
    else:
        answer.set_exception(error)


async def start_in_thread(program: Program, *, capacity: int = 1000, drain: float = 5.0) -> Bridge:
    """Run a program in a thread of its own, and return when its tree has started.

    Args:
        program: What opens the tree, such as `partial(open_supervisor, spec)`; it is called in the thread.
        capacity: How many messages may be on their way into the runtime, and how many asks under way; what exceeds it
            is dropped, or raises.
        drain: Seconds that the actors have to drain at the end, whatever their specs say; then they are killed.

    Raises:
        BaseException: What kept the tree from starting.
    """
    bridge = Bridge(capacity, drain)

    def live() -> None:
        crash: BaseException | None = None
        try:
            trio.run(bridge.main, program)
        except BaseException as error:  # noqa: BLE001 - it belongs to the host
            crash = error
        bridge.to_host(ended, crash)

    def ended(crash: BaseException | None) -> None:
        thread.join()
        atexit.unregister(drain_at_exit)
        bridge.on_ended(crash)

    def drain_at_exit() -> None:
        bridge.begin_close()
        thread.join(drain + EXIT_SECONDS)

    # A daemon, lest the exit of the interpreter wait for it before it gets the chance to ask it to end.
    thread = threading.Thread(target=live, name="mocha-actors", daemon=True)
    atexit.register(drain_at_exit)
    thread.start()
    await bridge.wait_started()
    return bridge


async def start_as_guest(program: Program, *, capacity: int = 1000, drain: float = 5.0) -> Bridge:
    """Run a program in the host's own loop, and return when its tree has started; one for each loop.

    Args:
        program: What opens the tree.
        capacity: As for `start_in_thread`.
        drain: As for `start_in_thread`.

    Raises:
        BaseException: What kept the tree from starting.
        RuntimeError: This thread runs trio already.
    """
    bridge = Bridge(capacity, drain)
    trio.lowlevel.start_guest_run(
        bridge.main,
        program,
        run_sync_soon_threadsafe=asyncio.get_running_loop().call_soon_threadsafe,
        done_callback=lambda outcome: bridge.on_ended(getattr(outcome, "error", None)),
        host_uses_signal_set_wakeup_fd=True,
    )
    await bridge.wait_started()
    return bridge
