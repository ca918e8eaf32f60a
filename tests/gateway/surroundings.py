"""Helpers: stand-ins for those whom the gateway talks to."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import trio

from mocha_actors.errors import PermanentError
from mocha_actors.gateway import identify_queue
from mocha_actors.gateway.clock import ReceiveClock
from mocha_actors.gateway.rest import GatewayInfo, RestUnavailableError
from mocha_actors.gateway.settings import ShardSettings, Surroundings
from mocha_actors.gateway.transport import open_transport
from mocha_actors.gateway.tree import ShardRef, gateway_children
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.facts import SessionStarted
from mocha_actors.pipeline.identify import identify_wait
from mocha_actors.pipeline.notices import Checkpoint, ClaimIdentify, Committed, LoadCheckpoint, SessionInvalidated
from mocha_actors.runtime import (
    Actor,
    ChildSpec,
    Context,
    Mailbox,
    Supervisor,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)


class Rest:
    """The API: an answer, or an error."""

    def __init__(self, answer: GatewayInfo | Exception) -> None:
        self.answer = answer

    async def gateway(self, max_age: float = math.inf) -> GatewayInfo:
        """The answer."""
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Store:
    """What a database would know, and what was told to whom. It outlives every actor."""

    def __init__(self) -> None:
        self.checkpoint: Checkpoint | None = None
        self.batches: list[Batch] = []
        self.told: list[object] = []
        self.identifies: list[tuple[int, int]] = []
        self.fatal: list[PermanentError] = []
        self.claims_refused = 0
        self.blocked = trio.Event()
        self.blocked.set()

    @property
    def seqs(self) -> list[int]:
        """Numbers of everything that was handed over, in order."""
        return [event.s for batch in self.batches for event in batch.events]

    async def wait_for(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Until something holds."""
        with trio.fail_after(seconds):
            while not condition():
                await trio.sleep(0.01)


class Writer(Actor[Any]):
    """Answers from the store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def handle(self, message: Any, ctx: Context[Any]) -> object:
        """Requests are answered, notices kept."""
        match message:
            case LoadCheckpoint():
                return self.store.checkpoint
            case ClaimIdentify(shard, now_ms):
                wait = identify_wait(now_ms, self.store.identifies, message)
                if not wait:
                    self.store.identifies.append((shard, now_ms))
                return wait
            case SessionInvalidated():
                self.store.checkpoint = None
        self.store.told.append(message)
        return None


class Dispatcher(Actor[Batch]):
    """Takes batches, commits them at once, and tells the shard."""

    def __init__(self, store: Store, shard: ShardRef) -> None:
        self.store, self.shard = store, shard

    async def handle(self, batch: Batch, ctx: Context[Batch]) -> None:
        """What READY says becomes the checkpoint, everything else moves it."""
        await self.store.blocked.wait()
        self.store.batches.append(batch)
        match batch.outcomes[0]:
            case (SessionStarted() as fact,):
                self.store.checkpoint = Checkpoint(
                    0, fact.session_id, fact.resume_url, 1, fact.fingerprint, fact.ready_ms
                )
        if self.store.checkpoint and self.store.checkpoint.session_id == batch.session_id:
            old = self.store.checkpoint
            self.store.checkpoint = Checkpoint(
                0, old.session_id, old.resume_url, batch.last_seq, old.fingerprint, batch.received_ms
            )
            self.shard.tell_nowait(Committed(0, batch.session_id, batch.last_seq))


class World:
    """A gateway under its supervisor, with everything around it."""

    def __init__(self, supervisor: Supervisor, shard: ShardRef, counters: Counters) -> None:
        self.supervisor, self.shard, self.counters = supervisor, shard, counters


@asynccontextmanager
async def open_gateway(
    settings: ShardSettings, store: Store, rest: Any, transport: Any = open_transport
) -> AsyncIterator[World]:
    """One shard and its identify queue, as long as the block."""
    shard: ShardRef = new_ref("shard-0")
    dispatcher, writer = new_ref("dispatcher", Mailbox(4)), new_ref("writer")
    counters = Counters()
    surroundings = Surroundings(
        dispatcher=dispatcher, writer=writer, identify=new_ref("identify", identify_queue.MAILBOX), rest=rest, counters=counters,
        clock=ReceiveClock(), rng=Random(1), on_fatal=store.fatal.append, open_transport=transport,
    )  # fmt: skip
    spec = SupervisorSpec(
        (
            ChildSpec("writer", lambda: Writer(store), ref=writer),
            ChildSpec("dispatcher", lambda: Dispatcher(store, shard), ref=dispatcher),
            ChildSpec("gateway", gateway_children({shard: settings}, surroundings)),
        )
    )
    async with open_supervisor(spec) as supervisor:
        yield World(supervisor, shard, counters)


UNREACHABLE = RestUnavailableError("no route")
