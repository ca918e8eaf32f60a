from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.runtime import AutoShutdown, Exited, Failed, Killed, Outcome, Restart, Stopped, Strategy
from mocha_actors.runtime.restart import IntensityWindow, Verdict, decide, restart_group, shuts_down

FAILED = Failed(ValueError())


@pytest.mark.parametrize(
    ("restart", "outcome", "verdict"),
    [
        (Restart.PERMANENT, Exited(), Verdict.RESTART),
        (Restart.PERMANENT, FAILED, Verdict.RESTART),
        (Restart.TRANSIENT, Exited(), Verdict.KEEP),
        (Restart.TRANSIENT, Stopped(), Verdict.KEEP),
        (Restart.TRANSIENT, FAILED, Verdict.RESTART),
        (Restart.TEMPORARY, Exited(), Verdict.FORGET),
        (Restart.TEMPORARY, FAILED, Verdict.FORGET),
        (Restart.TEMPORARY, Killed(), Verdict.FORGET),
    ],
)
def test_restart_type_and_outcome_decide(restart: Restart, outcome: Outcome, verdict: Verdict) -> None:
    """Permanent always restarts, transient after failures, temporary never."""
    assert verdict is decide(restart, outcome)


@pytest.mark.parametrize(
    ("strategy", "group"),
    [(Strategy.ONE_FOR_ONE, "b"), (Strategy.ONE_FOR_ALL, "abc"), (Strategy.REST_FOR_ONE, "bc")],
)
def test_strategy_selects_the_group_in_start_order(strategy: Strategy, group: str) -> None:
    """One, all, or the failed one and those after it."""
    assert tuple(group) == tuple(restart_group(strategy, "abc", "b"))


def test_window_is_inclusive_and_slides() -> None:
    """More than max_restarts within the last max_seconds, both ends included, is too much."""
    window = IntensityWindow(2, 5.0)
    assert [True, True, False] == [window.spend(at) for at in (0.0, 1.0, 5.0)]
    assert window.spend(10.5)


def test_window_of_zero_allows_nothing() -> None:
    """With max_restarts 0 the first failure is too much."""
    assert not IntensityWindow(0, 5.0).spend(0.0)


@given(limit=st.integers(0, 5), span=st.floats(0.5, 10), gaps=st.lists(st.floats(0, 5), max_size=30))
def test_window_equals_a_recount(limit: int, span: float, gaps: list[float]) -> None:
    """Pruning changes nothing: the answer is that of counting all attempts anew."""
    window, attempts, now = IntensityWindow(limit, span), [], 0.0
    for gap in gaps:
        now += gap
        attempts.append(now)
        assert window.spend(now) == (sum(at >= now - span for at in attempts) <= limit)


@pytest.mark.parametrize(
    ("mode", "others_alive", "expected"),
    [
        (AutoShutdown.NEVER, False, False),
        (AutoShutdown.ANY_SIGNIFICANT, True, True),
        (AutoShutdown.ALL_SIGNIFICANT, True, False),
        (AutoShutdown.ALL_SIGNIFICANT, False, True),
    ],
)
def test_end_of_a_significant_child_ends_the_supervisor_as_its_mode_says(
    mode: AutoShutdown, others_alive: bool, expected: bool
) -> None:
    """Any: the first significant end; all: the last one."""
    assert expected is shuts_down(mode, others_alive=others_alive)


def test_window_tells_what_is_spent_now() -> None:
    """What has left the window is free again."""
    window = IntensityWindow(3, 5.0)
    for at in (0.0, 1.0):
        window.spend(at)
    assert [2, 2, 1, 0] == [window.spent(now) for now in (1.0, 5.0, 6.0, 6.5)]
