"""Dead letters on request: listed, shown, dropped, and tried again where that can be right.

A letter is tried again long after its neighbours. That is harmless only for an event that says its own time and key, whatever happened since: messages, and their deletions. All others
depend on what came before and after them, and would put something wrong in the place of something missing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import msgspec

from mocha_actors.db.connection import Connection
from mocha_actors.db.errors import RefusedRowError
from mocha_actors.discord.decode import EventDecoder
from mocha_actors.discord.events import UndecodableEvent
from mocha_actors.discord.messages import MessageCreate, MessageDelete, MessageDeleteBulk
from mocha_actors.errors import DataError
from mocha_actors.pipeline.facts import Fact
from mocha_actors.pipeline.timing import Stamp
from mocha_actors.privacy.audit import AuditEntry, note
from mocha_actors.privacy.desk import Desk
from mocha_actors.processors import message
from mocha_actors.runtime import ActorFailed

COLUMNS: Final = "id, shard, seq, type, reason, error, payload, at_ms"
NEWEST: Final = f"SELECT {COLUMNS} FROM dead_letters ORDER BY id DESC LIMIT ?"  # noqa: S608 - constants
BY_ID: Final = f"SELECT {COLUMNS} FROM dead_letters WHERE id = ?"  # noqa: S608 - constants
AFTER: Final = "SELECT id FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?"

PIECE: Final = 500
"""Letters that are read or dropped at once."""

ORDERLESS: Final = (MessageCreate, MessageDelete, MessageDeleteBulk)
RETRIED: Final = frozenset(str(kind.__struct_config__.tag) for kind in ORDERLESS)
"""Events that can be tried again."""

REFUSALS: Final = (DataError, RefusedRowError, ActorFailed, sqlite3.IntegrityError, sqlite3.DataError, OverflowError)
"""What says that the event itself still cannot be recorded."""

_decoder: Final = EventDecoder(ORDERLESS)


class Letter(msgspec.Struct, frozen=True):
    """A dead letter.

    Attributes:
        id: its number.
        shard: where the event came.
        seq: its number in the session.
        type: Discord's name of it.
        reason: see :class:`mocha_actors.pipeline.batch.DeadLetter`.
        error: what was wrong.
        payload: the redacted event, JSON.
        at_ms: when it was received, milliseconds since the Unix epoch.

    """

    id: int
    shard: int
    seq: int
    type: str
    reason: str
    error: str
    payload: bytes
    at_ms: int


class NotRetriedError(DataError):
    """A letter cannot be tried again, or not with success; the text says why."""


def newest(connection: Connection, limit: int) -> list[Letter]:
    """The newest letters, newest first."""
    return [_letter(row) for row in connection.execute(NEWEST, (limit,))]


def by_id(connection: Connection, number: int) -> Letter | None:
    """One letter."""
    row = connection.execute(BY_ID, (number,)).fetchone()
    return None if row is None else _letter(row)


def _letter(row: tuple[Any, ...]) -> Letter:
    number, shard, seq, kind, reason, error, payload, at_ms = row
    return Letter(number, shard, seq, kind, reason, error, bytes(payload), at_ms)


def obstacle(letter: Letter) -> str:
    """Why a letter cannot be tried again; empty when it can."""
    if letter.type not in RETRIED:
        return f"what {letter.type} means depends on the events before and after it; only {', '.join(sorted(RETRIED))} can be tried again"
    if not letter.payload:
        return "nothing of the event was kept"
    return ""


def facts_of(letter: Letter) -> tuple[Fact, ...]:
    """The facts of a letter's event. Pure.

    Raises:
        NotRetriedError: it is of no such kind, or still cannot be read.

    """
    if reason := obstacle(letter):
        raise NotRetriedError(reason)
    pieces, violation = _decoder.decode(letter.payload)
    events = [event for piece in pieces if isinstance(piece, list) for event in piece]
    if violation is not None or len(events) != 1:
        raise NotRetriedError("only a summary of the event was kept")
    (event,) = events
    if isinstance(event, UndecodableEvent):
        raise NotRetriedError(f"it still cannot be read: {event.error}")
    return message.translate(event, Stamp(letter.at_ms, 0, letter.shard))


class Retried(msgspec.Struct, frozen=True):
    """What came of trying letters again.

    Attributes:
        recorded: how many are recorded now, and dropped.
        kept: those that are not, and why.

    """

    recorded: int
    kept: tuple[tuple[int, str], ...]


async def retry(desk: Desk, ids: Sequence[int] | None, *, actor: str, now_ms: int) -> Retried:
    """Try letters again, all when ``ids`` is None; what is recorded is dropped. Doing it again does no harm."""
    recorded, kept = 0, []
    for number in ids if ids is not None else await all_ids(desk):
        letter = await desk.read(partial(by_id, number=number))
        try:
            await _retry_one(desk, number, letter)
        except NotRetriedError as error:
            kept.append((number, str(error)))
        else:
            recorded += 1
    entry = AuditEntry(now_ms, actor, "retry_dead_letters", None, f"{recorded} recorded, {len(kept)} kept")
    await desk.chore(partial(_noted, entry))
    return Retried(recorded, tuple(kept))


async def _retry_one(desk: Desk, number: int, letter: Letter | None) -> None:
    if letter is None:
        raise NotRetriedError("there is no such dead letter")
    facts = facts_of(letter)
    try:
        await desk.facts(facts)
    except REFUSALS as error:
        raise NotRetriedError(f"it still cannot be recorded: {type(error).__name__}") from error
    await desk.chore(partial(_delete, [number]))


async def drop(desk: Desk, ids: Sequence[int] | None, *, actor: str, now_ms: int) -> int:
    """Drop letters, all when ``ids`` is None; returns how many there were."""
    dropped = 0
    numbers = list(ids) if ids is not None else await all_ids(desk)
    for start in range(0, len(numbers), PIECE):
        dropped += await desk.chore(partial(_delete, numbers[start : start + PIECE]))
    await desk.chore(partial(_noted, AuditEntry(now_ms, actor, "drop_dead_letters", None, f"{dropped} dropped")))
    return dropped


async def all_ids(desk: Desk) -> list[int]:
    """The numbers of all letters, ascending."""
    found: list[int] = []
    while more := await desk.read(partial(_ids_after, after=found[-1] if found else 0)):
        found += more
    return found


def _ids_after(connection: Connection, after: int) -> list[int]:
    return [number for (number,) in connection.execute(AFTER, (after, PIECE))]


def _delete(ids: Sequence[int], connection: Connection) -> int:
    return sum(connection.execute("DELETE FROM dead_letters WHERE id = ?", (number,)).rowcount for number in ids)


def _noted(entry: AuditEntry, connection: Connection) -> int:
    note(connection, entry)
    return 1
