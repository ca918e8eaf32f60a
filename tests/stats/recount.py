"""Recounts of a :class:`~tests.stats.world.World`, minute by minute and row by row: the truth that answers are compared with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mocha_actors.stats.questions import Filters
from mocha_actors.stats.ranges import Range
from tests.stats.oracle import Sent
from tests.stats.world import (
    BOTS,
    CATEGORY,
    CHANNELS,
    DAY_MINUTES,
    DAYS,
    LEFT,
    MINUTE,
    PRESENT,
    ROLES,
    Reacted,
    Spoken,
    World,
    at,
    state_of,
)  # fmt: skip


def local(ms: int, zone: str) -> datetime:
    """What clock and calendar on the wall say."""
    return datetime.fromtimestamp(ms / 1000, ZoneInfo(zone))


def bucket(ms: int, zone: str, interval: str, week_start: int = 0) -> Any:
    """Which local hour, day, week or month a moment lies in; a repeated hour is told apart by its offset."""
    moment = local(ms, zone)
    if interval == "hour":
        return moment.date(), moment.hour, moment.utcoffset()
    if interval == "week":
        return moment.date() - timedelta(days=(moment.weekday() - week_start) % 7)
    return (moment.year, moment.month) if interval == "month" else moment.date()


class Recount(NamedTuple):
    """A world as a range and filters see it."""

    world: World
    period: Range
    filters: Filters
    named: int | None = None

    # Who and where

    def _inside(self, ms: int) -> bool:
        return self.period.since_ms <= ms < self.period.until_ms

    @staticmethod
    def _above(channel: int) -> set[int]:
        found = {channel}
        while (parent := CHANNELS.get(channel, (0, None))[1]) is not None:
            found.add(parent)
            channel = parent
        return found

    def here(self, channel: int) -> bool:
        """Whether a channel counts."""
        above = self._above(channel)
        ignored = {key for kind, key in self.world.ignores if kind == 0 and not self.filters.include_ignored}
        if self.filters.channels or self.filters.categories:
            chosen = set(self.filters.channels)
            if above & chosen:
                left_out = {key for key in above if key in ignored and self._above(key) & chosen}
                return channel in chosen or left_out <= chosen
            return bool(above & set(self.filters.categories)) and not above & ignored
        return not above & ignored

    def chooses_channels(self) -> bool:
        """Whether any channel is left out by name."""
        ignores = any(kind == 0 for kind, _ in self.world.ignores) and not self.filters.include_ignored
        return bool(self.filters.channels or self.filters.categories) or ignores

    def wanted(self, user: int) -> bool:
        """Whether a user counts, bot or not."""
        if self.named is not None:
            return user == self.named
        ignores = set() if self.filters.include_ignored else self.world.ignores
        left_out = (1, user) in ignores or any((2, role) in ignores for role in ROLES.get(user, ()))
        allowed = user in self.filters.users if self.filters.users else not left_out
        if self.filters.roles:
            return allowed and bool(set(self.filters.roles) & set(ROLES.get(user, ())))
        return allowed

    @property
    def bots(self) -> bool:
        """Whether bots count."""
        return self.filters.include_bots or bool(self.filters.users) or self.named is not None

    @property
    def hooks(self) -> bool:
        """Whether webhooks count."""
        users = self.filters.users or self.filters.roles or self.named is not None
        return self.filters.include_webhooks and not users

    # Messages

    def rows(self) -> list[Sent]:
        """Rows of messages in range and scope, of every kind and class, deleted ones included."""
        only_users = bool(self.filters.users or self.filters.roles or self.named is not None)
        return [
            row for row in self.world.messages
            if self._inside(row.ms) and self.here(row.channel)
            and (not only_users if row.author_class == 2 else self.wanted(row.user))
        ]  # fmt: skip

    def counts(self, row: Sent) -> bool:
        """Whether a row is one of the messages asked for, deleted or not."""
        asked = {0: True, 1: self.bots, 2: self.hooks}[row.author_class]
        return row.kind == 0 and asked

    def messages(self) -> list[Sent]:
        """The messages that count."""
        return [row for row in self.rows() if self.counts(row) and not (self.filters.exclude_deleted and row.deleted)]

    def writers(self) -> Counter[int]:
        """Messages by user."""
        return Counter(row.user for row in self.messages() if row.author_class != 2)

    # Voice

    def spoken(self) -> list[Spoken]:
        """Intervals in scope, with their evident end; bots' where they count."""
        alive, until = at(self.world.alive), self.period.until_ms
        found = []
        for each in self.world.voice:
            if not self.here(each.channel) or not self.wanted(each.user) or (each.is_bot and not self.bots):
                continue
            if each.end is None:
                end = until if until - alive <= 120_000 else alive
                each = each._replace(end=max(each.begin, (end - at(0)) // MINUTE))  # noqa: PLW2901 - as it evidently is
            found.append(each)
        return found

    def counted(self, spoken: Spoken) -> bool:
        """Whether the filters count its state."""
        state = state_of(spoken)
        return not (
            (state & 1 and self.filters.exclude_afk) or (state & 2 and self.filters.exclude_deaf) or (state & 4 and self.filters.exclude_alone)
        )  # fmt: skip

    def voice_minutes(self, *, all_states: bool = False) -> Iterator[tuple[int, Spoken]]:
        """(ms, interval) of each minute that somebody was there."""
        for each in self.spoken():
            if all_states or self.counted(each):
                assert each.end is not None
                for minute in range(each.begin, each.end):
                    if self._inside(at(minute)):
                        yield at(minute), each

    def begun(self) -> list[Spoken]:
        """Intervals with which a session begins; where channels are chosen, a visit."""
        visits = self.chooses_channels()
        return [
            each for each in self.spoken()
            if self.counted(each) and self._inside(at(each.begin)) and (each.visit if visits else each.session == each.id)
        ]  # fmt: skip

    def speakers(self) -> Counter[int]:
        """Minutes by user."""
        return Counter(each.user for _, each in self.voice_minutes())

    # Reactions

    def reactions(self) -> list[Reacted]:
        """Reactions, given and taken back, by those who count."""
        return [
            each for each in self.world.reactions
            if self._inside(at(each.minute)) and self.here(each.channel) and self.wanted(each.user) and (self.bots or not each.is_bot)
        ]  # fmt: skip

    def givers(self) -> Counter[int]:
        """Reactions added, by giver."""
        return Counter(each.user for each in self.reactions() if each.action == 0)

    def receivers(self) -> Counter[int]:
        """Reactions added by others, by receiver."""
        return Counter(
            each.receiver for each in self.world.reactions
            if self._inside(at(each.minute)) and self.here(each.channel) and each.action == 0 and each.receiver not in {None, each.user}
            and self.wanted(each.receiver) and (self.bots or each.receiver not in BOTS) and (self.filters.include_bots or not each.is_bot)
        )  # type: ignore[return-value, arg-type]  # fmt: skip

    # Members

    def moves(self) -> list[Any]:
        """Joins and leaves of those who count."""
        return [
            each for each in self.world.moves
            if self._inside(at(each.minute)) and self.wanted(each.user) and (self.bots or not each.is_bot)
        ]  # fmt: skip

    def member_count(self, moment: int) -> int | None:
        """Discord's number just before ``moment``, and the events since; counted back where there was none before."""
        if not self.world.counts:
            return None
        before = [minute for minute in self.world.counts if at(minute) < moment]
        anchor = max(before) if before else min(self.world.counts)
        count = self.world.counts[anchor]
        for each in self.world.moves:
            change = 1 if each.kind == 0 else -1
            if at(anchor) < at(each.minute) < moment:
                count += change
            elif moment <= at(each.minute) <= at(anchor):
                count -= change
        return count

    def listed(self, counts: Counter[int]) -> Counter[int]:
        """Without those who left, where they are not to be listed."""
        return Counter({user: count for user, count in counts.items() if self.filters.include_left or user not in LEFT})

    def channel_of(self, channel: int) -> int:
        """The channel of a thread."""
        kind, parent = CHANNELS.get(channel, (0, None))
        return parent if kind == 11 and parent is not None else channel

    def category_of(self, channel: int) -> int | None:
        """The category of a channel or thread."""
        return CHANNELS.get(self.channel_of(channel), (0, None))[1]


def all_minutes(period: Range) -> range:
    """Every minute of a range, in milliseconds."""
    return range(period.since_ms, period.until_ms, MINUTE)


__all__ = ["CATEGORY", "DAYS", "DAY_MINUTES", "PRESENT", "Recount", "all_minutes", "bucket", "local"]
