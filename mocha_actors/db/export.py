"""The recorded rows of a guild, kind by kind and page by page: what `mocha export` writes. Memory does not grow with what is exported.

Times are ISO 8601 in UTC, ids are text, days and hours are given by their beginning. Only rows of the guild asked for are read: every statement names it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mocha_actors.db.connection import Connection
from mocha_actors.db.plain import as_text, flag, ids, made, moment, same
from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS, HOUR_MS, from_time_ms

PAGE: Final = 5_000
CLASSES: Final = ("human", "bot", "webhook")
KINDS: Final = ("message", "command", "system")
STATUSES: Final = ("offline", "online", "idle", "dnd")
FLAGS: Final = ("self_mute", "mute", "self_deaf", "deaf", "stream", "video", "suppress", "afk", "alone")

Row = dict[str, str | int | bool | list[str] | None]
Reader = Callable[[Any], Any]


def hour(number: int) -> str | None:
    """The beginning of an hour, counted since the Unix epoch."""
    return moment(number * HOUR_MS)


def day(number: int) -> str:
    """A UTC day, counted since the Unix epoch, as a date."""
    return str(moment(number * DAY_MS))[:10]


def named(names: tuple[str, ...]) -> Reader:
    """Reads a number as the name that it stands for."""
    return lambda value: None if value is None else names[value]


def flags(value: int) -> str:
    """A set of voice flags as words."""
    return " ".join(name for bit, name in enumerate(FLAGS) if value >> bit & 1)


def snowflakes(ms: int) -> int:
    """The bound of a time among ids."""
    return from_time_ms(max(ms, DISCORD_EPOCH_MS))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rows.

    Attributes:
        table: where they stand.
        key: the columns of the key behind the guild, by which pages are cut; the first is the time.
        columns: what is given, as the name to the column and how it is read.
        bound: makes a bound of the first key column of a moment; None for rows without time.
        joins: what else the columns are taken from.

    """

    table: str
    key: tuple[str, ...]
    columns: Mapping[str, tuple[str, Reader]]
    bound: Callable[[int], int] | None = None
    joins: str = ""

    def rows(
        self, connection: Connection, guild_id: int, since_ms: int | None, until_ms: int | None,
        whose: tuple[str, int] | None = None,
    ) -> Iterator[Row]:  # fmt: skip
        """The rows of a guild within a half-open range, in order of their key; all of them without a range.

        Args:
            connection: to read by.
            guild_id: the guild.
            since_ms: begin, milliseconds since the Unix epoch.
            until_ms: end, not included.
            whose: only rows whose column of that name holds that user.

        """
        names, readers = list(self.columns), [reader for _, reader in self.columns.values()]
        parameters: dict[str, int] = {"guild": guild_id, "page": PAGE} | self._bounds(since_ms, until_ms)
        if whose is not None:
            parameters["whose"] = whose[1]
        sql, width = self._statement(parameters, f" AND t.{whose[0]} = :whose" if whose else ""), len(self.key)
        last: tuple[Any, ...] | None = None
        while True:
            page = connection.execute(sql if last is None else self._after(sql), parameters).fetchall()
            for row in page:
                yield {name: read(value) for name, read, value in zip(names, readers, row[width:], strict=True)}
            if len(page) < PAGE:
                return
            last = page[-1][:width]
            parameters |= {f"after{index}": value for index, value in enumerate(last)}

    def _bounds(self, since_ms: int | None, until_ms: int | None) -> dict[str, int]:
        if self.bound is None:
            return {}
        found = {"low": since_ms, "high": until_ms}
        return {name: self.bound(ms) for name, ms in found.items() if ms is not None}

    def _statement(self, parameters: Mapping[str, int], condition: str) -> str:
        columns = ", ".join([*(f"t.{column}" for column in self.key), *(column for column, _ in self.columns.values())])
        low = f" AND t.{self.key[0]} >= :low" if "low" in parameters else ""
        high = f" AND t.{self.key[0]} < :high" if "high" in parameters else ""
        order = ", ".join(f"t.{column}" for column in self.key)
        return (
            f"SELECT {columns} FROM {self.table} t {self.joins} WHERE t.guild_id = :guild{low}{high}{condition} "  # noqa: S608 - names of this module
            f"/*after*/ ORDER BY {order} LIMIT :page"
        )

    def _after(self, sql: str) -> str:
        key = ", ".join(f"t.{column}" for column in self.key)
        values = ", ".join(f":after{index}" for index in range(len(self.key)))
        return sql.replace("/*after*/", f"AND ({key}) > ({values})")


COUNTS: Final = {"sent": ("t.sent", same), "deleted": ("t.deleted", same)}
AUTHOR: Final = {"author_class": ("t.author_class", named(CLASSES)), "kind": ("t.kind", named(KINDS))}
VOICE: Final = {
    name.replace("_ms", "_milliseconds").removeprefix("ms"): (f"t.{name}", same)
    for name in ("muted_ms", "streaming_ms", "video_ms", "suppressed_ms")
}

