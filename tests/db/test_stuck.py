"""A batch that nobody settles is handed out once more, then given up."""

from __future__ import annotations

import math

from mocha_actors.db.stuck import StuckWatch
from mocha_actors.pipeline.batch import IGNORED
from tests.db.builders import unsettled


def test_a_batch_is_handed_out_again_once_and_then_given_up() -> None:
    """Thirty seconds each, as the batch module says."""
    watch, batch = StuckWatch(), unsettled(1, 1)
    watch.add(batch, 100.0)

    assert watch.due() == 130.0
    assert watch.overdue(129.9) == ([], [])
    assert watch.overdue(130.0) == ([batch], [])
    assert watch.due() == 160.0
    assert watch.overdue(160.0) == ([], [batch])
    assert watch.due() == math.inf


def test_a_settled_batch_is_watched_no_more() -> None:
    """Nothing has to be done for it, and nobody is woken for it."""
    watch, batch = StuckWatch(), unsettled(1, 1)
    watch.add(batch, 0.0)
    batch.settle(0, IGNORED)

    assert watch.due() == math.inf


def test_a_restarted_writer_does_not_hand_it_out_a_third_time() -> None:
    """How often it was handed out is known to the batch itself."""
    watch, batch = StuckWatch(), unsettled(1, 1)
    watch.add(batch, 0.0)
    watch.overdue(30.0)
    reborn = StuckWatch()
    reborn.add(batch, 40.0)

    assert reborn.overdue(70.0) == ([], [batch])
