"""What the writer does while the database is away: it writes to the spool instead, and afterwards drains it, in order.

Once the spool holds anything, everything goes to its tail, for the order is what counts (promise P2); what stands in it is durable. It is
owned outside the writer actor, so that a new incarnation goes on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

import structlog
import trio

from mocha_actors.db import checkpoint
from mocha_actors.db.apply import Applied, Applier
from mocha_actors.db.connection import Connection
from mocha_actors.db.identify_log import record_attempt
from mocha_actors.db.positions import Positions
from mocha_actors.db.session import Session
from mocha_actors.db.spool import (
    AliveRecord,
    AnyRecord,
    BatchRecord,
    ClaimRecord,
    InvalidRecord,
    Located,
    OwnerRecord,
    Spool,
    batch_of,
)

R = TypeVar("R")

EVENTS_A_DRAIN: Final = 5_000
"""Events of one draining transaction."""

log = structlog.get_logger()


class Offload(Protocol):
    """How a blocking call is made from the loop: on a thread, or, in virtual time, at once."""

    async def __call__(self, call: Callable[[], R]) -> R:
        """The result of ``call``."""


async def on_thread(call: Callable[[], R]) -> R:
    """Make the call on one of trio's threads; it is not abandoned when the caller is cancelled, since it writes."""
    return await trio.to_thread.run_sync(call)


async def inline(call: Callable[[], R]) -> R:
    """Make the call at once."""
    await trio.lowlevel.checkpoint()
    return call()


@dataclass(slots=True)
class Drained:
    """What one step of draining brought.

    Attributes:
        applied: what came of the batches.
        batches: how many there were.

    """

    applied: Applied
    batches: int


class Overflow:
    """The spool of one owner, and where the shards stand by it."""

    def __init__(self, spool: Spool, positions: Positions, epoch: int, offload: Offload = on_thread) -> None:
        """``positions`` as of the database; the spool's own records are followed at once."""
        self._spool, self._epoch, self._offload = spool, epoch, offload
        self.positions = positions
        self._signed = False
        for record in spool.records():
            self._follow(record)

    @property
    def active(self) -> bool:
        """Whether the spool holds anything: then everything goes there."""
        return not self._spool.empty

    @property
    def size(self) -> int:
        """Bytes that wait in the spool."""
        return self._spool.size

    @property
    def path(self) -> Path:
        """The spool's file."""
        return self._spool.path

    async def add(self, records: Sequence[AnyRecord]) -> int:
        """Make as many of ``records`` as there is room for durable in the spool; returns how many they are, at least one.

        Raises:
            SpoolFullError: it takes no more.

        """
        if not self._signed:
            await self._offload(lambda: self._spool.append([OwnerRecord(self._epoch)]))
            self._signed = True
        count = await self._offload(lambda: self._spool.append(records))
        for record in records[:count]:
            self._follow(record)
        return count

    def _follow(self, record: AnyRecord) -> None:
        match record:
            case BatchRecord():
                self.positions.took(batch_of(record))
            case InvalidRecord(shard, session_id):
                self.positions.invalidated(shard, session_id)
            case AliveRecord(shard, at_ms):
                self.positions.alive(shard, at_ms)
            case ClaimRecord(shard, _, at_ms):
                self.positions.claimed(shard, at_ms)
            case OwnerRecord():
                return

    async def front(self) -> list[Located]:
        """The records of the next draining step: a run of batches of some thousand events, or a single other record."""
        return next_step(await self._offload(self._spool.front))

    async def drained(self, step: Sequence[Located]) -> None:
        """``step`` is committed. The last one empties the spool."""
        await self._offload(lambda: self._spool.drained(step[-1].end))
        if self._spool.empty:
            self._signed = False

    def job(self, step: Sequence[Located], applier: Applier) -> Callable[[Session], Drained]:
        """What brings ``step`` into the database; doing it again changes nothing."""

        def apply(session: Session) -> Drained:
            batches = [batch_of(located.record) for located in step if isinstance(located.record, BatchRecord)]
            if batches:
                return Drained(applier.apply(session, batches), len(batches))
            with session.transaction() as connection:
                for located in step:
                    apply_other(connection, located.record, self._epoch)
            return Drained(Applied(transactions=1), 0)

        return apply


def next_step(front: Sequence[Located]) -> list[Located]:
    """The first records of ``front`` that go into one draining step."""
    step: list[Located] = []
    events = 0
    for located in front:
        record = located.record
        if not isinstance(record, BatchRecord):
            return step or [located]
        events += len(record.entries)
        if step and events > EVENTS_A_DRAIN:
            return step
        step.append(located)
    return step


def apply_other(connection: Connection, record: AnyRecord, epoch: int) -> None:
    """Write a record that is no batch."""
    match record:
        case InvalidRecord(shard, session_id):
            checkpoint.invalidate(connection, shard, session_id, epoch)
        case AliveRecord(shard, at_ms):
            checkpoint.alive(connection, shard, at_ms, epoch)
        case ClaimRecord(shard, application_id, at_ms):
            record_attempt(connection, application_id, at_ms, shard)
        case _:
            return
