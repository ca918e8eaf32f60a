"""Taking a database into use as its writer: lock, open, migrate, raise the epoch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from mocha_actors.db import checkpoint
from mocha_actors.db.address import DatabaseAddress, database_address, local_path, prepare
from mocha_actors.db.engine import Port, open_port
from mocha_actors.db.integrity import check_whole
from mocha_actors.db.overflow import Overflow
from mocha_actors.db.overflow_start import SpoolPlace, open_overflow
from mocha_actors.db.ownership import Ownership, guarded_by, own_server
from mocha_actors.db.session import Session

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Store:
    """A database that this process owns.

    Attributes:
        address: of the database; its text shows no password.
        port: the way to its connection.
        epoch: of this ownership; every incarnation of the writer writes under it.
        overflow: the spool; None without one.

    """

    address: DatabaseAddress
    port: Port
    epoch: int
    overflow: Overflow | None = None

    @property
    def path(self) -> Path:
        """What files beside the database are named after: the database file, or see :func:`~mocha_actors.db.address.local_path`."""
        return local_path(self.address)


@asynccontextmanager
async def open_store(
    url: str, *, inline: bool = False, wait: float = 0.0, take_over: bool = False, spool: SpoolPlace | None = None
) -> AsyncIterator[Store]:
    """Own and open the database of ``url`` until the block ends.

    Args:
        url: ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or ``postgresql://user:password@host:port/database``; migrated as needed.
        inline: without a thread, for virtual time.
        wait: seconds to wait for another owner to end.
        take_over: take the database away from an owner that does not end; see :mod:`mocha_actors.db.ownership`.
        spool: where the writer may write while the database is away; None for nowhere.

    Raises:
        MochaError: a sentence that says what is wrong: address, file, schema, the other owner, or the spool.

    """
    address = database_address(url)
    async with AsyncExitStack() as stack:
        taken_over, ownership = False, None
        if isinstance(address, Path):
            prepare(address)
            ownership = await Ownership.acquire(address, wait, take_over=take_over)
            stack.callback(ownership.release)
            taken_over = ownership.taken_over
            if ownership.interrupted:
                await check_whole(address, inline=inline)

        async def first(port: Port) -> None:
            nonlocal taken_over
            if ownership is not None:
                await port.run(guarded_by(ownership))
            elif not isinstance(address, Path):
                taken_over = await own_server(port, address=address, wait=wait, take_over=take_over)

        port = await stack.enter_async_context(open_port(url, inline=inline, first=first))
        before, epoch = await port.run(begin_epoch)
        log.info("ownership.acquired", epoch=epoch)
        overflow = None
        if spool is not None:
            overflow = await stack.enter_async_context(
                open_overflow(port, spool, before=before, epoch=epoch, taken_over=taken_over, inline=inline)
            )
        yield Store(address, port, epoch, overflow)
        if ownership is not None:
            ownership.clean = True


def begin_epoch(session: Session) -> tuple[int, int]:
    """Raise the epoch of all shards; returns that of the owner before, and the new one."""
    with session.transaction() as connection:
        return checkpoint.current_epoch(connection), checkpoint.claim_epoch(connection)
