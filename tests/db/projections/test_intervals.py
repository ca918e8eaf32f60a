"""The keys of intervals: the next free id of a millisecond, the same as the table alone would give, and seldom asked of it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from mocha_actors.db.projections.intervals import MILLISECONDS_REMEMBERED, Ids
from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, from_time_ms, time_ms

Steps = list[tuple[int, int | None]]
"""A millisecond of which an id is taken, or with a number instead of None the so-manieth row is deleted."""


class Table:
    """The rows of a guild, and how often they were asked for the highest."""

    def __init__(self, ids: set[int]) -> None:
        self.ids = ids
        self.asked = 0

    def highest(self, first: int, last: int) -> int | None:
        """As the SQL tells it."""
        self.asked += 1
        return max((row for row in self.ids if first <= row <= last), default=None)


def next_free(rows: set[int], at_ms: int) -> int:
    """What a program that knows nothing but the table takes."""
    return max((row for row in rows if time_ms(row) == at_ms), default=from_time_ms(at_ms) - 1) + 1


@given(
    st.sets(st.integers(0, 40), max_size=8),
    st.lists(st.tuples(st.integers(0, 1), st.none() | st.integers(0, 50)), max_size=60),
)
@example({0}, [(0, None), (0, 1), (0, 0), (0, None)])
def test_what_is_taken_depends_on_the_table_alone(before: set[int], steps: Steps) -> None:
    """Whatever was taken and deleted, those that stood before included."""
    rows = {from_time_ms(DISCORD_EPOCH_MS + number % 2, number // 2) for number in before}
    ids = Ids(Table(rows).highest)
    for ms, deleted in steps:
        at_ms = DISCORD_EPOCH_MS + ms
        if deleted is None:
            expected = next_free(rows, at_ms)
            assert ids.take(at_ms) == expected
            rows.add(expected)
        elif rows:
            row = sorted(rows)[deleted % len(rows)]
            rows.remove(row)
            ids.give_back(row)


def test_a_flood_in_which_everybody_changes_twice_asks_the_table_once() -> None:
    """Each asking has the rows written first, which made half of what a presence cost."""
    table = Table(set())
    ids = Ids(table.highest)
    for ms in range(1, 2 * MILLISECONDS_REMEMBERED):
        for _ in range(10):
            row = ids.take(DISCORD_EPOCH_MS + ms)
            ids.give_back(row)

    assert table.asked == 1
