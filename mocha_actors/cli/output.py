"""What a person sees on a terminal: tables that fit 80 columns and a pipe, and JSON."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from mocha_actors.cli.tables import AtLeast, Fitted
from mocha_actors.showing.words import printable
from mocha_actors.stats.results import Answer

UNKNOWN: Final = "-"

NARROWEST, WIDEST = 24, 1_000
"""Columns between which the width of a terminal is believed: less breaks an id in a line of text."""

FACTS_APART: Final = 2
"""Columns between a label and its value."""

LONGEST_FACT: Final = 26
"""Columns of a fact that stands on one line: the longest is a time with its offset."""


def print_json(answer: Answer) -> None:
    """Print an answer as one JSON document; identifiers are strings."""
    click.echo(msgspec.json.format(msgspec.json.encode(answer.to_builtins()), indent=2))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], **columns: Any) -> None:
    """Print rows under headings; ``columns`` as :class:`Fitted` takes them."""
    show(console(), table(headings, rows, **columns))


def console() -> Console:
    """Standard output as rich sees it: colours on a terminal alone, and none where NO_COLOR is set. COLUMNS counts if it is a width."""
    if "COLUMNS" in os.environ:
        # rich takes any digits for a width, nought too; shutil goes to the terminal for what is none.
        size = shutil.get_terminal_size()
        result = Console(file=sys.stdout, highlight=False, width=size.columns, height=size.lines)
    else:
        result = Console(file=sys.stdout, highlight=False)
    result.width = min(max(result.width, NARROWEST), WIDEST)
    return result


def show(out: Console, part: RenderableType) -> None:
    """Print a part of an answer; what is wider than the terminal is not cut."""
    out.print(part, crop=False)


def coloured(out: Console) -> bool:
    """Whether a ground of colour is seen: NO_COLOR takes it from a terminal that has colours, and would leave nothing."""
    return out.color_system is not None and not out.no_color


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], **columns: Any) -> Fitted:
    """Rows under headings; ``columns`` as :class:`Fitted` takes them."""
    return Fitted(headings, [[shown(value) for value in row] for row in rows], unknown=UNKNOWN, **columns)


def facts(lines: Iterable[tuple[str, object]]) -> AtLeast:
    """Labels and their values; a number or time is not broken, of a name with its id each word stands whole."""
    cells = [(label, shown(value)) for label, value in lines]
    labels = max((cell_len(label) for label, _ in cells), default=0)
    values = max((_unbroken(value.plain) for _, value in cells), default=0)
    result = Table(box=None, show_header=False, padding=(0, FACTS_APART, 0, 0), pad_edge=False)
    result.add_column(style="cyan", no_wrap=True)
    result.add_column(justify="right", min_width=values)
    for cell in cells:
        result.add_row(*cell)
    return AtLeast(result, labels + FACTS_APART + values)


def _unbroken(text: str) -> int:
    width = cell_len(text)
    return width if width <= LONGEST_FACT else max(LONGEST_FACT, *map(cell_len, text.split()))


def shown(value: Any) -> Text:
    """A value in a cell; what is unknown is a dash, what comes from strangers is harmless."""
    if value is None:
        return Text(UNKNOWN, style="dim")
    if isinstance(value, Text):
        return value
    return Text(f"{value:,}" if isinstance(value, int) else printable(str(value)))


def person(entry: Any) -> Text:
    """The best name of an entry about a user, and what there is to say of it."""
    name = entry.global_name or entry.username
    text = Text(UNKNOWN if name is None else printable(name))
    if getattr(entry, "is_bot", None):
        text.append(" (bot)", "dim")
    if getattr(entry, "left", None):
        text.append(" (left)", "dim")
    return text
