"""The settings of a guild: its time zone, its week, and what questions leave out unless told otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.db.projections import revisions

IGNORED_KINDS: Final = {"channel": 0, "user": 1, "role": 2}
"""What can be ignored, by the number in ``guild_ignores``."""

IGNORE: Final = (
    "INSERT INTO guild_ignores (guild_id, kind, id) VALUES (?, ?, ?) ON CONFLICT (guild_id, kind, id) DO NOTHING"
)
HEED: Final = "DELETE FROM guild_ignores WHERE guild_id = ? AND kind = ? AND id = ?"


def set_options(connection: Connection, guild_id: int, time_zone: str | None, week_start: int | None) -> int:
    """Set what is not None; an empty zone is that of the configuration. Returns how many settings were given."""
    changed = 0
    if time_zone is not None:
        connection.execute("UPDATE guilds SET time_zone = ? WHERE id = ?", (time_zone or None, guild_id))
        changed += 1
    if week_start is not None:
        connection.execute("UPDATE guilds SET week_start = ? WHERE id = ?", (week_start, guild_id))
        changed += 1
    revisions.bump(connection, [guild_id])
    return changed


def change_ignores(
    connection: Connection, guild_id: int, *, ignore: Iterable[tuple[str, int]], heed: Iterable[tuple[str, int]]
) -> int:
    """Leave things out of the questions about a guild, or count them again; returns how many that changed."""
    changed = 0
    for sql, things in ((IGNORE, ignore), (HEED, heed)):
        for kind, thing in things:
            changed += connection.execute(sql, (guild_id, IGNORED_KINDS[kind], thing)).rowcount
    return changed
