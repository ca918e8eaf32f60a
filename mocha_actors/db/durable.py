"""Making things durable: in the database if it takes them, else in the spool; the writer does not have to know which.

A database that is not available is tried again with back-off behind a breaker. For :data:`PATIENCE` the caller waits for it; then, or as soon as the breaker
is open, the spool takes over, and keeps everything that follows until it is drained. Without a spool, or when it takes no more,
the caller waits as long as it takes, which is the back-pressure (promise P5).

What comes of each trouble (``tests/db/test_outages.py``):

    away, locked, disk full, I/O error   tried again; after PATIENCE the spool takes over        writer.retrying, spool.started
    slow                                 waited for; the queues fill                             (lag, in the status)
    spool full or not writable too       waited for; nothing more is received or acknowledged    spool.full
    spool not writable at the start      the start fails: it would not be there in need          exit code 1
    file removed or replaced, damage     the tree ends at once: no retry mends that              exit code 1
    another owner                        likewise                                                exit code 3
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import structlog
import trio

from mocha_actors.db import checkpoint
from mocha_actors.db.apply import Applied, Applier
from mocha_actors.db.checkpoint import Standing
from mocha_actors.db.connection import Connection
from mocha_actors.db.engine import Job, Port
from mocha_actors.db.errors import DatabaseUnavailableError
from mocha_actors.db.identify_log import claim_identify
from mocha_actors.db.overflow import Drained, Overflow
from mocha_actors.db.session import Session
from mocha_actors.db.spool import (
    AliveRecord,
    AnyRecord,
    ClaimRecord,
    InvalidRecord,
    Located,
    SpoolFullError,
    record_of,
)
from mocha_actors.errors import TransientError
from mocha_actors.pipeline.batch import Batch
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.notices import Checkpoint, ClaimIdentify, ObservedPeriod
from mocha_actors.runtime import Backoff, CircuitBreaker, CircuitOpen

R = TypeVar("R")

RETRY: Final = Backoff(0.05, 5.0)
"""Waits between attempts while the database is not available."""

PATIENCE: Final = 2.0
"""Seconds that the database is waited for before the spool takes over: a lock or a restart of the server is shorter, a heartbeat is not."""

LOG_PAGES: Final = 4_000
"""Pages by which SQLite's write-ahead log grows (16 MB) before it is moved into the database, between two commits and not inside of one.

