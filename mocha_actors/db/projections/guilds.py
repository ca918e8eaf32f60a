"""Guilds: what they are like, whether the bot is there, and Discord's count of their members."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import Fact, GuildGone, GuildSeen


class Known(NamedTuple):
    """What ``guilds`` holds of a guild, the settings aside."""

    name: str | None = None
    owner_id: int | None = None
    afk_channel_id: int | None = None
    member_count: int | None = None
    joined_ms: int | None = None
    left_ms: int | None = None
    unavailable: int = 0
    seen_ms: int = 0
    shard: int | None = None


COLUMNS: Final = ", ".join(Known._fields)
LOAD: Final = f"SELECT {COLUMNS} FROM guilds WHERE id = ?"  # noqa: S608 - a constant
STORE: Final = BulkInsert(
    f"INSERT INTO guilds (id, {COLUMNS})",
    f"({', '.join('?' * (len(Known._fields) + 1))})",
    "ON CONFLICT (id) DO UPDATE SET " + ", ".join(f"{column} = excluded.{column}" for column in Known._fields),
)
COUNT: Final = BulkInsert(
    "INSERT INTO member_counts (guild_id, at_ms, count)",
    "(?, ?, ?)",
    "ON CONFLICT (guild_id, at_ms) DO UPDATE SET count = excluded.count",
)


class GuildProjection:
    """Writes guilds (statistics, rules 19 and 25). What changes here changes answers: the AFK channel, the count of members."""

    facts: tuple[type[Fact], ...] = (GuildSeen, GuildGone)

    def reset(self) -> None:
        """See :meth:`Projection.reset`: nothing is remembered."""

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int]:
        """See :meth:`Projection.apply`."""
        guilds: dict[int, Known] = {}
        counts: dict[tuple[int, int], int] = {}
        for fact in facts:
            if isinstance(fact, GuildSeen):
                guilds[fact.guild_id] = seen(guilds.get(fact.guild_id) or load(connection, fact.guild_id), fact)
                if fact.member_count is not None:
                    counts[fact.guild_id, fact.at_ms] = fact.member_count
            elif isinstance(fact, GuildGone):
                guilds[fact.guild_id] = gone(guilds.get(fact.guild_id) or load(connection, fact.guild_id), fact)
        STORE.execute(connection, sorted((guild, *known) for guild, known in guilds.items()))
        COUNT.execute(connection, sorted((*key, count) for key, count in counts.items()))
        return guilds.keys()


def load(connection: Connection, guild: int) -> Known:
    """What the table holds of ``guild``; nothing, if it has no row."""
    row = connection.execute(LOAD, (guild,)).fetchone()
    return Known() if row is None else Known(*row)


def seen(known: Known, fact: GuildSeen) -> Known:
    """A guild after it was described; an older description changes nothing (A3.18). What is not said stays as it was."""
    if fact.at_ms < known.seen_ms:
        return known
    created = fact.member_count is not None or fact.joined_ms is not None
    return known._replace(
        name=fact.name if fact.name is not None else known.name,
        owner_id=fact.owner_id if fact.owner_id is not None else known.owner_id,
        afk_channel_id=fact.afk_channel_id,
        member_count=fact.member_count if fact.member_count is not None else known.member_count,
        joined_ms=fact.joined_ms if fact.joined_ms is not None else known.joined_ms,
        left_ms=None if created else known.left_ms,
        unavailable=0 if created else known.unavailable,
        seen_ms=fact.at_ms,
        shard=fact.shard,
    )


def gone(known: Known, fact: GuildGone) -> Known:
    """A guild after it became unavailable, or after the bot was removed, for which the first time stands."""
    if fact.at_ms < known.seen_ms:
        return known
    if fact.outage:
        return known._replace(unavailable=1)
    return known._replace(left_ms=fact.at_ms if known.left_ms is None else known.left_ms)
