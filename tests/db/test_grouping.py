"""Group commit is a pure decision."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.db.grouping import Grouping

seconds = st.floats(min_value=0, max_value=1e6)
events = st.integers(min_value=0, max_value=20_000)


def test_nothing_is_committed_while_nothing_is_ready() -> None:
    """An urgent wish alone makes no empty transaction."""
    assert Grouping().wait(100.0, ready=0, last_commit=0.0, urgent=True) == math.inf


def test_after_a_pause_the_first_event_is_committed_at_once() -> None:
    """Whoever watches a quiet server sees no delay."""
    assert Grouping(linger=0.04).wait(100.0, ready=1, last_commit=99.9, urgent=False) == 0


def test_under_load_commits_keep_their_distance() -> None:
    """The first commit may be followed by the next one only after the linger time."""
    assert math.isclose(Grouping(linger=0.04).wait(100.01, ready=1, last_commit=100.0, urgent=False), 0.03)


@given(now=seconds, pause=seconds, ready=events, urgent=st.booleans())
def test_no_ready_event_waits_longer_than_the_linger_time(now: float, pause: float, ready: int, urgent: bool) -> None:
    """Whatever the clock says, the wait is between nothing and the linger time."""
    wait = Grouping(linger=0.04).wait(now, ready=ready, last_commit=now - pause, urgent=urgent)

    assert 0 <= wait <= 0.04 + 1e-9 if ready else wait == math.inf


@given(now=seconds, pause=seconds, ready=st.integers(5000, 20_000))
def test_a_full_transaction_never_waits(now: float, pause: float, ready: int) -> None:
    """More company would not fit."""
    assert Grouping(max_events=5000).wait(now, ready=ready, last_commit=now - pause, urgent=False) == 0


@given(now=seconds, pause=seconds, ready=st.integers(1, 20_000))
def test_what_is_urgent_never_waits(now: float, pause: float, ready: int) -> None:
    """A session that begins, and a flush, are committed at once."""
    assert Grouping().wait(now, ready=ready, last_commit=now - pause, urgent=True) == 0


@given(now=seconds, pause=seconds, first=st.integers(1, 9000), more=st.integers(0, 9000))
def test_more_ready_events_never_make_the_wait_longer(now: float, pause: float, first: int, more: int) -> None:
    """Waiting is for company, and it is there."""
    grouping = Grouping()

    assert grouping.wait(now, ready=first + more, last_commit=now - pause, urgent=False) <= grouping.wait(
        now, ready=first, last_commit=now - pause, urgent=False
    )
