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

```python
class Counter(Actor[str]):
    async def on_start(self, ctx: Context[str]) -> None:
        self.seen: dict[str, int] = {}

    async def handle(self, word: str, ctx: Context[str]) -> None:
        self.seen[word] = self.seen.get(word, 0) + 1

counter: ActorRef[str] = new_ref("counter")
spec = SupervisorSpec(children=(ChildSpec("counter", Counter, ref=counter),), strategy=Strategy.ONE_FOR_ONE)

async with open_supervisor(spec) as supervisor:
    await counter.tell("hello")
    print(supervisor.tree().render())
```

Leaving the block drains: every actor handles what waits for it, newest first, within its own time to stop.

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
    "new_ref",
    "open_supervisor",
]
