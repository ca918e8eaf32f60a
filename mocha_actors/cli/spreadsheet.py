"""Answers as CSV: one row per entry of a list, or one row for an answer without a list."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, get_args, get_origin, get_type_hints

import click

from mocha_actors.db.plain import cell
from mocha_actors.stats.results import Answer


def print_csv(answer: Answer) -> None:
    """Print an answer as CSV with a heading (RFC 4180, UTF-8); identifiers are texts, what is unknown is empty."""
    click.echo(as_csv(answer), nl=False)


def as_csv(answer: Answer) -> str:
    """The text of :func:`print_csv`."""
    fields = answer.to_builtins()
    lists = [value for key, value in fields.items() if isinstance(value, list)]
    rows = lists[0] if lists else [_flat(fields)]
    headings = list(rows[0]) if rows else _headings(answer)
    return rows_as_csv(headings, ([row[heading] for heading in headings] for row in rows))


def rows_as_csv(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows under headings; a text that a spreadsheet would run is quoted."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def _flat(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields without the coverage's gaps; those of an inner answer with its name before them."""
    flat: dict[str, Any] = {}
    for key, value in fields.items():
        if not isinstance(value, dict):
            flat[key] = value
            continue
        flat |= {f"{key}_{inner}": item for inner, item in value.items() if not isinstance(item, list)}
    return flat


def _headings(answer: Answer) -> list[str]:
    """The columns of a list that has no entry."""
    for name, kind in get_type_hints(type(answer)).items():
        if get_origin(kind) is tuple and name != "coverage":
            return list(get_args(kind)[0].__struct_fields__)
    return []
