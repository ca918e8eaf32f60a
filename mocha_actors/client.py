"""The client: starts the tree of actors, offers the questions, and stops it so that nothing is lost."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any, Final, TypeVar

import structlog
import trio

from mocha_actors import __version__
from mocha_actors.administering import Administering
from mocha_actors.cache.shared import open_shared
from mocha_actors.config import Config, Secret, bare_token, load_token
from mocha_actors.control import Node, Status
from mocha_actors.db.address import database_address
from mocha_actors.db.overflow_start import spool_place
from mocha_actors.db.readers import Readers, open_readers
from mocha_actors.db.store import open_store
from mocha_actors.db.writer import database_breaker
from mocha_actors.errors import ConfigError, DataError, MochaError, PermanentError
from mocha_actors.events.recording import CHUNK, Happened, Recorded, Recorder, chunks, moment_ms
from mocha_actors.gateway.commanding import Commanding
from mocha_actors.gateway.feed import Feed
from mocha_actors.gateway.fleet import shard_count
from mocha_actors.gateway.rest import DiscordRest, open_rest
from mocha_actors.gateway.tree import ShardRef
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.notices import (
    Checkpoint,
    Flush,
    GiveUpSession,
    ImportFacts,
    LoadCheckpoint,
    ObservedPeriod,
    Quiesce,
)
from mocha_actors.privacy.desk import Desk, ServiceDesk
from mocha_actors.runtime import (
    ActorDead,
    ActorError,
    AskTimeout,
    Event,
    EventHook,
    FatalChildError,
    Request,
    Snapshot,
    Supervisor,
    open_supervisor,
)  # fmt: skip
from mocha_actors.runtime.structlog_hook import StructlogHook
from mocha_actors.stats.asking import Asking
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.zones import zone_named
from mocha_actors.tree import PROCESSORS, Parts, Refs, build_tree, measures_content, shard_settings

ANSWER_LIMIT: Final = 30.0
"""Seconds beyond a question's own deadline, and for a checkpoint, until the tree is considered stuck."""

PERIOD_LIMIT: Final = 900.0
"""Seconds that the one transaction of an observed period may take: some ten million facts."""

FLUSH_LIMIT: Final = 3600.0
"""Seconds that a flush may take at most: a database that is away holds it up, and whoever waits has a nearer deadline."""

POLL_SECONDS: Final = 0.05

R = TypeVar("R")

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Report:
    """How a shutdown went.

    Attributes:
        clean: everything received was committed.
        reason: what prevented it; empty when clean.
        seconds: how long it took.

    """

    clean: bool
    reason: str
    seconds: float


