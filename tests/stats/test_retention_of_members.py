"""Cohort retention: which membership a leave ends."""

from __future__ import annotations

import pytest

from mocha_actors.stats.answers import answer
from mocha_actors.stats.questions import RetentionQuestion
from mocha_actors.stats.ranges import Range
from tests.stats.oracle import GUILD
from tests.stats.world import Moved, World, at, opened

pytestmark = pytest.mark.usefixtures("both_databases")

AGAIN, GONE, ALIVE = 4_245, 4_260, 12_945
"""Minutes: somebody who joined at the begin joins again, its leave not seen, and leaves; so long the shard was alive."""


@pytest.mark.parametrize("until", [AGAIN, AGAIN + 1, GONE + 1])
def test_a_leave_ends_the_membership_before_it_wherever_the_range_ends(until: int) -> None:
    """A join behind the end of the range is in no cohort, yet it is that membership which the leave ended."""
    moves = [Moved(0, 1, 0, 0), Moved(AGAIN, 1, 0, 0), Moved(GONE, 1, 1, 0)]
    connection = opened(World([], [], [], moves, {}, [], [], set(), {}, ALIVE, ()))
    question = RetentionQuestion(guild_id=GUILD, range=Range(at(0), at(until)), time_zone="UTC", interval="day")

    first = answer(connection, question).buckets[0]
    connection.close()
    assert (first.joined, first.week_observed, first.week_stayed) == (1, 1, 1)
