"""Which rollup buckets a question reads, and which raw rows: the cheapest cover of a range that is exact.

A range, or a timeline with its cuts, is covered by whole weeks, days or hours of UTC, the longest first, as far as one lies inside a single step
of the timeline; what is left, the ragged edges, is read from raw rows. So cost grows with the number of buckets and not with that of messages, and
any range in any zone is exact to the millisecond.

Where sums are asked for, a unit that the range cuts may also be read as a whole, and what lies outside of the range be taken off again
(:func:`balances`): of a day that is asked for up to 18:00 the raw rows of its last six hours are read and not those of the first eighteen, and of the
day that is not over none at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from itertools import pairwise
from typing import Final, NamedTuple

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


NOTHING: Final = Cover((), ())


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


class Balance(NamedTuple):
    """What is added up, and what is taken off again, so that a part of the range is left that no other balance has."""

    plus: Cover
    minus: Cover


class Prices(NamedTuple):
    """What reading costs, in the milliseconds of raw rows that cost as much.

    Attributes:
        units: by unit, of one of them.
        held: there are no raw rows outside of this range; None where that is not known.

    """

    units: Mapping[Unit, int]
    held: Range | None = None

    def of_raw(self, since_ms: int, until_ms: int) -> int:
        """What the raw rows of a range cost."""
        if self.held is None:
            return until_ms - since_ms
        return max(0, min(until_ms, self.held.until_ms) - max(since_ms, self.held.since_ms))


def balances(
    period: Range, ladder: Sequence[Unit], prices: Prices, complete: Callable[[Unit, int], bool]
) -> tuple[Balance, ...]:
    """The cheapest way to the sums of ``period``, exact as a cover is: one balance for each unit that something is taken off, and one for all others.

    Args:
        period: the range.
        ladder: the units there are, longest first.
        prices: what decides.
        complete: whether all that makes up a unit can be read, so that a part of it may be found by taking off the rest.

    """
    ways = _Ways(prices, complete)
    parts = ways.to(period.since_ms, period.until_ms, ladder).parts
    of = dict.fromkeys((None, *(part.of for part in parts)))
    return tuple(_balance_of([part for part in parts if part.of == each]) for each in of)


def gains(cuts: Sequence[int], unit: Unit, price: int) -> bool:
    """Whether in any step a part of one ``unit`` is longer than what lies beside it and ``price`` (milliseconds of raw rows) together.

    Elsewhere nothing is gained by :func:`balances`, whose search takes 0.1 ms a step.
    """
    for begin, end in pairwise(cuts):
        first, last = unit.inside(begin, end)
        edges = (end - begin,) if first > last else (unit.begin(first) - begin, end - unit.begin(last))
        if 2 * max(edges) > unit.ms + price:
            return True
    return False


class _Part(NamedTuple):
    """A half-open range that is added (1) or taken off (-1), of whole units or raw, to get a part ``of`` that unit."""

    sign: int
    unit: Unit | None
    since_ms: int
    until_ms: int
    of: tuple[Unit, int] | None = None


class _Way(NamedTuple):
    """Parts, and what they cost together."""

    cost: int = 0
    parts: tuple[_Part, ...] = ()

    def __or__(self, other: _Way) -> _Way:
        return _Way(self.cost + other.cost, self.parts + other.parts)

    def __neg__(self) -> _Way:
        return _Way(self.cost, tuple(part._replace(sign=-part.sign) for part in self.parts))

    def within(self, unit: Unit, number: int) -> _Way:
        """This way, to a part of a unit."""
        return _Way(self.cost, tuple(part._replace(of=(unit, number)) for part in self.parts))


class _Ways(NamedTuple):
    """The search for the cheapest way: see :func:`balances`."""

    prices: Prices
    complete: Callable[[Unit, int], bool]

    def to(self, begin: int, end: int, ladder: Sequence[Unit]) -> _Way:
        """Whole units in the middle, and what they leave at either end, each in its cheapest way."""
        if begin >= end:
            return _Way()
        if not ladder:
            return _Way(self.prices.of_raw(begin, end), (_Part(1, None, begin, end),))
        unit, *shorter = ladder
        first, last = unit.inside(begin, end)
        if first > last:
            return self._within(begin, end, unit, shorter)
        middle = (_Part(1, unit, unit.begin(first), unit.begin(last)),) if first < last else ()
        whole = _Way((last - first) * self.prices.units[unit], middle)
        return (
            self._within(begin, unit.begin(first), unit, shorter)
            | whole
            | self._within(unit.begin(last), end, unit, shorter)
        )

    def _within(self, begin: int, end: int, unit: Unit, shorter: Sequence[Unit]) -> _Way:
        """A part of one unit: what lies in it, or all of it less what lies beside."""
        direct = self.to(begin, end, shorter)
        number = (begin - unit.origin_ms) // unit.ms
        since_ms, until_ms = unit.begin(number), unit.begin(number + 1)
        if begin >= end or direct.cost <= self.prices.units[unit] or not self.complete(unit, number):
            return direct
        beside = self.to(since_ms, begin, shorter) | self.to(end, until_ms, shorter)
        taken = _Way(self.prices.units[unit], (_Part(1, unit, since_ms, until_ms),)) | -beside
        # At the end of a step the one is as good as the other; where the next step begins, what is taken off is what was read for the end of this one.
        ways = (taken.within(unit, number), direct) if begin > since_ms else (direct, taken.within(unit, number))
        return min(ways, key=lambda way: way.cost)


def _balance_of(parts: Collection[_Part]) -> Balance:
    return Balance(*(_cover_of(part for part in parts if part.sign == sign) for sign in (1, -1)))


def _cover_of(parts: Iterable[_Part]) -> Cover:
    whole: list[Run] = []
    raw: list[tuple[int, int]] = []
    for _, unit, begin, end, _ in parts:
        if unit is None:
            raw.append((begin, end))
        else:
            whole.append(Run(unit, *unit.inside(begin, end)))
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


def joined(covers: Iterable[Cover]) -> Cover:
    """Covers of ranges that do not overlap, as one."""
    every = list(covers)
    whole = _joined(run for each in every for run in each.whole)
    return Cover(
        whole,
        tuple(
            Range(*piece)
            for piece in _merged((window.since_ms, window.until_ms) for each in every for window in each.raw)
        ),
    )


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
