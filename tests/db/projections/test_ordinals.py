"""Ids of what has none: the same as the table alone would give, and seldom asked of it."""

from __future__ import annotations

from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.db.connection import Connection
from mocha_actors.db.projections.ordinals import WIDTH, Ordinals
from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, from_time_ms

GUILD, OTHER = 1, 2


class Table:
    """Rows of a table as (guild, id), and how often it was asked; a connection to it as far as ordinals need one."""

    def __init__(self, rows: set[tuple[int, int]]) -> None:
        self.rows = rows
        self.asked = 0

    def execute(self, _: str, bounds: tuple[int, int, int]) -> Any:
        """The highest id of a guild between two."""
        self.asked += 1
        guild, first, stop = bounds
        self._found = max((row for of, row in self.rows if of == guild and first <= row < stop), default=None)
        return self

    def fetchone(self) -> tuple[int | None]:
        """The answer to the last question."""
        return (self._found,)

    def next_free(self, guild: int, at_ms: int) -> int:
        """What somebody takes who looks at all rows each time."""
        base = from_time_ms(at_ms)
        return max((row for of, row in self.rows if of == guild and base <= row < base + WIDTH), default=base - 1) + 1


def ordinals(table: Table) -> Ordinals:
    """Those of a table."""
    return Ordinals(cast("Connection", table), "reaction_events")


@given(
    st.sets(st.tuples(st.sampled_from([GUILD, OTHER]), st.integers(0, 3), st.integers(0, 2)), max_size=8),
    st.lists(st.tuples(st.sampled_from([GUILD, OTHER]), st.integers(0, 4)), max_size=30),
)
def test_what_is_taken_depends_on_the_table_alone(
    before: set[tuple[int, int, int]], taken: list[tuple[int, int]]
) -> None:
    """Whatever stands in it and whichever way time runs, from Discord's first millisecond on."""
    table = Table({(guild, from_time_ms(DISCORD_EPOCH_MS + ms, low)) for guild, ms, low in before})
    all_rows = Table(set(table.rows))
    ids = ordinals(table)
    for guild, ms in taken:
        expected = all_rows.next_free(guild, DISCORD_EPOCH_MS + ms)
        assert ids.take(guild, DISCORD_EPOCH_MS + ms) == expected
        all_rows.rows.add((guild, expected))


def test_where_time_runs_forwards_the_table_is_asked_once_for_each_guild() -> None:
    """A question for each millisecond is one for nearly every event, unless they come in a flood."""
    table = Table({(GUILD, from_time_ms(DISCORD_EPOCH_MS, 5))})
    ids = ordinals(table)
    for ms in range(1, 1_000):
        for guild in (GUILD, OTHER):
            ids.take(guild, DISCORD_EPOCH_MS + ms)

    assert table.asked == 2