class StatsClient(Asking, Commanding, Administering):
    """A running Mocha inside a program on trio; made by :meth:`open`.

    Its questions are the methods of :class:`Asking`, its commands to Discord's gateway those of :class:`Commanding`, and what it may do to what was
    recorded those of :class:`Administering`.

    Attributes:
        config: what it runs by.
        shards: number of shards.
        database: the file, or the database of a server, that it writes to; its text shows no password.
        counters: what it has done so far.
        supervisor: the root of its tree; takes further children by ``start_child``.
        feed: takes what somebody else's connection brings, in a client without gateway; None in one with a gateway.
        report: how the shutdown went, once the block has been left.

    """

    supervisor: Supervisor
    _readers: Readers

    def __init__(self, config: Config, shards: int) -> None:
        """A client that does not run yet."""
        self.config, self.shards = config, shards
        self.counters = Counters()
        self.report = Report(clean=False, reason="it was not shut down", seconds=0.0)
        self._refs = Refs(shards)
        self._log = StructlogHook()
        self.database = database_address(config.database.url)
        self._began = trio.current_time()
        self.feed: Feed | None = None
        self._listener: EventHook | None = None
        self._fatal: PermanentError | None = None
        self._sessions_wanted = True
        self._aborted = False
        self._body = trio.CancelScope()
        self._drain = trio.CancelScope(shield=True)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        config: Config,
        token: Secret | None = None,
        *,
        wait_owner: float = 0.0,
        take_over: bool = False,
        gateway: bool = True,
        on_event: EventHook | None = None,
    ) -> AsyncIterator[StatsClient]:
        """Start the tree, and drain it when the block is left.

        Draining means: the gateway stops reading and keeps beating, what was received is committed, the sessions are left resumable
        (promise P8). A cancellation of the block drains too, within ``supervision.drain_s``.

        Args:
            config: what to run.
            token: the bot's token; without one, it is taken from where ``config.discord`` says.
            wait_owner: seconds to wait for another process to give the database up.
            take_over: take the database away from a process that does not: that one writes nothing more, and ends with FencedOutError.
            gateway: whether it connects to Discord. Without a gateway it needs no token: it lives on what is handed to its :attr:`feed`, and on
                :meth:`record`.
            on_event: called with every structured event, those of the runtime and of the feed; it has to be quick.

        Raises:
            MochaError: the database or the configuration cannot be used, or, out of the running block, Discord refuses the bot
                (:class:`PermanentError`), another process took over (:class:`FencedOutError`), the ground gives way (:class:`SystemFailure`).
            RestartLimitExceeded: the tree failed too often.

        """
        cls.check(config)
        async with AsyncExitStack() as stack:
            rest: DiscordRest | None = None
            client, shards = cls(config, 0), []
            if gateway:
                token = bare_token(token.reveal()) if token else load_token(config.discord)
                rest = await stack.enter_async_context(open_rest(token, config.discord.api_url))
                client = cls(config, await shard_count(config.discord.shards, rest, Random()))  # noqa: S311  # jitter
                shards = shard_settings(config, token, client.shards)
            else:
                client._open_feed()
            client._listener = on_event
            store = await stack.enter_async_context(
                open_store(
                    config.database.url, wait=wait_owner, take_over=take_over, spool=spool_place(config.database)
                )
            )
            readers = open_readers(config.database.url, threads=config.stats.reader_threads)
            client._readers = await stack.enter_async_context(readers)
            parts = Parts(
                store=store, readers=client._readers, rest=rest,
                breaker=database_breaker(), counters=client.counters, status=client.status, on_fatal=client._end_for,
                shared=stack.enter_context(open_shared(config.cache)),
            )  # fmt: skip
            spec = build_tree(config, shards, client._refs, parts)
            stack.enter_context(plain_causes())
            async with open_supervisor(spec, on_event=client._on_event) as client.supervisor:
                logger.info("service.started", version=__version__, database=str(store.address), shards=client.shards)
                try:
                    with client._body:
                        yield client
                finally:
                    await client._shut_down()
        if client._fatal is not None:
            raise client._fatal

    @staticmethod
    def check(config: Config) -> None:
        """Refuse what :meth:`open` would refuse of the configuration itself, without starting anything.

        Raises:
            ConfigError: an intent or the time zone is unknown, or the address of the database or of Redis cannot be used.

        """
        try:
            zone_named(config.stats.timezone)
        except QuestionError as error:
            raise ConfigError(f"stats.timezone: {error}") from error
        database_address(config.database.url)
        shard_settings(config, Secret("unused"), shards=1)
        with open_shared(config.cache):
            pass

    # Questions

    @property
    def default_zone(self) -> str:
        """See :attr:`Asking.default_zone`."""
        return self.config.stats.timezone

    async def ask(self, question: Request[R]) -> R:
        """Ask any question of :mod:`mocha_actors.stats.questions`.

        Raises:
            QuestionError: something of the question is not allowed.
            DeadlineExceededError: it took longer than ``stats.deadline_s`` and was interrupted.
            ActorError: the tree could not answer.

        """
        return await self._refs.stats.ask(question, timeout=self.config.stats.deadline_s + ANSWER_LIMIT)

    # What comes from elsewhere

    async def record(
        self,
        events: Iterable[Happened],
        *,
        observed: tuple[datetime, datetime] | None = None,
        shards: Iterable[int] = (),
    ) -> Recorded:
        """Record events with explicit times, from elsewhere than a gateway: an import, a past, another chat system.

        They are counted by the same rules as live ones. Recording a message, a reaction, a member or a name again changes nothing. Times of one
        guild's voice and presence must not run backwards, so a past is recorded before the live events that follow it, and once. It is no
        evidence that anything was observed, unless you say so with ``observed``.

        Args:
            events: made by :func:`~mocha_actors.events.recording.happening` or :func:`~mocha_actors.events.recording.message`, in order of time; an
                iterator is read as it is written, :data:`~mocha_actors.events.recording.CHUNK` events a transaction.
            observed: a half-open period of which ``events`` are all that happened in the guilds of their shards: it is no coverage gap. Such a claim
                stands or falls with what it is about, so that all is read beforehand and written in one transaction, during which nothing else
                is committed, or refused as a whole.
            shards: of which ``observed`` holds too, though nothing happened there.

        Returns:
            What came of them. An event that cannot be recorded is refused, counted and named there, and its neighbours are recorded.

        Raises:
            MochaError: the database is away, or refuses facts; of the transactions made before it nothing is undone, and what is given again is known.
            DataError: an event of an ``observed`` period cannot be recorded; none is.
            ValueError: a time of ``observed`` has no zone, or it is no period that has ended.

        """
        translations = {event: module.translate for module in PROCESSORS.values() for event in module.HANDLES}
        recorder = Recorder(translations, content=measures_content(self.config))
        if observed is not None:
            since_ms, until_ms = map(moment_ms, observed)
            if not since_ms <= until_ms <= time.time_ns() // 1_000_000:
                msg = f"a period that was observed does not end before it begins, nor after now; {observed[0]} to {observed[1]} does"
                raise ValueError(msg)
            return await self._record_period(recorder, events, (since_ms, until_ms), set(shards))
        for chunk in chunks(events, CHUNK):
            facts = tuple(fact for happened in chunk for fact in recorder.translate(happened))
            if facts:
                recorder.report.facts += await self._refs.writer.ask(ImportFacts(facts), timeout=ANSWER_LIMIT)
            await trio.lowlevel.checkpoint()
        report = recorder.report
        if report.refused:
            logger.warning("record.refused", count=report.refused, events=report.events, first=report.refusals[0].error)
        return report

    async def _record_period(
        self, recorder: Recorder, events: Iterable[Happened], period: tuple[int, int], shards: set[int]
    ) -> Recorded:
        """Record all of a period or nothing."""
        facts: list[Fact] = []
        for chunk in chunks(events, CHUNK):
            shards.update(happened.shard for happened in chunk)
            facts += (fact for happened in chunk for fact in recorder.translate(happened))
            await trio.lowlevel.checkpoint()
        report = recorder.report
        if report.refused:
            first = report.refusals[0]
            msg = f"{report.refused:,} of {report.events:,} events cannot be recorded, so the period was not observed as a whole; the first is number {first.index}, {first.error}"
            raise DataError(msg)
        periods = tuple(ObservedPeriod(shard, *period) for shard in sorted(shards))
        report.facts = await self._refs.writer.ask(ImportFacts(tuple(facts), periods), timeout=PERIOD_LIMIT)
        return report

    async def flush(self) -> None:
        """Wait until everything that was handed over, or received, before this is committed."""
        if self.feed is not None:
            self._take_feed()
            await self._refs.intake.ask(Flush(), timeout=FLUSH_LIMIT)
        await self._refs.dispatcher.ask(Flush(), timeout=FLUSH_LIMIT)

    def _open_feed(self) -> None:
        """Have this run of trio take what is handed to the feed; one wake-up serves everything that waits by then."""
        token = trio.lowlevel.current_trio_token()

        def wake() -> None:
            # After the end of the run there is nobody to wake: what waits then is told by the account of the shutdown.
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._take_feed)

        self.feed = Feed(wake)

    def _take_feed(self) -> None:
        feed = self.feed
        assert feed is not None
        for message in feed.take():
            if not self._refs.intake.tell_nowait(message):
                feed.refused(message)
        for name, shard in feed.news():
            logger.info(name, shard=shard, dropped=feed.dropped)
            if self._listener is not None:
                self._listener(
                    Event(name, "host", trio.current_time(), None, {"shard": shard, "dropped": feed.dropped})
                )
        self.shards, self.counters.connected = feed.shards, feed.connected

    @property
    def shard_refs(self) -> list[ShardRef]:
        """See :attr:`Commanding.shard_refs`."""
        return self._refs.shards

    @property
    def desk(self) -> Desk:
        """See :attr:`Administering.desk`."""
        return ServiceDesk(self._refs.writer, self._readers)

    @property
    def anonymised(self) -> bool:
        """See :attr:`Administering.anonymised`."""
        return self.config.privacy.anonymise

    # Where it stands

    async def checkpoint(self, shard: int) -> Checkpoint | None:
        """Where a shard stands in the database; None without a session."""
        return await self._refs.writer.ask(LoadCheckpoint(shard), timeout=ANSWER_LIMIT)

    async def wait_durable(self, shard: int, seq: int) -> None:
        """Wait until everything of ``shard`` up to ``seq`` is committed."""
        while (now := await self.checkpoint(shard)) is None or now.seq < seq:  # noqa: ASYNC110  # the database is what is asked
            await trio.sleep(POLL_SECONDS)

    def status(self, events_per_second: float = 0.0) -> Status:
        """How it is: the live tree, counters, breakers. ``events_per_second`` is known to who samples the counters."""
        tree, counters = self.supervisor.tree(), self.counters
        breakers = {breaker.name: breaker.state.value for breaker in tree.breakers}
        return Status(
            version=__version__, pid=os.getpid(), uptime_seconds=trio.current_time() - self._began, database=str(self.database),
            ready=tree.ready, shards=self.shards, connected=counters.connected,
            durable=dict(counters.durable), events_per_second=events_per_second, received=counters.received, committed=counters.committed,
            ignored=counters.ignored, spooled=counters.spooled, dead_lettered=counters.dead_lettered, resumes=counters.resumes, identifies=counters.identifies,
            restarts=counters.restarts, lag_p50_seconds=counters.lag.percentile(50), lag_p99_seconds=counters.lag.percentile(99),
            breakers=breakers, tree=_node(tree), caches=counters.caches,
        )  # fmt: skip

    def decommission(self) -> None:
        """Have the end of the block give the sessions up for good: Discord forgets them at once, and the next start makes new ones.

        What happens in between is not seen, and is recorded as a gap. If not everything could be committed, the sessions stay.
        """
        self._sessions_wanted = False

    def abort(self) -> None:
        """End now, the block and a shutdown under way: what is not committed yet is left to the next start, which resumes."""
        self._aborted = True
        self._body.cancel()
        self._drain.cancel()

    # For the tree

    def _end_for(self, error: PermanentError) -> None:
        """End the block because of an error that only a person can mend; the first one is raised."""
        self._fatal = self._fatal or error
        self._body.cancel()

    def _on_event(self, event: Event) -> None:
        """Log what the runtime reports, pass it on, and count the restarts."""
        self.counters.restarts += event.name == "child.restarting"
        self._log(event)
        if self._listener is not None:
            self._listener(event)

    # The end

    async def _shut_down(self) -> None:
        """Drain: quiesce the gateway, then have everything that was received committed. The tree itself is stopped afterwards."""
        began = trio.current_time()
        limit = self.config.supervision.drain_s
        reason = f"not everything was committed within {limit:g} s; the next start resumes"
        self._drain.deadline = began + limit
        with self._drain:
            try:
                await self._quiesce_and_flush(limit)
                reason = ""
                if not self._sessions_wanted:
                    await self._give_up_sessions(limit)
            except ActorError as error:
                reason = str(error)
        if reason:
            if self._aborted:
                reason = "ended at once, as asked; what is not committed comes again at the next start"
            with trio.CancelScope(shield=True):
                await self.supervisor.kill()
        self.report = Report(clean=not reason, reason=reason, seconds=trio.current_time() - began)
        logger.info("service.stopped", clean=self.report.clean, reason=reason, seconds=round(self.report.seconds, 3))

    async def _give_up_sessions(self, limit: float) -> None:
        async with trio.open_nursery() as nursery:
            for shard in self._refs.shards:
                nursery.start_soon(_give_up, shard, limit)

    async def _quiesce_and_flush(self, limit: float) -> None:
        async with trio.open_nursery() as nursery:
            for shard in self._refs.shards:
                nursery.start_soon(_quiesce, shard, limit)
        if self.feed is not None:
            self._take_feed()
            self.feed.close()
            await self._refs.intake.ask(Flush(), timeout=limit)
        await self._refs.dispatcher.ask(Flush(), timeout=limit)


