"""Rules of `mocha_actors.simulator.starts`."""

from __future__ import annotations

from typing import Any

import pytest

from mocha_actors.simulator.settings import SimulatorSettings
from mocha_actors.simulator.starts import SessionStarts, Start

GRANTED, TOO_SOON, EXHAUSTED = Start.GRANTED, Start.TOO_SOON, Start.EXHAUSTED


def starts(**settings: Any) -> SessionStarts:
    """Make a budget."""
    return SessionStarts(SimulatorSettings(**settings))


def test_every_start_costs_one_of_the_budget() -> None:
    """`remaining` goes down, and the time until the reset runs from the first start."""
    budget = starts(identify_limit=10)
    for _ in range(3):
        budget.claim(0, now=100.0)

    assert budget.limit(now=160.0) == {
        "total": 10,
        "remaining": 7,
        "reset_after": 86_340_000,
        "max_concurrency": 1,
    }


def test_the_budget_is_whole_again_after_a_day() -> None:
    """Not a moment earlier."""
    budget = starts(identify_limit=10)
    budget.claim(0, now=0.0)
    assert budget.limit(now=86_399.0)["remaining"] == 9
    assert budget.limit(now=86_400.0)["remaining"] == 10


def test_one_start_too_many_resets_the_token() -> None:
    """Discord's punishment, from which nothing comes back."""
    budget = starts(identify_limit=1)
    assert (budget.claim(0, 0.0), budget.token_reset) == (GRANTED, False)
    assert (budget.claim(0, 1.0), budget.token_reset) == (EXHAUSTED, True)


def test_the_remainder_can_be_set() -> None:
    """With the seconds until all are there again."""
    budget = starts()
    budget.set(remaining=0, reset_after=3.0, now=50.0)
    assert budget.limit(51.0)["remaining"] == 0
    assert budget.limit(51.0)["reset_after"] == 2000
    assert budget.claim(0, 53.0) is GRANTED
    assert budget.limit(53.0)["remaining"] == 999
    with pytest.raises(ValueError, match="at least 0, not -1"):
        budget.set(-1, 0.0, now=0.0)


def test_shards_of_one_kind_keep_their_distance() -> None:
    """With a concurrency of 2, shards 0 and 2 wait for each other, 0 and 1 do not; haste costs nothing of the budget."""
    budget = starts(max_concurrency=2, identify_spacing=5.0)
    attempts = [(0, 0.0), (1, 0.0), (2, 4.9), (3, 4.9), (2, 5.0), (3, 6.0), (0, 9.9)]

    answers = [budget.claim(shard, now) for shard, now in attempts]

    assert answers == [GRANTED, GRANTED, TOO_SOON, TOO_SOON, GRANTED, GRANTED, TOO_SOON]
    assert budget.limit(10.0)["remaining"] == 996
