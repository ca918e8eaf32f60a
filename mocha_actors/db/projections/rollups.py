"""The rollups of messages: user by day, channel by hour, guild by hour, counted in memory before they are added to the tables.

They are narrow on purpose: a cube (guild, hour, channel, user) has 0.9 rows a message and aggregates nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS
from mocha_actors.pipeline.facts import AuthorClass, MessageKind, MessageSent

HOUR_MS: Final = 3_600_000
SYSTEM: Final = int(MessageKind.SYSTEM)
WEBHOOK: Final = int(AuthorClass.WEBHOOK)

UserDays = dict[tuple[int, int, int, int, int], int]
"""(guild, day, user, author class, kind) → sent."""

ChannelHours = dict[tuple[int, int, int, int, int], int]
"""(guild, hour, channel, author class, kind) → sent."""

GuildHours = dict[tuple[int, int, int, int], int]
"""(guild, hour, author class, kind) → sent."""

ADD_USER_DAY: Final = BulkInsert(
    "INSERT INTO user_day (guild_id, day, user_id, author_class, kind, sent, deleted)",
    "(?, ?, ?, ?, ?, ?, 0)",
    "ON CONFLICT (guild_id, day, user_id, author_class, kind) DO UPDATE SET sent = user_day.sent + excluded.sent",
)

ADD_CHANNEL_HOUR: Final = BulkInsert(
    "INSERT INTO channel_hour (guild_id, hour, channel_id, author_class, kind, sent, deleted)",
    "(?, ?, ?, ?, ?, ?, 0)",
    "ON CONFLICT (guild_id, hour, channel_id, author_class, kind) DO UPDATE SET sent = channel_hour.sent + excluded.sent",
)

ADD_GUILD_HOUR: Final = BulkInsert(
    "INSERT INTO guild_hour (guild_id, hour, author_class, kind, sent, deleted)",
    "(?, ?, ?, ?, ?, 0)",
    "ON CONFLICT (guild_id, hour, author_class, kind) DO UPDATE SET sent = guild_hour.sent + excluded.sent",
)


def count(messages: Sequence[MessageSent]) -> tuple[UserDays, ChannelHours, GuildHours]:
    """What ``messages`` add to the rollups. System messages are in none, webhooks are no users (statistics, rules 2 and 3)."""
    users: UserDays = Counter(
        (m.guild_id, ((m.message_id >> 22) + DISCORD_EPOCH_MS) // (24 * HOUR_MS), m.user_id, m.author_class, m.kind)
        for m in messages if m.kind != SYSTEM and m.author_class != WEBHOOK
    )  # fmt: skip
    channels: ChannelHours = Counter(
        (m.guild_id, ((m.message_id >> 22) + DISCORD_EPOCH_MS) // HOUR_MS, m.channel_id, m.author_class, m.kind)
        for m in messages if m.kind != SYSTEM
    )  # fmt: skip
    guilds: GuildHours = {}
    for (guild, hour, _, author_class, kind), sent in channels.items():
        key = (guild, hour, author_class, kind)
        guilds[key] = guilds.get(key, 0) + sent
    return users, channels, guilds


def add(connection: Connection, messages: Sequence[MessageSent]) -> None:
    """Count ``messages``, none of which may have been counted before, and add them to the three tables."""
    users, channels, guilds = count(messages)
    ADD_USER_DAY.execute(connection, in_key_order(users.items()))
    ADD_CHANNEL_HOUR.execute(connection, in_key_order(channels.items()))
    ADD_GUILD_HOUR.execute(connection, in_key_order(guilds.items()))


def in_key_order(sums: Iterable[tuple[tuple[int, ...], int]]) -> list[tuple[int, ...]]:
    """Rows sorted by key: neighbours in the table are touched one after the other, and two writers never deadlock."""
    return sorted((*key, sent) for key, sent in sums)
