"""Who users are: names, and whether they are members."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from mocha_actors.db.connection import Connection

NAMES: Final = "SELECT id, username, global_name, is_bot FROM users WHERE id IN (SELECT value FROM json_each(?))"

MEMBERS: Final = """
SELECT user_id, joined_ms, left_ms FROM members WHERE guild_id = ? AND user_id IN (SELECT value FROM json_each(?))
"""

LEFT: Final = "SELECT user_id FROM members WHERE guild_id = ? AND left_ms IS NOT NULL"


class Person(NamedTuple):
    """What is known of a user beside the id; all None for one who was never described.

    Attributes:
        username: the unique name.
        global_name: the display name, if set.
        is_bot: whether it is a bot.
        joined_ms: when the last membership began.
        left: whether it has ended.

    """

    username: str | None = None
    global_name: str | None = None
    is_bot: bool | None = None
    joined_ms: int | None = None
    left: bool | None = None

    @property
    def names(self) -> dict[str, Any]:
        """The names, as the fields of answers."""
        return {"username": self.username, "global_name": self.global_name}

    @property
    def described(self) -> dict[str, Any]:
        """Names, whether it is a bot and whether it has left, as the fields of answers."""
        return {**self.names, "is_bot": self.is_bot, "left": self.left}


NOBODY: Final = Person()


def people(connection: Connection, guild_id: int, users: Collection[int]) -> Mapping[int, Person]:
    """What is known of ``users`` in a guild."""
    ids = json.dumps(sorted(users))
    found: dict[int, Person] = dict.fromkeys(users, NOBODY)
    for key, username, global_name, is_bot in connection.execute(NAMES, (ids,)):
        found[key] = Person(username or None, global_name, bool(is_bot))
    for key, joined_ms, left_ms in connection.execute(MEMBERS, (guild_id, ids)):
        found[key] = found[key]._replace(joined_ms=joined_ms, left=left_ms is not None)
    return found


def without_left(connection: Connection, guild_id: int, counts: Mapping[int, int]) -> dict[int, int]:
    """``counts`` without the users who have left the guild."""
    left = {user for (user,) in connection.execute(LEFT, (guild_id,))}
    return {user: count for user, count in counts.items() if user not in left}