Moving 1,100 pages took 23 ms, 2,700 43, 5,400 70 (most of it is syncing two files, and many pages are the same ones again), and a commit that had to move
10,000 took 260 instead of 45. A reader's snapshot can keep the log from beginning anew; it is then tried again after as many pages more.
"""

log = structlog.get_logger()


class DatabaseAwayError(TransientError):
    """The database did not take a job for longer than it is waited for."""


class Durable:
    """The way to durability of one incarnation of the writer.

    Attributes:
        outages: seconds that jobs had to wait for the database.

    """

    def __init__(
        self, port: Port, applier: Applier, *, epoch: int, breaker: CircuitBreaker, rng: random.Random, overflow: Overflow | None,
        on_drained: Callable[[Applied], None],
    ) -> None:  # fmt: skip
        """See :class:`~mocha_actors.db.writer.Writer`.

        Args:
            port: the database.
            applier: of batches.
            epoch: of this ownership.
            breaker: guards the database.
            rng: for the jitter of retries.
            overflow: the spool; None for none.
            on_drained: told what came of a part of the spool.

        """
        self._port, self._breaker, self._applier, self._epoch, self._rng = port, breaker, applier, epoch, rng
        self._overflow, self._on_drained = overflow, on_drained
        self._failures = 0
        self._drain_at = -math.inf
        self._log_pages, self._log_limit = 0, LOG_PAGES
        self.outages = 0.0

    # Jobs

    async def run(self, job: Job[R], patience: float = math.inf) -> R:
        """Run ``job`` until the database takes it: everything it writes may be written twice, so nothing is lost and nothing doubled.

        Raises:
            DatabaseAwayError: it was not taken within ``patience`` seconds, or will not be.

        """
        began = mark = trio.current_time()
        attempt = 0
        while True:
            try:
                return await self._once(job)
            except (TransientError, CircuitOpen) as error:
                delay = self._delay(error, attempt)
                # An open breaker lets nothing through for longer than anybody's patience.
                if trio.current_time() + delay - began > patience:
                    raise DatabaseAwayError(str(error)) from error
                attempt += 1
                log.warning("writer.retrying", attempt=attempt, delay=round(delay, 3), error=str(error))
                await trio.sleep(delay)
                self.outages += trio.current_time() - mark
                mark = trio.current_time()

    async def _once(self, job: Job[R]) -> R:
        async with self._breaker:
            result, pages = await self._port.run(partial(with_log_pages, job))
        self._note_log(pages)
        return result

    def _note_log(self, pages: int | None) -> None:
        """So many pages stand in the log now; None where that cannot be told. One that is shorter than before has begun anew."""
        if pages is not None:
            if pages < self._log_pages:
                self._log_limit = LOG_PAGES
            self._log_pages = pages

    def _delay(self, error: Exception, attempt: int) -> float:
        delay = RETRY.delay(attempt, self._rng)
        return max(delay, error.retry_after) if isinstance(error, CircuitOpen) else delay

    @property
    def log_full(self) -> bool:
        """Whether the write-ahead log has grown so much that :meth:`tidy` is due before the next commit."""
        return self._log_pages >= self._log_limit and not self._spooling

    async def tidy(self) -> bool:
        """Move the write-ahead log into the database file, which can wait: False when the database does not let it now.

        The breaker is not asked and not told: commits may succeed all the while.
        """
        began = trio.current_time()
        before = self._log_pages
        try:
            left = await self._port.run(lambda session: session.checkpoint_log())
        except TransientError as error:
            self._log_limit = self._log_pages + LOG_PAGES
            log.debug("writer.log_kept", error=str(error))
            return False
        self._log_pages, self._log_limit = left, left + LOG_PAGES
        log.debug("writer.log_moved", pages=before, left=left, seconds=round(trio.current_time() - began, 4))
        return True

    async def chore(self, work: Callable[[Connection], int], *, resets: bool = False) -> int:
        """Do ``work`` in a transaction of its own, now or not at all.

        Args:
            work: see :class:`~mocha_actors.pipeline.notices.Chore`.
            resets: what is remembered of the database is read anew afterwards.

        Raises:
            DatabaseAwayError: the database is not available, or the spool waits to be drained first; maintenance can wait.
            Exception: whatever ``work`` raises.

        """
        try:
            return await self._now(in_transaction(work))
        finally:
            if resets:  # also if it failed: the answer of its COMMIT may be all that was lost
                self._applier.reset()

    async def facts(self, facts: Sequence[Fact], observed: Sequence[ObservedPeriod] = ()) -> int:
        """Write facts from elsewhere, now or not at all; returns how many may be recorded. Raises as :meth:`chore` does."""
        return await self._now(lambda session: self._applier.apply_facts(session, facts, observed))

    async def compact_log(self) -> None:
        """Leave nothing of what was overwritten in the database's files. Raises DatabaseAwayError: not available, or still read from."""
        await self._now(lambda session: session.compact_log())

    async def _now(self, job: Job[R]) -> R:
        if self._spooling:
            raise DatabaseAwayError("the spool has to be drained first")
        return await self.run(job, patience=0.0)

    @property
    def _spooling(self) -> bool:
        return self._overflow is not None and self._overflow.active

    @property
    def _patience(self) -> float:
        return math.inf if self._overflow is None else PATIENCE

    # What the writer makes durable

    async def batches(self, batches: Sequence[Batch]) -> Applied:
        """Make settled ``batches`` durable; what became of them."""
        if not self._spooling:
            try:
                return await self._direct(batches, self._patience)
            except DatabaseAwayError as error:
                log.warning("spool.started", error=str(error))
        spooled = await self._spool([record_of(batch) for batch in batches])
        applied = self._spooled(batches[:spooled])
        rest = batches[spooled:]
        return applied.add(await self._direct(rest, math.inf)) if rest else applied

    async def _direct(self, batches: Sequence[Batch], patience: float) -> Applied:
        applied = await self.run(lambda session: self._applier.apply(session, batches), patience)
        if self._overflow is not None:
            for batch in batches:
                self._overflow.positions.took(batch)
        return applied

    def _spooled(self, batches: Sequence[Batch]) -> Applied:
        """What came of batches that are in the spool now."""
        assert self._overflow is not None
        found = {batch.shard: self._overflow.positions.checkpoint(batch.shard) for batch in batches}
        standings = {
            shard: Standing(now.session_id, now.seq, now.last_alive_ms) for shard, now in found.items() if now is not None
        }  # fmt: skip
        return Applied(spooled=sum(map(len, batches)), standings=standings)

    async def _spool(self, records: Sequence[AnyRecord]) -> int:
        """Add ``records`` to the spool; where it takes no more, wait until the database has taken some of it.

        Returns how many were added: all, unless the spool is empty and has no room all the same, so that only the database is left.
        """
        overflow, added = self._overflow, 0
        assert overflow is not None
        while added < len(records):
            try:
                added += await overflow.add(records[added:])
            except SpoolFullError as error:
                log.warning("spool.full", error=str(error))
                if not overflow.active:
                    return added
                await self._drain_all(overflow)
        return added

    async def _drain_all(self, overflow: Overflow) -> None:
        """Wait for the database to take everything: the file is given free as a whole."""
        while overflow.active:
            step = await overflow.front()
            drained = await self.run(overflow.job(step, self._applier))
            await self._taken(overflow, step, drained)

    async def _taken(self, overflow: Overflow, step: Sequence[Located], drained: Drained) -> None:
        """The database has taken ``step``."""
        await overflow.drained(step)
        self._failures, self._drain_at = 0, -math.inf
        self._on_drained(drained.applied)
        log.debug("spool.drained", records=len(step), left_bytes=overflow.size)
        if not overflow.active:
            log.info("spool.emptied", path=str(overflow.path))

    async def load(self, shard: int) -> Checkpoint | None:
        """Where ``shard`` can RESUME."""
        return await self._either(
            lambda connection: checkpoint.load(connection, shard),
            lambda overflow: (None, overflow.positions.checkpoint(shard)),
        )

    async def claim(self, claim: ClaimIdentify) -> float:
        """Leave to IDENTIFY now, recorded, as 0.0; else the seconds to wait."""

        def by_positions(overflow: Overflow) -> tuple[AnyRecord | None, float]:
            wait = overflow.positions.wait_for(claim)
            application = overflow.positions.application_id
            return (None, wait) if wait > 0 else (ClaimRecord(claim.shard, application, claim.now_ms), 0.0)

        wait = await self._either(lambda connection: claim_identify(connection, claim, self._epoch), by_positions)
        if not wait and self._overflow is not None and not self._spooling:
            self._overflow.positions.claimed(claim.shard, claim.now_ms)
        return wait

    async def invalidate(self, shard: int, session_id: str) -> None:
        """Remember that Discord refused a session."""
        await self._either(
            lambda connection: checkpoint.invalidate(connection, shard, session_id, self._epoch),
            lambda _: (InvalidRecord(shard, session_id), None),
        )
        if self._overflow is not None:
            self._overflow.positions.invalidated(shard, session_id)

    async def alive(self, shard: int, at_ms: int) -> None:
        """Remember evidence of life."""
        await self._either(
            lambda connection: checkpoint.alive(connection, shard, at_ms, self._epoch),
            lambda _: (AliveRecord(shard, at_ms), None),
        )
        if self._overflow is not None:
            self._overflow.positions.alive(shard, at_ms)

    async def _either(
        self, work: Callable[[Connection], R], spooled: Callable[[Overflow], tuple[AnyRecord | None, R]]
    ) -> R:
        """The result of ``work`` in a transaction, or, while the database is away, of ``spooled``, whose record goes to the spool."""
        overflow = self._overflow
        if not self._spooling:
            try:
                return await self.run(in_transaction(work), self._patience)
            except DatabaseAwayError as error:
                log.warning("spool.started", error=str(error))
        assert overflow is not None
        record, result = spooled(overflow)
        if record is not None and not await self._spool([record]):
            return await self.run(in_transaction(work))
        return result

    # Draining

    @property
    def drain_due(self) -> float:
        """When :meth:`drain` has to be called next; infinite while the spool is empty."""
        return self._drain_at if self._spooling else math.inf

    async def drain(self) -> None:
        """Bring the front of the spool into the database; if it does not take it, that sets the next time."""
        overflow = self._overflow
        assert overflow is not None
        step = await overflow.front()
        try:
            drained = await self._once(overflow.job(step, self._applier))
        except (TransientError, CircuitOpen) as error:
            self._drain_at = trio.current_time() + self._delay(error, self._failures)
            self._failures += 1
        else:
            await self._taken(overflow, step, drained)


def with_log_pages(job: Job[R], session: Session) -> tuple[R, int | None]:
    """The result of ``job``, and how long the write-ahead log is behind it; None where that cannot be told.

    The job is done by then: it must not be taken for one that failed because the program has no file descriptor left to look.
    """
    result = job(session)
    try:
        return result, session.log_pages()
    except DatabaseUnavailableError as error:
        log.debug("writer.log_unknown", error=str(error))
        return result, None


def in_transaction(work: Callable[[Connection], R]) -> Job[R]:
    """``work`` as a job with a transaction of its own."""

    def job(session: Session) -> R:
        with session.transaction() as connection:
            return work(connection)

    return job
