"""The writer: the one actor that writes to the database.

It takes batches in the order in which it is told of them and keeps them in hand until their transaction is durable, so a crash anywhere gives
them to its next incarnation. It is one task: it receives until a commit is due (:mod:`mocha_actors.db.grouping`), commits, and goes on. What
comes in during a commit waits in the mailbox, which is bounded in events and bytes: that is the back-pressure (promise P5).
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final

import structlog
import trio

from mocha_actors.db.apply import Applied, Applier
from mocha_actors.db.backlog import Backlog
from mocha_actors.db.durable import Durable
from mocha_actors.db.engine import Port
from mocha_actors.db.grouping import Grouping
from mocha_actors.db.overflow import Overflow
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.stuck import StuckWatch
from mocha_actors.errors import FencedOutError, PermanentError, SystemFailure
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.notices import (
    EVERYTHING,
    Alive,
    Changed,
    Chore,
    ClaimIdentify,
    Committed,
    CompactLog,
    Flush,
    ImportFacts,
    LoadCheckpoint,
    Resubmit,
    SessionInvalidated,
)
from mocha_actors.pipeline.touching import changes
from mocha_actors.runtime import (
    Actor,
    ActorRef,
    BreakerPolicy,
    CircuitBreaker,
    Context,
    EventHook,
    Mailbox,
)

NOTHING: Final = Changed()

Errand = Chore | ImportFacts | CompactLog
"""What is asked of the writer beside the stream of events."""

WriterMessage = Batch | LoadCheckpoint | SessionInvalidated | Alive | Flush | ClaimIdentify | Errand

IDLE_SECONDS: Final = 5.0
"""Without a commit for so long, the write-ahead log is moved into the database file; under load it is whenever it is full
(:data:`~mocha_actors.db.durable.LOG_PAGES`), after the commit that filled it has been told."""

NEVER_POISON: Final = 1 << 31
"""Redeliveries: a batch is never given up because the writer crashed over it; the supervisor's intensity bounds the crashes."""

log = structlog.get_logger()


def writer_mailbox(events: int = 50_000, max_bytes: int = 256 << 20) -> Mailbox:
    """The writer's mailbox: what waits and what is in hand count against both limits; crashes lose nothing."""
    return Mailbox(events, redeliver=NEVER_POISON, max_bytes=max_bytes, weigh=events_of, size=bytes_of)


def database_breaker(on_event: EventHook | None = None) -> CircuitBreaker:
    """The breaker of the database: after some failures in a row one attempt in five seconds. An error about ownership is none of its."""
    policy = BreakerPolicy(window=10, minimum_calls=5, wait=5.0, probes=1, ignore=(FencedOutError,))
    return CircuitBreaker("database", policy, on_event=on_event)


def events_of(message: WriterMessage) -> int:
    """The weight of a message: its events."""
    return len(message) if isinstance(message, Batch) else 1


def bytes_of(message: WriterMessage) -> int:
    """The size of a message: of its frames, as received."""
    return message.size if isinstance(message, Batch) else 0


