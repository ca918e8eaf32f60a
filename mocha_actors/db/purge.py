"""Purge: what is known of a guild that removed the bot is deleted after a grace time, a thousand rows a transaction.

During the grace time answers stay as before (statistics, A3.17). The guild's own row is the last to go, so a purge that was interrupted goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.db.janitor import Write
from mocha_actors.db.marks import mark
from mocha_actors.db.projections import rewrites
from mocha_actors.db.readers import Readers
from mocha_actors.db.retention import READ_SECONDS, ROWS, STORES
from mocha_actors.discord.snowflake import DAY_MS

TABLES: Final = {
    # What is made of others goes before them.
    "user_columns": "number",
    "message_details": "message_id", "message_events": "message_id", "reaction_events": "id", "reaction_state": "message_id",
    "voice_events": "id", "presence_events": "id", "member_events": "at_ms", "member_removals": "user_id", "member_counts": "at_ms",
    "channel_hour": "hour", "guild_hour": "hour", "channel_day": "day", "channel_user_day": "day", "user_day": "day", "user_week": "week",
    "closed_days": "day", "reaction_channel_hour": "hour", "reaction_emoji_day": "day", "reaction_user_day": "day",
    "voice_user_day": "day", "voice_channel_hour": "hour", "voice_guild_hour": "hour", "presence_hour": "hour", "member_hour": "hour",
    "emojis": "emoji", "members": "user_id", "channels": "id", "guild_ignores": "kind",
}  # fmt: skip
"""Every table whose key begins with the guild, and the column that comes next; a test holds it against the schema."""

LARGE: Final = {"user_columns": 10}
"""Rows of one step, of a table whose rows have a hundred kilobytes."""

LEFT: Final = "SELECT MIN(id) FROM guilds WHERE left_ms IS NOT NULL AND left_ms < ?"
IS_GONE: Final = "SELECT 1 FROM guilds WHERE id = ? AND left_ms IS NOT NULL AND left_ms < ?"

Audit = Callable[[Connection, int, str], None]
"""Notes in the audit log what was done with a guild, in the transaction of the last step."""


class PurgeLeftGuilds:
    """The job of the janitor: a step deletes some rows of one table of a guild that is gone."""

    name = "purge"

    def __init__(self, readers: Readers, days: int, audit: Audit) -> None:
        """``days`` is the grace time; ``audit`` notes each guild that was purged."""
        self._readers, self._grace_ms, self._audit = readers, days * DAY_MS, audit

    async def step(self, write: Write, now_ms: int) -> bool:
        """See :meth:`mocha_actors.db.janitor.Job.step`."""
        before_ms = now_ms - self._grace_ms
        guild = await self._readers.run(partial(left_guild, before_ms), deadline=READ_SECONDS)
        if guild is None:
            return False
        deleted = await write(partial(delete_some, guild, before_ms))
        if not deleted:
            await write(partial(self._finish, guild, before_ms), resets=True)
        return True

    def _finish(self, guild: int, before_ms: int, connection: Connection) -> int:
        if not is_gone(connection, guild, before_ms):
            return 0
        connection.execute("DELETE FROM retention_marks WHERE guild_id = ?", (guild,))
        self._audit(connection, guild, f"purged, having removed the bot {self._grace_ms // DAY_MS} days ago or more")
        return connection.execute("DELETE FROM guilds WHERE id = ?", (guild,)).rowcount


def left_guild(before_ms: int, connection: Connection) -> int | None:
    """A guild that removed the bot before ``before_ms``."""
    found: int | None = connection.execute(LEFT, (before_ms,)).fetchone()[0]
    return found


def is_gone(connection: Connection, guild: int, before_ms: int) -> bool:
    """Whether the guild is still one to be purged: it may have come back."""
    return connection.execute(IS_GONE, (guild, before_ms)).fetchone() is not None


def delete_some(guild: int, before_ms: int, connection: Connection) -> int:
    """Delete some rows of the first table that has any; returns how many, 0 when none has.

    All marks are set with the first: of a guild that comes back in the middle nothing is taken for whole.
    """
    if not is_gone(connection, guild, before_ms):
        return 0
    for table, along in TABLES.items():
        deleted = delete_of(connection, table, along, guild)
        if deleted:
            rewrites.count(connection, guild)
            for kind in STORES:
                mark(connection, guild, kind, before_ms - before_ms % DAY_MS + DAY_MS)
            return deleted
    return 0


def delete_of(connection: Connection, table: str, along: str, guild: int) -> int:
    """Delete about a thousand rows of a guild, or as few as :data:`LARGE` says, in the order of the key, and whatever else has the same second column as the last."""
    of_guild = f"FROM {table} WHERE guild_id = :guild"
    bound = connection.execute(
        f"SELECT {along} {of_guild} ORDER BY {along} LIMIT 1 OFFSET {LARGE.get(table, ROWS)}", {"guild": guild}
    ).fetchone()
    until = "" if bound is None else f" AND {along} <= :bound"
    return connection.execute(f"DELETE {of_guild}{until}", {"guild": guild, "bound": bound and bound[0]}).rowcount
