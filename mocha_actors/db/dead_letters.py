"""Dead letters as rows: events that could not become facts, or facts that could not become rows (promise P3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.discord.events import Event
from mocha_actors.pipeline.batch import Batch, DeadLetter
from mocha_actors.pipeline.letters import failed
from mocha_actors.pipeline.redaction import user_id_of

INSERT: Final = BulkInsert(
    "INSERT INTO dead_letters (shard, seq, type, reason, error, payload, at_ms, user_id)", "(?, ?, ?, ?, ?, ?, ?, ?)"
)

MAX_ERROR: Final = 1000
"""Characters of an error that are kept."""

Row = tuple[int, int, str, str, str, bytes, int, int | None]


def row_of(batch: Batch, index: int, letter: DeadLetter) -> Row:
    """The row of a dead letter; its time is the batch's receive stamp."""
    event = batch.events[index]
    error = printable(letter.error)
    return (
        batch.shard,
        event.s,
        printable(event.t),
        letter.reason,
        error,
        letter.payload,
        batch.received_ms,
        user_id_of(letter.payload),
    )


def insert(connection: Connection, rows: Sequence[Row]) -> None:
    """Write dead letters, in order."""
    INSERT.execute(connection, rows)


def unwritable(event: Event, error: Exception) -> DeadLetter:
    """The dead letter of an event whose facts the database refuses."""
    return failed("unwritable", error, event)


def printable(text: str) -> str:
    """``text`` cut to what is kept, without the lone surrogates that no database takes and the NUL that PostgreSQL does not."""
    return text[:MAX_ERROR].replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")
