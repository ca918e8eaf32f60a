"""What a person sees on a terminal: tables that fit 80 columns and a pipe, and JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mocha_actors.showing.words import printable
from mocha_actors.stats.results import Answer

UNKNOWN: Final = "-"


def print_json(answer: Answer) -> None:
    """Print an answer as one JSON document; identifiers are strings."""
    click.echo(msgspec.json.format(msgspec.json.encode(answer.to_builtins()), indent=2))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headings."""
    console().print(table(headings, rows))


def console() -> Console:
    """Standard output as rich sees it: colours on a terminal alone, and none where NO_COLOR is set."""
    return Console(file=sys.stdout, highlight=False)


def coloured(out: Console) -> bool:
    """Whether a ground of colour is seen: NO_COLOR takes it from a terminal that has colours, and would leave nothing."""
    return out.color_system is not None and not out.no_color


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()) -> Table:
    """Rows under headings; the columns ``right`` are numbers."""
    aligned = set(right)
    result = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        result.add_column(
            heading, justify="right" if heading in aligned else "left", overflow="fold", no_wrap=heading in aligned
        )
    for row in rows:
        result.add_row(*(shown(value) for value in row))
    return result


def facts(lines: Iterable[tuple[str, object]]) -> Table:
    """Labels and their values."""
    result = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    result.add_column(style="cyan")
    result.add_column(justify="right")
    for label, value in lines:
        result.add_row(label, shown(value))
    return result


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