class Writer(Actor[WriterMessage]):
    """Commits batches, answers for checkpoints and the identify budget."""

    def __init__(
        self, port: Port, *, epoch: int, dispatcher: ActorRef[Resubmit], listeners: Mapping[int, ActorRef[Committed]],
        breaker: CircuitBreaker, counters: Counters, grouping: Grouping | None = None, rng: random.Random | None = None,
        overflow: Overflow | None = None,
        cache: ActorRef[Changed] | None = None, anonymise: bool = False,
    ) -> None:  # fmt: skip
        """An incarnation.

        Args:
            port: the database.
            epoch: of this process's ownership; all incarnations have the same.
            dispatcher: told of batches that are stuck.
            listeners: told what is durable, by shard.
            breaker: guards the database, and outlives this incarnation.
            counters: where committed events are counted.
            grouping: when to commit.
            rng: for the jitter of retries.
            overflow: the spool; without one, an outage of the database is waited for.
            anonymise: whether users are recorded under pseudonyms.
            cache: told what each transaction may have changed.

        """
        self._port = port
        self._dispatcher, self._listeners = dispatcher, listeners
        self._counters, self._grouping = counters, grouping or Grouping()
        self._durable = Durable(
            port, Applier(projections(), epoch, anonymise=anonymise), epoch=epoch, breaker=breaker, overflow=overflow, on_drained=self._drained,
            rng=rng or random.Random(),  # noqa: S311 - jitter
        )  # fmt: skip
        self._cache, self._untold = cache, Changed()
        self._waiting = trio.CancelScope()
        self._backlog = Backlog(self._wake)
        self._stuck = StuckWatch()
        self._flushes: list[tuple[int, Flush]] = []
        self._last_commit = float("-inf")
        self._log_grown = False

    async def run(self, ctx: Context[WriterMessage]) -> None:
        """Receive and commit until the intake ends, then commit what is left. A job of the incarnation before is waited for first."""
        await self._port.idle()
        try:
            while True:
                await self._receive(ctx)
                await self._commit(ctx)
        except trio.EndOfChannel:
            while self._backlog.ready:
                await self._commit(ctx)

    async def _receive(self, ctx: Context[WriterMessage]) -> None:
        """Take what comes until a commit is due. Raises trio.EndOfChannel when nothing will come any more."""
        while True:
            await self._receive_waiting(ctx)
            await self._care()
            due = trio.current_time() + self._seconds_to_commit()
            if due <= trio.current_time():
                return
            message = None
            with trio.CancelScope(deadline=min(due, self._care_due())) as self._waiting:
                message = await ctx.receive()
            if message is not None:
                await self._accept(message, ctx)

    async def _receive_waiting(self, ctx: Context[WriterMessage]) -> None:
        """Take what waits already, up to a full transaction, or one that must not wait for more."""
        while self._backlog.ready < self._grouping.max_events and not self._backlog.urgent:
            try:
                message = ctx.receive_nowait()
            except trio.WouldBlock:
                return
            await self._accept(message, ctx)

    def _wake(self) -> None:
        """Something became ready: look at the clock again."""
        self._waiting.cancel()

    def _seconds_to_commit(self) -> float:
        urgent = self._backlog.urgent or bool(self._flushes)
        return self._grouping.wait(
            trio.current_time(), ready=self._backlog.ready, last_commit=self._last_commit, urgent=urgent
        )

    async def _accept(self, message: WriterMessage, ctx: Context[WriterMessage]) -> None:
        match message:
            case Batch():
                self._backlog.add(message)
                self._stuck.add(message, self._uptime())
            case Flush():
                self._flushes.append((self._backlog.added, message))
                self._answer_flushes(ctx)
            case LoadCheckpoint(shard):
                ctx.reply(message, await self._durable.load(shard))
            case ClaimIdentify():
                ctx.reply(message, await self._durable.claim(message))
            case Chore(work, resets):
                chore = partial(self._durable.chore, work, resets=resets)
                await self._serve(message, ctx, chore, EVERYTHING if resets else NOTHING)
            case ImportFacts(facts, observed):
                changed = EVERYTHING if observed else changes(facts)  # what was a gap stands in answers to all guilds
                await self._serve(message, ctx, partial(self._durable.facts, facts, observed), changed)
            case CompactLog():
                await self._serve(message, ctx, self._durable.compact_log, NOTHING)
            case SessionInvalidated(shard, session_id):
                await self._durable.invalidate(shard, session_id)
                ctx.done(message)
            case Alive(shard, at_ms):
                await self._durable.alive(shard, at_ms)
                ctx.done(message)

    async def _serve(
        self, request: Errand, ctx: Context[WriterMessage], serve: Callable[[], Awaitable[Any]], changed: Changed
    ) -> None:
        """Answer a request. What is wrong with it is its asker's trouble; what is wrong with the database or its owner is everybody's."""
        try:
            answer = await serve()
        except (PermanentError, SystemFailure):
            raise
        except Exception as error:  # noqa: BLE001  # what cannot be done must not stop the writer, nor come again
            self._tell_changes(changed)  # it may have been done, and only the answer been lost
            ctx.fail(request, error)
        else:
            self._tell_changes(changed)
            ctx.reply(request, answer)

    # Committing

    async def _commit(self, ctx: Context[WriterMessage]) -> None:
        """Make ready batches durable, then let go of them and tell who listens."""
        batches = self._backlog.take(self._grouping.max_events)
        started = trio.current_time()
        applied = await self._durable.batches(batches)
        self._last_commit = trio.current_time()
        self._log_grown = True
        self._tell_changes(applied.changed)
        for batch in batches:
            ctx.done(batch)
            self._counters.lag.add(self._last_commit - batch.received_at, len(batch))
        self._count(applied)
        self._report(applied, len(batches), self._last_commit - started)
        self._answer_flushes(ctx)

    def _tell_changes(self, changed: Changed = NOTHING) -> None:
        """Tell the cache before anybody can learn of the commit; where it takes no message, say it again with the next one."""
        self._untold = self._untold.merged(changed)
        if self._untold.touched and (self._cache is None or self._cache.tell_nowait(self._untold)):
            self._untold = Changed()

    def _count(self, applied: Applied) -> None:
        self._counters.committed += applied.committed
        self._counters.spooled += applied.spooled
        self._counters.ignored += applied.ignored
        self._counters.dead_lettered += applied.dead_lettered
        self._counters.transactions += applied.transactions

    def _report(self, applied: Applied, batches: int, seconds: float) -> None:
        for shard, now in applied.standings.items():
            self._counters.durable[shard] = now.seq
            listener = self._listeners.get(shard)
            if listener is not None:
                listener.tell_nowait(Committed(shard, now.session_id, now.seq))
        if applied.dead_lettered:
            log.warning("writer.dead_letter", count=applied.dead_lettered, unwritable=applied.unwritable[:10])
        log.debug(
            "writer.committed",
            events=applied.committed,
            repeated=applied.repeated,
            spooled=applied.spooled,
            batches=batches,
            seconds=round(seconds, 4),
        )

    def _answer_flushes(self, ctx: Context[WriterMessage]) -> None:
        oldest = self._backlog.oldest()
        for number, flush in self._flushes:
            if oldest >= number:
                ctx.reply(flush, None)
        self._flushes = [(number, flush) for number, flush in self._flushes if oldest < number]

    # Caring for what is late and for what has grown

    def _uptime(self) -> float:
        """The clock without the time in which the database was not available."""
        return trio.current_time() - self._durable.outages

    def _care_due(self) -> float:
        idle = self._last_commit + IDLE_SECONDS if self._log_grown else float("inf")
        return min(self._stuck.due() + self._durable.outages, idle, self._durable.drain_due)

    async def _care(self) -> None:
        """Hand stuck batches out again or give them up; empty the write-ahead log when idle, or when it is full."""
        self._tell_changes()
        stuck = self._stuck.overdue(self._uptime())
        for batch in stuck.resubmit:
            log.warning(
                "batch.stuck",
                shard=batch.shard,
                seq=batch.first_seq,
                entries=len(batch.open_entries()),
                action="resubmit",
            )
            self._dispatcher.tell_nowait(Resubmit(batch))
        for batch in stuck.give_up:
            log.error("batch.stuck", shard=batch.shard, seq=batch.first_seq, entries=batch.give_up(), action="give up")
        if self._log_grown and trio.current_time() >= self._last_commit + IDLE_SECONDS:
            self._log_grown = not await self._durable.tidy()
            self._last_commit = trio.current_time()
        elif self._durable.log_full:
            await self._durable.tidy()
        if trio.current_time() >= self._durable.drain_due:
            await self._durable.drain()

    def _drained(self, applied: Applied) -> None:
        """A part of the spool is in the database."""
        self._log_grown, self._last_commit = True, trio.current_time()
        self._tell_changes(applied.changed)
        self._count(applied)
