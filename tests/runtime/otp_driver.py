"""The runtime in virtual time, driven by the same operations as the model of OTP's supervisor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import trio
import trio.testing

from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ActorError,
    AutoShutdown,
    Backoff,
    ChildError,
    ChildSpec,
    Context,
    Event,
    FatalChildError,
    Restart,
    RestartLimitExceeded,
    RestartNow,
    Snapshot,
    StartFailed,
    StartIgnored,
    Strategy,
    Supervisor,
    SupervisorSpec,
    open_supervisor,
)

from .otp_model import RESET_AFTER, Reason, Spec, SupSpec, World
from .toys import Boom, settle


class Fatal(Exception):
    """No restart mends it."""


class Puppet(Actor[Reason]):
    """Starts as planned, ends as told, and takes its time to stop."""

    def __init__(self, world: World, stops_in: float) -> None:
        self.world, self.stops_in = world, stops_in

    async def on_start(self, ctx: Context[Reason]) -> None:
        match self.world.next_start(ctx.path.partition("/")[2]):
            case "fail":
                raise Boom
            case "ignore":
                raise StartIgnored

    async def run(self, ctx: Context[Reason]) -> None:
        async for reason in ctx:
            match reason:
                case "abnormal":
                    raise Boom
                case "now":
                    raise RestartNow(Boom())
                case "fatal":
                    raise Fatal
                case "normal":
                    return
        await trio.sleep(self.stops_in)


def runtime_child(spec: Spec, world: World) -> ChildSpec:
    """The runtime's spec for a child of the model."""
    start = partial(Puppet, world, spec.stops_in) if spec.below is None else runtime_spec(spec.below, world)
    return ChildSpec(
        spec.id,
        start,
        restart=Restart(spec.restart),
        significant=spec.significant,
        shutdown=("kill" if spec.shutdown == 0 else spec.shutdown) if spec.below is None else None,
        backoff=Backoff(spec.base, spec.cap, jitter="none", reset_after=RESET_AFTER),
        max_consecutive=spec.limit,
        on_max_consecutive=spec.at_limit,
        fatal=(Fatal,),
    )


def runtime_spec(spec: SupSpec, world: World) -> SupervisorSpec:
    """The runtime's spec for a supervisor of the model."""
    return SupervisorSpec(
        children=tuple(runtime_child(child, world) for child in spec.children),
        strategy=Strategy(spec.strategy),
        max_restarts=spec.max_restarts,
        max_seconds=spec.period,
        auto_shutdown=AutoShutdown(spec.auto),
    )


class Driver:
    """A tree of puppets."""

    def __init__(self, spec: SupSpec) -> None:
        self.world = World()
        self.spec = spec
        self.sup: Supervisor
        self._started: set[str] = set()

    def on_event(self, event: Event) -> None:
        """Keep the order of starts and ends, with times, in the words of the model."""
        path = event.path.partition("/")[2]
        if event.name == "child.started":
            self._started.add(path)
            self.world.trace.append((event.at, f"+{path}"))
        elif event.name == "child.exited":
            failed = "~" if event.fields["outcome"] == "ignored" else "!"
            self.world.trace.append((event.at, ("-" if path in self._started else failed) + path))
            self._started.discard(path)

    async def run(self, steps: list[Callable[[Driver], Any]]) -> str:
        """Start, do the steps one after the other, stop; how it ended."""
        try:
            async with open_supervisor(runtime_spec(self.spec, self.world), on_event=self.on_event) as self.sup:
                for step in steps:
                    await step(self)
                await self.sup.stop()
        except RestartLimitExceeded:
            return "failed"
        except FatalChildError:
            return "fatal"
        except StartFailed:
            return "failed"
        return "normal"

    async def quiet(self) -> None:
        """Wait until the supervisors have done all that is due now, also when that takes time."""
        while True:
            began = trio.current_time()
            with suppress(ActorError):
                await self.sup._task.control.call(trio.lowlevel.checkpoint)
            await settle()
            if trio.current_time() == began:
                return

    async def crash(self, path: str, reason: Reason) -> None:
        """Let a child end by itself."""
        await self.sup.ref(path).tell(reason)
        await settle()

    async def operate(self, operation: Callable[[Supervisor], Any]) -> str:
        """Do a run-time operation; its result in the words of the model."""
        try:
            await operation(self.sup)
        except ChildError as error:
            return error.reason
        except StartFailed:
            return "failed"
        except ActorDead:
            return "dead"
        return "ok"

    def picture(self) -> list[tuple[str, str]]:
        """Path and state of every child of every level, newest first."""
        return self._lines(self.sup.tree())

    def _lines(self, tree: Snapshot) -> list[tuple[str, str]]:
        lines: list[tuple[str, str]] = []
        for child in reversed(tree.children):
            lines.append((child.path.partition("/")[2], child.state))
            if child.kind == "supervisor" and child.state == "running":
                lines += self._lines(child)
        return lines


def replay(driver: Driver, steps: list[Callable[[Driver], Any]]) -> str:
    """Run the steps in virtual time."""
    return trio.run(driver.run, steps, clock=trio.testing.MockClock(autojump_threshold=0))
