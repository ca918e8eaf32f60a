"""The client: builds the tree of actors, offers the questions, and stops it so that nothing is lost.

    mocha                       one_for_one
     ├─ writer                  the only one who writes
     ├─ stats                   questions
     ├─ processors              one_for_one: message
     ├─ dispatcher
     ├─ control                 the control socket
     └─ gateway                 one_for_one: identify, shard-0, shard-1, …

The children are started in this order, so that the reverse order, in which they are stopped, is the order in which events drain.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from random import Random
from types import ModuleType
from typing import Any, Final, TypedDict, TypeVar, Unpack

import structlog
import trio

from mocha_actors import __version__
from mocha_actors.config import Config, Secret, load_token
from mocha_actors.control import Control, Node, Status
from mocha_actors.db.address import database_path
from mocha_actors.db.grouping import Grouping
from mocha_actors.db.readers import Readers, open_readers
from mocha_actors.db.store import Store, open_store
from mocha_actors.db.writer import Writer, bytes_of, database_breaker, events_of, writer_mailbox
from mocha_actors.discord.intents import parse_intents
from mocha_actors.errors import ConfigError, PermanentError, SystemFailure
from mocha_actors.events.dispatcher import Dispatcher, Routes
from mocha_actors.gateway.clock import ReceiveClock
from mocha_actors.gateway.identify_queue import MAILBOX as IDENTIFY_MAILBOX
from mocha_actors.gateway.identify_queue import TakeTurn
from mocha_actors.gateway.identity import Identity, Token
from mocha_actors.gateway.rest import DiscordRest, open_rest
from mocha_actors.gateway.shard import ShardSettings, Surroundings
from mocha_actors.gateway.tree import ShardRef, gateway_children
from mocha_actors.pipeline.batch import Work
from mocha_actors.pipeline.counters import Counters
from mocha_actors.pipeline.notices import Checkpoint, Flush, LoadCheckpoint, Quiesce
from mocha_actors.processors import message
from mocha_actors.processors.base import FailureWindow, Processor
from mocha_actors.runtime import (
    Actor,
    ActorDead,
    ActorError,
    ActorRef,
    AskTimeout,
    Backoff,
    BreakerState,
    ChildSpec,
    Event,
    Mailbox,
    Request,
    Snapshot,
    Supervisor,
    SupervisorSpec,
    new_ref,
    open_supervisor,
)
from mocha_actors.stats.engine import MAILBOX as STATS_MAILBOX
from mocha_actors.stats.engine import QueryEngine
from mocha_actors.stats.errors import QuestionError
from mocha_actors.stats.questions import (
    ChannelQuestion,
    Filters,
    GuildQuestion,
    GuildsQuestion,
    LeaderboardQuestion,
    UserQuestion,
)
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import ChannelStats, GuildStats, Leaderboard, UserStats

NEVER_POISON: Final = 1 << 31
"""Redeliveries of batches and work: whoever crashes over them bounds the crashes, and the mailbox must not lose them."""

DISPATCHER_MAILBOX: Final = Mailbox(8_192, redeliver=NEVER_POISON, max_bytes=64 << 20, weigh=events_of, size=bytes_of)
PROCESSOR_MAILBOX: Final = Mailbox(16_384, redeliver=NEVER_POISON, weigh=len)

PROCESSORS: Final[dict[str, ModuleType]] = {"message": message}
"""The processors by name: modules with ``HANDLES``, the events, and ``translate``, from an event to its facts."""

FATAL: Final = (PermanentError, SystemFailure)
"""Errors that no restart mends. They end the tree at once and come out of :meth:`StatsClient.open`."""

ANSWER_LIMIT: Final = 30.0
"""Seconds beyond a question's own deadline, and for a checkpoint, until the tree is considered stuck."""

POLL_SECONDS: Final = 0.05

DEFAULT_DAYS: Final = 30
"""The range of a question that names none."""

WARNINGS: Final = frozenset({
    "child.exited", "child.restarting", "child.parked", "supervisor.escalated", "mailbox.overflow", "message.dead", "message.poison",
    "message.slow", "ask.timeout", "breaker.opened",
})  # fmt: skip
"""Events of the runtime that an operator should see; the others are logged at debug level."""

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


