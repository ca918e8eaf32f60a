"""The log of changes: whether anything that an answer was read from has changed since.

Three ways were weighed. Deleting entries when a notice comes costs the writer's notice a search through the cache. A counter per guild, subject
and hour makes a question about 90 days compare 2,160 counters. Here each guild and subject has the *distinct* stretches of hours that
were touched, ordered by when they were touched last. Live traffic touches the present hour again and again, which is one stretch moved to the
end: a notice costs O(1) per stretch that it names. A check goes back from the newest stretch until it meets one from before the answer, so it
costs as many steps as there are stretches that changed since; mostly none, since the newest is older, or one.

Everything is bounded. What is dropped leaves a floor behind: an answer from before the floor is taken for changed. So memory can cost a
computation, never a wrong answer.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import cache
from typing import Final

from mocha_actors.cache.keys import Wanted
from mocha_actors.pipeline.notices import Changed, Subject, Touched

MOST_STRETCHES: Final = 256
"""Of one guild and subject. A purge of old messages touches a stretch for each hour; beyond so many the oldest changes are taken to be everywhere."""

MOST_LOGS: Final = 100_000
"""Guilds times subjects (about 50 MB when all are full); the one that changed longest ago is dropped."""

BUSY_CHANGES: Final = 5
"""A guild with as many changes within the bounded staleness is busy: its answers about the present are not computed anew for each change."""


@cache
def parts(subjects: Subject) -> tuple[int, ...]:
    """The single subjects in ``subjects``, as plain integers: those are hashed in C, and every look-up does it."""
    return tuple(int(subject) for subject in subjects)


class Stretches:
    """The changes of one guild and subject.

    Attributes:
        newest: counter of the last change; 0 before the first.

    """

    __slots__ = ("_floor", "_touched", "newest")

    def __init__(self) -> None:
        """Nothing has changed yet."""
        self.newest = self._floor = 0
        self._touched: OrderedDict[tuple[int, int], int] = OrderedDict()

    def touch(self, first_hour: int, last_hour: int, counter: int) -> None:
        """Something between these hours, both included, changed as number ``counter``."""
        span = (first_hour, last_hour)
        self._touched[span] = self.newest = counter
        self._touched.move_to_end(span)
        if len(self._touched) > MOST_STRETCHES:
            _, self._floor = self._touched.popitem(last=False)

    def last_change(self, first_hour: int, last_hour: int, since: int) -> int:
        """Counter of the last change between these hours, if it came after ``since``; else any number up to ``since``."""
        if self.newest <= since:
            return self.newest
        for (first, last), counter in reversed(self._touched.items()):
            if counter <= since:
                break
            if first <= last_hour and last >= first_hour:
                return counter
        return self._floor


class Pace:
    """How many changes a guild had in this window of time and in the one before."""

    __slots__ = ("_before", "_count", "_window")

    def __init__(self) -> None:
        """None at all."""
        self._window = self._count = self._before = 0

    def count(self, window: int) -> None:
        """One more in ``window``, which is the present one."""
        self._move(window)
        self._count += 1

    def busy(self, window: int) -> bool:
        """Whether either had :data:`BUSY_CHANGES`."""
        self._move(window)
        return max(self._count, self._before) >= BUSY_CHANGES

    def _move(self, window: int) -> None:
        if window != self._window:
            self._before = self._count if window == self._window + 1 else 0
            self._window, self._count = window, 0


class ChangeLog:
    """All changes, numbered. Pure: time is an argument.

    Attributes:
        counter: of the last notice.

    """

    def __init__(self, window_seconds: float, most_logs: int = MOST_LOGS) -> None:
        """Nothing has changed yet; ``window_seconds`` is the time over which a guild's pace is counted."""
        self.counter = 0
        self._window_seconds, self._most_logs = window_seconds, most_logs
        self._floor = 0
        self._logs: OrderedDict[tuple[int, int], Stretches] = OrderedDict()
        self._paces: OrderedDict[int, Pace] = OrderedDict()

    def note(self, changed: Changed, now: float) -> None:
        """Number a notice and remember what it names."""
        self.counter += 1
        for touched in changed.touched:
            self._touch(touched)
        for guild_id in changed.guilds:
            pace = self._paces.setdefault(guild_id, Pace())
            pace.count(self._window(now))
            self._paces.move_to_end(guild_id)
        while len(self._paces) > self._most_logs:
            self._paces.popitem(last=False)

    def _touch(self, touched: Touched) -> None:
        if touched.guild_id is None:
            self._logs.clear()
            self._floor = self.counter
            return
        for subject in parts(touched.subjects):
            key = (touched.guild_id, subject)
            log = self._logs.get(key)
            if log is None:
                log = self._logs[key] = Stretches()
            log.touch(touched.first_hour, touched.last_hour, self.counter)
            self._logs.move_to_end(key)
        while len(self._logs) > self._most_logs:
            _, dropped = self._logs.popitem(last=False)
            self._floor = max(self._floor, dropped.newest)

    def last_change(self, wanted: Wanted, since: int) -> int:
        """Counter of the last change of what ``wanted`` reads, if it came after ``since``; else any number up to ``since``."""
        last = self._floor
        for subject in parts(wanted.subjects):
            log = self._logs.get((wanted.guild_id, subject))
            if log is not None:
                last = max(last, log.last_change(wanted.first_hour, wanted.last_hour, since))
        return last

    def busy(self, guild_id: int, now: float) -> bool:
        """Whether the guild changes all the time."""
        pace = self._paces.get(guild_id)
        return pace is not None and pace.busy(self._window(now))

    def _window(self, now: float) -> int:
        return int(now // self._window_seconds)
