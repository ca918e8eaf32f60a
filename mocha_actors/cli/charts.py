"""Charts of characters: bars for timelines and rankings, and a week as a field of colours. They adapt to the width, and need no colour."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Final

from rich.console import Group
from rich.style import Style
from rich.text import Text

from mocha_actors.showing.colours import RAMP
from mocha_actors.showing.words import DAYS
from mocha_actors.stats.results import Cell

EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
LEVELS: Final = " ▁▂▃▄▅▆▇█"
SHADES: Final = " ░▒▓█"
DOT: Final = "·"

DAY_COLUMNS: Final = 4
"""Columns of the name of a day, and a blank."""


def bar(value: float, greatest: float, width: int) -> Text:
    """A bar of at most ``width`` columns, exact to an eighth of one; anything above nothing is seen."""
    if greatest <= 0 or value <= 0:
        return Text("")
    eighths = max(1, round(value / greatest * width * 8))
    return Text("█" * (eighths // 8) + EIGHTHS[eighths % 8].strip(), style="cyan")


def sparkline(values: Sequence[float], width: int) -> str:
    """A line of bars, one per value; where there are more values than columns, neighbours are added up."""
    if not values:
        return ""
    per_column = -(-len(values) // width)
    sums = [sum(values[begin : begin + per_column]) for begin in range(0, len(values), per_column)]
    greatest = max(sums)
    return "".join(LEVELS[0] if not value else LEVELS[max(1, round(value / greatest * 8))] for value in sums)


def week(cells: Sequence[Cell], most: int, *, coloured: bool, unobserved: Container[int] = ()) -> Group:
    """The 168 cells as seven rows of 24 hours, by their average per hour; without colours by shades of characters.

    Dots stand for the cells of those places that nobody observed, and without colours for those that the range does not hold.

    An hour takes two columns, or one where they do not fit ``most``; 28 columns it takes in any case.
    """
    greatest = max((cell.average_per_hour or 0.0 for cell in cells), default=0.0)
    width = 2 if most >= DAY_COLUMNS + 2 * 24 else 1
    head = " " * DAY_COLUMNS + "".join(f"{hour:02d}".ljust(3 * width) for hour in range(0, 24, 3))
    field = Text(head.rstrip(), no_wrap=True, overflow="ignore")
    for day in range(7):
        field.append(f"\n{DAYS[day]} ")
        for place in range(day * 24, day * 24 + 24):
            field.append(
                DOT * width if place in unobserved else _cell(cells[place], greatest, width, coloured=coloured)
            )
    # In a group a text keeps to its own rule of wrapping; printed by itself it would not.
    return Group(field)


def _cell(cell: Cell, greatest: float, width: int, *, coloured: bool) -> Text:
    if cell.average_per_hour is None:
        return Text((DOT if not coloured else " ") * width, style="dim")
    share = cell.average_per_hour / greatest if greatest else 0.0
    if not coloured:
        return Text(SHADES[0 if not share else max(1, round(share * 4))] * width)
    return Text(" " * width, style=Style(bgcolor=RAMP[min(len(RAMP) - 1, int(share * len(RAMP)))]))
