"""Taking a spool into use: what a killed process left in it is ours only if nobody has owned the database since (promise P10)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
import trio

from mocha_actors.config import DatabaseSection
from mocha_actors.db import checkpoint
from mocha_actors.db.address import database_address, local_path
from mocha_actors.db.engine import Port
from mocha_actors.db.identify_log import recent_attempts
from mocha_actors.db.overflow import Offload, Overflow, inline, on_thread
from mocha_actors.db.positions import Positions
from mocha_actors.db.session import Session
from mocha_actors.db.spool import PRIVATE, AnyRecord, BatchRecord, OwnerRecord, Spool, batch_of, unusable
from mocha_actors.pipeline.facts import SessionStarted

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SpoolPlace:
    """Where the spool is, and how large it may become, bytes."""

    path: Path
    limit: int


def spool_place(section: DatabaseSection) -> SpoolPlace | None:
    """Where ``section`` puts the spool; None if there is to be none."""
    if not section.spool_bytes:
        return None
    if section.spool_path is not None:
        return SpoolPlace(Path(section.spool_path).expanduser().absolute(), section.spool_bytes)
    beside = local_path(database_address(section.url))
    return SpoolPlace(beside.with_name(f"{beside.name}.spool"), section.spool_bytes)


@asynccontextmanager
async def open_overflow(
    port: Port, place: SpoolPlace, *, before: int, epoch: int, taken_over: bool = False, inline: bool = False
) -> AsyncIterator[Overflow]:
    """Open the spool at ``place`` until the block ends.

    Args:
        port: the database, which is owned.
        place: where.
        before: the epoch of the owner before; 0 when no shard ever had a session.
        epoch: of this ownership.
        taken_over: the owner before lives and may have the file open: it is left with that, and we take a copy.
        inline: without a thread, for virtual time.

    Raises:
        SpoolUnwritableError: the file cannot be used.

    """
    offload = call_inline if inline else on_thread
    positions, shards = await port.run(read_positions)
    if taken_over:
        await offload(lambda: part_from(place.path))
    spool = await offload(lambda: open_spool(place, before, shards))
    try:
        yield Overflow(spool, positions, epoch, offload)
    finally:
        with trio.CancelScope(shield=True):
            await offload(spool.close)


call_inline: Offload = inline


def read_positions(session: Session) -> tuple[Positions, set[int]]:
    """Where all shards stand in the database, and which of them ever had a session."""
    with session.transaction() as connection:
        checkpoints, shards = checkpoint.load_all(connection)
        attempts, application_id = recent_attempts(connection, time.time_ns() // 1_000_000)
        return Positions(checkpoints, attempts, application_id), shards


def open_spool(place: SpoolPlace, before: int, shards: set[int]) -> Spool:
    """The spool at ``place``; one that is not the last owner's is moved aside, kept, and reported.

    Raises:
        SpoolUnwritableError: the file cannot be used.

    """
    spool = Spool.open(place.path, place.limit)
    if spool.empty or continues(spool.records(), before, shards):
        if not spool.empty:
            log.info("spool.found", path=str(place.path), bytes=spool.size)
        return spool
    spool.close()
    aside = free_name(place.path)
    place.path.rename(aside)
    log.warning("spool.orphaned", path=str(aside), bytes=aside.stat().st_size)
    return Spool.open(place.path, place.limit)


def part_from(path: Path) -> None:
    """Put a copy of the spool at ``path``, if there is one, in its place: whoever has it open writes into nothing from now on.

    Raises:
        SpoolUnwritableError: it cannot be copied.

    """
    copy = path.with_name(f"{path.name}.copy")
    try:
        if path.exists():
            copy.touch(mode=PRIVATE)
            copy.write_bytes(path.read_bytes())
            copy.rename(path)
    except OSError as error:
        raise unusable(path, error) from error


def continues(records: Iterable[AnyRecord], before: int, shards: set[int]) -> bool:
    """Whether ``records`` follow what the database holds.

    The last owner wrote them, and each shard's records begin with a session or follow one. (Without any session in the database there is no
    epoch either: its first owner had 1.)

    Args:
        records: of the spool.
        before: the epoch of the database's last owner; 0 when no shard ever had a session.
        shards: those that ever had a session in the database.

    """
    known = set(shards)
    owner = None
    for record in records:
        if isinstance(record, OwnerRecord):
            owner = record.epoch
        elif isinstance(record, BatchRecord) and record.shard not in known:
            if not begins_session(record):
                return False
            known.add(record.shard)
    return owner == max(1, before)


def begins_session(record: BatchRecord) -> bool:
    """Whether the first entry is a READY."""
    outcome = batch_of(record).outcomes[0]
    return isinstance(outcome, tuple) and bool(outcome) and isinstance(outcome[0], SessionStarted)


def free_name(path: Path) -> Path:
    """``path`` with a suffix that no file has yet."""
    number = 1
    while (aside := path.with_name(f"{path.name}.orphan-{number}")).exists():
        number += 1
    return aside