class Options(TypedDict, total=False):
    """What every question may be given.

    Attributes:
        days: the last so many times 24 hours; 30 when no range is given.
        since: begin of the range, instead of ``days``: ISO 8601 text, or a date or datetime; UTC unless it has an offset.
        until: end of the range, not included; now when left out.
        include_bots: count bots too.
        include_webhooks: count webhooks too; they stand in no list of users.
        exclude_deleted: leave out messages that were deleted since.

    """

    days: int
    since: str | date
    until: str | date
    include_bots: bool
    include_webhooks: bool
    exclude_deleted: bool


class StatsClient:
    """A running Mocha inside a program on trio; made by :meth:`open`.

    Attributes:
        config: what it runs by.
        counters: what it has done so far.
        supervisor: the root of its tree; takes further children by ``start_child``.
        report: how the shutdown went, once the block has been left.

    """

    supervisor: Supervisor

    def __init__(self, config: Config) -> None:
        """A client that does not run yet."""
        self.config = config
        self.counters = Counters()
        self.report = Report(clean=False, reason="it was not shut down", seconds=0.0)
        self._refs = Refs(config.discord.shards, writer_mailbox())
        self._breaker = database_breaker(self._on_event)
        self._database = database_path(config.database.url)
        self._began = trio.current_time()
        self._fatal: PermanentError | None = None
        self._body = trio.CancelScope()
        self._drain = trio.CancelScope(shield=True)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, config: Config, token: Secret | None = None, *, wait_owner: float = 0.0
    ) -> AsyncIterator[StatsClient]:
        """Start the tree, and drain it when the block is left.

        Draining means: the gateway stops reading and keeps beating, what was received is committed, the sessions are left resumable
        (promise P8). A cancellation of the block drains too, within ``supervision.drain_s``.

        Args:
            config: what to run.
            token: the bot's token; without one, it is taken from where ``config.discord`` says.
            wait_owner: seconds to wait for another process to give the database up.

        Raises:
            MochaError: the database or the configuration cannot be used, or, out of the running block, Discord refuses the bot
                (:class:`PermanentError`), another process took over (:class:`FencedOutError`), the ground gives way (:class:`SystemFailure`).
            RestartLimitExceeded: the tree failed too often.

        """
        client = cls(config)
        token = token or load_token(config.discord)
        shards = shard_settings(config, token)
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(open_store(config.database.url, wait=wait_owner))
            readers = open_readers(config.database.url, threads=config.stats.reader_threads)
            rest = await stack.enter_async_context(open_rest(Token(token.reveal()), config.discord.api_url))
            spec = client._spec(store, await stack.enter_async_context(readers), client._gateway(shards, rest))
            async with open_supervisor(spec, on_event=client._on_event) as client.supervisor:
                logger.info(
                    "service.started", version=__version__, database=str(store.path), shards=config.discord.shards
                )
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
            ConfigError: an intent is unknown, or the database's address cannot be used.

        """
        database_path(config.database.url)
        shard_settings(config, Secret("unused"))

    # Questions

    async def guilds(self) -> list[tuple[int, str | None]]:
        """The guilds that anything is known of, ascending by id, with their names where known."""
        return await self.ask(GuildsQuestion())

    async def guild_stats(self, guild_id: int, **options: Unpack[Options]) -> GuildStats:
        """What happened in a guild. See :class:`~mocha_actors.stats.results.GuildStats` for what each number means.

        Args:
            guild_id: the guild.
            options: the range and who is counted, see :class:`Options`.

        Raises:
            QuestionError: something of the question is not allowed; the text names it.

        """
        return await self.ask(GuildQuestion(guild_id=guild_id, **_shared(options)))

    async def user_stats(self, guild_id: int, user_id: int, **options: Unpack[Options]) -> UserStats:
        """What one user wrote in a guild; a user that is named is counted whatever the class, a bot too. See :meth:`guild_stats`."""
        return await self.ask(UserQuestion(guild_id=guild_id, user_id=user_id, **_shared(options)))

    async def channel_stats(self, guild_id: int, channel_id: int, **options: Unpack[Options]) -> ChannelStats:
        """What was written in a channel or thread. See :meth:`guild_stats`."""
        return await self.ask(ChannelQuestion(guild_id=guild_id, channel_id=channel_id, **_shared(options)))

    async def leaderboard(
        self, guild_id: int, *, limit: int = 10, cursor: str | None = None, **options: Unpack[Options]
    ) -> Leaderboard:
        """Who wrote most in a guild: ties share the rank, and inside a tie the lower user id comes first. See :meth:`guild_stats`.

        Args:
            guild_id: the guild.
            limit: users of a page, 1 to 1000.
            cursor: ``next_cursor`` of the page before.
            options: see :class:`Options`.

        """
        return await self.ask(LeaderboardQuestion(guild_id=guild_id, limit=limit, cursor=cursor, **_shared(options)))

    async def ask(self, question: Request[R]) -> R:
        """Ask any question of :mod:`mocha_actors.stats.questions`.

        Raises:
            QuestionError: something of the question is not allowed.
            DeadlineExceededError: it took longer than ``stats.deadline_s`` and was interrupted.
            ActorError: the tree could not answer.

        """
        return await self._refs.stats.ask(question, timeout=self.config.stats.deadline_s + ANSWER_LIMIT)

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
        breakers = {self._breaker.name: self._breaker.state.value}
        return Status(
            version=__version__, pid=os.getpid(), uptime_seconds=trio.current_time() - self._began, database=str(self._database),
            ready=tree.ready and self._breaker.state is BreakerState.CLOSED, shards=self.config.discord.shards, connected=counters.connected,
            durable=dict(counters.durable), events_per_second=events_per_second, received=counters.received, committed=counters.committed,
            ignored=counters.ignored, dead_lettered=counters.dead_lettered, resumes=counters.resumes, identifies=counters.identifies,
            restarts=counters.restarts, lag_p50_seconds=counters.lag.percentile(50), lag_p99_seconds=counters.lag.percentile(99),
            breakers=breakers, tree=_node(tree),
        )  # fmt: skip

    def abort(self) -> None:
        """End a shutdown that takes too long: what is not committed yet is left to the next start, which resumes."""
        self._drain.cancel()

    # The tree

    def _spec(self, store: Store, readers: Readers, gateway: SupervisorSpec) -> SupervisorSpec:
        refs, config = self._refs, self.config
        writer = partial(
            Writer, store.port, epoch=store.epoch, dispatcher=refs.dispatcher, listeners=dict(enumerate(refs.shards)),
            breaker=self._breaker, counters=self.counters,
            grouping=Grouping(config.database.batch_events, config.database.batch_ms / 1000),
        )  # fmt: skip
        engine = partial(
            QueryEngine, readers, concurrency=config.stats.reader_threads, deadline=config.stats.deadline_s
        )
        dispatcher = partial(Dispatcher, refs.writer, refs.routes())
        return self._supervisor(
            self._child("writer", writer, refs.writer),
            self._child("stats", engine, refs.stats),
            ChildSpec("processors", self._processors()),
            self._child("dispatcher", dispatcher, refs.dispatcher),
            self._child(
                "control", partial(Control, store.path, lambda: self.counters.committed, self.status), refs.control
            ),
            ChildSpec("gateway", gateway),
        )

    def _processors(self) -> SupervisorSpec:
        children = []
        for name, ref in self._refs.processors.items():
            start = partial(Processor, name, PROCESSORS[name].translate, FailureWindow())
            children.append(self._child(name, start, ref))
        return self._supervisor(*children)

    def _gateway(self, shards: list[ShardSettings], rest: DiscordRest) -> SupervisorSpec:
        refs = self._refs
        surroundings = Surroundings(
            dispatcher=refs.dispatcher, writer=refs.writer, identify=refs.identify, rest=rest, counters=self.counters,
            clock=ReceiveClock(), rng=Random(), on_fatal=self._end_for,  # noqa: S311  # jitter
        )  # fmt: skip
        return gateway_children(dict(zip(refs.shards, shards, strict=True)), surroundings)

    def _supervisor(self, *children: ChildSpec) -> SupervisorSpec:
        limits = self.config.supervision
        return SupervisorSpec(children=children, max_restarts=limits.max_restarts, max_seconds=limits.max_seconds)

    def _child(self, name: str, start: Callable[[], Actor[Any]], ref: ActorRef[Any]) -> ChildSpec:
        limits = self.config.supervision
        backoff = Backoff(limits.backoff_base_s, limits.backoff_cap_s)
        return ChildSpec(name, start, ref=ref, backoff=backoff, shutdown=limits.drain_s)

    def _end_for(self, error: PermanentError) -> None:
        """End the block because of an error that only a person can mend; the first one is raised."""
        self._fatal = self._fatal or error
        self._body.cancel()

    def _on_event(self, event: Event) -> None:
        """Log what the runtime reports, and count the restarts."""
        self.counters.restarts += event.name == "child.restarting"
        fields = {name: value for name, value in event.fields.items() if value is not None and name != "exception"}
        expected = event.fields.get("outcome") in {"stopped", "exited"}
        level = logging.WARNING if event.name in WARNINGS and not expected else logging.DEBUG
        logger.log(
            level,
            event.name,
            path=event.path,
            incarnation=event.incarnation,
            exc_info=event.fields.get("exception"),
            **fields,
        )

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
            except ActorError as error:
                reason = str(error)
        if reason:
            with trio.CancelScope(shield=True):
                await self.supervisor.kill()
        self.report = Report(clean=not reason, reason=reason, seconds=trio.current_time() - began)
        logger.info("service.stopped", clean=self.report.clean, reason=reason, seconds=round(self.report.seconds, 3))

    async def _quiesce_and_flush(self, limit: float) -> None:
        async with trio.open_nursery() as nursery:
            for shard in self._refs.shards:
                nursery.start_soon(_quiesce, shard, limit)
        await self._refs.dispatcher.ask(Flush(), timeout=limit)


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


def _shared(options: Options) -> dict[str, Any]:
    """The range and the filters that ``options`` name, as fields of a question."""
    given: dict[str, Any] = dict(options)
    days, since, until = given.pop("days", None), given.pop("since", None), given.pop("until", None)
    now_ms = time.time_ns() // 1_000_000
    if days is not None and (since is not None or until is not None):
        raise QuestionError("days counts back from now; give either days or since and until")
    if since is None and until is not None:
        raise QuestionError("until needs since; for the time before now give days")
    if since is not None:
        period = Range.between(_iso(since), None if until is None else _iso(until), now_ms)
    else:
        period = Range.last_days(DEFAULT_DAYS if days is None else days, now_ms)
    return {"range": period, "filters": Filters(**given)}


def _iso(moment: Any) -> str:
    return moment.isoformat() if isinstance(moment, date) else str(moment)


async def _quiesce(shard: ShardRef, limit: float) -> None:
    """Have a shard stop reading; one that has ended, or is waiting for its restart, reads nothing anyway."""
    with suppress(ActorDead, AskTimeout):
        await shard.ask(Quiesce(), timeout=limit / 2)


class Refs:
    """The addresses of all actors, made before the tree, so that each can be given to those who send to it."""

    def __init__(self, shards: int, writer: Mailbox) -> None:
        """Addresses for a tree with ``shards`` shards."""
        self.writer: ActorRef[Any] = new_ref("writer", writer)
        self.stats: ActorRef[Any] = new_ref("stats", STATS_MAILBOX)
        self.processors: dict[str, ActorRef[Work]] = {name: new_ref(name, PROCESSOR_MAILBOX) for name in PROCESSORS}
        self.control: ActorRef[None] = new_ref("control")
        self.dispatcher: ActorRef[Any] = new_ref("dispatcher", DISPATCHER_MAILBOX)
        self.identify: ActorRef[TakeTurn] = new_ref("identify", IDENTIFY_MAILBOX)
        self.shards: list[ShardRef] = [new_ref(f"shard-{shard}") for shard in range(shards)]

    def routes(self) -> Routes:
        """Which processor takes which event."""
        return {event: self.processors[name] for name, module in PROCESSORS.items() for event in module.HANDLES}


def shard_settings(config: Config, token: Secret) -> list[ShardSettings]:
    """What each shard of this process is to do.

    Raises:
        ConfigError: an intent is unknown.

    """
    discord = config.discord
    try:
        intents = parse_intents(discord.intents)
    except ConfigError as error:
        raise ConfigError(f"discord.intents: {error}") from None
    identity = partial(
        Identity, Token(token.reveal()), shards=discord.shards, intents=intents, large_threshold=discord.large_threshold
    )
    return [
        ShardSettings(
            identity(shard=shard),
            api_url=discord.api_url,
            gateway_url=discord.gateway_url,
            compression=discord.compression,
        )
        for shard in range(discord.shards)
    ]
