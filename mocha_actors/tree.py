"""The tree of a running Mocha: who is there, whom each talks to, and what restarts it.

    mocha                       one_for_one
     ├─ writer                  the only one who writes
     ├─ cache                   answers, kept until what they were read from changes
     ├─ stats                   questions
     ├─ processors              one_for_one: message, reaction, voice, member, presence, guild
     ├─ dispatcher
     ├─ janitor                 maintenance: rollups of closed days, retention, purges
     ├─ ownership               whether the database still is ours
     ├─ control                 the control socket
     └─ gateway                 one_for_one: identify, shard-0, shard-1, …; or, in a bot that has a connection of its own, intake

The children are started in this order, so that the reverse order, in which they are stopped, is the order in which events drain.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from types import ModuleType
from typing import Any, Final

from mocha_actors import administration
from mocha_actors.cache.actor import MAILBOX as CACHE_MAILBOX
from mocha_actors.cache.actor import Cache, counters_of
from mocha_actors.cache.actor import Message as CacheMessage
from mocha_actors.cache.bases import Bases
from mocha_actors.cache.shared import SharedAnswers
from mocha_actors.config import Config, PrivacySection, Secret
from mocha_actors.control import Control, Status
from mocha_actors.db.closing import ClosedDays
from mocha_actors.db.connection import Connection
from mocha_actors.db.grouping import Grouping
from mocha_actors.db.janitor import Janitor, Job
from mocha_actors.db.packing import UserColumns
from mocha_actors.db.purge import PurgeLeftGuilds
from mocha_actors.db.readers import Readers
from mocha_actors.db.retention import Limits, Retention
from mocha_actors.db.store import Store
from mocha_actors.db.watch import Watch
from mocha_actors.db.writer import NEVER_POISON, Writer, bytes_of, events_of, writer_mailbox
from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.intents import Intents, parse_intents
from mocha_actors.errors import ConfigError, PermanentError, SystemFailure
from mocha_actors.events.dispatcher import Dispatcher, Routes
from mocha_actors.gateway.clock import ReceiveClock
from mocha_actors.gateway.feed import FeedMessage
from mocha_actors.gateway.identify_queue import MAILBOX as IDENTIFY_MAILBOX
from mocha_actors.gateway.identify_queue import TakeTurn
from mocha_actors.gateway.identity import Identity
from mocha_actors.gateway.intake import MAILBOX as INTAKE_MAILBOX
from mocha_actors.gateway.intake import Intake
from mocha_actors.gateway.rest import DiscordRest
from mocha_actors.gateway.settings import ShardSettings, Surroundings
from mocha_actors.gateway.tree import ShardRef, gateway_children
from mocha_actors.pipeline.batch import Work
from mocha_actors.pipeline.counters import CacheCounters, Counters
from mocha_actors.privacy.audit import AuditEntry, note
from mocha_actors.privacy.desk import ServiceDesk
from mocha_actors.processors import guild, member, message, presence, reaction, voice
from mocha_actors.processors.base import FailureWindow, Processor
from mocha_actors.runtime import Actor, ActorRef, Backoff, ChildSpec, CircuitBreaker, Mailbox, SupervisorSpec, new_ref
from mocha_actors.stats.engine import MAILBOX as STATS_MAILBOX
from mocha_actors.stats.engine import QueryEngine

DISPATCHER_MAILBOX: Final = Mailbox(8_192, redeliver=NEVER_POISON, max_bytes=64 << 20, weigh=events_of, size=bytes_of)
PROCESSOR_MAILBOX: Final = Mailbox(16_384, redeliver=NEVER_POISON, weigh=len)

PROCESSORS: Final[dict[str, ModuleType]] = {
    "message": message, "reaction": reaction, "voice": voice, "member": member, "presence": presence, "guild": guild,
}  # fmt: skip
"""The processors by name: modules with ``HANDLES``, the events, ``translate``, from an event to its facts, and perhaps ``SLOW``, those that take long."""

FATAL: Final = (PermanentError, SystemFailure)
"""Errors that no restart mends. They end the tree at once and come out of :meth:`mocha_actors.client.StatsClient.open`."""


class Refs:
    """The addresses of all actors, made before the tree, so that each can be given to those who send to it."""

    def __init__(self, shards: int) -> None:
        """Addresses for a tree with ``shards`` shards."""
        self.writer: ActorRef[Any] = new_ref("writer", writer_mailbox())
        self.cache: ActorRef[CacheMessage] = new_ref("cache", CACHE_MAILBOX)
        self.stats: ActorRef[Any] = new_ref("stats", STATS_MAILBOX)
        self.processors: dict[str, ActorRef[Work]] = {name: new_ref(name, PROCESSOR_MAILBOX) for name in PROCESSORS}
        self.dispatcher: ActorRef[Any] = new_ref("dispatcher", DISPATCHER_MAILBOX)
        self.janitor: ActorRef[None] = new_ref("janitor")
        self.ownership: ActorRef[None] = new_ref("ownership")
        self.control: ActorRef[None] = new_ref("control")
        self.identify: ActorRef[TakeTurn] = new_ref("identify", IDENTIFY_MAILBOX)
        self.intake: ActorRef[FeedMessage] = new_ref("intake", INTAKE_MAILBOX)
        self.shards: list[ShardRef] = [new_ref(f"shard-{shard}") for shard in range(shards)]

    def routes(self) -> Routes:
        """Which processor takes which event."""
        return {event: self.processors[name] for name, module in PROCESSORS.items() for event in module.HANDLES}


@dataclass(frozen=True, slots=True)
class Parts:
    """What the actors share and outlive them.

    Attributes:
        store: the database, owned.
        readers: its readers.
        rest: Discord's API; None where the connection is somebody else's.
        breaker: guards the database.
        counters: of the program.
        status: how the whole is, given the events per second.
        on_fatal: told why a shard ended for good.
        shared: the second level of the cache.

    """

    store: Store
    readers: Readers
    rest: DiscordRest | None
    breaker: CircuitBreaker
    counters: Counters
    status: Callable[[float], Status]
    on_fatal: Callable[[PermanentError], None]
    shared: SharedAnswers | None = None


def build_tree(config: Config, shards: list[ShardSettings], refs: Refs, parts: Parts) -> SupervisorSpec:
    """The specification of the whole tree, without gateway where :attr:`Parts.rest` is None. Nothing is started."""
    tree = _Builder(config)
    writer = partial(
        Writer, parts.store.port, epoch=parts.store.epoch, dispatcher=refs.dispatcher, listeners=dict(enumerate(refs.shards)),
        breaker=parts.breaker, counters=parts.counters, cache=refs.cache, overflow=parts.store.overflow, anonymise=config.privacy.anonymise,
        grouping=Grouping(config.database.batch_events, config.database.batch_ms / 1000),
    )  # fmt: skip
    shared = parts.shared
    bases = live_counters(config, parts.counters)
    cache = partial(Cache, config.cache, counters_of(parts.counters), shared, bases)
    stats = config.stats
    engine = partial(
        QueryEngine, parts.readers, concurrency=stats.reader_threads, deadline=stats.deadline_s,
        cache=refs.cache, stale_seconds=config.cache.stale_s, shared=shared is not None, bases=bases,
    )  # fmt: skip
    dispatcher = partial(Dispatcher, refs.writer, refs.routes())
    janitor = partial(Janitor, refs.writer, janitor_jobs(config.privacy, parts.readers))
    desk = ServiceDesk(refs.writer, parts.readers)
    perform = partial(administration.perform, desk, anonymised=config.privacy.anonymise)
    control = partial(
        Control, parts.store.path, lambda: parts.counters.committed, parts.status,
        lambda command, progress: perform(command, progress=progress),
    )  # fmt: skip
    root = tree.supervisor(
        tree.child("writer", writer, refs.writer),
        tree.child("cache", cache, refs.cache),
        tree.child("stats", engine, refs.stats),
        ChildSpec("processors", tree.supervisor(*(tree.processor(name, ref) for name, ref in refs.processors.items()))),
        tree.child("dispatcher", dispatcher, refs.dispatcher),
        tree.child("janitor", janitor, refs.janitor),
        tree.child("ownership", partial(Watch, refs.writer, parts.store.epoch), refs.ownership),
        tree.child("control", control, refs.control),
        tree.child("intake", partial(_intake, config, refs, parts), refs.intake) if parts.rest is None else
        ChildSpec("gateway", _gateway(shards, refs, parts, parts.rest)),
    )  # fmt: skip
    return replace(root, breakers=(parts.breaker, *(() if shared is None else (shared.breaker,))))


def live_counters(config: Config, counters: Counters) -> Bases | None:
    """The store of the live counters, if the configuration wants any."""
    if config.cache.live_mb == 0:
        return None
    return Bases(config.cache.live_mb << 20, counters.caches.setdefault("live", CacheCounters()))


def janitor_jobs(privacy: PrivacySection, readers: Readers) -> list[Job]:
    """What the janitor does, in this order: a day is closed before its raw rows go."""
    limits = Limits(
        privacy.messages_days, privacy.voice_days, privacy.reactions_days, privacy.presence_days, privacy.members_days,
        privacy.hours_days, privacy.dead_letters_days,
    )  # fmt: skip
    purge = PurgeLeftGuilds(readers, privacy.purge_left_guilds_after_days, note_purge)
    return [ClosedDays(readers), UserColumns(readers), Retention(readers, limits), purge]


def note_purge(connection: Connection, guild: int, detail: str) -> None:
    """Write down that the janitor purged a guild."""
    note(connection, AuditEntry(time.time_ns() // 1_000_000, "janitor", "purge", guild, detail))


class _Builder:
    """Specifications with the limits of the configuration."""

    def __init__(self, config: Config) -> None:
        self._limits = config.supervision

    def supervisor(self, *children: ChildSpec) -> SupervisorSpec:
        limits = self._limits
        return SupervisorSpec(children=children, max_restarts=limits.max_restarts, max_seconds=limits.max_seconds)

    def child(self, name: str, start: Callable[[], Actor[Any]], ref: ActorRef[Any]) -> ChildSpec:
        limits = self._limits
        backoff = Backoff(limits.backoff_base_s, limits.backoff_cap_s)
        return ChildSpec(name, start, ref=ref, backoff=backoff, shutdown=limits.drain_s, fatal=FATAL)

    def processor(self, name: str, ref: ActorRef[Work]) -> ChildSpec:
        module = PROCESSORS[name]
        slow = getattr(module, "SLOW", ())
        return self.child(name, partial(Processor, name, module.translate, FailureWindow(), slow), ref)


def _intake(config: Config, refs: Refs, parts: Parts) -> Intake:
    decoder = EventDecoder(refs.routes(), content=measures_content(config))
    return Intake(dispatcher=refs.dispatcher, decoder=decoder, counters=parts.counters)


def _gateway(shards: list[ShardSettings], refs: Refs, parts: Parts, rest: DiscordRest) -> SupervisorSpec:
    surroundings = Surroundings(
        dispatcher=refs.dispatcher, writer=refs.writer, identify=refs.identify, rest=rest, counters=parts.counters,
        clock=ReceiveClock(), rng=Random(), on_fatal=parts.on_fatal,  # noqa: S311  # jitter
        decoder=EventDecoder(refs.routes(), content=reads_content(shards)),
    )  # fmt: skip
    return gateway_children(dict(zip(refs.shards, shards, strict=True)), surroundings)


def reads_content(shards: list[ShardSettings]) -> bool:
    """Whether Discord sends what people write: then it is measured."""
    return any(shard.identity.intents & Intents.MESSAGE_CONTENT for shard in shards)


def measures_content(config: Config) -> bool:
    """Whether ``discord.intents`` says that Discord sends what people write: then it is measured."""
    return bool(parse_intents(config.discord.intents) & Intents.MESSAGE_CONTENT)


def shard_settings(config: Config, token: Secret, shards: int) -> list[ShardSettings]:
    """What each of the ``shards`` shards of this process is to do.

    Raises:
        ConfigError: an intent is unknown.

    """
    discord = config.discord
    try:
        intents = parse_intents(discord.intents)
    except ConfigError as error:
        raise ConfigError(f"discord.intents: {error}") from None
    identity = partial(Identity, token, shards=shards, intents=intents, large_threshold=discord.large_threshold)
    settings = partial(
        ShardSettings, api_url=discord.api_url, gateway_url=discord.gateway_url, compression=discord.compression
    )
    return [settings(identity(shard=shard)) for shard in range(shards)]
