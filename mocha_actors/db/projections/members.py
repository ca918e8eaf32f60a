"""Members: who is one, what happened to the membership, and joins and leaves by the hour."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import groupby
from typing import Final

from mocha_actors.db.bulk import BulkInsert
from mocha_actors.db.connection import Connection
from mocha_actors.db.projections import membership
from mocha_actors.db.projections.membership import (
    EXPLAINS_BACK_MS,
    EXPLAINS_MS,
    JOIN,
    LEAVE,
    Change,
    Member,
    MemberEvent,
    Removal,
)
from mocha_actors.discord.snowflake import HOUR_MS
from mocha_actors.pipeline.facts import Fact, MemberJoined, MemberLeft, MemberRemoved, MembersListed, MembersSeen

SELECT: Final = (
    "SELECT user_id, is_bot, joined_ms, left_ms, pending, nick, roles, seen_ms FROM members WHERE guild_id = ?"
)
LOAD: Final = SELECT + " AND user_id IN (SELECT value FROM json_each(?))"  # noqa: S608 - a constant
LOAD_PRESENT: Final = SELECT + " AND left_ms IS NULL"
LOAD_REMOVALS: Final = "SELECT user_id, reason, at_ms, bound_ms FROM member_removals WHERE guild_id = ? AND user_id IN (SELECT value FROM json_each(?))"
STORE: Final = BulkInsert(
    "INSERT INTO members (guild_id, user_id, is_bot, joined_ms, left_ms, pending, nick, roles, seen_ms)",
    "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    "ON CONFLICT (guild_id, user_id) DO UPDATE SET is_bot = excluded.is_bot, joined_ms = excluded.joined_ms, left_ms = excluded.left_ms, "
    "pending = excluded.pending, nick = excluded.nick, roles = excluded.roles, seen_ms = excluded.seen_ms",
)
STORE_REMOVAL: Final = BulkInsert(
    "INSERT INTO member_removals (guild_id, user_id, reason, at_ms, bound_ms)",
    "(?, ?, ?, ?, ?)",
    "ON CONFLICT (guild_id, user_id) DO UPDATE SET reason = excluded.reason, at_ms = excluded.at_ms, bound_ms = excluded.bound_ms",
)
INSERT_EVENT: Final = (
    "INSERT INTO member_events (guild_id, at_ms, user_id, kind, is_bot, joined_ms, reason, bound_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)
EXPLAIN: Final = (
    f"UPDATE member_events SET reason = ? WHERE guild_id = ? AND user_id = ? AND kind = {LEAVE} "  # noqa: S608 - a constant
    "AND at_ms >= ? AND at_ms <= ? AND at_ms + bound_ms >= ? AND (reason IS NULL OR reason < ?)"
)
ADD_HOUR: Final = BulkInsert(
    "INSERT INTO member_hour (guild_id, hour, is_bot, joins, leaves)",
    "(?, ?, ?, ?, ?)",
    "ON CONFLICT (guild_id, hour, is_bot) DO UPDATE SET joins = member_hour.joins + excluded.joins, leaves = member_hour.leaves + excluded.leaves",
)
LAST_GAP: Final = """
    SELECT MAX(coverage_gaps.from_ms) FROM coverage_gaps JOIN guilds ON guilds.shard = coverage_gaps.shard
    WHERE guilds.id = ? AND coverage_gaps.from_ms <= ?"""

Who = tuple[int, int]
"""(guild, user)."""


class MemberProjection:
    """Writes members. Nothing is remembered from group to group: the rows of those whom a group names are looked up, all at once."""

    facts: tuple[type[Fact], ...] = (MemberJoined, MembersSeen, MembersListed, MemberLeft, MemberRemoved)

    def reset(self) -> None:
        """See :meth:`Projection.reset`: nothing is remembered."""

    def apply(self, connection: Connection, facts: Sequence[Fact]) -> AbstractSet[int]:
        """See :meth:`Projection.apply`."""
        before = load(connection, facts)
        removals = load_removals(connection, facts)
        roll = Roll(connection, dict(before), dict(removals))
        for fact in facts:
            roll.take(fact)
        rows = sorted((*who, *member) for who, member in roll.members.items() if before.get(who) != member)
        STORE.execute(connection, rows)
        STORE_REMOVAL.execute(
            connection,
            sorted((*who, *removal) for who, removal in roll.removals.items() if removals.get(who) != removal),
        )
        events = insert(connection, roll.events)
        add_hours(connection, events)
        return {row[0] for row in rows} | roll.explained | {event.guild for event in events}


class Roll:
    """The members of a group of facts as it goes on, and what happened to them.

    Attributes:
        members: of all whom the group names.
        removals: the last kick or ban of those who joined, left or were removed.
        events: what happened, in order.
        explained: guilds of which a leave that was written before got its reason.

    """

    def __init__(self, connection: Connection, members: dict[Who, Member], removals: dict[Who, Removal]) -> None:
        """Begin with what the tables hold."""
        self._connection = connection
        self.members, self.removals = members, removals
        self.events: list[MemberEvent] = []
        self.explained: set[int] = set()

    def take(self, fact: Fact) -> None:
        """Go on by one fact."""
        if isinstance(fact, MembersSeen):
            for profile in fact.members:
                who = (fact.guild_id, profile.user_id)
                self.members[who] = membership.seen(self.members.get(who), profile, fact.at_ms)
        elif isinstance(fact, MemberJoined):
            who = (fact.guild_id, fact.member.user_id)
            self._change(who, membership.joined(self.members.get(who), fact, self.removals.get(who)))
        elif isinstance(fact, MemberLeft):
            who = (fact.guild_id, fact.user_id)
            self._change(who, membership.left(self.members.get(who), fact, self.removals.get(who)))
        elif isinstance(fact, MemberRemoved):
            self._removed(fact)
        elif isinstance(fact, MembersListed):
            self._listed(fact)

    def _change(self, who: Who, change: Change | None) -> None:
        if change is not None:
            self.members[who], events = change
            self.events += events

    def _removed(self, fact: MemberRemoved) -> None:
        who = (fact.guild_id, fact.user_id)
        removal = Removal(fact.reason, fact.at_ms, fact.bound_ms)
        self.removals[who] = membership.removed(self.removals.get(who), fact)
        for index, event in enumerate(self.events):
            of_it = (event.guild, event.user, event.kind) == (*who, LEAVE) and (event.reason or 0) < removal.reason
            if of_it and membership.explains(removal, event):
                self.events[index] = event._replace(reason=removal.reason)
        last_ms = removal.at_ms + removal.bound_ms + EXPLAINS_MS
        parameters = (
            removal.reason, *who, removal.at_ms - EXPLAINS_BACK_MS, last_ms, removal.at_ms - EXPLAINS_MS, removal.reason
        )  # fmt: skip
        if self._connection.execute(EXPLAIN, parameters).rowcount:
            self.explained.add(fact.guild_id)

    def _listed(self, fact: MembersListed) -> None:
        there = frozenset(fact.user_ids)
        gone = [
            (who, member)
            for who, member in sorted(self.members.items())
            if who[0] == fact.guild_id
            and who[1] not in there
            and member.left_ms is None
            and member.seen_ms <= fact.at_ms
        ]
        if gone:
            (evidence_ms,) = self._connection.execute(LAST_GAP, (fact.guild_id, fact.at_ms)).fetchone()
            for who, member in gone:
                self._change(who, membership.missing(*who, member, fact.at_ms, evidence_ms or 0))


def load(connection: Connection, facts: Sequence[Fact]) -> dict[Who, Member]:
    """What is known of those whom ``facts`` name, and of the members whom a complete list of theirs does not name.

    Whom it does name needs nothing: of a guild of 50,000 all the others were 20 MB. They are told apart here, since PostgreSQL compares each
    row with each element of an array.
    """
    listed: dict[int, AbstractSet[int]] = {}
    for fact in facts:
        if isinstance(fact, MembersListed):
            there = frozenset(fact.user_ids)
            listed[fact.guild_id] = listed.get(fact.guild_id, there) & there
    members = {
        (guild, user): Member(*row)
        for guild, there in sorted(listed.items())
        for user, *row in connection.execute(LOAD_PRESENT, (guild,))
        if user not in there
    }
    wanted = (who for who in named(facts) if who not in members)
    for guild, ids in by_guild(wanted):
        members |= {(guild, user): Member(*row) for user, *row in connection.execute(LOAD, (guild, ids))}
    return members


def load_removals(connection: Connection, facts: Sequence[Fact]) -> dict[Who, Removal]:
    """The last kick or ban of those who joined, left or were removed."""
    moved = [fact for fact in facts if isinstance(fact, MemberJoined | MemberLeft | MemberRemoved)]
    removals: dict[Who, Removal] = {}
    for guild, ids in by_guild(named(moved)):
        removals |= {(guild, user): Removal(*row) for user, *row in connection.execute(LOAD_REMOVALS, (guild, ids))}
    return removals


def named(facts: Iterable[Fact]) -> set[Who]:
    """Everybody whom ``facts`` name, complete lists aside."""
    found: set[Who] = set()
    for fact in facts:
        if isinstance(fact, MembersSeen):
            found.update((fact.guild_id, profile.user_id) for profile in fact.members)
        elif isinstance(fact, MemberJoined):
            found.add((fact.guild_id, fact.member.user_id))
        elif isinstance(fact, MemberLeft | MemberRemoved):
            found.add((fact.guild_id, fact.user_id))
    return found


def by_guild(keys: Iterable[Who]) -> Iterable[tuple[int, str]]:
    """Each guild with its users as JSON, in order."""
    for guild, of_guild in groupby(sorted(keys), key=lambda key: key[0]):
        yield guild, json.dumps([user for _, user in of_guild])


def insert(connection: Connection, events: Iterable[MemberEvent]) -> list[MemberEvent]:
    """Write ``events`` in order; one whose user did the same in the same millisecond stands in the next one. Returns them as they stand."""
    inserted = []
    for event in events:
        standing = event
        while not connection.execute(INSERT_EVENT, standing).rowcount:
            standing = standing._replace(at_ms=standing.at_ms + 1)
        inserted.append(standing)
    return inserted


def add_hours(connection: Connection, events: Iterable[MemberEvent]) -> None:
    """Add ``events``, none of which may have been counted before, to ``member_hour``."""
    hours: dict[tuple[int, int, int], list[int]] = {}
    for event in events:
        counts = hours.setdefault((event.guild, event.at_ms // HOUR_MS, event.is_bot), [0, 0])
        counts[event.kind != JOIN] += 1
    ADD_HOUR.execute(connection, sorted((*key, *counts) for key, counts in hours.items()))
