"""Rate limits: of payloads on a connection, and of REST."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.gateway.ratelimit import RestLimits, SlidingWindow, retry_after


@given(st.integers(1, 8), st.lists(st.floats(0, 3), max_size=60))
def test_whoever_waits_as_told_never_exceeds_a_window(limit: int, pauses: list[float]) -> None:
    """Wherever the window begins."""
    window, now, sent = SlidingWindow(limit, 10.0), 0.0, []
    for pause in pauses:
        now += pause
        now += window.wait(now)
        window.sent(now)
        sent.append(now)

    assert all(sum(start < at <= start + 10.0 - 1e-6 for at in sent) <= limit for start in sent)


@given(st.integers(2, 8), st.integers(1, 8))
def test_no_wait_is_longer_than_it_must_be(limit: int, sent: int) -> None:
    """As long as there is room, nothing waits; then until the oldest leaves."""
    window = SlidingWindow(limit, 10.0)
    waits = []
    for second in range(min(sent, limit)):
        waits.append(window.wait(float(second)))
        window.sent(float(second))

    assert {0.0} == set(waits)
    assert (10.0 - (limit - 1) if sent >= limit else 0.0) == window.wait(float(limit - 1))


def test_a_global_limit_is_one_of_all_paths_and_a_bucket_is_one_of_its_own() -> None:
    """Discord names the scope."""
    limits = RestLimits()
    limits.learn("/a", 429, {"retry-after": "3", "x-ratelimit-scope": "user"}, 10.0)
    assert (3.0, 0.0) == (limits.wait("/a", 10.0), limits.wait("/b", 10.0))

    limits.learn("/a", 429, {"retry-after": "9", "x-ratelimit-global": "true"}, 10.0)
    assert (9.0, 9.0, 0.0) == (limits.wait("/a", 10.0), limits.wait("/b", 10.0), limits.wait("/b", 19.0))


def test_an_answer_that_leaves_requests_limits_nothing() -> None:
    """Only the last one of a bucket does."""
    limits = RestLimits()
    limits.learn("/a", 200, {"x-ratelimit-remaining": "1", "x-ratelimit-reset-after": "5"}, 0.0)
    assert 0.0 == limits.wait("/a", 0.0)
    limits.learn("/a", 200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "5"}, 0.0)
    assert 5.0 == limits.wait("/a", 0.0)


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan", ""])
def test_a_time_that_makes_no_sense_is_none(text: str) -> None:
    """A proxy may say anything."""
    assert 0.0 == retry_after({"retry-after": text})
