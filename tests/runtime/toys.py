"""Small actors for the tests of the runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from mocha_actors.runtime import Actor, Backoff, ChildSpec, Context, Outcome, Request
from mocha_actors.runtime.testing import EventLog as Recorder
from mocha_actors.runtime.testing import settle

__all__ = [
    "NO_WAIT",
    "Boom",
    "Echo",
    "Forever",
    "Ping",
    "Recorder",
    "Scripted",
    "child",
    "fail",
    "scripted",
    "settle",
]

NO_WAIT = Backoff(0)


class Boom(Exception):
    """What the toys raise."""


@dataclass(frozen=True)
class Ping(Request[object]):
    """Answered with the incarnation."""


class Echo(Actor[Any]):
    """Writes what it handles to a list; raises what it is told to raise; calls what it is told to call."""

    def __init__(self, handled: list[Any] | None = None) -> None:
        self.handled = [] if handled is None else handled

    async def handle(self, message: Any, ctx: Context[Any]) -> object:
        match message:
            case BaseException():
                raise message
            case Ping():
                return ctx.incarnation
            case _ if callable(message):
                return await message()
        self.handled.append(message)
        return None


class Scripted(Actor[Any]):
    """Runs a step of its script in each incarnation's `on_start`; the last step is repeated."""

    def __init__(
        self, lives: list[int], script: list[Callable[[], Any] | None], stop: Callable[[], Any] | None
    ) -> None:
        self.life = len(lives)
        lives.append(self.life)
        self.script = script
        self.stop = stop

    async def on_start(self, ctx: Context[Any]) -> None:
        step = self.script[min(self.life, len(self.script) - 1)]
        if step is not None:
            await step()

    async def handle(self, message: Any, ctx: Context[Any]) -> object:
        if isinstance(message, BaseException):
            raise message
        return ctx.incarnation

    async def on_stop(self, outcome: Outcome) -> None:
        if self.stop is not None:
            await self.stop()


class Forever(Actor[Any]):
    """A source that never looks at its mailbox and ends only by cancellation."""

    async def run(self, ctx: Context[Any]) -> None:
        await trio.sleep_forever()


async def fail() -> None:
    """Raise."""
    raise Boom("scripted")


def child(name: str, /, **options: Any) -> ChildSpec:
    """An `Echo` that restarts without waiting."""
    options.setdefault("backoff", NO_WAIT)
    return ChildSpec(name, Echo, **options)


def scripted(
    name: str, *script: Callable[[], Any] | None, stop: Callable[[], Any] | None = None, **options: Any
) -> ChildSpec:
    """A `Scripted` that restarts without waiting."""
    options.setdefault("backoff", NO_WAIT)
    return ChildSpec(name, partial(Scripted, [], list(script) or [None], stop), **options)
