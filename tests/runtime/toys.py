"""Small actors and a recorder for the tests of the runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import trio
import trio.testing

from mocha_actors.runtime import Actor, Backoff, ChildSpec, Context, Event, Outcome, Request

NO_WAIT = Backoff(0)


class Boom(Exception):
    """What the toys raise."""


@dataclass
class Recorder:
    """An event hook that remembers, and a log that toys write to."""

    events: list[Event] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def named(self, name: str) -> list[Event]:
        """The events of this name."""
        return [event for event in self.events if event.name == name]

    def story(self, *names: str) -> list[str]:
        """The events of these names as `name path`, without the root."""
        return [f"{each.name} {each.path.partition('/')[2]}" for each in self.events if each.name in names]

    def life(self) -> list[str]:
        """The order of starts and ends, `+a` and `-a`."""
        signs = {"child.started": "+", "child.exited": "-"}
        return [signs[each.name] + each.path.partition("/")[2] for each in self.events if each.name in signs]


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


async def settle() -> None:
    """Let everything happen that can happen without time passing."""
    await trio.testing.wait_all_tasks_blocked()
