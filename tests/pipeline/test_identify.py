"""The spacing and the budget of IDENTIFY."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.pipeline.identify import SPACING_MS, WINDOW_MS, identify_wait
from mocha_actors.pipeline.notices import ClaimIdentify

NOW = 10 * WINDOW_MS


def claim(shard: int = 0, **limits: int) -> ClaimIdentify:
    """A claim made now."""
    return ClaimIdentify(shard, NOW, **limits)


def test_the_first_identify_need_not_wait() -> None:
    """Nothing is in the log."""
    assert 0.0 == identify_wait(NOW, [], claim())


def test_identifies_of_one_key_are_more_than_five_seconds_apart() -> None:
    """With max_concurrency 1 all shards have the same key, and a restarted process waits too."""
    assert 4.25 == identify_wait(NOW, [(7, NOW - 1000), (7, NOW - 60_000)], claim(0))
    assert 0.0 == identify_wait(NOW, [(7, NOW - SPACING_MS)], claim(0))


def test_other_keys_need_not_wait() -> None:
    """Shard 1 and shard 17 share a key of 16, shards 0 and 1 do not."""
    attempts = [(17, NOW - 250)]

    assert 0.0 == identify_wait(NOW, attempts, claim(0, max_concurrency=16))
    assert 5.0 == identify_wait(NOW, attempts, claim(1, max_concurrency=16))


def test_the_budget_keeps_its_reserve() -> None:
    """When Discord's budget is spent it resets the token; so the last ones are never used."""
    attempts = [(0, NOW - WINDOW_MS + 1000 * (index + 1)) for index in range(10)]

    assert 0.0 == identify_wait(NOW, attempts, claim(total=16, reserve=5))
    assert 1.0 == identify_wait(NOW, attempts, claim(total=15, reserve=5))
    assert 3.0 == identify_wait(NOW, attempts, claim(total=13, reserve=5))


def test_a_clock_that_was_set_back_delays_by_the_spacing_only() -> None:
    """An attempt of next year must not forbid a year."""
    assert SPACING_MS / 1000 == identify_wait(NOW, [(0, NOW + 365 * WINDOW_MS)], claim())


def test_a_total_below_the_reserve_still_allows_one() -> None:
    """Else such a bot could never start."""
    assert 0.0 == identify_wait(NOW, [], claim(total=10, reserve=50))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3_600_000)), max_size=120),
    st.integers(1, 3),
    st.integers(5, 40),
)
def test_who_waits_as_told_never_breaks_a_limit(requests: list[tuple[int, int]], concurrency: int, total: int) -> None:
    """Simulated over days: spacing per key, and the budget in every window of 24 hours."""
    now, log = NOW, []
    for shard, pause in requests:
        now += pause
        asked = claim(shard, max_concurrency=concurrency, total=total, reserve=4)
        while wait := identify_wait(now, log, asked):
            now += max(1, round(wait * 1000))
        log.append((shard, now))

    for index, (shard, at) in enumerate(log):
        same = [other for which, other in log[:index] if which % concurrency == shard % concurrency]
        assert not same or at - max(same) >= SPACING_MS
        assert sum(at - WINDOW_MS < other <= at for _, other in log[: index + 1]) <= max(1, total - 4)
