"""An actor runtime for trio that supervises like OTP. It knows nothing of Discord, databases or the rest of Mocha.

In ten minutes:

- An **actor** is a class with `handle(message, ctx)`. It lives as one task; its attributes are its own, so it needs no
  locks. A **ref** is its address: `await ref.tell(message)` sends, `await ref.ask(request, timeout=2)` waits for what
  `handle` returns.
- A **supervisor** starts actors in order, restarts them when they fail, and stops them in reverse order. It is
  described by data: `SupervisorSpec` and `ChildSpec`. A supervisor may be a child of another.
- A **mailbox** is bounded and outlives its actor: what waits during a restart is handled after it. What happens to
  the message in hand at a crash, and to the message that no longer fits, is a choice: `Mailbox`.
- Whatever will not be handled is a **dead letter**: counted, kept for a while, never silently gone.

The blocks below follow each other and run as they stand.

## Actors, tell and ask

```python
from contextlib import suppress
from dataclasses import dataclass

import trio
import trio.testing

from mocha_actors.runtime import *

@dataclass(frozen=True, slots=True)
class Count(Request[int]):                    # a request; asking it gives an int, as the type checker knows
    word: str

class Counter(Actor[str | Count]):
    async def on_start(self, ctx: Context) -> None:
        self.seen: dict[str, int] = {}        # fresh in every incarnation

    async def handle(self, message: str | Count, ctx: Context) -> int | None:
        match message:
            case Count(word):
                return self.seen.get(word, 0)
            case "crash":
                raise RuntimeError("a bug")
            case word:
                self.seen[word] = self.seen.get(word, 0) + 1

counter: ActorRef[str | Count] = new_ref("counter")     # an address, before there is an actor
spec = SupervisorSpec((ChildSpec("counter", Counter, ref=counter, backoff=Backoff(0.01)),))

async with open_supervisor(spec) as supervisor:
    await counter.tell("tea")                           # waits while the mailbox is full
    assert counter.tell_nowait("tea")                   # never waits; False: refused, counted, dead-lettered
    assert await counter.ask(Count("tea"), timeout=2) == 2
    print(supervisor.tree().render())
```

Leaving the block drains: every actor handles what waits for it, newest first, within its own time to stop
(`ChildSpec.shutdown`). `stop()` does the same, `kill()` cancels instead.

An ask has one outcome: the answer, `AskTimeout`, `ActorDead` (stopped before it answered), `ActorFailed` (the handler
raised; that is its cause, and a failure of the actor, too) or `MailboxFull`. `ctx.fail(message, error)` answers with an
error that is part of the conversation. Deadlines nest: an ask made while an ask is handled ends no later than that.

What could never come is not waited for: an actor that asks itself, waits for room in its own mailbox or for its own end
(it calls `begin_stop` instead), or, while it starts, for the supervisor that waits for that start, gets
`WaitsForItself`.

## Restarts

A crash costs the incarnation and the message in hand. The rest of the mailbox waits for the next incarnation, and the
ref stays valid:

```python
async with open_supervisor(spec) as supervisor:
    await counter.tell("crash")
    await counter.tell("tea")
    assert await counter.ask(Count("tea"), timeout=2) == 1
    (child,) = supervisor.tree().children
    assert (child.incarnation, child.restarts, child.last_error) == (1, 1, "RuntimeError: a bug")
```

`Strategy` says who is restarted with it, `Restart` whether it is at all, `Backoff` how long it waits. More than
`max_restarts` in `max_seconds` and the supervisor gives up, which is a failure for the supervisor above it; at the top,
`RestartLimitExceeded` comes out of `open_supervisor`. An error that no restart mends is declared `ChildSpec.fatal`.

A watch tells of the end of a child, once. A restart is no end:

```python
async with open_supervisor(spec) as supervisor, supervisor.watch("counter") as ends:
    await supervisor.terminate_child("counter")
    assert await ends.receive() == Terminated("mocha/counter", Stopped())
```

## Pools

Children that come and go belong under a dynamic supervisor. Each is made from the template, has a mailbox of its own and
is addressed by its ref; what will not run again is forgotten, and a stop asks all of them at once:

```python
pool = DynamicSupervisorSpec(ChildSpec("counter", Counter), max_children=2)
async with open_supervisor(pool) as supervisor:
    first, second = await supervisor.start_child(), await supervisor.start_child()
    assert [first.path, second.path] == ["mocha/counter-1", "mocha/counter-2"]
    await supervisor.terminate_child(first)
    await supervisor.start_child()                      # there is room again
```

`start_child(args=(…))` adds arguments for this child to those of the template; without a template each child comes with
its own spec.

## Mailboxes and dead letters

```python
class Parser(Actor[str]):
    async def handle(self, text: str, ctx: Context) -> None:
        int(text)

at_least_once = Mailbox(
    500,                                   # in messages, or in what `weigh` says a message weighs
    Overflow.DROP_OLDEST,                  # the default, BLOCK, lets the sender wait
    redeliver=1,                           # after a crash once more, and then it is poison
)
parser = ChildSpec("parser", Parser, mailbox=at_least_once, backoff=Backoff(0))
async with open_supervisor(SupervisorSpec((parser,)), on_event=lambda event: None) as supervisor:
    await supervisor.ref("parser").tell("one")
    await supervisor.ref("parser").tell("2")
    while not supervisor.dead_letters.newest:
        await trio.sleep(0.001)
    (letter,) = supervisor.dead_letters.newest
    assert (letter.message, letter.reason, type(letter.error)) == ("one", "poison", ValueError)
```

The counters (`dead_letters.counts`) are exact; of the letters themselves the newest are kept. As events they are told at
once where a crash made them, and otherwise at most once a second for each actor and reason, with their number.

With `redeliver` a message counts against the capacity until it is done. An actor that works in batches overrides `run`,
takes with `ctx.receive()` and `ctx.receive_nowait()`, and says `ctx.done(message)` when the work is safe:

```python
class Writer(Actor[str]):
    async def run(self, ctx: Context) -> None:
        async for line in ctx:             # ends when the actor is asked to stop and nothing waits any more
            page = [line]
            with suppress(trio.WouldBlock, trio.EndOfChannel):
                while len(page) < 100:
                    page.append(ctx.receive_nowait())
            pages.append(page)             # here it would be written
            for line in page:
                ctx.done(line)

pages: list[list[str]] = []
writer = ChildSpec("writer", Writer, mailbox=Mailbox(1000, redeliver=1))
async with open_supervisor(SupervisorSpec((writer,))) as supervisor:
    for number in range(150):
        await supervisor.ref("writer").tell(f"line {number}")
assert sum(pages, []) == [f"line {number}" for number in range(150)]
```

A hop costs microseconds whatever it carries: where there is much to send, send lists.

## Circuit breakers

One breaker for each dependency, made outside of the actors so that it survives them. It opens when too many calls fail,
rejects calls at once while it is open (`CircuitOpen.retry_after`), and tries a few probes before it closes:

```python
database = CircuitBreaker("database", BreakerPolicy(window=4, minimum_calls=4, failure_rate=0.5, wait=30))
async with open_supervisor(SupervisorSpec(breakers=(database,))) as supervisor:
    for _ in range(4):
        with suppress(ConnectionError):
            async with database:
                raise ConnectionError
    assert database.state is BreakerState.OPEN
    assert not supervisor.tree().ready
```

## Events

One hook sees everything: `child.exited` with the error and the type of the message, `child.restarting` with the delay,
`mailbox.overflow`, `message.poison`, and so on (`EVENT_NAMES`). Messages appear by type, never by content. Without a hook
failures go to the standard `logging`; with structlog use `mocha_actors.runtime.structlog_hook`.

An actor that computes or blocks for long holds up everybody: `message.slow` names it afterwards, and while it hangs, when
no hook can be called, an error of the logger `mocha_actors.runtime` does, with the line where it is. An actor that was
cancelled and does not end, because it shields itself, is named by `child.stuck`.

```python
story: list[str] = []
async with open_supervisor(spec, on_event=lambda event: story.append(f"{event.name} {event.path}")):
    pass
assert story[0] == "child.started mocha/counter"
```

## Testing

The clock of the runtime is trio's, so on `trio.testing.MockClock` an hour of back-off passes at once. What there is
beyond `trio.testing` (settling, faults in a child chosen by name, restarts that are expected) is in
`mocha_actors.runtime.testing`.

```python
async def restart_after_an_hour() -> float:
    patient = ChildSpec("counter", Counter, backoff=Backoff(3600, 3600, jitter="none"))
    async with open_supervisor(SupervisorSpec((patient,)), on_event=lambda event: None) as supervisor:
        began = trio.current_time()
        await supervisor.ref("counter").tell("crash")
        await supervisor.ref("counter").ask(Count("tea"), timeout=7200)
        return trio.current_time() - began

def test_restart_waits_an_hour() -> None:
    assert trio.run(restart_after_an_hour, clock=trio.testing.MockClock(autojump_threshold=0)) == 3600
```

## In a program

`mocha_actors.runtime.signals` drains at the first SIGTERM or Ctrl-C and kills at the second;
`mocha_actors.runtime.embedding` puts a tree into a nursery or another tree; `mocha_actors.runtime.bridge` runs it beside
asyncio. Three programs to start from are in `scripts/examples`: a pool of workers with poisonous jobs, a pipeline that
loses nothing, a TCP service.

Where it differs from OTP: a supervisor that gives up is an abnormal exit for its own supervisor (in OTP it exits with
`shutdown`, so that a transient one is not restarted); restarts may wait (`Backoff`) and be limited per child
(`max_consecutive`); the restart window counts exact seconds.
"""

