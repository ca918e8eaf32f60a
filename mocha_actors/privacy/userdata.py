"""What is stored about a user, for the user: the answer to a request for one's data.

Everything is read in pages, so that memory does not grow with it, and given as rows of plain values under the name of a part. Columns are called and read as in
:mod:`mocha_actors.db.export`: ids are text, since they exceed what JSON readers keep exactly, times are ISO 8601 in UTC, and what stands for a number is named.

Who reacted to the user's messages is not said: that is the data of those. Nor is a dead letter of somebody else's event in which the user is named.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TextIO

import msgspec

from mocha_actors.db.connection import Connection
from mocha_actors.db.export import EXPORTS, Kind, Reader, Row, day, named
from mocha_actors.db.plain import as_text, cell, flag, made, moment, same

GUILDS: Final = "SELECT id FROM guilds ORDER BY id"

Columns = Mapping[str, tuple[str, Reader]]


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of data in a table that is keyed by guild.

    Attributes:
        name: what it is called.
        kind: the table, and how its rows are given out.
        column: the column that holds the user's id.

    """

    name: str
    kind: Kind
    column: str = "user_id"

    @property
    def place(self) -> tuple[str, str]:
        """The table and the column that holds the user's id."""
        return self.kind.table, self.column

    @property
    def columns(self) -> list[str]:
        """The names of what a row has."""
        return ["guild_id", *self.kind.columns]

    def rows(self, connection: Connection, user_id: int) -> Iterator[Row]:
        """All rows of a user, in order of guild and key."""
        for (guild,) in connection.execute(GUILDS).fetchall():
            for row in self.kind.rows(connection, guild, None, None, (self.column, user_id)):
                yield {"guild_id": as_text(guild), **row}


@dataclass(frozen=True, slots=True)
class Single:
    """One kind of data in a table that is not keyed by guild, and has few rows of a user.

    Attributes:
        name: what it is called.
        place: the table, and the column that holds the user's id.
        fields: what is given, as the name to the column and how it is read.

    """

    name: str
    place: tuple[str, str]
    fields: Columns

    @property
    def columns(self) -> list[str]:
        """The names of what a row has."""
        return list(self.fields)

    def rows(self, connection: Connection, user_id: int) -> Iterator[Row]:
        """All rows of a user."""
        table, column = self.place
        wanted = ", ".join(stored for stored, _ in self.fields.values())
        sql = f"SELECT {wanted} FROM {table} WHERE {column} = ? ORDER BY id"  # noqa: S608 - names of this module
        for values in connection.execute(sql, (user_id,)):
            yield {
                name: read(value) for (name, (_, read)), value in zip(self.fields.items(), values, strict=True)
            }  # fmt: skip


def exported(kind: str, leave: tuple[str, ...] = ("user_id",), more: Columns | None = None) -> Kind:
    """A kind as `mocha export` gives it, but for the columns ``leave``, and with some more."""
    found = EXPORTS[kind]
    kept = {name: column for name, column in found.columns.items() if name not in leave}
    return Kind(found.table, found.key, {**kept, **(more or {})}, found.bound, found.joins)


def text(payload: bytes) -> str:
    """Stored JSON as text."""
    return bytes(payload).decode("utf-8", "replace")


def numbers(*names: str) -> Columns:
    """Columns of numbers, called as they are stored."""
    return {name: (f"t.{name}", same) for name in names}


STANDING: Final[Columns] = {
    "message_id": ("t.message_id", as_text), "channel_id": ("t.channel_id", as_text), "emoji": ("t.emoji", same), "super": ("t.burst", flag),
    "is_bot": ("t.is_bot", flag),
}  # fmt: skip
STANDING_KEY: Final = ("message_id", "user_id", "emoji", "burst")

