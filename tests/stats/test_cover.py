"""A cover is the range, exactly: whole units of rollups where they fit, raw rows where none does."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS
from mocha_actors.stats.cover import (
    NOTHING,
    Balance,
    Cover,
    Prices,
    Run,
    Unit,
    balances,
    cover,
    gains,
    joined,
    raw_within_days,
    without_days,
)  # fmt: skip
from mocha_actors.stats.ranges import Range

MONDAY = 1_767_571_200_000  # 2026-01-05
ladders = st.sampled_from([(), (Unit.HOUR,), (Unit.DAY,), (Unit.DAY, Unit.HOUR), (Unit.WEEK, Unit.DAY)])
cuts = st.lists(
    st.builds(
        lambda hours, ms: MONDAY + hours * HOUR_MS + ms,
        st.integers(0, 30 * 24),
        st.sampled_from([0, 0, 0, 1, 900_000, HOUR_MS - 1]),
    ),
    min_size=2,
    max_size=8,
    unique=True,
).map(sorted)


def pieces(covered: Cover) -> list[tuple[int, int]]:
    """Everything covered, in order of time."""
    whole = [(run.unit.begin(run.first), run.unit.begin(run.last)) for run in covered.whole]
    return sorted([*whole, *((window.since_ms, window.until_ms) for window in covered.raw)])


@given(cuts, ladders)
def test_the_pieces_of_a_cover_are_the_range_without_gap_or_overlap(
    bounds: list[int], ladder: tuple[Unit, ...]
) -> None:
    """Laid side by side they begin and end where the range does."""
    laid = pieces(cover(bounds, ladder))

    assert (laid[0][0], laid[-1][1]) == (bounds[0], bounds[-1])
    assert all(earlier[1] == later[0] for earlier, later in pairwise(laid))


@given(cuts, ladders)
def test_no_unit_lies_across_a_cut_and_raw_rows_are_read_where_none_fits(
    bounds: list[int], ladder: tuple[Unit, ...]
) -> None:
    """Whatever is read raw holds no whole unit of the shortest kind inside one step."""
    covered = cover(bounds, ladder)

    for run in covered.whole:
        for number in range(run.first, run.last):
            assert not [cut for cut in bounds if run.unit.begin(number) < cut < run.unit.begin(number + 1)]
    if ladder:
        for window in covered.raw:
            inner = [
                window.since_ms,
                *(cut for cut in bounds if window.since_ms < cut < window.until_ms),
                window.until_ms,
            ]
            for begin, end in pairwise(inner):
                first, last = ladder[-1].inside(begin, end)
                assert first >= last


prices = st.fixed_dictionaries({unit: st.sampled_from([0, HOUR_MS, 4 * HOUR_MS, 3 * DAY_MS]) for unit in Unit})
moments = st.lists(
    st.builds(
        lambda hours, ms: MONDAY + hours * HOUR_MS + ms, st.integers(-8 * 24, 38 * 24), st.integers(0, HOUR_MS - 1)
    )
)


def every(_unit: Unit, _number: int) -> bool:
    """All is there."""
    return True


def none(_unit: Unit, _number: int) -> bool:
    """Nothing may be taken off."""
    return False


def counted(read: Cover, held: list[int]) -> Counter[int]:
    """How often each of some moments is read."""
    return Counter(ms for begin, end in pieces(read) for ms in held if begin <= ms < end)


@given(cuts, ladders, prices, moments, st.booleans())
def test_balances_hold_every_moment_of_the_range_once_and_no_other(
    bounds: list[int], ladder: tuple[Unit, ...], costs: dict[Unit, int], held: list[int], known: bool
) -> None:
    """Whatever is taken off was added, by the same balance; whatever is read outside of the range is taken off."""
    period, held = Range(bounds[0], bounds[-1]), sorted(set(held))
    where = Range(held[0], held[-1] + 1) if known and held else None

    found = balances(period, ladder, Prices(costs, where), every)

    total: Counter[int] = Counter()
    for plus, minus in found:
        read, taken = counted(plus, held), counted(minus, held)
        assert taken <= read
        total.update(read - taken)
    assert total == Counter(ms for ms in held if period.since_ms <= ms < period.until_ms)


@given(cuts, ladders, prices)
def test_balances_cost_no_more_than_a_cover(
    bounds: list[int], ladder: tuple[Unit, ...], costs: dict[Unit, int]
) -> None:
    """Raw rows and units together, by the prices given."""

    def cost(read: Cover) -> int:
        return sum(window.duration_ms for window in read.raw) + sum(
            costs[run.unit] * (run.last - run.first) for run in read.whole
        )

    period = Range(bounds[0], bounds[-1])
    found = balances(period, ladder, Prices(costs), every)

    plain = cover([period.since_ms, period.until_ms], ladder)
    assert sum(cost(plus) + cost(minus) for plus, minus in found) <= cost(plain)


@given(cuts, ladders, prices, st.integers(0, 30))
def test_nothing_is_taken_off_a_unit_that_is_not_complete(
    bounds: list[int], ladder: tuple[Unit, ...], costs: dict[Unit, int], days: int
) -> None:
    """What retention has deleted cannot be taken off; without any complete unit the balance is the cover."""
    mark = MONDAY + days * DAY_MS + HOUR_MS
    period = Range(bounds[0], bounds[-1])

    _, *others = balances(period, ladder, Prices(costs), lambda unit, number: unit.begin(number) >= mark)
    (only,) = balances(period, ladder, Prices(costs), none)

    assert all(begin >= mark for _, minus in others for begin, _ in pieces(minus))
    assert only == Balance(cover([period.since_ms, period.until_ms], ladder), NOTHING)


def test_of_the_day_that_is_not_over_all_is_read_and_nothing_taken_off() -> None:
    """There is nothing behind its last message: thirty days up to 18:20 cost the end of the first day in raw rows."""
    now = MONDAY + 30 * DAY_MS + 18 * HOUR_MS
    held = Range(MONDAY - 90 * DAY_MS, now)

    found = balances(
        Range(now - 30 * DAY_MS, now),
        (Unit.WEEK, Unit.DAY),
        Prices({Unit.WEEK: 6 * HOUR_MS, Unit.DAY: 4 * HOUR_MS}, held),
        every,
    )

    read = [window for plus, minus in found for part in (plus, minus) for window in part.raw]
    assert sum(min(window.until_ms, now) - min(window.since_ms, now) for window in read) == 6 * HOUR_MS


def test_steps_of_a_zone_of_45_minutes_read_a_quarter_of_each_hour() -> None:
    """What one step adds at its end the next one takes off its first hour."""
    bounds = [MONDAY + 900_000 + n * HOUR_MS for n in range(25)]
    quarters = {Range(MONDAY + n * HOUR_MS, MONDAY + n * HOUR_MS + 900_000) for n in range(25)}

    read = {
        window
        for begin, end in pairwise(bounds)
        for plus, minus in balances(Range(begin, end), (Unit.HOUR,), Prices({Unit.HOUR: 0}), every)
        for part in (plus, minus)
        for window in part.raw
    }

    assert read == quarters


def test_covers_that_touch_become_one() -> None:
    """One statement for all steps."""
    first, second = (cover([MONDAY + n * HOUR_MS, MONDAY + (n + 1) * HOUR_MS], (Unit.HOUR,)) for n in (0, 1))

    assert joined([second, first]) == cover([MONDAY, MONDAY + 2 * HOUR_MS], (Unit.HOUR,))


def test_weeks_begin_on_monday_and_days_fill_what_they_leave() -> None:
    """From Saturday to Tuesday two weeks later: two days, two weeks, a day and an hour."""
    period = [MONDAY - 2 * DAY_MS, MONDAY + 15 * DAY_MS + HOUR_MS]

    covered = cover(period, (Unit.WEEK, Unit.DAY))

    day = MONDAY // DAY_MS
    week = (day + 3) // 7
    assert covered.whole == (
        Run(Unit.WEEK, week, week + 2),
        Run(Unit.DAY, day - 2, day),
        Run(Unit.DAY, day + 14, day + 15),
    )
    assert covered.raw == (Range(MONDAY + 15 * DAY_MS, MONDAY + 15 * DAY_MS + HOUR_MS),)


def test_steps_of_aligned_hours_are_one_run() -> None:
    """A timeline of a day costs one statement and not 24."""
    hour = MONDAY // HOUR_MS

    assert cover([MONDAY + n * HOUR_MS for n in range(25)], (Unit.HOUR,)) == Cover(
        (Run(Unit.HOUR, hour, hour + 24),), ()
    )


def test_raw_rows_are_read_on_the_days_that_have_any() -> None:
    """The others are no part of it; days that touch are one window."""
    day = MONDAY // DAY_MS
    covered = Cover((), (Range(MONDAY + HOUR_MS, MONDAY + 4 * DAY_MS + HOUR_MS),))

    assert raw_within_days(covered, {day, day + 1, day + 4, day + 9}).raw == (
        Range(MONDAY + HOUR_MS, MONDAY + 2 * DAY_MS), Range(MONDAY + 4 * DAY_MS, MONDAY + 4 * DAY_MS + HOUR_MS),
    )  # fmt: skip


def test_days_that_may_not_be_used_are_read_raw() -> None:
    """The rollup of a day that is open or dirty is not read."""
    day = MONDAY // DAY_MS
    covered = without_days(cover([MONDAY, MONDAY + 4 * DAY_MS], (Unit.DAY,)), {day, day + 3})

    assert covered.whole == (Run(Unit.DAY, day, day + 1), Run(Unit.DAY, day + 3, day + 4))
    assert covered.raw == (Range(MONDAY + DAY_MS, MONDAY + 3 * DAY_MS),)


@given(st.integers(0, 59), st.integers(1, 3), st.integers(1, 40))
def test_where_nothing_gains_nothing_is_taken_off(minute: int, price_hours: int, steps: int) -> None:
    """So that the search can be left out for the steps of a timeline. Where both ways cost the same (hence the millisecond), either will do."""
    cuts = [MONDAY + hour * HOUR_MS + minute * 60_000 for hour in range(steps + 1)]
    costs = {Unit.DAY: price_hours * HOUR_MS, Unit.HOUR: price_hours * HOUR_MS // 4}
    for unit in (Unit.DAY, Unit.HOUR):
        if not gains(cuts, unit, costs[unit] - 1):
            for begin, end in pairwise(cuts):
                assert len(balances(Range(begin, end), (unit,), Prices(costs), every)) == 1
