"""Presence: who was online where and how long. Intervals in ``presence_events`` and their sums in ``presence_hour``.

Nothing arrives unless the privileged intent GUILD_PRESENCES is configured, and then a flood does: most events repeat the status that is known and
are dropped after one look into memory; the rows of a transaction are written together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, cast

from msgspec.structs import astuple

from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.intervals import EndReason, Evidence, Guilds, Journal, bots_of, storable
from mocha_actors.db.projections.presence_roster import Roster
from mocha_actors.db.projections.presence_rows import OPEN, OPEN_OF_SHARD, UPSERT, PresenceSums, Spell
from mocha_actors.pipeline.facts import (
    Fact,
    GuildGone,
    MemberJoined,
    MemberLeft,
    MembersSeen,
    PresenceChanged,
    PresencesListed,
    SessionEnded,
)

GUILDS_REMEMBERED: Final = 1_000
"""Guilds whose online members are kept in memory, about a third of a kilobyte each; others are loaded again."""


class PresenceProjection:
    """Follows who is online in every guild (statistics, rule 21 and A2). It has to stand before the projection of members, as that of voice."""

    facts: tuple[type[Fact], ...] = (
        PresenceChanged, PresencesListed, GuildGone, MembersSeen, MemberJoined, MemberLeft, SessionEnded,
    )  # fmt: skip

    def __init__(self, remembered: int = GUILDS_REMEMBERED) -> None:
        """Nothing is remembered yet."""
        self._guilds: Guilds[Roster] = Guilds(remembered)
        self._journal = Journal("presence_events", UPSERT, astuple)
        self._sums = PresenceSums()

    def reset(self) -> None:
        """See :meth:`Projection.reset`."""
        self._guilds.clear()

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> set[int]:
        """See :meth:`Projection.apply`."""
        self._journal.open(connection)
        self._sums.clear()
        evidence = Evidence(connection, facts)
        for kind, run in groupby(facts, type):
            if kind is PresenceChanged:
                self._change(connection, cast("Iterator[PresenceChanged]", run), evidence)
            else:
                for fact in run:
                    self._apply(connection, fact, evidence)
        changed = self._journal.flush()
        self._sums.write(connection)
        self._guilds.trim()
        return changed

    def _change(self, connection: Connection, facts: Iterator[PresenceChanged], evidence: Evidence) -> None:
        """Apply a run of changes, guild by guild, since no guild knows of another: each is looked up once, and not for each fact."""
        by_guild: defaultdict[int, list[PresenceChanged]] = defaultdict(list)
        for fact in facts:
            by_guild[fact.guild_id].append(fact)
        for guild, changes in by_guild.items():
            self._roster(connection, guild).take(changes, evidence.of)

    def _apply(self, connection: Connection, fact: Fact, evidence: Evidence) -> None:
        match fact:
            case PresencesListed():
                self._roster(connection, fact.guild_id).reconcile(fact, evidence.of)
            case GuildGone():
                roster = self._roster(connection, fact.guild_id)
                reason = EndReason.OUTAGE if fact.outage else EndReason.GONE
                roster.leave(roster.open.keys(), storable(fact.at_ms), fact.bound_ms, reason)
            case MemberLeft():
                roster = self._roster(connection, fact.guild_id)
                roster.leave((fact.user_id,), storable(fact.at_ms), fact.bound_ms, EndReason.LEFT)
            case SessionEnded():
                evidence.passed(fact)
                for guild in self._guilds_of(connection, fact.shard):
                    self._roster(connection, guild).lose(fact.shard, storable(fact.evidence_ms))
            case MembersSeen() | MemberJoined():
                members = fact.members if isinstance(fact, MembersSeen) else (fact.member,)
                bots = {member.user_id for member in members if member.is_bot}
                if bots:
                    self._roster(connection, fact.guild_id).bots.update(bots)
            case _:
                msg = f"the presence projection does not take facts of the type {type(fact).__name__}"
                raise TypeError(msg)

    def _roster(self, connection: Connection, guild: int) -> Roster:
        return self._guilds.of(guild, lambda guild: self._load(connection, guild))

    def _load(self, connection: Connection, guild: int) -> Roster:
        return Roster(
            guild, spells=(Spell(*row) for row in connection.execute(OPEN, (guild,))), bots=bots_of(connection, guild),
            ids=self._journal.ids(guild), add=self._journal.add, put=self._journal.put, delete=self._journal.delete, count=self._sums.add,
        )  # fmt: skip

    def _guilds_of(self, connection: Connection, shard: int) -> list[int]:
        """The guilds in which ``shard`` has open intervals, in memory or in the table."""
        stored = {guild for (guild,) in connection.execute(OPEN_OF_SHARD, (shard,))}
        held = {guild for guild, roster in self._guilds.items() if any(s.shard == shard for s in roster.open.values())}
        return sorted(stored | held)
