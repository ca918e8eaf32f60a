"""What is stored about a user, for the user: the answer to a request for one's data.

Everything is read in pages, so that memory does not grow with it, and given as rows of plain values under the name of a part. Ids are text, since
they exceed what JSON readers keep exactly. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TextIO

import msgspec

from mocha_actors.db.connection import Connection
from mocha_actors.db.plain import as_text, cell, flag, made, moment, same

PAGE: Final = 2_000
Row = dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of data.

    Attributes:
        name: what it is called.
        sql: of one page, by ``:user``, ``:guild`` and ``:after`` (guild and key of the last row of the page before), ``:page``; its first two columns
            are the guild and the key.
        columns: names of all columns.
        readers: how a column is shown; as it is, unless named here.

    """

    name: str
    sql: str
    columns: tuple[str, ...]
    readers: dict[str, Callable[[Any], Any]]

    def rows(self, connection: Connection, user_id: int) -> Iterator[Row]:
        """All rows of a user, in order of guild and key."""
        guild, after = -1, -1
        while True:
            page = connection.execute(
                self.sql, {"user": user_id, "guild": guild, "after": after, "page": PAGE}
            ).fetchall()
            yield from map(self.row, page)
            if len(page) < PAGE:
                return
            guild, after = page[-1][0], page[-1][1]

    def row(self, values: tuple[Any, ...]) -> Row:
        """A row as it is given out."""
        return {name: self._reader(name)(value) for name, value in zip(self.columns, values, strict=True)}

    def _reader(self, name: str) -> Callable[[Any], Any]:
        return self.readers.get(name) or (as_text if name.endswith("_id") else same)


def page_of(table: str, key: str, columns: tuple[str, ...], user: str = "user_id") -> str:
    """The statement of a page of a table that is keyed by guild and ``key``."""
    return (
        f"SELECT {', '.join(columns)} FROM {table} WHERE {user} = :user "  # noqa: S608 - names of this module
        f"AND (guild_id > :guild OR (guild_id = :guild AND {key} > :after)) ORDER BY guild_id, {key} LIMIT :page"
    )


def part(name: str, table: str, key: str, columns: tuple[str, ...], **readers: Callable[[Any], Any]) -> Part:
    """A part that is one table's."""
    return Part(name, page_of(table, key, ("guild_id", key, *columns)), ("guild_id", key, *columns), readers)


PARTS: Final = (
    part("messages", "message_events", "message_id", ("channel_id", "type", "deleted_ms"), deleted_ms=moment),
    part("reactions_given", "reaction_events", "id",
         ("message_id", "channel_id", "emoji", "burst", "action"), burst=flag, id=made),
    part("voice", "voice_events", "id", ("channel_id", "ended_ms", "flags"), id=made, ended_ms=moment),
    part("presence", "presence_events", "id", ("status", "ended_ms"), id=made, ended_ms=moment),
    part("joins_and_leaves", "member_events", "at_ms", ("kind", "reason"), at_ms=moment),
    part("memberships", "members", "user_id",
         ("joined_ms", "left_ms", "nick", "roles", "pending"), joined_ms=moment, left_ms=moment, pending=flag),
)  # fmt: skip
"""What a user's data consist of, beside the profile."""

PROFILE: Final = "SELECT id, username, global_name, is_bot, seen_ms FROM users WHERE id = ?"


def profile(connection: Connection, user_id: int) -> Iterator[Row]:
    """The names of a user, if any are known."""
    for found, username, global_name, is_bot, seen_ms in connection.execute(PROFILE, (user_id,)):
        yield {
            "user_id": str(found), "username": username, "global_name": global_name, "is_bot": bool(is_bot), "seen": moment(seen_ms),
        }  # fmt: skip


def parts(connection: Connection, user_id: int) -> Iterator[tuple[str, Iterator[Row]]]:
    """Everything that is stored about a user, part by part."""
    yield "profile", profile(connection, user_id)
    for each in PARTS:
        yield each.name, each.rows(connection, user_id)


def write_json(connection: Connection, user_id: int, file: TextIO) -> int:
    """Write a user's data as one JSON object with a list a part; returns the number of rows."""
    count = 0
    file.write(f'{{"user_id": "{user_id}"')
    for name, rows in parts(connection, user_id):
        file.write(f',\n "{name}": [')
        for index, row in enumerate(rows):
            file.write(("," if index else "") + "\n  " + msgspec.json.encode(row).decode("utf-8"))
            count += 1
        file.write("]")
    file.write("}\n")
    return count


def write_csv(connection: Connection, user_id: int, open_part: Callable[[str], TextIO]) -> int:
    """Write a user's data as a CSV file a part, each opened by its name and closed here; returns the number of rows."""
    count = 0
    for name, rows in parts(connection, user_id):
        with open_part(name) as file:
            writer: csv.DictWriter[str] | None = None
            for row in rows:
                if writer is None:
                    writer = csv.DictWriter(file, list(row))
                    writer.writeheader()
                writer.writerow({key: cell(value) for key, value in row.items()})
                count += 1
    return count
