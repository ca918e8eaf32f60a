"""An answer of nothing says so, and hours that nobody observed are told from hours in which nothing happened."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.figure import Figure

from mocha_actors.showing.pictures import SMALL, _figure
from mocha_actors.showing.weeks import unobserved
from mocha_actors.stats.results import (
    Answer,
    Cell,
    Coverage,
    Gap,
    Heatmap,
    Leaderboard,
    MessageStep,
    MessageTimeline,
)

HOUR = 3_600_000
MONDAY = 1_767_571_200_000
"""2026-01-05 00:00 UTC."""

WEEK = {
    "guild_id": 900,
    "since_ms": MONDAY,
    "until_ms": MONDAY + 168 * HOUR,
    "time_zone": "UTC",
    "not_retained_before_ms": None,
}


def covered(*gaps: tuple[int, int]) -> Coverage:
    """Of the week, with gaps from and to an hour of it."""
    lost = sum(end - begin for begin, end in gaps)
    listed = tuple(
        Gap(shard=0, since_ms=MONDAY + begin * HOUR, until_ms=MONDAY + end * HOUR, reason="first_start")
        for begin, end in gaps
    )
    return Coverage(complete=not gaps, observed_share=1 - lost / 168, gaps=listed)


def heatmap(*gaps: tuple[int, int], value: int = 0, **changed: Any) -> Heatmap:
    """A week with ``value`` in its first hour."""
    cells = tuple(
        Cell(
            weekday=place // 24,
            hour=place % 24,
            value=value * (not place),
            hours=1.0,
            average_per_hour=value * (not place),
        )
        for place in range(168)
    )
    return Heatmap(**(WEEK | changed), coverage=covered(*gaps), metric="messages", cells=cells)


def said(answer: Answer) -> tuple[Figure, str]:
    """The figure, and what stands in the middle of it."""
    figure = _figure(answer, {}, "A title", SMALL)
    return figure, " ".join(text.get_text() for text in figure.axes[0].texts if text.get_text().startswith("nothing"))


def test_an_hour_of_the_week_is_unobserved_if_gaps_cover_all_of_it() -> None:
    """In local time; a cell that has a number is not."""
    assert unobserved(heatmap((2, 4), (7, 7 + 1 / 2))) == {2, 3}
    assert unobserved(heatmap((0, 2), value=5)) == {1}
    assert unobserved(heatmap((2, 4), time_zone="Asia/Tokyo")) == {11, 12}
    assert unobserved(heatmap()) == frozenset()


def test_of_all_time_only_the_part_counts_that_is_known() -> None:
    """The years before the guild's first hour lie in a gap, but in no cell."""
    assert unobserved(heatmap((-90_000, 3), since_ms=1_420_070_400_000)) == {0, 1, 2}


@pytest.mark.parametrize(("gaps", "words"), [([], "nothing was counted"), ([(0, 168)], "nothing was observed")])
def test_a_heatmap_of_nothing_says_so_and_has_no_scale(gaps: list[tuple[int, int]], words: str) -> None:
    """What nobody observed is shaded, what was quiet is dark."""
    figure, note = said(heatmap(*gaps))
    shades = figure.axes[0].images[0].get_array()

    assert (note, len(figure.axes)) == (words, 1)
    assert shades.count() == 168 * bool(gaps)


def test_a_heatmap_with_a_number_has_a_scale_from_nought() -> None:
    """And no words in the middle."""
    figure, note = said(heatmap((100, 168), value=4))

    assert (note, len(figure.axes)) == ("", 2)
    assert figure.axes[0].images[1].get_clim() == (0, 4)


def test_filters_with_long_names_take_no_room_from_the_chart() -> None:
    """They are broken into two lines; wide letters end at the edge."""
    figure = _figure(heatmap(value=4), {}, "A title", SMALL, "humans in " + "日本語" * 100)
    figure.draw_without_rendering()

    scope = next(text.get_text() for text in figure.axes[0].texts if "humans" in text.get_text())
    assert scope.count("\n") == 2
    assert figure.axes[0].get_position().width > 0.7


def test_a_ranking_and_a_timeline_of_nothing_say_so() -> None:
    """Without an axis of fractions around nought."""
    board = Leaderboard(**WEEK, coverage=covered(), metric="messages", entries=(), ranked_users=0, next_cursor=None)
    step = MessageStep(
        label="2026-01-05",
        since_ms=MONDAY,
        until_ms=MONDAY + 24 * HOUR,
        partial=False,
        observed_share=1.0,
        messages=0,
        commands=0,
        deleted_messages=0,
    )
    figure, note = said(board)

    assert (note, list(figure.axes[0].get_xticks())) == ("nothing was counted", [])
    assert said(MessageTimeline(**WEEK, coverage=covered(), interval="day", messages=0, buckets=(step,)))[1] == note
