from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.runtime.window import CountWindow, Tally, TimeWindow


@pytest.mark.parametrize(
    ("size", "outcomes", "rates"),
    [(4, "ESSSS", [100, 50, 33.3, 25, 0]), (2, "EESS", [100, 100, 50, 0])],
)
def test_count_window_forgets_the_oldest_call(size: int, outcomes: str, rates: list[float]) -> None:
    """The golden sequence of resilience4j's FixedSizeSlidingWindowMetricsTest."""
    window, seen = CountWindow(size), []
    for outcome in outcomes:
        window.record(Tally(1, int(outcome == "E")), 0.0)
        total = window.total(0.0)
        seen.append(round(100 * total.failures / total.calls, 1))
    assert rates == seen


def test_time_window_forgets_whole_seconds() -> None:
    """A window of five seconds holds the current second and the four before it."""
    window = TimeWindow(5)
    window.record(Tally(1, 1), 100.9)
    window.record(Tally(1, 0), 103.0)
    assert (2, 1) == (window.total(104.99).calls, window.total(104.99).failures)
    assert (1, 0) == (window.total(105.0).calls, window.total(105.0).failures)
    assert 0 == window.total(108.0).calls


@given(seconds=st.integers(1, 6), calls=st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=40))
def test_time_window_equals_a_recount(seconds: int, calls: list[tuple[float, bool]]) -> None:
    """The running totals are those of counting all calls anew."""
    window, now, seen = TimeWindow(seconds), 0.0, []
    for gap, failed in calls:
        now += gap
        window.record(Tally(1, int(failed)), now)
        seen.append((int(now), failed))
        inside = [failed for second, failed in seen if second > int(now) - seconds]
        total = window.total(now)
        assert (len(inside), sum(inside)) == (total.calls, total.failures)
