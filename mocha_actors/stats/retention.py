"""Whether what a question read was still there: raw rows, and rollups by the hour, may be kept for some time only.

Whoever reads such rows notes it here, beside the way of the numbers, so that nothing in between has to carry it; at the end the earliest moment
of each kind is compared with what the retention left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Literal

from mocha_actors.db.connection import Connection

Kind = Literal["messages", "voice", "reactions", "presence", "members", "hours"]
"""Kinds of raw rows as ``retention_marks`` names them; ``hours`` are all rollups by the hour."""

MARKS: Final = "SELECT kind, before_ms FROM retention_marks WHERE guild_id = ?"

_noted: ContextVar[dict[str, int] | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[Mapping[str, int]]:
    """Collect what is noted in the block: the earliest moment read, by kind."""
    reads: dict[str, int] = {}
    token = _noted.set(reads)
    try:
        yield reads
    finally:
        _noted.reset(token)


def note(kind: Kind, since_ms: int) -> None:
    """Rows of ``kind`` are read from ``since_ms`` on."""
    reads = _noted.get()
    if reads is not None:
        reads[kind] = min(since_ms, reads.get(kind, since_ms))


def missing_before(connection: Connection, guild_id: int, reads: Mapping[str, int]) -> int | None:
    """Up to which moment something that was read is gone; None: everything was there."""
    marks = dict(connection.execute(MARKS, (guild_id,)).fetchall())
    gone = [int(marks[kind]) for kind, since_ms in reads.items() if since_ms < marks.get(kind, since_ms)]
    return max(gone, default=None)
