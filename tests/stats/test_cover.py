"""A cover is the range, exactly: whole units of rollups where they fit, raw rows where none does."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.discord.snowflake import DAY_MS, HOUR_MS
from mocha_actors.stats.cover import Cover, Run, Unit, cover, raw_within_days, without_days
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
