"""Mocha for a program on asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Concatenate, Final, ParamSpec, Self, TypeVar

import msgspec

from mocha_actors.administering import PROGRAM
from mocha_actors.administration import Done
from mocha_actors.client import Report, StatsClient
from mocha_actors.config import Config, DatabaseSection, Secret, load
from mocha_actors.control import Status
from mocha_actors.embed.health import Health
from mocha_actors.embed.host_logs import adopt_logging
from mocha_actors.embed.watching import Watchers
from mocha_actors.errors import ConfigError
from mocha_actors.events.recording import Happened, Recorded
from mocha_actors.gateway.feed import Feed
from mocha_actors.runtime import Event, Request, RuntimeClosed, Supervisor
from mocha_actors.runtime.bridge import Bridge, start_as_guest, start_in_thread
from mocha_actors.stats.asking import Asking

P = ParamSpec("P")
R = TypeVar("R")

KILL_SECONDS: Final = 5.0
"""Seconds beyond ``supervision.drain_s`` after which what still runs is killed."""

ASKS: Final = 1_000
"""Questions that may be under way at the same time."""


class MochaStats(Asking):
    """A running Mocha behind a program on asyncio. Its questions are the methods of :class:`~mocha_actors.stats.asking.Asking`, as awaitables of the
    host's loop.

    It runs in a thread of its own, so that neither side holds the other up, and never takes a signal. If it fails for good, that is logged once,
    the host runs on, and every later question raises :class:`~mocha_actors.runtime.RuntimeClosed`. Several may live in one process, each with
    a database of its own.

    Attributes:
        config: what it runs by.
        report: how its end went; None while it runs.

    """  # noqa: D205 - one sentence

    def __init__(
        self, config: Config | str | os.PathLike[str] | None = None, *, database: str | None = None, gateway: bool = False,
        token: Secret | None = None, guest: bool = False, wait_owner: float = 0.0,
    ) -> None:  # fmt: skip
        """A Mocha that does not run yet; it begins with ``async with`` or :meth:`start`.

        Args:
            config: a configuration, or the path of its file; the defaults without one.
            database: URL of the database, instead of the configuration's.
            gateway: whether it keeps a connection of its own to Discord, beside the host's, which it does not need then.
            token: for that connection; without one it is taken from where the configuration says.
            guest: whether it runs in the host's own loop instead of a thread: a callback of the host that blocks then holds it up.
            wait_owner: seconds to wait for another process to give the database up.

        Raises:
            ConfigError: the configuration cannot be used.

        """
        self.config = _with_database(_configuration(config), database)
        StatsClient.check(self.config)
        self.report: Report | None = None
        self._gateway, self._token, self._guest, self._wait_owner = gateway, token, guest, wait_owner
        self._bridge: Bridge | None = None
        self._client: StatsClient | None = None
        self._watchers = Watchers()

    # Living

    async def start(self) -> Self:
        """Start it, and return when it runs.

        Raises:
            MochaError: as :meth:`~mocha_actors.client.StatsClient.open` does.
            RuntimeError: it was started before.

        """
        if self._bridge is not None:
            msg = "this MochaStats was started before; make another one"
            raise RuntimeError(msg)
        adopt_logging()
        self._watchers.open(asyncio.get_running_loop())
        begin = start_as_guest if self._guest else start_in_thread
        drain = self.config.supervision.drain_s + KILL_SECONDS
        self._bridge = await begin(self._program, capacity=ASKS, drain=drain)
        return self

    async def aclose(self) -> Report:
        """Commit what was handed over, and end. May be called twice, and after a failure.

        What the host hands over afterwards is dropped and counted.
        """
        if self._bridge is not None:
            closed = await self._bridge.aclose()
            if self.report is None or closed.error is not None:
                self.report = Report(clean=False, reason=str(closed.error or "it did not start"), seconds=0.0)
        self._watchers.close()
        return self.report or Report(clean=False, reason="it was not started", seconds=0.0)

    async def __aenter__(self) -> Self:
        """Start it for the length of a block."""
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    @asynccontextmanager
    async def _program(self) -> AsyncIterator[Supervisor]:
        async with StatsClient.open(
            self.config, self._token, wait_owner=self._wait_owner, gateway=self._gateway, on_event=self._watchers.tell
        ) as self._client:
            yield self._client.supervisor
        self.report = self._client.report

    # Feeding

    @property
    def feed(self) -> Feed:
        """What the host's dispatches are handed to: thread-safe, bounded, and it never waits.

        Raises:
            RuntimeClosed: it was not started.
            ConfigError: it has a connection of its own, and would count everything twice.

        """
        if self._client is None:
            raise RuntimeClosed
        if self._client.feed is None:
            msg = "this MochaStats has a gateway connection of its own (gateway=True), so that a bot's events must not be handed to it too"
            raise ConfigError(msg)
        return self._client.feed

    async def record(
        self,
        events: Iterable[Happened],
        *,
        observed: tuple[datetime, datetime] | None = None,
        shards: Iterable[int] = (),
    ) -> Recorded:
        """Record events with explicit times, see :meth:`~mocha_actors.client.StatsClient.record`. An iterator is read in Mocha's thread."""
        return await self.run(StatsClient.record, events, observed=observed, shards=shards)

    async def flush(self) -> None:
        """Wait until everything that was handed over before is committed."""
        await self.run(StatsClient.flush)

    # Asking

    @property
    def default_zone(self) -> str:
        """See :attr:`~mocha_actors.stats.asking.Asking.default_zone`."""
        return self.config.stats.timezone

    async def ask(self, question: Request[R]) -> R:
        """Ask any question of :mod:`mocha_actors.stats.questions`; see :meth:`~mocha_actors.client.StatsClient.ask`."""
        return await self.run(StatsClient.ask, question)

    # Whom it is about

    @property
    def anonymised(self) -> bool:
        """Whether users stand under pseudonyms in the database."""
        return self.config.privacy.anonymise

    async def forget(self, user_id: int, *, actor: str = PROGRAM) -> Done:
        """Erase a user for good; see :meth:`mocha_actors.administering.Administering.forget`."""
        return await self.run(StatsClient.forget, user_id, actor=actor)

    async def opt_out(self, user_id: int, *, out: bool = True, actor: str = PROGRAM) -> Done:
        """Record nothing more of a user, or record it again; see :meth:`mocha_actors.administering.Administering.opt_out`."""
        return await self.run(StatsClient.opt_out, user_id, out=out, actor=actor)

    async def user_data(self, user_id: int, *, actor: str = PROGRAM) -> str:
        """Everything that is stored about a user, as JSON; see :meth:`mocha_actors.administering.Administering.user_data`."""
        return await self.run(StatsClient.user_data, user_id, actor=actor)

    async def run(
        self, function: Callable[Concatenate[StatsClient, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a function on the side of trio, with the client there as its first argument; cancelling cancels it.

        That is how an actor of your own is added: ``await stats.run(add)`` with ``async def add(client): await client.supervisor.start_child(…)``.

        Raises:
            RuntimeClosed: it does not run, or ended before the function returned.
            MailboxFull: :data:`ASKS` are under way.
            Exception: whatever the function raises.

        """
        bridge, client = self._bridge, self._client
        if bridge is None or client is None:
            raise RuntimeClosed

        async def there() -> R:
            return await function(client, *args, **kwargs)

        return await bridge.run(there)

    # Watching

    async def status(self) -> Status:
        """The whole picture: live tree, counters, breakers."""

        async def there(client: StatsClient) -> Status:
            return client.status()

        return await self.run(there)

    def health(self) -> Health:
        """A summary, at any time and from any thread."""
        client, bridge = self._client, self._bridge
        error = bridge.error if bridge is not None else None
        running = bridge is not None and bridge.running
        if client is None:
            return Health(running, str(error or ""), 0, 0, 0, 0, 0, 0, 0)
        counters = client.counters
        return Health(
            running=running, error="" if error is None else f"{type(error).__name__}: {error}", shards=client.shards,
            connected=counters.connected, received=counters.received, committed=counters.committed,
            dead_lettered=counters.dead_lettered, dropped=client.feed.dropped if client.feed is not None else 0,
            restarts=counters.restarts,
        )  # fmt: skip

    def on_event(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        """Have ``callback`` called in the host's loop with each structured event (``child.restarting``, ``host.resumed``, ...).

        Returns:
            What ends that.

        """
        return self._watchers.add(callback)

    def events(self, backlog: int = 1_000) -> AsyncIterator[Event]:
        """The structured events from now on, until Mocha is closed; who is more than ``backlog`` events behind misses the oldest."""
        return self._watchers.follow(backlog)


def _configuration(config: Config | str | os.PathLike[str] | None) -> Config:
    if config is None:
        return Config()
    return config if isinstance(config, Config) else load(config)


def _with_database(config: Config, url: str | None) -> Config:
    if url is None:
        return config
    section: DatabaseSection = msgspec.structs.replace(config.database, url=url)
    return msgspec.structs.replace(config, database=section)
