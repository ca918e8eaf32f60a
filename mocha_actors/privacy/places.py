"""Where users stand in the tables: the map that erasures, exports and proofs go by. A test holds it against the schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Treatment = Literal["rename", "merge", "forget", "delete"]
"""What an erasure does with a place: give the row the random id, add its sums to those of the random id (which may have begun to be counted while the erasure
was under way), take the mention out, or delete the row."""


@dataclass(frozen=True, slots=True)
class Place:
    """A column that holds the id of a user, in a table whose key begins with the guild.

    Attributes:
        table: the table.
        column: the column.
        along: the second column of the key, by which the table is walked in pieces.
        treatment: what an erasure does.
        rest: of a merge, the other columns of the key behind ``along`` and ``column``.
        sums: of a merge, what is added up.

    """

    table: str
    column: str
    along: str
    treatment: Treatment
    rest: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()


CLASSES: Final = ("author_class", "kind")
COUNTS: Final = ("sent", "deleted")
TIMES: Final = ("ms", "muted_ms", "streaming_ms", "video_ms", "suppressed_ms", "sessions")
REACTIONS: Final = ("given", "removed", "received", "received_bot", "self")

PLACES: Final = (
    Place("message_events", "user_id", "message_id", "rename"),
    Place("message_details", "invoker_id", "message_id", "forget"),
    Place("user_day", "user_id", "day", "merge", CLASSES, COUNTS),
    Place("user_week", "user_id", "week", "merge", CLASSES, COUNTS),
    Place("channel_user_day", "user_id", "day", "merge", ("channel_id", *CLASSES), COUNTS),
    Place("reaction_events", "user_id", "id", "rename"),
    Place("reaction_events", "receiver_id", "id", "rename"),
    Place("reaction_state", "user_id", "message_id", "rename"),
    Place("reaction_state", "receiver_id", "message_id", "rename"),
    Place("reaction_user_day", "user_id", "day", "merge", ("is_bot",), REACTIONS),
    Place("voice_events", "user_id", "id", "rename"),
    Place("voice_user_day", "user_id", "day", "merge", ("is_bot", "state"), TIMES),
    Place("presence_events", "user_id", "id", "rename"),
    Place("member_events", "user_id", "at_ms", "rename"),
    Place("member_removals", "user_id", "user_id", "delete"),
    Place("members", "user_id", "user_id", "delete"),
    Place("channels", "owner_id", "id", "forget"),
    Place("guild_ignores", "id", "kind", "delete"),
)
"""Every such column. Tables that are keyed otherwise stand in :data:`SINGLES`. The arrays of ``user_columns`` are taken back with the rows that they are made
of, so that nobody stands in them who does not stand in ``user_day`` or ``user_week``; ``mocha verify`` compares them."""

SINGLES: Final = {
    "users": "id",
    "guilds": "owner_id",
    "dead_letters": "user_id",
}
"""Tables that are not keyed by guild, and the column that holds a user's id."""

NOT_USERS: Final = {("gateway_sessions", "user_id"), ("erasures", "user_id")}
"""Columns that look as if they did: the bot's own id, and the erasure that is under way."""
