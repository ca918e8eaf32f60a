"""Charts of characters: bars for timelines and rankings, and a week as a field of colours. They adapt to the width, and need no colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.style import Style
from rich.table import Table
from rich.text import Text

from mocha_actors.showing.colours import RAMP
from mocha_actors.showing.words import DAYS
from mocha_actors.stats.results import Cell

EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
LEVELS: Final = " ▁▂▃▄▅▆▇█"
SHADES: Final = " ░▒▓█"


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


def week(cells: Sequence[Cell], *, coloured: bool) -> Table:
    """The 168 cells as seven rows of 24 hours, by their average per hour; without colours by shades of characters."""
    greatest = max((cell.average_per_hour or 0.0 for cell in cells), default=0.0)
    field = Table(box=None, show_header=True, padding=0, pad_edge=False)
    field.add_column("")
    for hour in range(24):
        field.add_column(f"{hour:02d}" if hour % 3 == 0 else "", width=2, no_wrap=True)
    for day in range(7):
        row = cells[day * 24 : day * 24 + 24]
        field.add_row(Text(DAYS[day] + " "), *(_cell(cell, greatest, coloured=coloured) for cell in row))
    return field


def _cell(cell: Cell, greatest: float, *, coloured: bool) -> Text:
    if cell.average_per_hour is None:
        return Text("··" if not coloured else "  ", style="dim")
    share = cell.average_per_hour / greatest if greatest else 0.0
    if not coloured:
        return Text(SHADES[0 if not share else max(1, round(share * 4))] * 2)
    return Text("  ", style=Style(bgcolor=RAMP[min(len(RAMP) - 1, int(share * len(RAMP)))]))
