"""Batches, facts and databases for the tests of this folder."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from mocha_actors.db import checkpoint
from mocha_actors.db.address import database_address, prepare
from mocha_actors.db.connection import Connection
from mocha_actors.db.engine import bring_up
from mocha_actors.db.session import Session
from mocha_actors.db.session import open_session as session_with
from mocha_actors.db.sqlite import SqliteConnection
from mocha_actors.discord.events import Event, Message, MessageCreate, Ready, ReadyData, User
from mocha_actors.discord.snowflake import from_time_ms
from mocha_actors.pipeline.batch import Batch, Outcome
from mocha_actors.pipeline.facts import AuthorClass, GapReason, MessageKind, MessageSent, SessionStarted

NOON_MS = 1_790_078_400_000
"""2026-09-22 12:00 UTC: hour 497,244 and day 20,718 since the Unix epoch."""

GUILD = from_time_ms(1_600_000_000_000)
CHANNEL = from_time_ms(1_600_000_100_000)
USER = from_time_ms(1_500_000_000_000)

TABLES = {
    "gateway_sessions": "shard, session_id, resume_url, seq, fingerprint, epoch, last_alive_ms, user_id, application_id",
    "coverage_gaps": "*",
    "dead_letters": "shard, seq, type, reason, error, payload, at_ms, user_id",
    "guilds": "id, name",
    "users": "*",
    "message_events": "*",
    "user_day": "*",
    "channel_hour": "*",
    "guild_hour": "*",
}


def message(
    n: int = 0,
    *,
    at_ms: int = NOON_MS,
    guild: int = GUILD,
    channel: int = CHANNEL,
    user: int = USER,
    author: AuthorClass = AuthorClass.HUMAN,
    kind: MessageKind = MessageKind.MESSAGE,
    username: str = "ada",
    global_name: str | None = "Ada",
) -> MessageSent:
    """A message; ``n`` tells those of one millisecond apart."""
    return MessageSent(guild, from_time_ms(at_ms, n), channel, user, int(author), int(kind), 0, username, global_name)


def event(s: int) -> MessageCreate:
    """A dispatch; its data is of no interest once it is settled."""
    return MessageCreate(s=s, d=Message(id=1, channel_id=2, author=User(3, "ada")))


def settled(
    first_s: int, outcomes: Sequence[Outcome], *, shard: int = 0, session: str = "session-1", at_ms: int = NOON_MS
) -> Batch:
    """A settled batch of events from ``first_s`` on."""
    batch = unsettled(first_s, len(outcomes), shard=shard, session=session, at_ms=at_ms)
    for index, outcome in enumerate(outcomes):
        batch.settle(index, outcome)
    return batch


def unsettled(first_s: int, count: int, *, shard: int = 0, session: str = "session-1", at_ms: int = NOON_MS) -> Batch:
    """A batch of ``count`` open events from ``first_s`` on."""
    events: list[Event] = [event(first_s + index) for index in range(count)]
    return Batch(shard, session, events, received_at=0.0, received_ms=at_ms, size=1000 * count)


def ready(
    session: str = "session-1", *, shard: int = 0, at_ms: int = NOON_MS, reason: GapReason = "first_start"
) -> Batch:
    """The batch of a READY, settled."""
    url = "wss://gateway.example"
    dispatch = Ready(s=1, d=ReadyData(session, url, User(7), []))
    batch = Batch(shard, session, [dispatch], received_at=0.0, received_ms=at_ms, size=100)
    batch.settle(0, (SessionStarted(shard, session, url, "fingerprint", 7, 8, at_ms, reason),))
    return batch


@contextmanager
def open_session(where: str | Path) -> Iterator[Session]:
    """A migrated database, of a URL or a file, used from the test's own thread."""
    address = where if isinstance(where, Path) else database_address(where)
    prepare(address)
    session = session_with(address)
    bring_up(session)
    try:
        yield session
    finally:
        session.close()


@contextmanager
def connected(where: str | Path) -> Iterator[Connection]:
    """A connection of the test's own to a database of a URL or a file; what it does is committed at the end of the block."""
    address = where if isinstance(where, Path) else database_address(where)
    connection: Any = (
        sqlite3.connect(address, factory=SqliteConnection)
        if isinstance(address, Path)
        else import_module("mocha_actors.db.postgresql").connect(address)
    )
    with closing(connection), connection:
        yield connection


def rows(where: str | Path, table: str, columns: str | None = None) -> list[tuple[object, ...]]:
    """What a table holds, in the order of its first columns; dead letters without their id."""
    with connected(where) as connection:
        result = connection.execute(f"SELECT {columns or TABLES[table]} FROM {table}").fetchall()
    return sorted(result, key=repr)


def everything(where: str | Path) -> dict[str, list[tuple[object, ...]]]:
    """What all tables of facts and checkpoints hold."""
    return {table: rows(where, table) for table in TABLES}


def gap_rows(session: Session) -> list[tuple[object, ...]]:
    """The coverage gaps, as the writer's own connection sees them."""
    with session.transaction() as connection:
        return connection.execute("SELECT * FROM coverage_gaps").fetchall()


def begin(session: Session, batch: Batch, epoch: int = 1) -> None:
    """Start the session that ``batch`` of :func:`ready` announces, without the applier."""
    fact = batch.outcomes[0][0]  # type: ignore[index]
    with session.transaction() as connection:
        checkpoint.start_session(connection, fact, epoch)  # type: ignore[arg-type]
