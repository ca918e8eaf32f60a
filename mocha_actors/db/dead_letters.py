"""Dead letters as rows: events that could not become facts, or facts that could not become rows (promise P3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

import msgspec

from mocha_actors.discord.events import Event, UndecodableEvent
from mocha_actors.pipeline.batch import Batch, DeadLetter
from mocha_actors.pipeline.redaction import redact, user_id_of

INSERT: Final = """\
INSERT INTO dead_letters (shard, seq, type, reason, error, payload, at_ms, user_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""

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


def insert(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Write dead letters, in order."""
    connection.executemany(INSERT, rows)


def unwritable(event: Event, error: Exception) -> DeadLetter:
    """The dead letter of an event whose facts the database refuses."""
    raw = event.raw if isinstance(event, UndecodableEvent) else msgspec.json.encode(event)
    return DeadLetter(reason="unwritable", error=f"{type(error).__name__}: {error}", payload=redact(raw))


def printable(text: str) -> str:
    """``text`` cut to what is kept, without the lone surrogates that no database takes."""
    return text[:MAX_ERROR].encode("utf-8", "backslashreplace").decode("utf-8")
