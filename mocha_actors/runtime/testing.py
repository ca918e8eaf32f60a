"""A kit for the tests of programs that use the runtime, in the style of `trio.testing`.

```python
def test_the_cache_survives_a_crash_of_the_database() -> None:
    async def scenario() -> None:
        events = EventLog()
        async with open_supervisor(tree, on_event=events) as supervisor:
            async with expected_restarts(supervisor, {"database": 1}):
                crash(supervisor, "database")
            fail_starts(supervisor, "database", times=3)
            crash(supervisor, "database")
            await until_ready(supervisor)
        assert ["+database", "+cache", "-database", "+database"] == events.life()[:4]

    run_in_virtual_time(scenario)
```

Nothing here sleeps in real time: in virtual time an hour of back-off costs milliseconds. One trap comes with it: a
virtual clock does not wait for worker threads, so put what uses `trio.to_thread` behind a port with an inline twin.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import trio
import trio.testing

from mocha_actors.runtime import operations
from mocha_actors.runtime.actor import AnyActor
from mocha_actors.runtime.events import Event
from mocha_actors.runtime.leaf import ActorChild
from mocha_actors.runtime.ref import ActorRef
from mocha_actors.runtime.root import Supervisor
from mocha_actors.runtime.tree import Snapshot

T = TypeVar("T")


class InjectedFault(Exception):
    """What `crash` and `fail_starts` raise if they are not told otherwise."""


class EventLog:
    """An event hook that remembers.

    Attributes:
        events: Every event, oldest first.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Take an event."""
        self.events.append(event)

    def named(self, *names: str) -> list[Event]:
        """The events with one of these names."""
        return [event for event in self.events if event.name in names]

    def story(self, *names: str) -> list[str]:
        """The events with these names as `name path`, the path without the root."""
        return [f"{event.name} {event.path.partition('/')[2]}" for event in self.named(*names)]

    def life(self) -> list[str]:
        """The order of starts and ends: `+path` for each start, `-path` for each end, the path without the root."""
        signs = {"child.started": "+", "child.exited": "-"}
        return [signs[event.name] + event.path.partition("/")[2] for event in self.named(*signs)]


async def settle() -> None:
    """Let everything happen that can happen without time passing, in this whole run of trio."""
    await trio.testing.wait_all_tasks_blocked()


def run_in_virtual_time(scenario: Callable[..., Awaitable[T]], *args: Any) -> T:
    """Run an async function with a clock that jumps to the next deadline whenever everybody waits; it starts at 0."""
    return trio.run(scenario, *args, clock=trio.testing.MockClock(autojump_threshold=0))


def crash(supervisor: Supervisor, target: str | ActorRef[Any], error: Exception | None = None) -> None:
    """Let a running actor fail at the checkpoint where it waits, as if what it waits for had raised.

    To the actor's own code it looks like a cancellation: `finally` runs, `except Exception` does not. Everything else,
    the message in hand and the decision of its supervisor included, is as for any failure with this error.

    Args:
        supervisor: The tree.
        target: The path of the actor, or its ref.
        error: What it fails with; `InjectedFault` by default.

    Raises:
        ChildError: There is no such child (`not_found`).
        TypeError: It is a supervisor.
        ValueError: It does not run.
    """
    child = _actor(supervisor, target)
    if child.state != "running":
        raise ValueError(f"{child.place.path} is {child.state}; only what runs can crash")
    child.inject(InjectedFault() if error is None else error)


def fail_starts(
    supervisor: Supervisor, target: str | ActorRef[Any], error: Exception | None = None, *, times: int = 1
) -> None:
    """Let the next starts of an actor fail with this error, as if its `on_start` had raised.

    Raises:
        ChildError: There is no such child (`not_found`).
        TypeError: It is a supervisor.
    """
    left = times

    def changed(start: Callable[[], AnyActor]) -> Callable[[], AnyActor]:
        def next_start() -> AnyActor:
            nonlocal left
            if left:
                left -= 1
                raise InjectedFault if error is None else error
            return start()

        return next_start

    _actor(supervisor, target).replace_start(changed)


async def until_ready(supervisor: Supervisor, *, within: float = 3600.0) -> None:
    """Wait until everything runs: no child starts, waits for its restart or is parked, and no required breaker rejects.

    Args:
        supervisor: The tree.
        within: Seconds, virtual ones under a virtual clock, after which it fails.

    Raises:
        AssertionError: It took longer; the text names what is not ready.
    """
    deadline = trio.current_time() + within
    await settle()
    while not supervisor.tree().ready:
        if trio.current_time() >= deadline:
            raise AssertionError(f"not ready after {within:g} s: {', '.join(supervisor.tree().unready())}")
        await trio.sleep(min(_shortest_wait(supervisor.tree()), deadline - trio.current_time()))
        await settle()


@asynccontextmanager
async def expected_restarts(
    supervisor: Supervisor, expected: Mapping[str, int], *, within: float = 3600.0
) -> AsyncIterator[None]:
    """Expect that in this block exactly these children get new incarnations, each so many, and all others none.

    At the end of the block it waits until the tree is ready again. Children that come or go at run time do not count.

    Args:
        supervisor: The tree.
        expected: The number of new incarnations by path, relative to the root, such as `{"pipeline/db": 2}`.
        within: Seconds that the tree has to become ready.

    Raises:
        AssertionError: It was otherwise; the text names each difference.
    """
    before = dict(_incarnations(supervisor.tree()))
    unknown = expected.keys() - before.keys()
    if unknown:
        raise AssertionError(f"expected restarts of what is not there: {', '.join(sorted(unknown))}")
    yield
    await until_ready(supervisor, within=within)
    found = {path: number - before[path] for path, number in _incarnations(supervisor.tree()) if path in before}
    wrong = [
        f"{path}: expected {expected.get(path, 0)}, found {number}"
        for path, number in found.items()
        if number != expected.get(path, 0)
    ]
    if wrong:
        raise AssertionError(f"restarts differ: {'; '.join(wrong)}")


def _actor(supervisor: Supervisor, target: str | ActorRef[Any]) -> ActorChild:
    task, child_id = supervisor._locate(target)  # noqa: SLF001 - the kit is part of the runtime
    child = operations.find_child(task, child_id)
    if not isinstance(child, ActorChild):
        raise TypeError(f"{child.place.path} is a supervisor; faults are for actors, whose failures make it fail")
    return child


def _incarnations(snapshot: Snapshot) -> Iterator[tuple[str, int]]:
    for child in snapshot.children:
        yield child.path.partition("/")[2], child.incarnation
        yield from _incarnations(child)


def _shortest_wait(snapshot: Snapshot) -> float:
    """Seconds until something may change: the shortest back-off or breaker; a hundredth where something starts."""
    waits = [breaker.retry_after for breaker in snapshot.breakers if breaker.rejects]
    waits += [snapshot.backoff] if snapshot.backoff else []
    waits += [_shortest_wait(child) for child in snapshot.children if not child.ready]
    return min(waits, default=0.01)
