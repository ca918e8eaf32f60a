"""Rules of `mocha_actors.discord.snowflake`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocha_actors.discord.snowflake import DISCORD_EPOCH_MS, from_time_ms, time_ms


def test_the_example_of_the_documentation_is_decoded() -> None:
    """Discord's reference page decodes 175928847299117063 as 2016-04-30 11:18:25.796 UTC."""
    assert time_ms(175928847299117063) == 1462015105796


@given(st.integers(DISCORD_EPOCH_MS, DISCORD_EPOCH_MS + (1 << 41)), st.integers(0, (1 << 22) - 1))
def test_a_snowflake_keeps_its_time(ms: int, low: int) -> None:
    """Whatever stands in the lower bits, the time comes back."""
    assert time_ms(from_time_ms(ms, low)) == ms


@given(st.integers(DISCORD_EPOCH_MS, DISCORD_EPOCH_MS + (1 << 41)), st.integers(0, (1 << 22) - 1))
def test_the_default_is_the_lowest_of_its_millisecond(ms: int, low: int) -> None:
    """`from_time_ms(ms)` bounds a half-open range: nothing of that millisecond is below, all of the next is above."""
    assert from_time_ms(ms) <= from_time_ms(ms, low) < from_time_ms(ms + 1)


@pytest.mark.parametrize(
    ("ms", "low"), [(DISCORD_EPOCH_MS - 1, 0), (DISCORD_EPOCH_MS, 1 << 22), (DISCORD_EPOCH_MS, -1)]
)
def test_what_no_snowflake_can_hold_is_refused(ms: int, low: int) -> None:
    """A time before Discord's epoch and lower bits beyond 22 are errors, not wrapped numbers."""
    with pytest.raises(ValueError, match="snowflake"):
        from_time_ms(ms, low)
