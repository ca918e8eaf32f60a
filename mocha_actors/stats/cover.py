"""Which rollup buckets a question reads, and which raw rows: the cheapest cover of a range that is exact.

A range, or a timeline with its cuts, is covered by whole weeks, days or hours of UTC, the longest first, as far as one lies inside a single step
of the timeline; what is left, the ragged edges, is read from raw rows. So cost grows with the number of buckets and not with that of messages, and
any range in any zone is exact to the millisecond.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS
from mocha_actors.stats.ranges import Range


class Unit(Enum):
    """A step of the rollups: its column, its length, and where the number 0 begins."""

    HOUR = ("hour", HOUR_MS, 0)
    DAY = ("day", DAY_MS, 0)
    WEEK = ("week", 7 * DAY_MS, -3 * DAY_MS)

    def __init__(self, column: str, ms: int, origin_ms: int) -> None:
        """A unit in ``column``, ``ms`` long, of which number 0 begins at ``origin_ms``."""
        self.column, self.ms, self.origin_ms = column, ms, origin_ms

    def begin(self, number: int) -> int:
        """When unit ``number`` begins, milliseconds since the Unix epoch."""
        return self.origin_ms + number * self.ms

    def inside(self, since_ms: int, until_ms: int) -> tuple[int, int]:
        """The units that lie in a range as a whole, as a half-open range of numbers, empty if the second is not greater."""
        return -((self.origin_ms - since_ms) // self.ms), (until_ms - self.origin_ms) // self.ms


class Run(NamedTuple):
    """Units that follow each other, half-open."""

    unit: Unit
    first: int
    last: int


class Cover(NamedTuple):
    """Whole units and raw ranges that together are the range asked for, without overlap; each in order of time within its kind."""

    whole: tuple[Run, ...]
    raw: tuple[Range, ...]


def cover(cuts: Sequence[int], ladder: Sequence[Unit]) -> Cover:
    """Cover the time between the first and the last of ``cuts``; no unit lies across one.

    Args:
        cuts: ascending, at least two.
        ladder: the units there are, longest first; none means raw rows alone.

    """
    whole: list[Run] = []
    raw: list[tuple[int, int]] = []
    for begin, end in pairwise(cuts):
        _descend(begin, end, ladder, whole, raw)
    return Cover(_joined(whole), tuple(Range(*piece) for piece in _merged(raw)))


def without_days(given: Cover, usable: Collection[int]) -> Cover:
    """``given``, with raw rows in place of those whole days that are not ``usable``."""
    whole: list[Run] = []
    raw = [(each.since_ms, each.until_ms) for each in given.raw]
    for run in given.whole:
        for number in range(run.first, run.last):
            if number in usable:
                whole.append(Run(run.unit, number, number + 1))
            else:
                raw.append((run.unit.begin(number), run.unit.begin(number + 1)))
    return Cover(_joined(whole), tuple(Range(*piece) for piece in _merged(raw)))


def raw_within_days(given: Cover, days: Collection[int]) -> Cover:
    """``given``, with raw rows of these days of UTC alone: there is nothing to be read on the others."""
    pieces = [
        (max(window.since_ms, day * DAY_MS), min(window.until_ms, (day + 1) * DAY_MS))
        for window in given.raw
        for day in range(window.since_ms // DAY_MS, (window.until_ms - 1) // DAY_MS + 1)
        if day in days
    ]
    return Cover(given.whole, tuple(Range(*piece) for piece in _merged(pieces)))


def _descend(begin: int, end: int, ladder: Sequence[Unit], whole: list[Run], raw: list[tuple[int, int]]) -> None:
    """Cover one step: what the longest unit leaves at either end is covered by the shorter ones."""
    if begin >= end:
        return
    if not ladder:
        raw.append((begin, end))
        return
    unit, *shorter = ladder
    first, last = unit.inside(begin, end)
    if first >= last:
        _descend(begin, end, shorter, whole, raw)
        return
    _descend(begin, unit.begin(first), shorter, whole, raw)
    whole.append(Run(unit, first, last))
    _descend(unit.begin(last), end, shorter, whole, raw)


def _joined(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Runs of a unit that touch become one, in order of unit and time."""
    joined: list[Run] = []
    for run in sorted(runs, key=lambda run: (-run.unit.ms, run.first)):
        if joined and joined[-1].unit is run.unit and joined[-1].last == run.first:
            joined[-1] = Run(run.unit, joined[-1].first, run.last)
        else:
            joined.append(run)
    return tuple(joined)


def _merged(pieces: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that touch become one."""
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(pieces):
        if merged and merged[-1][1] == begin:
            merged[-1] = (merged[-1][0], end)
        else:
            merged.append((begin, end))
    return merged
