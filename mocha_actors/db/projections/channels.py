"""Channels and threads: their names and parents, by the time of the fact that told them, and which of them are gone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import ChannelDeleted, ChannelsSeen, Fact, Place

THREADS: Final = frozenset({10, 11, 12})
"""Discord's types of threads, of which only active ones are ever listed."""

CONFIRM_MS: Final = 86_400_000
"""How much newer a fact must be to be stored for repeating what is known."""


class Known(NamedTuple):
    """What ``channels`` holds of a channel."""

    type: int
    name: str | None
    parent_id: int | None
    owner_id: int | None
    deleted_ms: int | None
    seen_ms: int


SELECT: Final = "SELECT id, type, name, parent_id, owner_id, deleted_ms, seen_ms FROM channels WHERE guild_id = ?"
LOAD: Final = SELECT + " AND id IN (SELECT value FROM json_each(?))"  # noqa: S608 - a constant
STORE: Final = BulkInsert(
    "INSERT INTO channels (guild_id, id, type, name, parent_id, owner_id, deleted_ms, seen_ms)",
    "(?, ?, ?, ?, ?, ?, ?, ?)",
    "ON CONFLICT (guild_id, id) DO UPDATE SET type = excluded.type, name = excluded.name, parent_id = excluded.parent_id, "
    "owner_id = excluded.owner_id, deleted_ms = excluded.deleted_ms, seen_ms = excluded.seen_ms",
)

Channels = dict[int, Known]


class ChannelProjection:
    """Writes channels (statistics, rules 8 and 9). A parent or a deletion changes answers, hence the revision."""

    facts: tuple[type[Fact], ...] = (ChannelsSeen, ChannelDeleted)

    def reset(self) -> None:
        """See :meth:`Projection.reset`: nothing is remembered."""

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int]:
        """See :meth:`Projection.apply`."""
        changed: set[int] = set()
        for guild, of_guild in by_guild(facts).items():
            before = load(connection, guild, of_guild)
            after = dict(before)
            for fact in of_guild:
                take(after, fact)
            rows = sorted((guild, channel, *known) for channel, known in after.items() if before.get(channel) != known)
            STORE.execute(connection, rows)
            if rows:
                changed.add(guild)
        return changed


def by_guild(facts: Iterable[Fact]) -> dict[int, list[ChannelsSeen | ChannelDeleted]]:
    """``facts`` about channels by guild, in their order."""
    guilds: dict[int, list[ChannelsSeen | ChannelDeleted]] = {}
    for fact in facts:
        if isinstance(fact, ChannelsSeen | ChannelDeleted):
            guilds.setdefault(fact.guild_id, []).append(fact)
    return guilds


def load(connection: Connection, guild: int, facts: Iterable[ChannelsSeen | ChannelDeleted]) -> Channels:
    """What is known of the channels that ``facts`` name; of all of the guild, where one claims to name all."""
    ids: set[int] = set()
    for fact in facts:
        if isinstance(fact, ChannelDeleted):
            ids.add(fact.place.channel_id)
        elif fact.complete:
            return {channel: Known(*known) for channel, *known in connection.execute(SELECT, (guild,))}
        else:
            ids.update(place.channel_id for place in fact.places)
    return {channel: Known(*known) for channel, *known in connection.execute(LOAD, (guild, json.dumps(sorted(ids))))}


def take(channels: Channels, fact: ChannelsSeen | ChannelDeleted) -> None:
    """Go on by one fact."""
    if isinstance(fact, ChannelDeleted):
        place = fact.place
        channels[place.channel_id] = deleted(channels.get(place.channel_id), place, fact.at_ms)
        return
    for place in fact.places:
        channels[place.channel_id] = seen(channels.get(place.channel_id), place, fact.at_ms)
    if fact.complete:
        listed = {place.channel_id for place in fact.places}
        for channel, known in channels.items():
            there = known.deleted_ms is None and known.type not in THREADS
            if there and channel not in listed and known.seen_ms <= fact.at_ms:
                channels[channel] = known._replace(deleted_ms=fact.at_ms)


def seen(known: Known | None, place: Place, at_ms: int) -> Known:
    """A channel after it was described. One that was taken for gone and is seen later is there."""
    if known is None:
        return Known(place.type, place.name, place.parent_id, place.owner_id, None, at_ms)
    if at_ms < known.seen_ms:
        return known if known.parent_id is not None else known._replace(parent_id=place.parent_id)
    now = Known(
        type=place.type,
        name=known.name if place.name is None else place.name,
        parent_id=place.parent_id,
        owner_id=known.owner_id if place.owner_id is None else place.owner_id,
        deleted_ms=known.deleted_ms if known.deleted_ms is not None and at_ms < known.deleted_ms else None,
        seen_ms=at_ms,
    )
    return known if now[:-1] == known[:-1] and at_ms - known.seen_ms < CONFIRM_MS else now


def deleted(known: Known | None, place: Place, at_ms: int) -> Known:
    """A channel after it was deleted; a thread's deletion teaches its parent and says no name, so an older fact may still tell it."""
    if known is None:
        seen_ms = at_ms if place.name is not None else 0
        return Known(place.type, place.name, place.parent_id, place.owner_id, at_ms, seen_ms)
    parent = place.parent_id if known.parent_id is None else known.parent_id
    return known._replace(parent_id=parent, deleted_ms=at_ms if known.deleted_ms is None else known.deleted_ms)
