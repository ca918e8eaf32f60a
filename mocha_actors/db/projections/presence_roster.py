"""Who is online in one guild, as a state machine: statuses go in, intervals come out. It knows no SQL and no clock.

A status that does not hold for half a minute is a flap, as of a phone in a pocket: when the next one ends it, its time goes to the status before
it, if that one ended where it began, else to the one after it. Being offline is no interval, so neither is a short absence bridged, nor a short
visit removed. A loss or an outage is no transition, and leaves the last interval as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final

from mocha_actors.db.projections.intervals import EndReason, Ids, days
from mocha_actors.db.projections.presence_rows import Spell
from mocha_actors.discord.snowflake import DAY_MS
from mocha_actors.pipeline.facts import PresenceStatus

OFFLINE: Final = int(PresenceStatus.OFFLINE)

FLAP_MS: Final = 30_000
"""What is shorter is no status of its own (statistics, rule 21)."""


class Roster:
    """The open intervals of a guild.

    Attributes:
        guild: the guild.
        open: the open interval of each user who is not offline.
        bots: users known as bots.

    """

    def __init__(
        self, guild: int, *, spells: Iterable[Spell], bots: set[int], ids: Ids,
        put: Callable[[Spell], None], delete: Callable[[int, int], None], count: Callable[[Spell], None],
    ) -> None:  # fmt: skip
        """``spells`` are the open ones; ``put``, ``delete`` and ``count`` are told of rows written, of keys that vanish, and of rows closed."""
        self.guild, self.bots = guild, bots
        self.open = {spell.user_id: spell for spell in spells}
        self._ids, self._put, self._delete, self._count = ids, put, delete, count
        self._shard: int | None = None

    def change(self, user: int, status: int, shard: int, at_ms: int, bound_ms: int) -> None:
        """A user's status is now ``status``; most of these repeat the one before."""
        spell = self.open.get(user)
        if spell is None:
            if status != OFFLINE:
                self._begin(user, status, shard, at_ms, bound_ms, follows=OFFLINE)
        elif spell.status != status:
            self._transition(spell, status, shard, at_ms, bound_ms)

    def reconcile(self, online: Iterable[tuple[int, int]], shard: int, at_ms: int, bound_ms: int) -> None:
        """Everybody who is online is named: another one went offline unseen, at any time since the interval began."""
        named = dict(online)
        for user in sorted(self.open.keys() - named.keys()):
            unseen = max(0, at_ms - self.open[user].start_ms)
            self.change(user, OFFLINE, shard, at_ms, bound_ms + unseen)
        for user in sorted(named):
            self.change(user, named[user], shard, at_ms, bound_ms)

    def leave(self, users: Collection[int], at_ms: int, bound_ms: int, reason: EndReason) -> None:
        """``users`` are not to be seen any more."""
        for user in sorted(self.open.keys() & users):
            self._end(self.open.pop(user), at_ms, bound_ms, reason)

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
        if at_ms - spell.start_ms < FLAP_MS:
            kept = spell.follows or status
            if kept != OFFLINE:
                spell = spell._replace(status=kept)
                if kept == status:
                    self._write(spell)
                    return
        del self.open[spell.user_id]
        self._end(spell, at_ms, bound_ms, EndReason.LEFT if status == OFFLINE else EndReason.CHANGED)
        if status != OFFLINE:
            self._begin(spell.user_id, status, shard, max(at_ms, spell.start_ms), bound_ms, follows=spell.status)

    def _begin(self, user: int, status: int, shard: int, at_ms: int, bound_ms: int, *, follows: int) -> None:
        self._write(Spell(
            guild_id=self.guild, id=self._ids.take(at_ms), user_id=user, status=status, ended_ms=None, is_bot=int(user in self.bots), shard=shard,
            end_reason=None, bound_ms=bound_ms, follows=follows,
        ))  # fmt: skip

    def _end(self, spell: Spell, at_ms: int, bound_ms: int, reason: EndReason) -> None:
        """Close an interval, cut at midnights; without length it vanishes."""
        start_ms = spell.start_ms
        if at_ms <= start_ms:
            self._delete(self.guild, spell.id)
            self._ids.give_back(spell.id)
            return
        if start_ms // DAY_MS == (at_ms - 1) // DAY_MS:
            # Nearly all are within a day: one row, which is cheaper made in one go than as a copy with changes.
            bound = spell.bound_ms + bound_ms
            row = Spell(*spell[:4], at_ms, spell.is_bot, spell.shard, int(reason), bound, spell.follows)
            self._put(row)
            self._count(row)
            return
        for start, end in days(start_ms, at_ms):
            first, last = start == start_ms, end == at_ms
            row = spell._replace(
                id=spell.id if first else self._ids.take(start),
                ended_ms=end,
                end_reason=int(reason if last else EndReason.DAY),
                bound_ms=(spell.bound_ms if first else 0) + (bound_ms if last else 0),
                follows=spell.follows if first else spell.status,
            )
            self._put(row)
            self._count(row)

    def _write(self, spell: Spell) -> None:
        self.open[spell.user_id] = spell
        self._put(spell)