from __future__ import annotations

from mocha_actors.runtime.actor import Actor, Context
from mocha_actors.runtime.backoff import Backoff
from mocha_actors.runtime.breaker import BreakerPolicy, BreakerSnapshot, BreakerState, CircuitBreaker
from mocha_actors.runtime.errors import (
    ActorDead,
    ActorError,
    ActorFailed,
    AskTimeout,
    ChildError,
    CircuitOpen,
    FatalChildError,
    MailboxFull,
    RestartLimitExceeded,
    RestartNow,
    RuntimeClosed,
    SelfAsk,
    SpecError,
    StartFailed,
    StartIgnored,
    UnhandledMessage,
    WaitsForItself,
)
from mocha_actors.runtime.events import EVENT_NAMES, Event, EventHook
from mocha_actors.runtime.letters import DeadLetter, DeadLetters
from mocha_actors.runtime.mailbox import Mailbox, MailboxStatistics, Overflow
from mocha_actors.runtime.operations import ChildCounts
from mocha_actors.runtime.outcome import Exited, Failed, Ignored, Killed, Outcome, Stopped
from mocha_actors.runtime.ref import ActorRef, Request, new_ref
from mocha_actors.runtime.restart import AutoShutdown, Restart, Strategy
from mocha_actors.runtime.root import Supervisor, open_supervisor
from mocha_actors.runtime.spec import ChildSpec, DynamicSupervisorSpec, SupervisorSpec
from mocha_actors.runtime.tree import Snapshot, Terminated

__all__ = [
    "EVENT_NAMES",
    "Actor",
    "ActorDead",
    "ActorError",
    "ActorFailed",
    "ActorRef",
    "AskTimeout",
    "AutoShutdown",
    "Backoff",
    "BreakerPolicy",
    "BreakerSnapshot",
    "BreakerState",
    "ChildCounts",
    "ChildError",
    "ChildSpec",
    "CircuitBreaker",
    "CircuitOpen",
    "Context",
    "DeadLetter",
    "DeadLetters",
    "DynamicSupervisorSpec",
    "Event",
    "EventHook",
    "Exited",
    "Failed",
    "FatalChildError",
    "Ignored",
    "Killed",
    "Mailbox",
    "MailboxFull",
    "MailboxStatistics",
    "Outcome",
    "Overflow",
    "Request",
    "Restart",
    "RestartLimitExceeded",
    "RestartNow",
    "RuntimeClosed",
    "SelfAsk",
    "Snapshot",
    "SpecError",
    "StartFailed",
    "StartIgnored",
    "Stopped",
    "Strategy",
    "Supervisor",
    "SupervisorSpec",
    "Terminated",
    "UnhandledMessage",
    "WaitsForItself",
    "new_ref",
    "open_supervisor",
]
