"""Retention marks: from which moment on the raw rows of a guild are there (statistics, rule 24).

A mark is written in the transaction that deletes the first rows before it, so whoever reads knows what may be missing. What would need rows before
it is answered as ``not_retained``, is not recounted by ``mocha verify`` and not built anew by anybody. Marks are midnights of UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from mocha_actors.db.connection import Connection

Kind = Literal["messages", "voice", "reactions", "presence", "members", "hours"]
"""Raw rows by what they are about; ``hours`` are the rollups by the hour."""

Marks = Mapping[str, int]
"""By kind, the moment before which rows are gone, milliseconds since the Unix epoch."""

KINDS: Final[Mapping[str, Kind]] = {
    "user_day": "messages", "user_week": "messages", "channel_hour": "messages", "channel_day": "messages",
    "guild_hour": "messages", "channel_user_day": "messages",
    "reaction_channel_hour": "reactions", "reaction_emoji_day": "reactions", "reaction_user_day": "reactions",
    "voice_user_day": "voice", "voice_channel_hour": "voice", "voice_guild_hour": "voice",
    "member_hour": "members", "presence_hour": "presence",
}  # fmt: skip
"""The raw rows of which each rollup consists."""

OF_ROLLUPS: Final = frozenset({"user_columns"})
"""What is made of rollups by day and week, which are kept for ever."""

HOURLY: Final = (
    "channel_hour", "guild_hour", "reaction_channel_hour", "voice_channel_hour", "voice_guild_hour", "member_hour", "presence_hour",
)  # fmt: skip

MARKS: Final = "SELECT kind, before_ms FROM retention_marks WHERE guild_id = ?"
MARK: Final = """
    INSERT INTO retention_marks (guild_id, kind, before_ms) VALUES (?, ?, ?)
    ON CONFLICT (guild_id, kind) DO UPDATE SET before_ms = GREATEST(retention_marks.before_ms, excluded.before_ms)"""


def marks_of(connection: Connection, guild_id: int) -> Marks:
    """The marks of a guild; none where everything is kept."""
    return dict(connection.execute(MARKS, (guild_id,)).fetchall())


def mark(connection: Connection, guild_id: int, kind: Kind, before_ms: int) -> None:
    """Say that rows before ``before_ms`` may be gone; a mark never moves back."""
    connection.execute(MARK, (guild_id, kind, before_ms))


def recountable(marks: Marks, table: str, since_ms: int) -> bool:
    """Whether the rows of a rollup from ``since_ms`` on are all there, and the raw rows that they come from."""
    if table in OF_ROLLUPS:
        return True
    needed = [KINDS[table], *(["hours"] if table in HOURLY else [])]
    return all(marks.get(kind, since_ms) <= since_ms for kind in needed)