PARTS: Final[tuple[Part | Single, ...]] = (
    Single("profile", ("users", "id"), {
        "user_id": ("id", as_text), "username": ("username", same), "global_name": ("global_name", same), "is_bot": ("is_bot", flag),
        "seen": ("seen_ms", moment),
    }),
    Part("messages", exported("messages", more={
        name: (f"d.{name}", same) for name in ("embeds", "mentions", "links", "edits")
    })),
    Part("commands_used", Kind("message_details", ("message_id",), {
        "time": ("t.message_id", made), "message_id": ("t.message_id", as_text), "channel_id": ("e.channel_id", as_text), "bot_id": ("e.user_id", as_text),
    }, joins="LEFT JOIN message_events e ON e.guild_id = t.guild_id AND e.message_id = t.message_id"), "invoker_id"),
    Part("messages_by_day", exported("messages-by-user-and-day")),
    Part("messages_by_channel_and_day", Kind("channel_user_day", ("day", "channel_id", "user_id", "author_class", "kind"), {
        "day": ("t.day", day), "channel_id": ("t.channel_id", as_text), **exported("messages-by-user-and-day", ("day", "user_id")).columns,
    })),
    Part("reactions_given", exported("reactions", more={"receiver_is_bot": ("t.receiver_bot", flag)})),
    Part("reactions_received", exported("reactions", ("user_id", "receiver_id")), "receiver_id"),
    Part("reactions_that_stand", Kind("reaction_state", STANDING_KEY, {
        **STANDING, "receiver_id": ("t.receiver_id", as_text),
    })),
    Part("reactions_received_that_stand", Kind("reaction_state", STANDING_KEY, STANDING), "receiver_id"),
    Part("reactions_by_day", Kind("reaction_user_day", ("day", "user_id", "is_bot"), {
        "day": ("t.day", day), "is_bot": ("t.is_bot", flag), **numbers("given", "removed", "received"), "received_of_bots": ("t.received_bot", same),
        "given_to_oneself": ("t.self", same),
    })),
    Part("voice", exported("voice")),
    Part("voice_by_day", exported("voice-by-user-and-day")),
    Part("presence", exported("presence")),
    Part("joins_and_leaves", exported("joins", more={"joined": ("t.joined_ms", moment)})),
    Part("kicks_and_bans", Kind("member_removals", ("user_id",), {
        "time": ("t.at_ms", moment), "reason": ("t.reason", named(("", "kick", "ban"))), "uncertain_milliseconds": ("t.bound_ms", same),
    })),
    Part("memberships", exported("members", ("user_id", "username", "global_name"), {"seen": ("t.seen_ms", moment)})),
    Part("channels_owned", exported("channels"), "owner_id"),
    Part("left_out_of_answers", Kind("guild_ignores", ("kind", "id"), {"what": ("t.kind", named(("channel", "user", "role")))}), "id"),
    Single("guilds_owned", ("guilds", "owner_id"), {"guild_id": ("id", as_text), "name": ("name", same)}),
    Single("dead_letters", ("dead_letters", "user_id"), {
        "number": ("id", same), "received": ("at_ms", moment), "type": ("type", same), "reason": ("reason", same), "error": ("error", same), "event": ("payload", text),
    }),
)  # fmt: skip
"""What a user's data consist of; a test holds it against the map that an erasure goes by. Sums by day belong to it, since they outlive the rows of a retention."""

ONLY_SUMS: Final = {("user_week", "user_id")}
"""Places that are left out: the week is the sum of its rows of ``messages_by_day``, which are kept as long."""


def write_json(connection: Connection, user_id: int, file: TextIO) -> int:
    """Write a user's data as one JSON object with a list a part; returns the number of rows."""
    count = 0
    file.write(f'{{"user_id": "{user_id}"')
    for part in PARTS:
        file.write(f',\n "{part.name}": [')
        for index, row in enumerate(part.rows(connection, user_id)):
            file.write(("," if index else "") + "\n  " + msgspec.json.encode(row).decode("utf-8"))
            count += 1
        file.write("]")
    file.write("}\n")
    return count


def write_csv(connection: Connection, user_id: int, open_part: Callable[[str], TextIO]) -> int:
    """Write a user's data as a CSV file a part, each opened by its name and closed here; returns the number of rows. One without rows has its heading."""
    count = 0
    for part in PARTS:
        with open_part(part.name) as file:
            writer = csv.writer(file)
            writer.writerow(part.columns)
            for row in part.rows(connection, user_id):
                writer.writerow([cell(row[column]) for column in part.columns])
                count += 1
    return count
