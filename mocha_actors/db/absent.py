"""Guilds that the bot was removed from while nobody was connected: no event ever tells of them, but READY names all guilds that are left.

Whether a guild belongs to a shard follows from its id, so that a change of the number of shards takes no guild for one that is gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mocha_actors.db.connection import Connection
from mocha_actors.pipeline.facts import GuildGone, SessionStarted

PRESENT: Final = "SELECT id FROM guilds WHERE left_ms IS NULL"


def left_while_away(
    connection: Connection, fact: SessionStarted, evidence_ms: int, unwritten: Iterable[int] = ()
) -> list[GuildGone]:
    """The guilds that are gone with the session before, by id.

    They were left at some time between the last evidence that the shard was followed and READY, hence the bound.

    Args:
        connection: in the transaction in which the session begins.
        fact: of READY; one that does not know Discord's list says nothing.
        evidence_ms: when the older session was last known to be followed, milliseconds since the epoch.
        unwritten: guilds that the transaction has met and not written yet.

    """
    if fact.guild_ids is None:
        return []
    present = {guild for (guild,) in connection.execute(PRESENT)}.union(unwritten)
    mine = {guild for guild in present if (guild >> 22) % fact.shards == fact.shard}
    bound_ms = fact.ready_ms - evidence_ms
    return [GuildGone(guild, False, evidence_ms, bound_ms) for guild in sorted(mine.difference(fact.guild_ids))]  # noqa: FBT003
