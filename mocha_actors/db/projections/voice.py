"""Voice: who was in which channel, how and how long. Intervals in ``voice_events`` and their sums in three rollups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec.structs import astuple

from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.intervals import EndReason, Evidence, Guilds, Journal, bots_of, storable
from mocha_actors.db.projections.voice_rollups import VoiceSums
from mocha_actors.db.projections.voice_rooms import Moment, Rooms
from mocha_actors.db.projections.voice_rows import (
    OPEN,
    OPEN_OF_SHARD,
    SUSPENDED,
    UPSERT,
    Interval,
    afk_channel,
    read,
)
from mocha_actors.pipeline.facts import (
    ChannelDeleted,
    Fact,
    GuildGone,
    GuildSeen,
    MemberJoined,
    MemberLeft,
    MembersSeen,
    SessionEnded,
    VoiceChanged,
    VoiceListed,
)

GUILDS_REMEMBERED: Final = 10_000
"""Guilds whose voice channels are kept in memory, some kilobytes each; others are loaded again."""

Departure = GuildGone | ChannelDeleted | MemberLeft


class VoiceProjection:
    """Follows the voice channels of every guild (statistics, rules 10 to 14 and A3.11 to A3.15).

    What it reads of other tables it reads as it was before the transaction, and it takes the facts that change it; so it has to stand before
    the projections of guilds and members, and it makes no difference how facts are cut into transactions.
    """

    facts: tuple[type[Fact], ...] = (
        VoiceChanged, VoiceListed, GuildSeen, GuildGone, ChannelDeleted, MembersSeen, MemberJoined, MemberLeft, SessionEnded,
    )  # fmt: skip

    def __init__(self, remembered: int = GUILDS_REMEMBERED) -> None:
        """Nothing is remembered yet."""
        self._guilds: Guilds[Rooms] = Guilds(remembered)
        self._journal = Journal("voice_events", UPSERT, astuple)
        self._sums = VoiceSums()

    def reset(self) -> None:
        """See :meth:`Projection.reset`."""
        self._guilds.clear()

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> set[int]:
        """See :meth:`Projection.apply`."""
        self._journal.open(connection)
        self._sums = VoiceSums()
        evidence = Evidence(connection, facts)
        for fact in facts:
            self._apply(connection, fact, evidence)
        changed = self._journal.flush()
        self._sums.write(connection)
        self._guilds.trim()
        return changed

    def _apply(self, connection: Connection, fact: Fact, evidence: Evidence) -> None:
        match fact:
            case VoiceChanged():
                rooms = self._rooms(connection, fact.guild_id)
                rooms.follow(fact.shard, evidence.of)
                rooms.change(fact)
            case VoiceListed():
                rooms = self._rooms(connection, fact.guild_id)
                rooms.follow(fact.shard, evidence.of)
                rooms.reconcile(fact.states, Moment(storable(fact.at_ms), fact.bound_ms))
            case GuildSeen():
                rooms = self._rooms(connection, fact.guild_id)
                rooms.follow(fact.shard, evidence.of)
                rooms.rename_afk(fact.afk_channel_id, Moment(storable(fact.at_ms), 0))
            case SessionEnded():
                evidence.passed(fact)
                for guild in self._guilds_of(connection, fact.shard):
                    self._rooms(connection, guild).lose(fact.shard, fact.evidence_ms)
            case MembersSeen() | MemberJoined():
                self._meet(connection, fact)
            case GuildGone() | ChannelDeleted() | MemberLeft():
                self._depart(self._rooms(connection, fact.guild_id), fact)
            case _:
                msg = f"the voice projection does not take facts of the type {type(fact).__name__}"
                raise TypeError(msg)

    def _depart(self, rooms: Rooms, fact: Departure) -> None:
        moment = Moment(storable(fact.at_ms), fact.bound_ms)
        match fact:
            case GuildGone():
                rooms.empty(moment, EndReason.OUTAGE if fact.outage else EndReason.GONE)
            case ChannelDeleted():
                rooms.close_channel(fact.place.channel_id, moment)
            case MemberLeft():
                rooms.leave((fact.user_id,), moment, EndReason.LEFT)

    def _meet(self, connection: Connection, fact: MembersSeen | MemberJoined) -> None:
        members = fact.members if isinstance(fact, MembersSeen) else (fact.member,)
        bots = {member.user_id for member in members if member.is_bot}
        if bots:
            self._rooms(connection, fact.guild_id).bots.update(bots)

    def _rooms(self, connection: Connection, guild: int) -> Rooms:
        return self._guilds.of(guild, lambda guild: self._load(connection, guild))

    def _load(self, connection: Connection, guild: int) -> Rooms:
        return Rooms(
            guild, afk_channel=afk_channel(connection, guild), bots=bots_of(connection, guild), ids=self._journal.ids(guild),
            intervals=[*read(connection, OPEN, guild), *read(connection, SUSPENDED, guild)],
            put=self._journal.put, delete=self._journal.delete, count=self._count,
        )  # fmt: skip

    def _count(self, interval: Interval) -> None:
        self._sums.add(interval)

    def _guilds_of(self, connection: Connection, shard: int) -> list[int]:
        """The guilds in which ``shard`` has open intervals: what memory holds is newer than the table, which is written at the end."""
        stored = {guild for (guild,) in connection.execute(OPEN_OF_SHARD, (shard,))}
        held = {guild for guild, rooms in self._guilds.items() if any(i.shard == shard for i in rooms.open.values())}
        return sorted(stored | held)
