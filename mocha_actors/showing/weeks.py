"""Which hours of a week nobody observed: their nought is no number."""

from __future__ import annotations

from typing import Final

from mocha_actors.discord.snowflake import HOUR_MS
from mocha_actors.stats.hours import CELLS, local_hours
from mocha_actors.stats.ranges import Range
from mocha_actors.stats.results import Heatmap
from mocha_actors.stats.zones import zone_named

ROUNDING_MS: Final = 1000
"""What is not more than this was not observed either: the hours of a cell are a fraction, and their sum is rounded."""


def unobserved(answer: Heatmap) -> frozenset[int]:
    """The cells, weekday * 24 + hour, that the range holds, of which nothing was observed, and nothing is known from elsewhere."""
    held = [cell.hours * HOUR_MS for cell in answer.cells]
    # Of all time the cells hold only the part since the guild's first hour.
    known = Range(max(answer.since_ms, round(answer.until_ms - sum(held)), 0), answer.until_ms)
    missed = _missed(answer, known)
    return frozenset(
        place
        for place, cell in enumerate(answer.cells)
        if cell.hours and not cell.value and missed[place] >= held[place] - ROUNDING_MS
    )


def _missed(answer: Heatmap, known: Range) -> list[int]:
    """Milliseconds of each cell that lie in gaps."""
    zone, missed = zone_named(answer.time_zone), [0] * CELLS
    for gap in answer.coverage.gaps:
        since_ms, until_ms = max(gap.since_ms, known.since_ms), min(gap.until_ms, known.until_ms)
        for begin, end, cell in local_hours(Range(since_ms, until_ms), zone) if since_ms < until_ms else ():
            missed[cell] += end - begin
    return missed
