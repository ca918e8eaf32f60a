"""The voice channels of one guild as a state machine: what is stated about somebody goes in, intervals come out. It knows no SQL and no clock.

An interval goes on as long as nothing about it changes: the channel, the flags, whether the channel is the AFK one, and whether its user is the
only human there. So what one user does may cut the intervals of others. Time that runs backwards counts as standing still, and an interval
without length leaves no row: what follows takes its place, its key and its part in the session.

What a lost session or an outage ended is *suspended*: found again in the same channel, the user is still in the same session (statistics, A3.12).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from mocha_actors.db.projections.intervals import RESUMABLE, EndReason, Ids, days, storable
from mocha_actors.db.projections.voice_rows import AFK, ALONE, STATED, Interval, closed
from mocha_actors.pipeline.facts import VoiceChanged

ESTIMATED: Final = 1
"""The least bound: somebody was found in a channel, and nobody knows since when."""


class Moment(NamedTuple):
    """When something happened: the earliest possible, and how much later it may have been. Both in milliseconds."""

    at_ms: int
    bound_ms: int


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where and how somebody is, as stated."""

    channel_id: int
    flags: int
    is_bot: int
    device: int
    shard: int


class Rooms:
    """Who is in which voice channel of a guild.

    Attributes:
        guild: the guild.
        afk_channel: whose time does not count; None if there is none.
        open: the open interval of each user.
        suspended: the last interval of each user whose session may go on.
        bots: users known as bots.
        hidden: (channel, whether a bot) of those who occupy a channel and are not to be recorded; in memory only.

    """

    def __init__(
        self, guild: int, *, afk_channel: int | None, intervals: Iterable[Interval], bots: set[int], ids: Ids,
        put: Callable[[Interval], None], delete: Callable[[int, int], None], count: Callable[[Interval], None],
    ) -> None:  # fmt: skip
        """``intervals`` are the open and suspended ones.

        ``put`` takes every row that is written, ``delete`` the keys of those that vanish, ``count`` each row as it closes.
        """
        self.guild, self.afk_channel, self.bots = guild, afk_channel, bots
        self.open: dict[int, Interval] = {}
        self.suspended: dict[int, Interval] = {}
        self.hidden: dict[int, tuple[int, int]] = {}
        self._ids, self._put, self._delete, self._count = ids, put, delete, count
        self._users: defaultdict[int, set[int]] = defaultdict(set)
        self._humans: Counter[int] = Counter()
        self._alone: set[int] = set()
        self._shard: int | None = None
        for interval in sorted(intervals, key=lambda row: row.id):
            if interval.ended_ms is None:
                self._hold(interval)
                self._enter(interval.user_id, interval.channel_id, interval.is_bot)
            else:
                self.suspended[interval.user_id] = interval

    # What happens

    def change(self, fact: VoiceChanged) -> None:
        """Somebody's place is now another, or has another look."""
        moment = Moment(storable(fact.at_ms), fact.bound_ms)
        touched = self._show(fact.user_id)
        if fact.hidden or fact.channel_id is None:
            self.leave((fact.user_id,), moment, EndReason.LEFT)
            self._refresh(touched | self._hide(fact), moment)
        else:
            place = self._place(fact, fact.channel_id)
            self._stand({fact.user_id: place}, moment, start_bound=fact.bound_ms)
            self._refresh(touched, moment)

    def reconcile(self, states: Iterable[VoiceChanged], moment: Moment) -> None:
        """Everybody who is in a channel is named: another one has left unseen, at any time since the interval began (statistics, rule 13)."""
        states = tuple(states)
        for user in list(self.hidden):
            self._show(user)
        places = {
            state.user_id: self._place(state, state.channel_id)
            for state in states
            if state.channel_id is not None and not state.hidden
        }
        for user in sorted(self.open.keys() - places.keys()):
            unseen = moment.at_ms - self.open[user].start_ms
            self.leave((user,), Moment(moment.at_ms, max(0, unseen) + moment.bound_ms), EndReason.LEFT, refresh=False)
        for state in states:
            self._hide(state)
        self._stand(places, moment, start_bound=max(moment.bound_ms, ESTIMATED))
        self._give_up(list(self.suspended))

    def leave(self, users: Collection[int], moment: Moment, reason: EndReason, *, refresh: bool = True) -> None:
        """``users`` are in no channel any more. Unless they may be found again, their sessions are over."""
        left = set()
        for user in sorted(self.open.keys() & users):
            interval = self.open.pop(user)
            self._alone.discard(user)
            left.add(interval.channel_id)
            self._exit(user, interval.channel_id, interval.is_bot)
            self._end(interval, moment, reason)
        if reason not in RESUMABLE:
            self._give_up(users)
        if refresh:
            self._refresh(left, moment)

    def empty(self, moment: Moment, reason: EndReason) -> None:
        """The guild went away."""
        for user in list(self.hidden):
            self._show(user)
        self.leave(self.open.keys() | self.suspended.keys(), moment, reason)

    def close_channel(self, channel: int, moment: Moment) -> None:
        """A channel was deleted."""
        suspended = {user for user, interval in self.suspended.items() if interval.channel_id == channel}
        self._give_up(suspended)
        for user in [user for user, (place, _) in self.hidden.items() if place == channel]:
            self._show(user)
        self.leave(set(self._users.get(channel, ())), moment, EndReason.GONE)

    def lose(self, shard: int, evidence_ms: int) -> None:
        """The session in which ``shard`` told of this guild is lost."""
        users = {user for user, interval in self.open.items() if interval.shard == shard}
        self.leave(users, Moment(storable(evidence_ms), 0), EndReason.LOST, refresh=False)

    def follow(self, shard: int, evidence: Callable[[int], int]) -> None:
        """The guild is told of by ``shard``: what another one told, before there were more or fewer of them, ended with that one's ``evidence``."""
        if self._shard == shard:
            return
        for other in sorted({interval.shard for interval in self.open.values()} - {shard}):
            self.lose(other, evidence(other))
        self._shard = shard

    def rename_afk(self, channel: int | None, moment: Moment) -> None:
        """The guild's AFK channel is now ``channel``."""
        if channel != self.afk_channel:
            touched = [each for each in (self.afk_channel, channel) if each is not None]
            self.afk_channel = channel
            self._refresh(touched, moment, everybody=True)

    # How it is kept

    def _hide(self, fact: VoiceChanged) -> set[int]:
        """Let somebody who is not to be recorded occupy a channel; returns the channels that this concerns."""
        if not fact.hidden or fact.channel_id is None:
            return set()
        is_bot = self._is_bot(fact)
        self.hidden[fact.user_id] = fact.channel_id, is_bot
        self._enter(fact.user_id, fact.channel_id, is_bot)
        return {fact.channel_id}

    def _show(self, user: int) -> set[int]:
        """Let somebody who was not recorded go; returns the channels that this concerns."""
        place = self.hidden.pop(user, None)
        if place is None:
            return set()
        self._exit(user, *place)
        return {place[0]}

    def _place(self, fact: VoiceChanged, channel: int) -> Place:
        return Place(channel, fact.flags & STATED, self._is_bot(fact), fact.device, fact.shard)

    def _is_bot(self, fact: VoiceChanged) -> int:
        if fact.is_bot is not None:
            return int(fact.is_bot)
        known = self.open.get(fact.user_id) or self.suspended.get(fact.user_id)
        return known.is_bot if known is not None else int(fact.user_id in self.bots)

    def _stand(self, places: dict[int, Place], moment: Moment, *, start_bound: int) -> None:
        """Put everybody where they are, then see what that means for each and for those beside them."""
        touched: set[int] = set()
        for user, place in places.items():
            before = self.open.get(user)
            if before is not None:
                self._exit(user, before.channel_id, before.is_bot)
                touched.add(before.channel_id)
            self._enter(user, place.channel_id, place.is_bot)
            touched.add(place.channel_id)
        for user in sorted(places):
            place = places[user]
            place = replace(place, flags=self._flags(place.channel_id, place.flags, place.is_bot))
            if user in self.open:
                self._change(user, place, moment)
            else:
                self._begin(user, place, Moment(moment.at_ms, start_bound))
        self._refresh(touched, moment)

    def _begin(self, user: int, place: Place, moment: Moment) -> None:
        """Open the first interval of a session, or the first one after a loss."""
        before = self.suspended.get(user)
        self._give_up((user,))
        continues = before if before is not None and before.channel_id == place.channel_id else None
        row_id = self._ids.take(moment.at_ms)
        self._write(Interval(
            guild_id=self.guild, id=row_id, user_id=user, channel_id=place.channel_id, ended_ms=None, flags=place.flags, is_bot=place.is_bot,
            device=place.device, shard=place.shard, session_id=row_id if continues is None else continues.session_id,
            visit=int(continues is None), continues_id=None if continues is None else continues.id, end_reason=None,
            bound_ms=moment.bound_ms, suspended=0,
        ))  # fmt: skip

    def _change(self, user: int, place: Place, moment: Moment) -> None:
        """Go on with another interval if anything that counts is different; another device alone is none of that."""
        interval = self.open[user]
        moved = place.channel_id != interval.channel_id
        if not moved and place.flags == interval.flags and place.is_bot == interval.is_bot:
            if place.device != interval.device:
                self._write(replace(interval, device=place.device))
            return
        following = replace(
            interval,
            channel_id=place.channel_id,
            flags=place.flags,
            is_bot=place.is_bot,
            device=place.device,
            shard=place.shard,
        )
        if moment.at_ms <= interval.start_ms:
            bound = max(interval.bound_ms, moment.bound_ms)
            self._write(replace(following, visit=interval.visit | moved, bound_ms=bound))
            return
        self._end(interval, moment, EndReason.CHANGED)
        row_id = self._ids.take(moment.at_ms)
        self._write(replace(following, id=row_id, visit=int(moved), continues_id=None, bound_ms=moment.bound_ms))

    def _end(self, interval: Interval, moment: Moment, reason: EndReason) -> None:
        """Close an interval, cut at midnights. Without length it vanishes, unless it is what a session that may go on would be known by."""
        suspended = reason in RESUMABLE
        start_ms = interval.start_ms
        end_ms = max(start_ms, moment.at_ms)
        if end_ms == start_ms and (interval.begins_session or not suspended):
            self._delete(self.guild, interval.id)
            self._ids.give_back(interval.id)
            return
        pieces = [
            (interval.id if start == start_ms else self._ids.take(start), start, end)
            for start, end in days(start_ms, end_ms)
        ]
        rows = closed(interval, pieces, moment.bound_ms, reason)
        if suspended:
            rows[-1] = self.suspended[interval.user_id] = replace(rows[-1], suspended=1)
        for row in rows:
            self._put(row)
            self._count(row)

    def _give_up(self, users: Iterable[int]) -> None:
        """Sessions that might have gone on did not, or have been gone on with."""
        for user in users:
            interval = self.suspended.pop(user, None)
            if interval is not None:
                self._put(replace(interval, suspended=0))

    def _refresh(self, channels: Iterable[int], moment: Moment, *, everybody: bool = False) -> None:
        """See who in ``channels`` is alone or AFK now. Where there are two humans, only those may be wrong who were alone."""
        for channel in sorted(channels):
            users = self._users.get(channel, set()) - self.hidden.keys()
            for user in sorted(users if everybody or self._humans[channel] < 2 else users & self._alone):
                interval = self.open[user]
                flags = self._flags(channel, interval.flags & STATED, interval.is_bot)
                if flags != interval.flags:
                    place = Place(channel, flags, interval.is_bot, interval.device, interval.shard)
                    self._change(user, place, moment)

    def _flags(self, channel: int, stated: int, is_bot: int) -> int:
        others = self._humans[channel] - (not is_bot)
        return stated | (AFK if channel == self.afk_channel else 0) | (0 if others else ALONE)

    def _write(self, interval: Interval) -> None:
        self._hold(interval)
        self._put(interval)

    def _hold(self, interval: Interval) -> None:
        self.open[interval.user_id] = interval
        if interval.flags & ALONE:
            self._alone.add(interval.user_id)
        else:
            self._alone.discard(interval.user_id)

    def _enter(self, user: int, channel: int, is_bot: int) -> None:
        self._users[channel].add(user)
        self._humans[channel] += not is_bot

    def _exit(self, user: int, channel: int, is_bot: int) -> None:
        self._users[channel].discard(user)
        self._humans[channel] -= not is_bot
        if not self._users[channel]:
            del self._users[channel], self._humans[channel]