EXPORTS: Final[dict[str, Kind]] = {
    "messages": Kind(
        "message_events", ("message_id",),
        {
            "time": ("t.message_id", made), "message_id": ("t.message_id", as_text), "channel_id": ("t.channel_id", as_text),
            "user_id": ("t.user_id", as_text), **AUTHOR, "type": ("t.type", same), "deleted_at": ("t.deleted_ms", moment),
            "edited_at": ("d.edited_ms", moment), "attachments": ("d.attachments", same), "length": ("d.length", same), "words": ("d.words", same),
        },
        snowflakes, "LEFT JOIN message_details d ON d.guild_id = t.guild_id AND d.message_id = t.message_id",
    ),
    "reactions": Kind(
        "reaction_events", ("id",),
        {
            "time": ("t.id", made), "action": ("t.action", named(("add", "remove"))), "message_id": ("t.message_id", as_text),
            "channel_id": ("t.channel_id", as_text), "user_id": ("t.user_id", as_text), "receiver_id": ("t.receiver_id", as_text),
            "emoji": ("t.emoji", same), "super": ("t.burst", flag), "is_bot": ("t.is_bot", flag), "uncertain_milliseconds": ("t.bound_ms", same),
        },
        snowflakes,
    ),
    "voice": Kind(
        "voice_events", ("id",),
        {
            "start": ("t.id", made), "end": ("t.ended_ms", moment), "user_id": ("t.user_id", as_text), "channel_id": ("t.channel_id", as_text),
            "flags": ("t.flags", flags), "is_bot": ("t.is_bot", flag), "session_id": ("t.session_id", as_text), "visit_begins": ("t.visit", flag),
            "uncertain_milliseconds": ("t.bound_ms", same),
        },
        snowflakes,
    ),
    "presence": Kind(
        "presence_events", ("id",),
        {
            "start": ("t.id", made), "end": ("t.ended_ms", moment), "user_id": ("t.user_id", as_text), "status": ("t.status", named(STATUSES)),
            "is_bot": ("t.is_bot", flag), "uncertain_milliseconds": ("t.bound_ms", same),
        },
        snowflakes,
    ),
    "joins": Kind(
        "member_events", ("at_ms", "user_id", "kind"),
        {
            "time": ("t.at_ms", moment), "user_id": ("t.user_id", as_text), "kind": ("t.kind", named(("join", "leave"))),
            "reason": ("t.reason", named(("", "kick", "ban"))), "is_bot": ("t.is_bot", flag), "uncertain_milliseconds": ("t.bound_ms", same),
        },
        same,
    ),
    "members": Kind(
        "members", ("user_id",),
        {
            "user_id": ("t.user_id", as_text), "username": ("u.username", same), "global_name": ("u.global_name", same), "nick": ("t.nick", same),
            "is_bot": ("t.is_bot", flag), "joined": ("t.joined_ms", moment), "left": ("t.left_ms", moment), "roles": ("t.roles", ids),
            "pending": ("t.pending", flag),
        },
        None, "LEFT JOIN users u ON u.id = t.user_id",
    ),
    "channels": Kind(
        "channels", ("id",),
        {
            "channel_id": ("t.id", as_text), "name": ("t.name", same), "type": ("t.type", same), "parent_id": ("t.parent_id", as_text),
            "deleted_at": ("t.deleted_ms", moment),
        },
    ),
    "messages-by-hour": Kind(
        "guild_hour", ("hour", "author_class", "kind"), {"hour": ("t.hour", hour), **AUTHOR, **COUNTS}, lambda ms: ms // HOUR_MS
    ),
    "messages-by-channel-and-hour": Kind(
        "channel_hour", ("hour", "channel_id", "author_class", "kind"),
        {"hour": ("t.hour", hour), "channel_id": ("t.channel_id", as_text), **AUTHOR, **COUNTS}, lambda ms: ms // HOUR_MS,
    ),
    "messages-by-user-and-day": Kind(
        "user_day", ("day", "user_id", "author_class", "kind"),
        {"day": ("t.day", day), "user_id": ("t.user_id", as_text), **AUTHOR, **COUNTS}, lambda ms: ms // DAY_MS,
    ),
    "voice-by-user-and-day": Kind(
        "voice_user_day", ("day", "user_id", "is_bot", "state"),
        {
            "day": ("t.day", day), "user_id": ("t.user_id", as_text), "is_bot": ("t.is_bot", flag), "afk": ("t.state % 2", flag),
            "deafened": ("t.state / 2 % 2", flag), "alone": ("t.state / 4", flag), "milliseconds": ("t.ms", same), **VOICE, "sessions": ("t.sessions", same),
        },
        lambda ms: ms // DAY_MS,
    ),
}  # fmt: skip
"""What can be exported, by the name under which it is asked for."""


def total(connection: Connection, kind: Kind, guild_id: int) -> int:
    """How many rows of a kind a guild has: for progress."""
    sql = f"SELECT COUNT(*) FROM {kind.table} WHERE guild_id = ?"  # noqa: S608 - a name of this module
    return int(connection.execute(sql, (guild_id,)).fetchone()[0])
