"""The rollups of messages: user by day and week, channel by hour and day, guild by hour, counted in memory before they are added to the tables.

They are narrow on purpose: a cube (guild, hour, channel, user) has 0.9 rows a message and aggregates nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DAY_OF_IDS, DISCORD_EPOCH_DAY, DISCORD_EPOCH_HOUR, HOUR_OF_IDS
from mocha_actors.pipeline.facts import AuthorClass, MessageKind

HOURS: Final = 24
SYSTEM: Final = int(MessageKind.SYSTEM)
WEBHOOK: Final = int(AuthorClass.WEBHOOK)

Row = tuple[int, int, int, int, int, int, int]
"""Guild, message, channel, user, author class, kind and type: a message as ``message_events`` has it."""

Key = tuple[int, ...]
Sums = dict[Key, int]


class Counts(NamedTuple):
    """Messages counted for each rollup.

    Attributes:
        user_day: (guild, day, user, author class, kind) → messages.
        user_week: (guild, week, user, author class, kind) → messages.
        channel_hour: (guild, hour, channel, author class, kind) → messages.
        channel_day: (guild, day, channel, author class, kind) → messages.
        guild_hour: (guild, hour, author class, kind) → messages.

    """

    user_day: Sums
    user_week: Sums
    channel_hour: Sums
    channel_day: Sums
    guild_hour: Sums


def upsert(table: str, key: str, number: str) -> BulkInsert:
    """What adds to one number of ``table``; the other one of a new row is 0."""
    marks = ", ".join("?" * (key.count(",") + 1))
    values = f"({marks}, ?, 0)" if number == "sent" else f"({marks}, 0, ?)"
    return BulkInsert(
        f"INSERT INTO {table} ({key}, sent, deleted)",
        values,
        f"ON CONFLICT ({key}) DO UPDATE SET {number} = {table}.{number} + excluded.{number}",
    )


KEYS: Final = Counts._fields
ADDITIONS: Final[Mapping[str, Mapping[str, BulkInsert]]] = {
    number: {
        "user_day": upsert("user_day", "guild_id, day, user_id, author_class, kind", number),
        "user_week": upsert("user_week", "guild_id, week, user_id, author_class, kind", number),
        "channel_hour": upsert("channel_hour", "guild_id, hour, channel_id, author_class, kind", number),
        "channel_day": upsert("channel_day", "guild_id, day, channel_id, author_class, kind", number),
        "guild_hour": upsert("guild_hour", "guild_id, hour, author_class, kind", number),
    }
    for number in ("sent", "deleted")
}
"""What adds messages sent, or deleted, to each rollup."""


def count(messages: Sequence[Row]) -> Counts:
    """What ``messages`` add to the rollups. System messages are in none, webhooks are no users (statistics, rules 2 and 3)."""
    users: Sums = Counter(
        [
            (guild, message // DAY_OF_IDS, user, author_class, kind)
            for guild, message, _, user, author_class, kind, _ in messages if kind != SYSTEM and author_class != WEBHOOK
        ]
    )  # fmt: skip
    channels: Sums = Counter(
        [
            (guild, message // HOUR_OF_IDS, channel, author_class, kind)
            for guild, message, channel, _, author_class, kind, _ in messages if kind != SYSTEM
        ]
    )  # fmt: skip
    users = {(guild, day + DISCORD_EPOCH_DAY, *of): number for (guild, day, *of), number in users.items()}
    channels = {(guild, hour + DISCORD_EPOCH_HOUR, *of): number for (guild, hour, *of), number in channels.items()}
    days, guilds = _coarser(channels)
    return Counts(users, _weeks(users), channels, days, guilds)


def _weeks(users: Sums) -> Sums:
    """Users by week, of users by day."""
    weeks: Sums = {}
    for (guild, day, user, author_class, kind), number in users.items():
        key: Key = (guild, (day + 3) // 7, user, author_class, kind)
        weeks[key] = weeks.get(key, 0) + number
    return weeks


def _coarser(channels: Sums) -> tuple[Sums, Sums]:
    """Channels by day and guilds by hour, of channels by hour."""
    days: Sums = {}
    guilds: Sums = {}
    for (guild, hour, channel, author_class, kind), number in channels.items():
        day: Key = (guild, hour // HOURS, channel, author_class, kind)
        days[day] = days.get(day, 0) + number
        of_guild: Key = (guild, hour, author_class, kind)
        guilds[of_guild] = guilds.get(of_guild, 0) + number
    return days, guilds


def add(connection: Connection, messages: Sequence[Row], number: str = "sent") -> Counts:
    """Count ``messages``, none of which may have been counted before, and add them to the ``sent`` or ``deleted`` of the rollups."""
    counts = count(messages)
    for table, sums in zip(KEYS, counts, strict=True):
        ADDITIONS[number][table].execute(connection, in_key_order(sums.items()))
    return counts


def in_key_order(sums: Iterable[tuple[Key, int]]) -> list[Key]:
    """Rows sorted by key: neighbours in the table are touched one after the other, and two writers never deadlock."""
    return sorted((*key, sent) for key, sent in sums)
