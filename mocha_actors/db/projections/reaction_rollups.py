"""The rollups of reactions: channels by hour, emojis by day, users by day."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.discord.snowflake import HOUR_MS, time_ms

ADD: Final = 0
REMOVE: Final = 1
"""What ``reaction_events.action`` may be."""

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

Sums = dict[tuple[int | str, ...], list[int]]


class Counts(NamedTuple):
    """What events add to each rollup: the numbers of its columns by key."""

    channel_hour: Sums
    emoji_day: Sums
    user_day: Sums


def count(events: Iterable[ReactionEvent]) -> Counts:
    """What ``events``, which have ids, add to the rollups. A reaction to an own message is given and not received."""
    counts = Counts({}, {}, {})
    for event in events:
        hour = time_ms(event.id) // HOUR_MS
        day = hour // HOURS
        added = int(event.action == ADD)
        numbers = (added, 1 - added, event.burst * added)
        _add(counts.channel_hour, (event.guild, hour, event.channel, event.is_bot), numbers)
        _add(counts.emoji_day, (event.guild, day, event.emoji, event.is_bot), numbers)
        own = int(added and event.receiver == event.user)
        _add(counts.user_day, (event.guild, day, event.user, event.is_bot), (added, 1 - added, 0, 0, own))
        if added and event.receiver is not None and not own:
            received = (0, 0, 1 - event.is_bot, event.is_bot, 0)
            _add(counts.user_day, (event.guild, day, event.receiver, event.receiver_bot), received)
    return counts


def _add(sums: Sums, key: tuple[int | str, ...], numbers: tuple[int, ...]) -> None:
    known = sums.get(key)
    sums[key] = list(numbers) if known is None else [one + other for one, other in zip(known, numbers, strict=True)]


def add(connection: Connection, events: Iterable[ReactionEvent]) -> None:
    """Add ``events``, none of which may have been counted before, to the three tables."""
    for insert, sums in zip((CHANNEL_HOUR, EMOJI_DAY, USER_DAY), count(events), strict=True):
        insert.execute(connection, sorted((*key, *numbers) for key, numbers in sums.items()))