async def _give_up(shard: ShardRef, limit: float) -> None:
    """Have a shard give its session up; one that has ended has nobody to tell."""
    with suppress(ActorDead, AskTimeout):
        await shard.ask(GiveUpSession(), timeout=limit / 2)


def _node(snapshot: Snapshot) -> Node:
    """A picture of the runtime's in the form in which it is sent."""
    box = snapshot.mailbox
    mailbox: dict[str, Any] = (
        {}
        if box is None
        else {"used": box.used, "capacity": box.capacity, "peak": box.peak, "oldest_seconds": box.oldest_age}
    )
    return Node(
        name=snapshot.name, state=snapshot.state, restarts=snapshot.restarts, backoff_seconds=snapshot.backoff,
        last_error=snapshot.last_error, children=tuple(_node(child) for child in snapshot.children), **mailbox,
    )  # fmt: skip


@contextmanager
def plain_causes() -> Iterator[None]:
    """Raise the error for which the tree gave up at once, and not the supervisors' account of it."""
    try:
        yield
    except FatalChildError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, MochaError):
            cause = cause.__cause__
        raise cause or error from error


async def _quiesce(shard: ShardRef, limit: float) -> None:
    """Have a shard stop reading; one that has ended, or is waiting for its restart, reads nothing anyway."""
    with suppress(ActorDead, AskTimeout):
        await shard.ask(Quiesce(), timeout=limit / 2)
