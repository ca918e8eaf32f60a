"""The one channel that a supervisor reads: everything that happens to it is a signal, and waits for its turn."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar, cast

import trio

from mocha_actors.runtime.child import Child
from mocha_actors.runtime.envelope import Answer
from mocha_actors.runtime.errors import ActorDead

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Exit:
    """A child ended by itself."""

    child: Child
    incarnation: int


@dataclass(frozen=True, slots=True)
class Retry:
    """A child has waited long enough for its restart; the timer tells this wait from a cancelled one."""

    child: Child
    timer: trio.CancelScope


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody wants an operation done, and waits for its result."""

    operation: Callable[[], Awaitable[object]]
    answer: Answer

    async def run(self) -> None:
        """Do it, unless nobody waits for it any more."""
        if self.answer.abandoned:
            return
        try:
            self.answer.give(await self.operation())
        except Exception as error:  # noqa: BLE001 - it belongs to the caller
            self.answer.fail(error)


@dataclass(frozen=True, slots=True)
class Wake:
    """Look whether it is time to end."""


Signal: TypeAlias = Exit | Retry | Call | Wake


class Control:
    """The control channel of one incarnation of a supervisor."""

    def __init__(self, path: str) -> None:
        self._path = path
        # Without a limit: only the runtime writes, and its writers must never wait for the supervisor.
        self._in, self._out = trio.open_memory_channel[Signal](math.inf)
        self._over = False

    def post(self, signal: Signal) -> None:
        """Send a signal."""
        self._in.send_nowait(signal)

    def report_exit(self, child: Child, incarnation: int) -> None:
        """A child ended by itself."""
        self.post(Exit(child, incarnation))

    @trio.lowlevel.enable_ki_protection
    async def post_later(self, signal: Retry, delay: float) -> None:
        """Send a signal after so many seconds, unless its timer is cancelled before."""
        with signal.timer:
            await trio.sleep(delay)
            self.post(signal)

    async def receive(self) -> Signal:
        """Wait for the next signal."""
        return await self._out.receive()

    async def call(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Have an operation run by the supervisor's task, in turn with everything else.

        Raises:
            ActorDead: The supervisor has ended, or ends before it comes to the operation.
            ActorError: What the operation raised.
        """
        if self._over:
            raise ActorDead(self._path)
        answer = Answer(math.inf)
        self.post(Call(operation, answer))
        try:
            await answer.wait()
        finally:
            answer.abandoned = not answer.settled
        return cast("T", answer.result())

    def close(self) -> None:
        """The supervisor has ended: whoever waits for an operation is told."""
        self._over = True
        while self._out.statistics().current_buffer_used:
            signal = self._out.receive_nowait()
            if isinstance(signal, Call):
                signal.answer.fail(ActorDead(self._path))
