"""Where commands are taken: the running service's writer, or, where none runs, the database itself, which is owned for that time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Final, Protocol, TypeVar

import trio

from mocha_actors.db.address import database_address
from mocha_actors.db.apply import Applier
from mocha_actors.db.connection import Connection
from mocha_actors.db.durable import Durable
from mocha_actors.db.projections.registry import projections
from mocha_actors.db.readers import Readers, open_readers, require_begun
from mocha_actors.db.store import open_store
from mocha_actors.db.writer import database_breaker
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.notices import Chore, CompactLog, ImportFacts
from mocha_actors.runtime import ActorRef

R = TypeVar("R")
Work = Callable[[Connection], int]

PIECE_SECONDS: Final = 60.0
"""Seconds that a piece may wait for the writer, or for a reader."""


class Desk(Protocol):
    """Who does the pieces of a command."""

    async def chore(self, work: Work, *, resets: bool = False) -> int:
        """See :meth:`mocha_actors.db.durable.Durable.chore`."""

    async def facts(self, facts: Sequence[Fact]) -> int:
        """See :meth:`mocha_actors.db.durable.Durable.facts`."""

    async def compact_log(self) -> None:
        """See :meth:`mocha_actors.db.durable.Durable.compact_log`."""

    async def read(self, question: Callable[[Connection], R]) -> R:
        """The result of a question, asked beside the writer."""


class ServiceDesk:
    """The writer of a running service."""

    def __init__(self, writer: ActorRef[Any], readers: Readers) -> None:
        """``writer`` takes the pieces that write."""
        self._writer, self._readers = writer, readers

    async def chore(self, work: Work, *, resets: bool = False) -> int:
        """See :meth:`Desk.chore`."""
        return await self._writer.ask(Chore(work, resets), timeout=PIECE_SECONDS)

    async def facts(self, facts: Sequence[Fact]) -> int:
        """See :meth:`Desk.facts`."""
        return await self._writer.ask(ImportFacts(tuple(facts)), timeout=PIECE_SECONDS)

    async def compact_log(self) -> None:
        """See :meth:`Desk.compact_log`."""
        await self._writer.ask(CompactLog(), timeout=PIECE_SECONDS)

    async def read(self, question: Callable[[Connection], R]) -> R:
        """See :meth:`Desk.read`."""
        return await self._readers.run(question, deadline=PIECE_SECONDS)


class OwnDesk:
    """The database, owned by this process."""

    def __init__(self, durable: Durable, readers: Readers) -> None:
        """See :func:`open_desk`."""
        self._durable, self._readers = durable, readers

    async def chore(self, work: Work, *, resets: bool = False) -> int:
        """See :meth:`Desk.chore`."""
        return await self._durable.chore(work, resets=resets)

    async def facts(self, facts: Sequence[Fact]) -> int:
        """See :meth:`Desk.facts`."""
        return await self._durable.facts(facts)

    async def compact_log(self) -> None:
        """See :meth:`Desk.compact_log`."""
        await self._durable.compact_log()

    async def read(self, question: Callable[[Connection], R]) -> R:
        """See :meth:`Desk.read`."""
        return await self._readers.run(question, deadline=PIECE_SECONDS)


@asynccontextmanager
async def open_desk(url: str, *, anonymise: bool = False, inline: bool = False) -> AsyncIterator[OwnDesk]:
    """Own the database of ``url`` until the block ends, and take commands. It must exist, though its schema may be an older one.

    Args:
        url: see :func:`mocha_actors.db.store.open_store`; here nothing is created, so that a mistyped name cannot be taken for an empty database.
        anonymise: whether users stand under pseudonyms there.
        inline: without threads, for virtual time.

    Raises:
        MochaError: there is no database, it cannot be used, or a service owns it.

    """
    address = database_address(url)
    if inline:
        require_begun(address)
    else:
        await trio.to_thread.run_sync(require_begun, address)
    async with open_store(url, inline=inline) as store, open_readers(url, threads=1, inline=inline) as readers:
        applier = Applier(projections(), store.epoch, anonymise=anonymise)
        durable = Durable(
            store.port, applier, epoch=store.epoch, breaker=database_breaker(), rng=Random(), overflow=None,  # noqa: S311 - jitter
            on_drained=lambda _: None,
        )  # fmt: skip
        yield OwnDesk(durable, readers)
