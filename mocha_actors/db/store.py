"""Taking a database into use as its writer: lock, open, migrate, raise the epoch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from mocha_actors.db import checkpoint
from mocha_actors.db.address import database_path, prepare
from mocha_actors.db.engine import Port, open_port
from mocha_actors.db.ownership import Ownership
from mocha_actors.db.session import Session

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Store:
    """A database that this process owns.

    Attributes:
        path: of the file.
        port: the way to its connection.
        epoch: of this ownership; every incarnation of the writer writes under it.

    """

    path: Path
    port: Port
    epoch: int


@asynccontextmanager
async def open_store(url: str, *, inline: bool = False, wait: float = 0.0) -> AsyncIterator[Store]:
    """Own and open the database of ``url`` until the block ends.

    Args:
        url: ``sqlite:///relative.db`` or ``sqlite:////absolute.db``; created and migrated as needed.
        inline: without a thread, for virtual time.
        wait: seconds to wait for another owner to end.

    Raises:
        MochaError: a sentence that says what is wrong: address, file, schema, or the other owner.

    """
    path = database_path(url)
    prepare(path)
    ownership = await Ownership.acquire(path, wait)
    try:
        async with open_port(url, inline=inline) as port:
            epoch = await port.run(begin_epoch)
            log.info("ownership.acquired", epoch=epoch)
            yield Store(path, port, epoch)
    finally:
        ownership.release()


def begin_epoch(session: Session) -> int:
    """Raise the epoch of all shards; returns it."""
    with session.transaction() as connection:
        return checkpoint.claim_epoch(connection)
