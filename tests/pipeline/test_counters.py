"""The program's own counters."""

from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.pipeline.counters import GROWTH, SMALLEST, LagHistogram


@given(st.lists(st.floats(SMALLEST, 100), min_size=1), st.sampled_from([50, 90, 99, 100]))
def test_a_percentile_is_right_within_one_bucket(lags: list[float], p: int) -> None:
    """The true percentile lies within 5 % below what the histogram says."""
    histogram = LagHistogram()
    for lag in lags:
        histogram.add(lag, 1)

    ranked = sorted(lags)
    true = ranked[max(0, -(-len(ranked) * p // 100) - 1)]
    found = histogram.percentile(p)

    assert found is not None
    assert true / 1.0001 <= found <= true * GROWTH * 1.0001


def test_weights_count_as_so_many_events() -> None:
    """A batch of 99 quick events and a slow one have a quick median and a slow maximum."""
    histogram = LagHistogram()
    histogram.add(0.01, 99)
    histogram.add(5.0, 1)

    assert statistics.fmean([histogram.percentile(50) or 0]) < 0.011
    assert (histogram.percentile(100) or 0) >= 5.0


def test_no_event_has_no_percentile() -> None:
    """Without an event there is no number, rather than 0."""
    assert LagHistogram().percentile(50) is None
