"""The way of a question: cache, single flight, a turn at the readers, and back into the cache.

Of questions that are the same and asked at once, one is read and the others wait for its answer. A flight belongs to the engine and to none of
those who wait, so one that gives up ends nothing for the others.

An answer about the present that will soon be too old is renewed beside the question that found it, which has its answer and waits for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog
import trio

from mocha_actors.cache.actor import Keep, LookUp, Recall
from mocha_actors.cache.answers import Hit, Ticket, may_join
from mocha_actors.cache.keys import Wanted
from mocha_actors.db.connection import Connection
from mocha_actors.errors import MochaError, TransientError
from mocha_actors.runtime import ActorError, ActorRef
from mocha_actors.stats.caching import Read, ages, dated, stamp_of, wanted_by
from mocha_actors.stats.fairness import Turns

if TYPE_CHECKING:
    from mocha_actors.cache.actor import Message as CacheMessage
    from mocha_actors.db.readers import Readers

PATIENCE: Final = 1.0
"""Seconds to wait for the cache: a restart takes a fraction of one."""

log = structlog.get_logger()


def wall_ms() -> int:
    """The time, in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


class Flight:
    """An answer that is being read.

    Attributes:
        ticket: from before it began.
        landed: set when it has ended.
        answer: the answer.
        error: what there is instead of one; at first, that it was given up.

    """

    __slots__ = ("answer", "error", "landed", "ticket")

    def __init__(self, ticket: Ticket) -> None:
        """It begins now."""
        self.ticket, self.landed = ticket, trio.Event()
        self.answer: Any = None
        self.error: Exception | None = TransientError("the question was given up before it was answered; ask again")

    def land(self, answer: Any) -> None:
        """End it with an answer."""
        self.answer, self.error = answer, None

    async def wait(self) -> Any:
        """What those who joined get. Raises what ended the flight."""
        await self.landed.wait()
        if self.error is not None:
            # Each who waited raises it; its trace would grow by all of them.
            raise self.error.with_traceback(None)
        return self.answer


class Way:
    """Answers questions by the cache and the readers."""

    def __init__(
        self, readers: Readers, compute: Callable[[Connection, Any], Any], *, concurrency: int, deadline: float,
        cache: ActorRef[CacheMessage] | None, stale_seconds: float, shared: bool, now_ms: Callable[[], int] = wall_ms,
    ) -> None:  # fmt: skip
        """Nothing is asked yet; see :class:`~mocha_actors.stats.engine.QueryEngine`. ``compute`` answers a question by a connection."""
        self._readers, self._compute, self._deadline = readers, compute, deadline
        self._cache, self._stale_seconds, self._shared, self._now_ms = cache, stale_seconds, shared, now_ms
        self._turns = Turns(concurrency)
        self._flights: dict[object, Flight] = {}

    async def ask(self, question: Any, renew: Callable[[Callable[[], Awaitable[None]]], object] | None = None) -> Any:
        """The answer to ``question``.

        Args:
            question: what is asked.
            renew: starts a task beside this one; without it, no answer is renewed before its time is over.

        Raises:
            DeadlineExceededError: reading took too long.
            MochaError: the database is not available.

        """
        wanted = None if self._cache is None else wanted_by(question, self._now_ms())
        if wanted is None:
            return (await self._read(question, getattr(question, "guild_id", None))).answer
        # Where questions wait for a reader, a renewal would only make somebody wait longer.
        renews = renew is not None and self._turns.idle and wanted.key not in self._flights
        match await self._look_up(wanted, renews=renews):
            case Hit(answer, as_of_ms, renewal):
                if renewal is not None and renew is not None and wanted.key not in self._flights:
                    renew(partial(self._renew, question, wanted, renewal))
                return dated(answer, as_of_ms)
            case Ticket() as ticket:
                return await self._fly(question, wanted, ticket)
            case None:
                return dated((await self._read(question, wanted.guild_id)).answer, wanted.as_of_ms)

    async def _renew(self, question: Any, wanted: Wanted, ticket: Ticket) -> None:
        """Bring a newer answer. Whoever asks meanwhile and finds the old one gone waits for this flight; where it fails, somebody will ask again."""
        try:
            await self._fly(question, wanted, ticket, recalls=False)
        except MochaError as error:
            log.warning("stats.not_renewed", question=type(question).__name__, error=str(error))
        except Exception:
            log.exception("stats.failed", question=type(question).__name__)

    async def _look_up(self, wanted: Wanted, *, renews: bool) -> Hit | Ticket | None:
        """What the cache says; None while there is none."""
        assert self._cache is not None
        try:
            return await self._cache.ask(LookUp(wanted, renews), timeout=PATIENCE)
        except ActorError as error:
            log.warning("cache.failed", error=str(error))
            return None

    async def _fly(self, question: Any, wanted: Wanted, ticket: Ticket, *, recalls: bool = True) -> Any:
        """Join the flight of the same question if it will do, else begin one."""
        under_way = self._flights.get(wanted.key)
        if under_way is not None and may_join(ticket, under_way.ticket, wanted, self._stale_seconds):
            return await under_way.wait()
        flight = self._flights[wanted.key] = Flight(ticket)
        try:
            flight.land(await self._fetch(question, wanted, ticket, recalls=recalls))
        except Exception as error:
            flight.error = error
            raise
        finally:
            if self._flights.get(wanted.key) is flight:
                del self._flights[wanted.key]
            flight.landed.set()
        return flight.answer

    async def _fetch(self, question: Any, wanted: Wanted, ticket: Ticket, *, recalls: bool) -> Any:
        """Get the answer from the second level, if that may be as old as it is, or from the database, and keep it."""
        if self._shared and recalls and (recalled := await self._recall(wanted, ticket)) is not None:
            return dated(recalled.value, recalled.as_of_ms)
        read = await self._read(question, wanted.guild_id)
        # An answer about a guild that is not known is none; it would only take the place of another.
        if self._cache is not None and read.stamp is not None:
            moving = wanted.moving or ages(read.answer)
            self._cache.tell_nowait(Keep(wanted, ticket, read.answer, read.stamp, moving))
        return dated(read.answer, wanted.as_of_ms)

    async def _recall(self, wanted: Wanted, ticket: Ticket) -> Hit | None:
        """The answer of the second level that is true for the database as it is now."""
        assert self._cache is not None
        async with self._turns.turn(wanted.guild_id):
            stamp = await self._readers.run(partial(stamp_of, guild_id=wanted.guild_id), deadline=self._deadline)
        if stamp is None:
            return None
        try:
            return await self._cache.ask(Recall(wanted, ticket, stamp), timeout=PATIENCE)
        except ActorError as error:
            log.warning("cache.failed", error=str(error))
            return None

    async def _read(self, question: Any, guild_id: int | None) -> Read:
        """Read the answer in one transaction, when it is the guild's turn."""
        async with self._turns.turn(guild_id):
            return await self._readers.run(
                partial(read, question=question, guild_id=guild_id, compute=self._compute), deadline=self._deadline
            )


def read(
    connection: Connection, *, question: Any, guild_id: int | None, compute: Callable[[Connection, Any], Any]
) -> Read:
    """The answer to ``question``, and the state of the database that it is true for."""
    answer = compute(connection, question)
    return Read(answer, None if guild_id is None else stamp_of(connection, guild_id))
