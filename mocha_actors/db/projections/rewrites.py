"""How often rows of a guild were changed otherwise than by adding facts: another user's id, sums built anew, rows deleted.

Sums by hour and by day only grow while facts are added. So whoever keeps numbers that were made of them knows by those sums and by this count whether
they still are true, in the transaction in which it reads on.
"""

from __future__ import annotations

from typing import Final

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection

RAISE: Final = BulkInsert(
    "INSERT INTO guilds (id, rewrites)",
    "(?, 1)",
    "ON CONFLICT (id) DO UPDATE SET rewrites = guilds.rewrites + 1",
)


def count(connection: Connection, guild_id: int) -> None:
    """Count one more, in the transaction that changes the rows."""
    RAISE.execute(connection, [(guild_id,)])
