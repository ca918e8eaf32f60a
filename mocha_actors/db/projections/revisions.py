"""The revision of each guild: raised by every transaction that changes one of its numbers, so that an answer knows when it is old."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection

RAISE: Final = BulkInsert(
    "INSERT INTO guilds (id, revision)",
    "(?, 1)",
    "ON CONFLICT (id) DO UPDATE SET revision = guilds.revision + 1",
)


def bump(connection: Connection, guilds: Iterable[int]) -> None:
    """Raise the revision of ``guilds``; one that has no row yet, as nobody described it, gets one."""
    RAISE.execute(connection, sorted((guild,) for guild in set(guilds)))
