"""Who is online in one guild, as a state machine: statuses go in, intervals come out. It knows no SQL and no clock.

A status that does not hold for half a minute is a flap, as of a phone in a pocket: when the next one ends it, its time goes to the status before
it, if that one ended where it began, else to the one after it. Being offline is no interval, so neither is a short absence bridged, nor a short
visit removed. A loss or an outage is no transition, and leaves the last interval as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from msgspec.structs import replace

from mocha_actors.db.projections.intervals import EndReason, Ids, days, storable
from mocha_actors.db.projections.presence_rows import Spell
from mocha_actors.discord.snowflake import DAY_MS, DISCORD_EPOCH_MS, TIMESTAMP_SHIFT, time_ms
from mocha_actors.pipeline.facts import PresenceChanged, PresencesListed, PresenceStatus

OFFLINE: Final = int(PresenceStatus.OFFLINE)
LEFT, CHANGED = int(EndReason.LEFT), int(EndReason.CHANGED)

FLAP_MS: Final = 30_000
"""What is shorter is no status of its own (statistics, rule 21)."""


def first_flap(at_ms: int) -> int:
    """The lowest id of an interval that is a flap if it ends at ``at_ms``."""
    return (at_ms - FLAP_MS + 1 - DISCORD_EPOCH_MS) << TIMESTAMP_SHIFT


class Roster:
    """The open intervals of a guild.

    Attributes:
        guild: the guild.
        open: the open interval of each user who is not offline.
        bots: users known as bots.

    """

    def __init__(
        self, guild: int, *, spells: Iterable[Spell], bots: set[int], ids: Ids,
        add: Callable[[Spell], None], put: Callable[[Spell], None], delete: Callable[[int, int], None], count: Callable[[Spell], None],
    ) -> None:  # fmt: skip
        """``spells`` are the open ones; ``add``, ``put``, ``delete`` and ``count`` are told of new rows, of changed ones, of keys that vanish, and of rows closed."""
        self.guild, self.bots = guild, bots
        self.open = {spell.user_id: spell for spell in spells}
        self._ids, self._add, self._put, self._delete, self._count = ids, add, put, delete, count
        self._shard: int | None = None

    def take(self, facts: Iterable[PresenceChanged], evidence: Callable[[int], int]) -> None:
        """Statuses come, in order. One that repeats what is known costs two looks and no call, nor does one that changes a flap's: such rows are put at the end.

        What follows from the moment is found out once for all who share it, as those of a batch do.
        """
        spells, touched = self.open, set[int]()
        told_ms, at_ms, flaps_from = None, 0, 0
        for fact in facts:
            shard, user, status = fact.shard, fact.user_id, fact.status
            if shard != self._shard:
                self.follow(shard, evidence)
            spell = spells.get(user)
            if status == (OFFLINE if spell is None else spell.status):
                continue
            if fact.at_ms != told_ms:
                told_ms = fact.at_ms
                at_ms = storable(told_ms)
                flaps_from = first_flap(at_ms)
            if spell is None:
                self._begin(user, status, shard, at_ms, fact.bound_ms, follows=OFFLINE)
            elif spell.id >= flaps_from and status != OFFLINE and spell.follows in (OFFLINE, status):
                spell.status = status
                touched.add(user)
            else:
                self._transition(spell, status, shard, at_ms, fact.bound_ms)
        for user in touched & spells.keys():
            self._put(spells[user])

    def reconcile(self, listed: PresencesListed, evidence: Callable[[int], int]) -> None:
        """Everybody who is online is named: another one went offline unseen, at any time since the interval began."""
        shard, at_ms, bound_ms = listed.shard, storable(listed.at_ms), listed.bound_ms
        self.follow(shard, evidence)
        named = dict(listed.online)
        statuses: list[PresenceChanged] = []
        for user in sorted(self.open.keys() - named.keys()):
            unseen = max(0, at_ms - self.open[user].start_ms)
            statuses.append(PresenceChanged(self.guild, user, OFFLINE, shard, at_ms, bound_ms + unseen))
        statuses += [PresenceChanged(self.guild, user, named[user], shard, at_ms, bound_ms) for user in sorted(named)]
        self.take(statuses, evidence)

    def leave(self, users: Collection[int], at_ms: int, bound_ms: int, reason: EndReason) -> None:
        """``users`` are not to be seen any more."""
        for user in sorted(self.open.keys() & users):
            spell = self.open.pop(user)
            self._end(spell, spell.start_ms, at_ms, bound_ms, int(reason))

    def lose(self, shard: int, evidence_ms: int) -> None:
        """The session in which ``shard`` told of this guild is lost."""
        self.leave({u for u, spell in self.open.items() if spell.shard == shard}, evidence_ms, 0, EndReason.LOST)

    def follow(self, shard: int, evidence: Callable[[int], int]) -> None:
        """The guild is told of by ``shard``: what another one told ended with that one's ``evidence``."""
        if self._shard == shard:
            return
        for other in sorted({spell.shard for spell in self.open.values()} - {shard}):
            self.lose(other, evidence(other))
        self._shard = shard

    def _transition(self, spell: Spell, status: int, shard: int, at_ms: int, bound_ms: int) -> None:
        """Another status ends an interval. The time of a flap goes to the status before it, if there was one."""
        start_ms = time_ms(spell.id)
        if at_ms - start_ms < FLAP_MS and spell.follows != OFFLINE:
            spell.status = spell.follows
        user, kept = spell.user_id, spell.status
        del self.open[user]
        self._end(spell, start_ms, at_ms, bound_ms, LEFT if status == OFFLINE else CHANGED)
        if status != OFFLINE:
            self._begin(user, status, shard, max(at_ms, start_ms), bound_ms, follows=kept)

    def _begin(self, user: int, status: int, shard: int, at_ms: int, bound_ms: int, *, follows: int) -> None:
        """Open an interval."""
        is_bot = 1 if user in self.bots else 0
        spell = Spell(self.guild, self._ids.take(at_ms), user, status, None, is_bot, shard, None, bound_ms, follows)
        self.open[user] = spell
        self._add(spell)

    def _end(self, spell: Spell, start_ms: int, at_ms: int, bound_ms: int, reason: int) -> None:
        """Close an interval, cut at midnights; without length it vanishes."""
        if at_ms <= start_ms:
            self._delete(self.guild, spell.id)
            self._ids.give_back(spell.id)
            return
        if start_ms // DAY_MS == (at_ms - 1) // DAY_MS:
            # Nearly all are within a day: one row.
            spell.ended_ms, spell.end_reason = at_ms, reason
            spell.bound_ms += bound_ms
            self._put(spell)
            self._count(spell)
            return
        for start, end in days(start_ms, at_ms):
            first, last = start == start_ms, end == at_ms
            piece = replace(
                spell,
                id=spell.id if first else self._ids.take(start),
                ended_ms=end,
                end_reason=reason if last else int(EndReason.DAY),
                bound_ms=(spell.bound_ms if first else 0) + (bound_ms if last else 0),
                follows=spell.follows if first else spell.status,
            )
            self._put(piece)
            self._count(piece)
