"""What a person sees, whatever it is: tables that fit 80 columns and a pipe, JSON, times and numbers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mocha_actors.stats.ranges import UNIX_EPOCH, show_time
from mocha_actors.stats.results import Answer
from mocha_actors.stats.zones import offset_ms, zone_named

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


def printable(text: str) -> str:
    """``text`` without what would move a terminal's cursor or change its colours: names come from strangers."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def named(key: int, name: str | None) -> str:
    """A name with its id, or the id alone."""
    return str(key) if name is None else f"{printable(name)} ({key})"


def person(entry: Any) -> Text:
    """The best name of an entry about a user, and what there is to say of it."""
    name = entry.global_name or entry.username
    text = Text(UNKNOWN if name is None else printable(name))
    if getattr(entry, "is_bot", None):
        text.append(" (bot)", "dim")
    if getattr(entry, "left", None):
        text.append(" (left)", "dim")
    return text


def moment(ms: int | None, time_zone: str, *, exact: bool = False) -> str | None:
    """A time of the zone, to the second unless ``exact``."""
    if ms is None:
        return None
    ms = ms if exact else ms // 1000 * 1000
    if time_zone == "UTC":
        return show_time(ms)
    zone = zone_named(time_zone)
    offset = offset_ms(zone, ms)
    minutes = abs(offset) // 60_000
    local = show_time(ms + offset).removesuffix(" UTC")
    return f"{local} {'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def duration(seconds: int) -> str:
    """A duration for people: the two greatest units."""
    hours, rest = divmod(seconds, 3600)
    if hours:
        return f"{hours:,} h {rest // 60:02d} min"
    return f"{rest // 60} min {rest % 60:02d} s" if rest >= 60 else f"{rest} s"


def iso(ms: int) -> str:
    """A time as ``--since`` and ``--until`` read it in any zone, to the millisecond."""
    return (UNIX_EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"
