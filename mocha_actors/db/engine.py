"""The database port: the one way from actors to the connection that writes.

A job is a function of a :class:`~mocha_actors.db.session.Session`; it runs to its end on the port's own thread, one after the other, in the
order of the calls. A caller that is cancelled leaves its job running, so whoever takes over waits for :meth:`Port.idle` first.
:class:`InlinePort` is the same without a thread, since a virtual clock would run ahead of one.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol, TypeVar

import structlog
import trio

from mocha_actors.db import migrations
from mocha_actors.db.address import DatabaseAddress, database_address, prepare
from mocha_actors.db.session import Session, open_session

R = TypeVar("R")
Job = Callable[[Session], R]

log = structlog.get_logger()


class Port(Protocol):
    """What the writer needs of the database."""

    async def run(self, job: Job[R]) -> R:
        """Run ``job`` to its end and return its result or raise its error, a cancellation notwithstanding."""

    async def idle(self) -> None:
        """Wait until no job is in flight, not even one whose caller was cancelled."""


Own = Callable[[Port], Awaitable[None]]


class ThreadPort:
    """The port with its dedicated thread."""

    def __init__(self, address: DatabaseAddress) -> None:
        """``address`` of a database that exists (see :func:`open_port`); the connection is opened by the first job."""
        self._address = address
        self._session: Session | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mocha-database")
        self._last: Future[Any] | None = None

    async def run(self, job: Job[R]) -> R:
        """See :meth:`Port.run`."""
        await trio.lowlevel.checkpoint_if_cancelled()
        future = self._thread.submit(self._perform, job)
        self._last = future
        await finished(future)
        return future.result()

    async def idle(self) -> None:
        """See :meth:`Port.idle`."""
        if self._last is None:
            await trio.lowlevel.checkpoint()
        else:
            await finished(self._last)

    async def close(self) -> None:
        """Let the job in flight finish, close the connection, end the thread."""
        with trio.CancelScope(shield=True):
            await finished(self._thread.submit(self._close))
        self._thread.shutdown()

    def _perform(self, job: Job[R]) -> R:
        if self._session is None:
            self._session = open_session(self._address)
        return job(self._session)

    def _close(self) -> None:
        if self._session is not None:
            self._session.close()


class InlinePort:
    """The port without a thread, for virtual time: the job runs at once, between two checkpoints."""

    def __init__(self, address: DatabaseAddress) -> None:
        """As :class:`ThreadPort`."""
        self._session = open_session(address)

    async def run(self, job: Job[R]) -> R:
        """See :meth:`Port.run`; a cancellation that comes meanwhile finds the job done and its result lost."""
        await trio.lowlevel.checkpoint_if_cancelled()
        result = job(self._session)
        await trio.lowlevel.checkpoint()
        return result

    async def idle(self) -> None:
        """See :meth:`Port.idle`."""
        await trio.lowlevel.checkpoint()

    async def close(self) -> None:
        """Close the connection."""
        self._session.close()
        await trio.lowlevel.checkpoint()


async def finished(future: Future[R]) -> None:
    """Wait for ``future``; being cancelled does not cancel it."""
    done, token = trio.Event(), trio.lowlevel.current_trio_token()

    def tell(_: Future[R]) -> None:
        # The loop may have ended meanwhile; then nobody waits.
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(done.set)

    future.add_done_callback(tell)
    await done.wait()


@asynccontextmanager
async def open_port(url: str, *, inline: bool = False, first: Own | None = None) -> AsyncIterator[Port]:
    """Open the database of ``url`` for writing, create and migrate it as needed, and close it at the end.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://user:password@host:port/database``.
        inline: without a thread, for virtual time.
        first: awaited with the port before anything is changed: takes the ownership.

    Raises:
        MochaError: a sentence that says what is wrong with the address, the file or its schema.

    """
    address = database_address(url)
    prepare(address)
    port = InlinePort(address) if inline else ThreadPort(address)
    try:
        if first is not None:
            await first(port)
        before, after = await port.run(bring_up)
        log.info("database.opened", path=str(address), schema_version=after)
        if before != after:
            log.info("database.migrated", path=str(address), from_version=before, to_version=after)
        yield port
    finally:
        await port.close()


def bring_up(session: Session) -> tuple[int, int]:
    """Migrate and map the tables; returns the schema version before and after."""
    with session.transaction() as connection:
        versions = migrations.migrate(connection, int(time.time() * 1000), migrations.known(session.dialect))
    session.map_entities()
    return versions
