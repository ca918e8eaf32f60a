"""The rollups of reactions: channels by hour, emojis by day, users by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import HOUR_MS, time_ms

ADD: Final = 0
REMOVE: Final = 1
"""What ``reaction_events.action`` may be, and the places of their numbers among those of a rollup."""

HOURS: Final = 24


class ReactionEvent(NamedTuple):
    """A row of ``reaction_events``. Until it has an id, ``id`` holds the time, in milliseconds since the Unix epoch."""

    guild: int
    id: int
    message: int
    channel: int
    user: int
    receiver: int | None
    receiver_bot: int
    emoji: str
    burst: int
    action: int
    is_bot: int
    bound_ms: int


def adding(table: str, key: tuple[str, ...], numbers: tuple[str, ...]) -> BulkInsert:
    """What adds ``numbers`` to the rows of ``table``."""
    marks = ", ".join("?" * (len(key) + len(numbers)))
    additions = ", ".join(f"{number} = {table}.{number} + excluded.{number}" for number in numbers)
    return BulkInsert(
        f"INSERT INTO {table} ({', '.join((*key, *numbers))})",
        f"({marks})",
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {additions}",
    )


CHANNEL_HOUR: Final = adding(
    "reaction_channel_hour", ("guild_id", "hour", "channel_id", "is_bot"), ("added", "removed", "burst")
)
EMOJI_DAY: Final = adding("reaction_emoji_day", ("guild_id", "day", "emoji", "is_bot"), ("added", "removed", "burst"))
USER_DAY: Final = adding(
    "reaction_user_day",
    ("guild_id", "day", "user_id", "is_bot"),
    ("given", "removed", "received", "received_bot", "self"),
)

Key = tuple[int | str, ...]
Sums = Mapping[Key, list[int]]


class Counts(NamedTuple):
    """What events add to each rollup: the numbers of its columns by key."""

    channel_hour: Sums
    emoji_day: Sums
    user_day: Sums


def count(events: Iterable[ReactionEvent]) -> Counts:
    """What ``events``, which have ids, add to the rollups. A reaction to an own message is given and not received."""
    channels: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    emojis: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0, 0])
    users: defaultdict[Key, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0])
    for guild, row_id, _, channel, user, receiver, receiver_bot, emoji, burst, action, is_bot, _ in events:
        hour = time_ms(row_id) // HOUR_MS
        day = hour // HOURS
        given = users[guild, day, user, is_bot]
        for sums in channels[guild, hour, channel, is_bot], emojis[guild, day, emoji, is_bot]:
            sums[action] += 1
            sums[2] += burst if action == ADD else 0
        given[action] += 1
        if action == ADD and receiver == user:
            given[4] += 1
        elif action == ADD and receiver is not None:
            users[guild, day, receiver, receiver_bot][3 if is_bot else 2] += 1
    return Counts(channels, emojis, users)


def add(connection: Connection, events: Iterable[ReactionEvent]) -> None:
    """Add ``events``, none of which may have been counted before, to the three tables."""
    for insert, sums in zip((CHANNEL_HOUR, EMOJI_DAY, USER_DAY), count(events), strict=True):
        insert.execute(connection, sorted((*key, *numbers) for key, numbers in sums.items()))
