from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.runtime import Backoff, SpecError

MINUTE, DAY = 60.0, 86_400.0


@pytest.mark.parametrize(
    ("n", "base", "cap", "expected"),
    [
        (0, 5 * MINUTE, 7 * MINUTE, 5 * MINUTE),
        (2, 5, 7, 7),
        (2, 5, 7 * DAY, 20),
        (29, 5 * MINUTE, 10 * MINUTE, 10 * MINUTE),
        (29, 10_000 * DAY, 10_000 * DAY, 10_000 * DAY),
        (2**31 - 1, 10_000 * DAY, 10_000 * DAY, 10_000 * DAY),
    ],
)
def test_delay_without_jitter_doubles_up_to_the_cap(n: int, base: float, cap: float, expected: float) -> None:
    """The table of Akka's BackoffSupervisorSpec holds."""
    assert expected == Backoff(base, cap, jitter="none").delay(n, Random(1))


@given(
    base=st.floats(0, 1e6),
    extra=st.floats(0, 1e300),
    n=st.integers(0, 10**30),
    jitter=st.sampled_from(["full", "decorrelated", "none"]),
    seed=st.integers(),
)
def test_delay_stays_between_zero_and_the_cap_at_any_n(
    base: float, extra: float, n: int, jitter: str, seed: int
) -> None:
    """No jitter leaves [0, cap], no n overflows, and decorrelated delays never fall below the base."""
    backoff = Backoff(base, base + extra, jitter=jitter)
    rng, delay = Random(seed), None
    for step in range(3):
        delay = backoff.delay(n + step, rng, delay)
        assert (base if jitter == "decorrelated" else 0) <= delay <= backoff.cap


def test_full_jitter_spreads_over_the_whole_range() -> None:
    """Full jitter is uniform between zero and the plain delay."""
    rng, backoff = Random(7), Backoff(1, 100, jitter="full")
    delays = [backoff.delay(3, rng) for _ in range(2000)]
    assert min(delays) < 0.4
    assert max(delays) > 7.6
    assert 3.7 < sum(delays) / len(delays) < 4.3


def test_base_zero_never_waits() -> None:
    """A base of zero means restarts without waiting, with any jitter."""
    assert [0.0, 0.0] == [Backoff(0, jitter=jitter).delay(5, Random(1)) for jitter in ("full", "none")]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"base": -1}, "backoff.base is -1"),
        ({"base": "soon"}, "backoff.base is 'soon'"),
        ({"reset_after": True}, "backoff.reset_after is True"),
        ({"cap": float("inf")}, "backoff.cap is inf"),
        ({"reset_after": float("nan")}, "backoff.reset_after is nan"),
        ({"base": 5, "cap": 1}, "below the base 5"),
        ({"jitter": "some"}, "allowed are full, decorrelated, none"),
    ],
)
def test_wrong_values_are_refused_with_field_and_value(options: dict[str, object], named: str) -> None:
    """A back-off that cannot be meant says which field is wrong."""
    with pytest.raises(SpecError, match=named):
        Backoff(**options)
